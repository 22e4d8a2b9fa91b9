"""What a person narrows a question or a search to, as forms and addresses send it."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from audit.problems import Problem
from inference.language import LANGUAGES
from ingest.access import documents_for
from ingest.filters import EVERYTHING, KINDS, Filters, check_documents, offered
from ingest.views.about import language as spoken

#: Documents that one filter names.
MOST_DOCUMENTS = 50

KIND_NAMES = {
    "pdf": _("PDF"),
    "word": _("Word and other text documents"),
    "sheet": _("Spreadsheets"),
    "slides": _("Presentations"),
    "web": _("Web pages and books"),
    "mail": _("E-mails"),
    "text": _("Plain text"),
    "picture": _("Pictures"),
}


class Ids(forms.Field):
    """Several ids, each once."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[UUID]:
        try:
            return sorted({UUID(one) for one in value or [] if one})
        except (ValueError, TypeError) as error:
            raise forms.ValidationError(_("This is no id.")) from error


class FilterForm(forms.Form):
    """Kinds, languages and days that documents must be of; documents by their ids."""

    kinds = forms.MultipleChoiceField(
        required=False, label=_("Kind"), choices=[(kind, KIND_NAMES[kind]) for kind in KINDS]
    )
    languages = forms.MultipleChoiceField(
        required=False, label=_("Language"), choices=[(code, code) for code in LANGUAGES]
    )
    since = forms.DateField(
        required=False,
        label=pgettext_lazy("a day", "From"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Write the day as 2024-12-31.")},
    )
    until = forms.DateField(
        required=False,
        label=pgettext_lazy("a day", "Until"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Write the day as 2024-12-31.")},
    )
    document = Ids(required=False)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        since, until = data.get("since"), data.get("until")
        if since and until and since > until:
            self.add_error("until", _("This day is before the first one."))
        if len(data.get("document") or []) > MOST_DOCUMENTS:
            self.add_error("document", _("Choose fewer documents."))
        return data

    def filters(self) -> Filters:
        """Of a valid form."""
        data = self.cleaned_data
        return Filters(
            documents=frozenset(data["document"]),
            kinds=frozenset(data["kinds"]),
            languages=frozenset(data["languages"]),
            since=data["since"],
            until=data["until"],
        )

    def first_error(self) -> str:
        return str(next(iter(self.errors.values()))[0])


def filters_of(user: User, data: QueryDict) -> Filters:
    """The filters that `data` asks for. Raises Problem `invalid`, or Http404 for a document that
    `user` may not read.
    """
    form = FilterForm(data)
    if not form.is_valid():
        raise Problem(422, "invalid", form.first_error())
    filters = form.filters()
    check_documents(user, filters.documents)
    return filters


def wished(data: QueryDict) -> Filters:
    """The filters that an address asks for; none where they make no sense."""
    form = FilterForm(data)
    return form.filters() if form.is_valid() else EVERYTHING


def narrowing(user: User, filters: Filters) -> dict[str, Any]:
    """For a page that offers filters: `choices` (value, name, chosen), `narrowed` (whether anything
    is chosen), `since`, `until`, `only` (the chosen documents that `user` may read).
    """
    kinds, languages = offered(user)
    codes = sorted({*languages, *filters.languages})
    there = [kind for kind in KINDS if kind in kinds or kind in filters.kinds]
    return {
        "choices": {
            "kinds": [(kind, KIND_NAMES[kind], kind in filters.kinds) for kind in there],
            "languages": [(code, spoken(code), code in filters.languages) for code in codes],
        },
        "narrowed": bool(filters),
        "since": filters.since.isoformat() if filters.since else "",
        "until": filters.until.isoformat() if filters.until else "",
        "only": list(documents_for(user).filter(pk__in=filters.documents).only("name")),
    }
