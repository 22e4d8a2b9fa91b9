"""What the search page sends: a query, where to look, what to leave out, how many passages."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.models import User
from chat.filter_form import FilterForm, Ids
from chat.search import MOST_PASSAGES
from ingest.access import documents_for, searchable
from ingest.filters import Filters
from ingest.models import Document

#: Passages that are shown at first, and how many more at a time.
STEP = 10
#: Of these, what the Ask page knows, too.
_ASKED = ("collections", "kinds", "languages", "since", "until", "document")
_FILTERS = ("collections", "kinds", "languages", "since", "until", "document", "named")


class SearchForm(FilterForm):
    """All of it in the address, so that a search can be kept and handed on.

    `named`: a part of the name of documents, for those who know what it was called.
    """

    q = forms.CharField(required=False)
    mode = forms.ChoiceField(
        required=False, choices=[("hybrid", ""), ("dense", ""), ("lexical", "")]
    )
    k = forms.IntegerField(required=False)
    collections = Ids(required=False)
    named = forms.CharField(required=False, max_length=255)
    #: Documents that the query names are looked at like any other.
    alike = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict, user: User) -> None:
        super().__init__(data)
        self.address_data = data
        self.user = user

    def query(self) -> str:
        return str(self.address_data.get("q", "")).replace("\x00", "").strip()

    def chosen(self) -> list[UUID] | None:
        """The collections that were chosen; None for all."""
        return self.cleaned_data["collections"] or None

    def clean_k(self) -> int:
        return min(max(self.cleaned_data["k"] or STEP, 1), MOST_PASSAGES)

    def clean_mode(self) -> str:
        return str(self.cleaned_data["mode"] or "hybrid")

    def clean_named(self) -> str:
        said = str(self.cleaned_data["named"])
        if said and not documents_named(self.user, said).exists():
            raise forms.ValidationError(_("You can read no document of that name."))
        return said

    def filters(self) -> Filters:
        filters = super().filters()
        if said := self.cleaned_data["named"]:
            found = documents_named(self.user, said).values_list("pk", flat=True)
            both = filters.documents.intersection(found.order_by().iterator(chunk_size=2_000))
            # One that was chosen says more than a name that does not fit it.
            return replace(filters, documents=both or filters.documents or frozenset(found))
        return filters

    def address(self, *, drop: tuple[str, ...] = (), **new: Any) -> str:
        """The query of the address of this search, with parts left out or `new`."""
        query = self.address_data.copy()
        for name in (*drop, *new):
            query.pop(name, None)
        query.update({name: str(value) for name, value in new.items()})
        return str(query.urlencode())

    def within(self) -> list[tuple[str, str]]:
        """Where it looks, as names and values that the Ask page takes."""
        data = self.address_data
        return [(name, value) for name in _ASKED for value in data.getlist(name) if value]

    def address_without_filters(self) -> str:
        return self.address(drop=_FILTERS)


def documents_named(user: User, said: str) -> QuerySet[Document]:
    """Documents that `user` may find with `said` in their title or file name."""
    wanted = Q(name__icontains=said) | Q(title__icontains=said)
    return documents_for(user).filter(searchable(), wanted).order_by("name", "id")
