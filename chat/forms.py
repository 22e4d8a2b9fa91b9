"""What the Ask page sends."""

from collections.abc import Sequence
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from chat.assistant_use import KEPT, Choice
from chat.models import Conversation


class AskForm(forms.Form):
    """A question, the conversation that it goes on in, and the collections that were chosen.

    The question's length is checked where every door checks it: chat/conversations.py.
    """

    question = forms.CharField(required=False, strip=True)
    conversation = forms.UUIDField(required=False)
    assistant = forms.UUIDField(required=False)
    collections = forms.TypedMultipleChoiceField(
        coerce=UUID, error_messages={"required": _("Choose at least one collection to ask.")}
    )

    def __init__(self, data: object, readable: Sequence[UUID]) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.readable = set(readable)
        self.fields["collections"].choices = [(str(pk), "") for pk in readable]  # type: ignore[attr-defined]

    def chosen(self, *, narrowed: bool) -> list[UUID] | None:
        """The collections to ask; None for all, unless the conversation was `narrowed` before."""
        chosen: list[UUID] = self.cleaned_data["collections"]
        return None if set(chosen) == self.readable and not narrowed else chosen

    def put_to(self) -> Choice:
        """The assistant, or none; that of the conversation where nothing was sent about it."""
        choice: UUID | None = self.cleaned_data["assistant"]
        return choice if "assistant" in self.data else KEPT


class RenameForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Conversation
        fields = ["title"]

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["title"].required = True
