"""What officers type: filters of the record, and the three questions about access."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.forms import Form
from accounts.models import User
from audit.models import Entry
from audit.queries import entries
from compliance.words import KINDS, LABELS
from ingest.models import Collection

LONGEST = 254
SYSTEM = "system"


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def person_id(text: str) -> str:
    """The id of who is meant by an e-mail or an id. Raises ValidationError for an e-mail of nobody.

    An id need not be anybody's now: the record still names people who were deleted.
    """
    text = text.strip().lower()
    if not text or text == SYSTEM:
        return text
    if found := as_uuid(text):
        return str(found)
    user = User.objects.filter(email=text).first()
    if user is None:
        raise forms.ValidationError(
            _now("Nobody here has this e-mail. Of a deleted person, the record knows the id alone.")
        )
    return str(user.pk)


def _actions() -> list[tuple[str, Any]]:
    groups: list[tuple[str, Any]] = [("", _("All"))]
    for key, words in KINDS.items():
        chosen = [(action, label) for action, (kind, label) in LABELS.items() if kind == key]
        groups.append((str(words), chosen))
    return groups


def _line(label: Any, help_text: Any = "", **options: Any) -> forms.CharField:
    attrs = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=LONGEST,
        widget=forms.TextInput(attrs=attrs),
        **options,
    )


def _day(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class RecordForm(Form):
    """Filters of the record; all may be empty. `until` is a day that still belongs to the span."""

    action = forms.ChoiceField(label=_("What"), required=False, choices=_actions)
    actor = _line(
        _("Who"), _("An e-mail or an id; “system” for the product itself."), required=False
    )
    target = _line(_("What about"), _("An id, or a kind such as document or user."), required=False)
    since = _day(_("From"))
    until = _day(_("To"))

    def clean_actor(self) -> str:
        return person_id(self.cleaned_data["actor"])

    def clean_target(self) -> str:
        return str(self.cleaned_data["target"]).strip().lower()

    def clean_until(self) -> date | None:
        day: date | None = self.cleaned_data["until"]
        if day == date.max:
            raise forms.ValidationError(_now("Choose an earlier day."))
        return day

    @property
    def filters(self) -> dict[str, Any]:
        """The arguments of audit.queries.entries; only after is_valid()."""
        data = self.cleaned_data
        chosen: dict[str, Any] = {key: data[key] for key in ("action", "actor", "target")}
        chosen["since"] = _midnight(data["since"])
        chosen["until"] = _midnight(data["until"] and data["until"] + timedelta(days=1))
        return {key: value for key, value in chosen.items() if value}

    def found(self) -> QuerySet[Entry]:
        """The entries that fit, the newest first; none where the filters are wrong."""
        return entries(**self.filters) if self.is_valid() else Entry.objects.none()

    def noted(self) -> dict[str, str]:
        """The filters as the record keeps them: ids and times, never an e-mail."""
        return {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in self.filters.items()
        }


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


class ExportForm(RecordForm):
    """The same filters, and as what they are written."""

    format = forms.ChoiceField(
        label=_("As"), choices=[("jsonl", "JSON lines"), ("csv", "CSV"), ("cef", "CEF")]
    )


class DaysForm(Form):
    days = forms.TypedChoiceField(
        label=_("Span"),
        coerce=int,
        initial=30,
        choices=[(7, _("7 days")), (30, _("30 days")), (90, _("90 days")), (365, _("a year"))],
    )


class _AboutForm(Form):
    """`subject` is the id of a document or a collection, or a collection's whole name."""

    subject = _line(
        _("Document or collection"),
        _("The id of a document or a collection, or the collection's name."),
    )

    def clean_subject(self) -> Collection | UUID:
        """The collection that is meant; any other id is a document's, there or erased."""
        text = " ".join(str(self.cleaned_data["subject"]).split())
        found = as_uuid(text)
        if found is not None:
            return Collection.objects.filter(pk=found).first() or found
        named = list(Collection.objects.filter(name__iexact=text)[:2])
        if len(named) == 1:
            return named[0]
        raise forms.ValidationError(
            _now("Several collections have this name. Give the id of one.")
            if named
            else _now("No collection has this name. Give a whole name, or an id.")
        )


class _PersonForm(Form):
    person = _line(_("Person"), _("An e-mail or an id."))

    def clean_person(self) -> User:
        key = as_uuid(person_id(self.cleaned_data["person"]))
        user = User.objects.filter(pk=key).first() if key else None
        if user is None:
            raise forms.ValidationError(_now("Nobody here has this e-mail or id."))
        return user


class ReadForm(_AboutForm):
    """Who read this?"""


class ReachForm(_PersonForm):
    """What can this person read?"""


class WhyForm(_PersonForm, _AboutForm):
    """Why can this person read it?"""

    field_order = ["person", "subject"]
