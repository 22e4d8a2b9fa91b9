"""The documents of a collection as a table: what is shown of each, how many there are in each state."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet

from accounts.models import User
from ingest.access import documents_for
from ingest.documents import documents_in
from ingest.estimate import waits
from ingest.forms import FilterForm
from ingest.models import Collection, Document
from ingest.pages import PageRequest
from ingest.parsers.registry import FOLDERS, SUPPORTED
from ingest.views.states import State, state_of

_Status = Document.Status
WORKING = [_Status.QUEUED, _Status.PROCESSING]
PAGE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """`members`: how many files an archive holds; None for what is no archive."""

    document: Document
    kind: str
    state: State
    members: int | None = None

    @property
    def working(self) -> bool:
        return self.document.status in WORKING


def table(request: PageRequest, found: Collection) -> dict[str, Any]:
    """One page of documents and the sums of all, by as many queries however many there are."""
    form = FilterForm(request.GET)
    form.is_valid()
    counts = documents_in(request.user, found).aggregate(
        total=Count("pk"),
        working=Count("pk", filter=Q(status__in=WORKING)),
        waiting=Count("pk", filter=Q(status=_Status.QUEUED)),
        failed=Count("pk", filter=Q(status=_Status.FAILED)),
    )
    documents = filtered(request.user, found, form).defer("page_labels", "metadata")
    page = Paginator(documents, PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    return {
        "form": form,
        "page": page,
        "rows": rows(request.user, page),
        "query": query.urlencode(),
        "archive": _archive(request.user, form),
        **counts,
    }


def filtered(user: User, found: Collection, form: FilterForm) -> QuerySet[Document]:
    """What the form asks for; a part of it that makes no sense asks for nothing."""
    asked = {name: form.cleaned_data.get(name) or "" for name in form.fields}
    documents = documents_in(user, found, q=asked["q"])
    if states := FilterForm.MEANS.get(asked["state"]):
        documents = documents.filter(status__in=states)
    if asked["kind"]:
        documents = documents.filter(media_type=asked["kind"])
    if folder := asked["folder"]:
        documents = documents.filter(Q(path=folder) | Q(path__startswith=f"{folder}/"))
    if archive := form.cleaned_data.get("archive"):
        documents = documents.filter(container_id=archive)
    return documents


def rows(user: User, documents: Iterable[Document]) -> list[Row]:
    """Documents as rows; one query for all their waits, one for the members of all archives."""
    shown = list(documents)
    waiting = waits(shown)
    members = _members(user, [one.pk for one in shown if one.media_type in FOLDERS])
    return [
        Row(
            document,
            SUPPORTED.get(document.media_type, document.media_type),
            state_of(document, waiting.get(document.pk)),
            members.get(document.pk, 0) if document.media_type in FOLDERS else None,
        )
        for document in shown
    ]


def kinds(user: User, found: Collection) -> list[tuple[str, str]]:
    """The media types that are there, with what a person calls them."""
    there = documents_in(user, found).order_by().values_list("media_type", flat=True).distinct()
    return sorted(((kind, SUPPORTED[kind]) for kind in there if kind in SUPPORTED), key=_by_name)


def _by_name(kind: tuple[str, str]) -> str:
    return kind[1].casefold()


def _members(user: User, archives: list[UUID]) -> dict[UUID, int]:
    if not archives:
        return {}
    found = documents_for(user).filter(container__in=archives).order_by()
    counted = found.values("container_id").annotate(count=Count("pk"))
    return dict(counted.values_list("container_id", "count"))


def _archive(user: User, form: FilterForm) -> Document | None:
    """The archive whose files are asked for, to say its name."""
    pk = form.cleaned_data.get("archive")
    return documents_for(user).filter(pk=pk).first() if pk else None
