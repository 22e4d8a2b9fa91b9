"""The documents that a question names, among those of the searched collections.

The titles of a set of collections are kept, by word, for as long as no document comes or goes there.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import structlog
from django.db.models import Count, Max, QuerySet

from accounts.models import User
from chat.events import LookedFirst, PassageDocument
from chat.names import Named, Names, Title
from inference.language import detect_language
from ingest.access import documents_for, searchable
from ingest.models import Document

#: Sets of collections whose titles are kept in this process: people's rights differ, not endlessly.
MOST_KEPT = 32
#: More titles than this of one set are not looked through: names among so many single out little.
MOST_TITLES = 50_000
#: Titles of all kept sets together: a thousand take about 5 MB.
MOST_IN_ALL = 100_000

log = structlog.get_logger(__name__)

_Stamp = tuple[int, datetime | None, datetime | None]
_kept: OrderedDict[frozenset[UUID], tuple[_Stamp, Names]] = OrderedDict()
_lock = threading.Lock()
#: Whoever makes names anew holds it: it costs seconds of this process, and memory.
_making = threading.Lock()


def named(
    question: str, collections: Iterable[UUID], documents: frozenset[UUID] | None = None
) -> list[Named]:
    """The documents of `collections` that `question` names, the surest first.

    `collections` must be readable by the asker: what is rare counts among their titles alone, so that
    what others hold never shows. `documents`: of these alone (None: of all).
    """
    chosen = frozenset(collections)
    if not chosen:
        return []
    found = _names(chosen).named_in(question, detect_language(question))
    return [one for one in found if documents is None or one.document in documents]


def readable_documents(user: User, found: Iterable[object]) -> list[Document]:
    """Those of the documents with the ids `found` that `user` may read, by name."""
    ids = {str(pk) for pk in found}
    return list(documents_for(user).filter(pk__in=ids).order_by("name", "pk")) if ids else []


def looked_first(user: User, found: Iterable[object]) -> LookedFirst | None:
    """The event that names those of `found` that `user` may read; None for none."""
    documents = readable_documents(user, found)
    if not documents:
        return None
    return LookedFirst(
        tuple(PassageDocument(str(d.pk), d.name, str(d.collection_id)) for d in documents)
    )


def _names(collections: frozenset[UUID]) -> Names:
    rows = Document.objects.filter(searchable(), collection__in=collections).order_by()
    stamp = _stamp(rows)
    kept = _look(collections)
    if kept and kept[0] == stamp:
        return kept[1]
    # While somebody makes names, others go by the old ones, which miss the newest documents.
    if not _making.acquire(blocking=kept is None):
        return kept[1] if kept else Names()
    try:
        kept = _look(collections)
        return kept[1] if kept and kept[0] == stamp else _made(collections, stamp, rows)
    finally:
        _making.release()


def _look(collections: frozenset[UUID]) -> tuple[_Stamp, Names] | None:
    with _lock:
        kept = _kept.get(collections)
        if kept:
            _kept.move_to_end(collections)
        return kept


def _made(collections: frozenset[UUID], stamp: _Stamp, rows: QuerySet[Document]) -> Names:
    if stamp[0] > MOST_TITLES:
        log.warning("names.left_out", titles=stamp[0], most=MOST_TITLES)
        names = Names()
    else:
        names = Names.of(_titles(rows))
    with _lock:
        _kept[collections] = stamp, names
        _kept.move_to_end(collections)
        while len(_kept) > 1 and (len(_kept) > MOST_KEPT or _titles_kept() > MOST_IN_ALL):
            _kept.popitem(last=False)
    return names


def _titles_kept() -> int:
    return sum(stamp[0] for stamp, _names in _kept.values() if stamp[0] <= MOST_TITLES)


def _stamp(rows: QuerySet[Document]) -> _Stamp:
    sums = rows.aggregate(count=Count("pk"), words=Max("words_at"), ready=Max("ready_at"))
    return sums["count"], sums["words"], sums["ready"]


def _titles(rows: QuerySet[Document]) -> Iterable[Title]:
    for pk, title, name, dated in rows.values_list("pk", "title", "name", "dated").iterator():
        yield Title(pk, title, name, dated)
