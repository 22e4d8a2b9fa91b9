"""Words and vectors of collections anew, from the rows of the database, while people ask.

Nothing is read or embedded again. Words: document by document, each in one transaction, in the order in
which they came, so that equals stand as they stood. Vectors: beside those in use (ingest/refill.py).
How far it is stands in a file, so that a kill costs what came after the last second. One at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from time import perf_counter
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from audit import actions
from audit.problems import Problem
from audit.record import record
from ingest import lexical, lexical_sizes, probe, rebuild_state, refill
from ingest.models import Chunk, Collection, Document, Index
from ingest.rebuild_state import State
from ingest.renewing import renewing

log = structlog.get_logger(__name__)

#: Tries of one document that a worker writes to at the same moment.
TRIES = 3

Told = Callable[[State], None]


@dataclass(slots=True)
class Rebuilt:
    """What was written, and documents (ids) that the check at the end does not find."""

    collections: int
    documents: int
    passages: int
    vectors: int
    seconds: float
    went_on: bool
    by_words: list[str] = field(default_factory=list)
    by_vectors: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not (self.by_words or self.by_vectors)

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "is_whole": self.is_whole}


def rebuild(
    collections: Sequence[UUID] = (), *, told: Told | None = None, anew: bool = False
) -> Rebuilt:
    """Make words and vectors of these collections (none named: all) anew, then look whether each
    document is found. `anew`: from the beginning, although an earlier call was interrupted.

    Raises Problem `reindex-running`, `no-such-collection`; StoreUnavailable, after which it goes on.
    """
    with renewing(lock="reindex") as free:
        if not free:
            detail = _("The indexes are being made anew by another process. Wait for it.")
            raise Problem(409, "reindex-running", detail)
        wanted = _wanted(collections)
        state = rebuild_state.load(wanted, anew=anew)
        return _Rebuild(state, told).run()


def _wanted(collections: Sequence[UUID]) -> list[str]:
    found = Collection.objects.filter(erasing=False)
    if collections:
        found = found.filter(pk__in=collections)
    ids = [str(pk) for pk in found.order_by("pk").values_list("pk", flat=True)]
    if collections and len(ids) < len(set(collections)):
        raise Problem(404, "no-such-collection", _("There is no collection with this id."))
    return ids


def _documents(collection: UUID) -> QuerySet[Document]:
    """With passages; in the order in which their words came."""
    found = Document.objects.exclude(status=Document.Status.ERASING)
    return found.filter(collection=collection, words_at__isnull=False).order_by("words_at", "pk")


class _Rebuild:
    def __init__(self, state: State, told: Told | None) -> None:
        self._state, self._told = state, told
        self._start = perf_counter()
        self._made = Rebuilt(len(state.collections), 0, 0, 0, 0.0, state.went_on)

    def run(self) -> Rebuilt:
        state = self._state
        while state.at < len(state.collections):
            collection = UUID(state.collections[state.at])
            if state.part == "words":
                self._words(collection)
                self._next("vectors")
            if state.part == "vectors":
                self._vectors(collection)
                self._next("check")
            self._check(collection)
            self._next("words", at=state.at + 1)
        rebuild_state.forget()
        self._made.seconds = round(perf_counter() - self._start, 2)
        self._record()
        return self._made

    def _next(self, part: str, at: int | None = None) -> None:
        self._state.part, self._state.after, self._state.name = part, "", ""
        self._state.done = self._state.total = 0
        self._state.at = self._state.at if at is None else at
        rebuild_state.save(self._state)

    def _begin(self, total: int, done: int = 0) -> None:
        self._state.total, self._state.done = total, done
        self._tell()

    def _went(self, document: UUID) -> None:
        self._state.after = str(document)
        self._state.done += 1
        rebuild_state.save_now_and_then(self._state)
        self._tell()

    def _tell(self) -> None:
        if self._told:
            self._told(self._state)

    # --- words ----------------------------------------------------------------------------------

    def _words(self, collection: UUID) -> None:
        found = _documents(collection)
        total = found.count()
        last = found.filter(pk=self._state.after).first() if self._state.after else None
        if last:
            at = last.words_at
            found = found.filter(Q(words_at__gt=at) | Q(words_at=at, pk__gt=last.pk))
        self._begin(total, total - found.count())
        for document in _each(found):
            self._made.passages += _words_of(document)
            self._made.documents += 1
            self._went(document.pk)

    # --- vectors --------------------------------------------------------------------------------

    def _vectors(self, collection: UUID) -> None:
        state = self._state
        with renewing(wait=True):
            self._begin(refill.documents(collection).count(), state.done)
            going = refill.Going(
                began=datetime.fromisoformat(state.began),
                name=state.name,
                after=UUID(state.after) if state.after else None,
                told=self._beside,
            )
            self._made.vectors += refill.rebuild(collection, going)

    def _beside(self, name: str, document: UUID) -> None:
        if name != self._state.name:
            self._state.name, self._state.done = name, 0
        self._went(document)

    # --- the check ------------------------------------------------------------------------------

    def _check(self, collection: UUID) -> None:
        index = Index.objects.filter(state=Index.State.ACTIVE).first()
        ready = _documents(collection).filter(status=Document.Status.READY, visible=True)
        self._begin(ready.count())
        for document in _each(ready):
            if index is not None:
                self._check_one(index, document)
            self._went(document.pk)

    def _check_one(self, index: Index, document: Document) -> None:
        chunks = index.chunks.filter(document=document)
        count = chunks.count()
        words, vectors = probe.finds(index, document, count)
        counted = lexical_sizes.of_document(document.pk, index.pk) == count
        if not _is_still_there(document):
            return
        if not (words and counted):
            self._made.by_words.append(str(document.pk))
        if not vectors:
            self._made.by_vectors.append(str(document.pk))

    def _record(self) -> None:
        made = self._made
        missing = {*made.by_words, *made.by_vectors}
        data = {"documents": made.documents, "vectors": made.vectors, "missing": len(missing)}
        named = {"collections": made.collections}
        record(actions.INDEX_REBUILT, target=("index", "rows"), data=data | named)
        log.info("index.rebuilt", **data, seconds=made.seconds)


def _each(documents: QuerySet[Document]) -> Iterator[Document]:
    """One after the other, by id: no cursor stays open over minutes."""
    for pk in list(documents.values_list("pk", flat=True)):
        document = Document.objects.filter(pk=pk).first()
        if document is not None:
            yield document


def _is_still_there(document: Document) -> bool:
    same = Document.objects.filter(pk=document.pk, words_at=document.words_at)
    return same.filter(status=Document.Status.READY).exists()


def _words_of(document: Document) -> int:
    """The rows of one document in each index that is searched or built. Returns how many."""
    indexes = Index.objects.exclude(state=Index.State.RETIRED)
    return sum(_words_in(index, document) for index in indexes)


def _words_in(index: Index, document: Document) -> int:
    """Analysed outside the transaction, written where the passages are still the same."""
    chunks = index.chunks.filter(document=document).order_by("ordinal")
    for _try in range(TRIES):
        rows = lexical.analysed(document, chunks.defer("vector", "boxes"))
        with transaction.atomic():
            if not _alive(document):
                return 0
            if _ids(chunks) == [row.chunk for row in rows]:
                lexical.replace(document.pk, index.pk, rows)
                return len(rows)
    # A worker writes its passages just now, and their words with them.
    return 0


def _alive(document: Document) -> bool:
    """Locked, so that an erasure comes before or after."""
    living = Document.objects.select_for_update().filter(pk=document.pk)
    return living.exclude(status=Document.Status.ERASING).first() is not None


def _ids(chunks: QuerySet[Chunk]) -> list[UUID]:
    return list(chunks.values_list("pk", flat=True))
