"""What the pages of collections send. The rules themselves are in ingest/collections.py."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Group, User
from audit.problems import Problem
from ingest.models import Collection, Document, Grant

PERSON, EVERYONE = "person", "everyone"


class CollectionForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Collection
        fields = ["name", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def refuse(self, problem: Problem) -> None:
        field = {"bad-name": "name", "bad-description": "description"}.get(problem.code)
        self.add_error(field, str(problem.detail))


class PrincipalForm(forms.Form):
    """Who is meant: a person by e-mail, or a group; where `everyone` is set, everyone, too."""

    everyone = False
    who = forms.ChoiceField(label=_("Who"))
    email = forms.EmailField(
        label=_("E-mail of the person"),
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = [(f"group:{group.pk}", group.name) for group in Group.objects.all()]
        choices: list[Any] = [(PERSON, _("A person"))]
        if self.everyone:
            choices.append((EVERYONE, _("Everyone who can sign in")))
        if groups:
            choices.append((_("Groups"), groups))
        self.fields["who"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        who = data.get("who")
        if who == PERSON and "email" in data:
            person = User.objects.filter(email__iexact=data["email"], is_active=True).first()
            if person is None:
                self.add_error("email", _("Nobody signs in with this e-mail. Check the address."))
            else:
                who = f"user:{person.pk}"
        data["principal"] = who
        return data


class GrantForm(PrincipalForm):
    """Whom to let in, and as what."""

    everyone = True
    role = forms.ChoiceField(label=_("May"), choices=Grant.Role.choices)


class FilterForm(forms.Form):
    """What of a collection to show."""

    STATES = [
        ("", _("All states")),
        ("ready", _("Ready")),
        ("working", _("In work")),
        ("waiting", _("Waiting")),
        ("failed", _("Failed")),
    ]
    #: The statuses that each means; what is in work includes what waits.
    MEANS = {
        "ready": [Document.Status.READY],
        "working": [Document.Status.QUEUED, Document.Status.PROCESSING],
        "waiting": [Document.Status.QUEUED],
        "failed": [Document.Status.FAILED],
    }
    q = forms.CharField(required=False, max_length=255)
    state = forms.ChoiceField(required=False, choices=STATES)
    kind = forms.CharField(required=False, max_length=150)
    #: A folder with those in it.
    folder = forms.CharField(required=False, max_length=1_000)
    #: The archive that they were unpacked from.
    archive = forms.UUIDField(required=False)
