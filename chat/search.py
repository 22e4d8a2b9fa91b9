"""Search without a model: the passages that an answer would be written from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from chat.bounds import place
from chat.find import Query, find
from chat.names import Named
from chat.passages import Passage
from chat.retrieve import Mode
from chat.witness import distinct
from inference.protocol import ModelsUnavailable
from ingest.access import readable_ids
from ingest.filters import Filters, check_documents
from ingest.store import StoreUnavailable

#: Passages that one search shows at most, however often somebody asks for more.
MOST_PASSAGES = 100
#: Searches of one person at a time, in one process.
MOST_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Passages, the best first, and the time by stage.

    `collections` and `documents` (None: all of them) were searched. `by_words`: the models or the
    vectors were not there, so only words were compared. `named`: documents that the query names.
    """

    passages: list[Passage]
    ms: dict[str, int]
    collections: list[UUID] = field(default_factory=list)
    documents: frozenset[UUID] | None = None
    by_words: bool = False
    named: list[Named] = field(default_factory=list)


def search(  # noqa: PLR0913 (what a search has)
    user: User,
    query: str,
    collections: Sequence[UUID] | None = None,
    k: int = 10,
    mode: Mode = "hybrid",
    filters: Filters | None = None,
    *,
    fall_back: bool = False,
    by_name: bool = True,
) -> SearchResult:
    """Return the best `k` passages of the collections (None: all readable) that match `filters`.

    `by_name`: documents that the query names come first. With `fall_back` words alone are searched
    where the models are not ready. Raises Http404 for a collection or document that `user` may not
    read, Problem `too-many-searches`, and without `fall_back` ModelsUnavailable, StoreUnavailable.
    """
    filters = filters or Filters()
    chosen = readable_ids(user, collections)
    check_documents(user, filters.documents)
    most = min(k, MOST_PASSAGES)
    with place(user.pk, "search", MOST_AT_ONCE) as free:
        if not free:
            raise _too_many()
        try:
            found = _find(user, query, chosen, most, mode, filters, by_name)
        except (ModelsUnavailable, StoreUnavailable):
            if not fall_back or mode == "lexical":
                raise
            found = _find(user, query, chosen, most, "lexical", filters, by_name)
            found = replace(found, by_words=True)
    _record(user, found, mode="lexical" if found.by_words else mode, filters=filters)
    return found


def _find(
    user: User, query: str, chosen: list[UUID], k: int, mode: Mode, filters: Filters, by_name: bool
) -> SearchResult:
    found = find(user, Query(query, chosen, filters=filters, mode=mode, by_name=by_name), k)
    return SearchResult(found.passages, found.ms, chosen, found.documents, named=found.named)


def _record(user: User, found: SearchResult, *, mode: Mode, filters: Filters) -> None:
    record(
        actions.SEARCHED,
        actor=user,
        data={
            "collections": [str(pk) for pk in found.collections],
            "documents": distinct(passage.document for passage in found.passages),
            "chunks": [str(passage.chunk) for passage in found.passages],
            "mode": mode,
            **filters.recorded(),
        },
    )


def _too_many() -> Problem:
    detail = _("Too many of your searches run at this moment. Wait for one to end.")
    return Problem(429, "too-many-searches", detail)
