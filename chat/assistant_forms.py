"""What the pages of assistants send. The rules themselves are in chat/assistants.py."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from audit.problems import Problem
from chat.assistant_samples import SAMPLES
from chat.assistants import DESCRIPTION_CHARS, MOST_TEMPERATURE, Draft
from chat.choice import EXTRACTIVE
from chat.models import Assistant, AssistantGrant
from inference.client import get_client
from inference.protocol import ModelsUnavailable
from ingest.access import collections_for
from ingest.forms import PrincipalForm

EVERYWHERE, NAMED = "everywhere", "named"
#: Which field a refusal belongs to.
FIELDS = {
    "bad-name": "name",
    "bad-description": "description",
    "instructions-too-long": "instructions",
}


class AssistantForm(forms.Form):
    """What an assistant is. `kept`: the name of the model that it has now, which may be gone."""

    name = forms.CharField(label=_("Name"), max_length=Assistant.NAME_CHARS)
    description = forms.CharField(
        label=_("Description"), required=False, max_length=DESCRIPTION_CHARS
    )
    instructions = forms.CharField(
        label=_("Instructions"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_(
            "How to write: tone, order, what to stress. They change neither where facts come from nor "
            "the check of each sentence. Everybody who may use the assistant can read them."
        ),
    )
    where = forms.ChoiceField(
        label=_("Searches"),
        choices=[
            (NAMED, _("These collections, as far as its asker may read them")),
            (EVERYWHERE, _("All collections that its asker may read")),
        ],
        widget=forms.RadioSelect,
        initial=NAMED,
    )
    collections = forms.TypedMultipleChoiceField(
        label=_("Collections"), coerce=UUID, required=False, widget=forms.CheckboxSelectMultiple
    )
    model = forms.ChoiceField(label=_("Model or adapter"), required=False)
    temperature = forms.FloatField(
        label=_("Temperature"),
        min_value=0,
        max_value=MOST_TEMPERATURE,
        initial=0,
        widget=forms.NumberInput(attrs={"step": "0.1"}),
        help_text=_("0 writes the same answer each time; up to 1 varies the words."),
    )
    answer_tokens = forms.IntegerField(
        label=_("Longest answer, in tokens"),
        min_value=0,
        initial=0,
        help_text=_("0: as long as usual."),
    )
    starters = forms.CharField(
        label=_("Questions to begin with"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line, up to four. They are offered where a conversation begins."),
    )

    def __init__(self, user: User, *args: Any, kept: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Mapping[str, Any] = self.fields
        readable = collections_for(user).values_list("pk", "name")
        fields["collections"].choices = [(str(pk), name) for pk, name in readable]
        fields["model"].choices = _models(kept)
        fields["instructions"].widget.attrs["maxlength"] = settings.MAX_INSTRUCTION_CHARS
        fields["answer_tokens"].max_value = settings.MAX_ANSWER_TOKENS

    def refuse(self, problem: Problem) -> None:
        self.add_error(FIELDS.get(problem.code), str(problem.detail))

    def draft(self) -> Draft:
        """What was filled in. For a valid form."""
        said = self.cleaned_data
        everywhere = said["where"] == EVERYWHERE
        return Draft(
            name=said["name"],
            description=said["description"],
            model=said["model"],
            instructions=said["instructions"],
            everywhere=everywhere,
            collections=tuple(said["collections"]),
            temperature=said["temperature"],
            answer_tokens=said["answer_tokens"],
            starters=tuple(said["starters"].splitlines()),
        )


class AssistantGrantForm(PrincipalForm):
    """Whom to let use it, or change it, too."""

    everyone = True
    role = forms.ChoiceField(label=_("May"), choices=AssistantGrant.Role.choices)


def of_draft(draft: Draft) -> dict[str, Any]:
    """What a form shows of it at first."""
    return {
        "name": draft.name,
        "description": draft.description,
        "instructions": draft.instructions,
        "where": EVERYWHERE if draft.everywhere else NAMED,
        "collections": [str(pk) for pk in draft.collections],
        "model": draft.model,
        "temperature": f"{draft.temperature:g}",
        "answer_tokens": draft.answer_tokens,
        "starters": "\n".join(draft.starters),
    }


def of_sample(key: str) -> dict[str, Any]:
    """What a form shows at first of one of SAMPLES; nothing for another key."""
    sample = SAMPLES.get(key)
    if sample is None:
        return {}
    return {
        "name": sample.name,
        "description": sample.description,
        "instructions": sample.instructions,
        "temperature": f"{sample.temperature:g}",
        "starters": "\n".join(str(each) for each in sample.starters),
    }


def _models(kept: str) -> list[tuple[str, Any]]:
    """Models that can be asked now, and the one that it has."""
    try:
        names = [model.name for model in get_client().models()]
    except ModelsUnavailable:
        names = []
    choices: list[tuple[str, Any]] = [("", _("The one that answers everybody"))]
    choices += [(name, name) for name in names]
    choices.append((EXTRACTIVE, _("None: sentences of the documents as they stand")))
    if kept and kept not in (*names, EXTRACTIVE):
        choices.append((kept, _("%(name)s (not here now)") % {"name": kept}))
    return choices
