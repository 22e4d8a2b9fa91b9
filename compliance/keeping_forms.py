"""What officers type about holds and persons. The rules are in the services."""

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.forms import Form
from accounts.models import User
from compliance.forms import as_uuid
from ingest.models import Hold

LONGEST = 254


def _line(label: Any, help_text: Any = "", **options: Any) -> forms.CharField:
    attrs = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
    return forms.CharField(
        label=label, help_text=help_text, widget=forms.TextInput(attrs=attrs), **options
    )


class HoldForm(Form):
    target = forms.ChoiceField(label=_("What is held"), choices=Hold.Target.choices)
    thing = _line(
        _("Which one"),
        _("The id of a document or a collection, or the e-mail of a person. Empty for everything."),
        max_length=LONGEST,
        required=False,
    )
    reference = _line(
        _("Number of the case"),
        _("Up to 100 letters, digits and . - _ / # : without blanks. It is kept in the record."),
        max_length=100,
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        typed = str(data.get("thing", "")).strip()
        if data.get("target") == Hold.Target.EVERYTHING or "thing" not in data:
            return data | {"target_id": None}
        found = _person(typed) if data.get("target") == Hold.Target.USER else as_uuid(typed)
        if found is None:
            self.add_error("thing", _now("There is none. Check the id or the e-mail."))
        return data | {"target_id": found}


class EraseForm(Form):
    email = _line(_("E-mail of the person"), max_length=LONGEST)
    sure = forms.BooleanField(label=_("I know that nothing brings this back."))

    def clean_email(self) -> User:
        typed = str(self.cleaned_data["email"]).strip().lower()
        user = User.objects.filter(email=typed).first()
        if user is None:
            raise forms.ValidationError(_now("Nobody here has this e-mail."))
        return user


def _person(typed: str) -> UUID | None:
    user = User.objects.filter(email=typed.lower()).first()
    return user.pk if user else as_uuid(typed)
