"""The background work on an index that is built beside the one in use.

Document by document, in batches of passages: what is written stays, and a worker that is killed costs
its last batch. Ids follow from index and document, so nothing is double. People's files go first: where one
waits that no other worker can take, it makes way after its share. The switch is one transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from inference.protocol import ModelsUnavailable
from ingest import claims, extracts, fair, indexes, keep, pipeline, probe, queue, vectors
from ingest.chunk import RULES
from ingest.claims import LeaseLost, until
from ingest.embed import digest, texts
from ingest.models import Chunk, Document, Index, IndexedDocument
from ingest.parsers.base import ParseError
from ingest.store import StoreUnavailable

log = structlog.get_logger(__name__)

#: So long one message is good for; then those that came meanwhile are heard.
SLICE_SECONDS = 20.0
#: So long it embeds each time although people's files wait. One batch a turn would starve it beside a
#: queue that never ends: each turn cuts the document anew, and rests after.
SHARE_SECONDS = 3.0
#: So long it rests for people's files, and after something did not work.
SHORTEST, LONGEST = 5.0, 60.0


class DocumentGone(LeaseLost):
    """The document is being erased: go on with the next."""


@dataclass
class Build:
    """The right to work on one index; with `document`, to write that one's passages into it.

    While it does, an erasure of the document waits for `lease_until`, as for its first worker
    (ingest/erase.py).
    """

    index: Index
    lease: UUID
    document: UUID | None = None
    failed: set[UUID] = field(default_factory=set)
    #: Where the look for the next document goes on: all before it are in the index, or failed.
    last: tuple[datetime, UUID] | None = None
    began: float = field(default_factory=monotonic)
    embeds_since: float = 0.0

    @property
    def seconds(self) -> float:
        return monotonic() - self.began

    def had_its_share(self) -> bool:
        return bool(self.embeds_since) and monotonic() - self.embeds_since >= SHARE_SECONDS

    def held(self) -> QuerySet[Index]:
        return Index.objects.filter(pk=self.index.pk, lease=self.lease)

    def _written(self) -> QuerySet[Document]:
        ready = Document.objects.filter(status=Document.Status.READY)
        return ready.filter(pk=self.document) if self.document else ready.none()

    def beat(self) -> bool:
        if self.document:
            self._written().update(lease_until=until())
        return bool(self.held().update(lease_until=until()))

    def renew(self, **_changes: object) -> None:
        """Hold index and document for longer. Raises LeaseLost, DocumentGone."""
        if not self.held().update(lease_until=until()):
            raise LeaseLost
        if self.document and not self._written().update(lease_until=until()):
            raise DocumentGone

    def kept(self, _done: int, _total: int) -> None:
        self.renew()

    def check(self) -> None:
        self.renew()

    def let_go(self) -> None:
        """Of the document. An erasure need not wait any more."""
        self._written().update(lease_until=None)
        self.document = None


def take(index_id: UUID | str, state: str) -> Build | None:
    """Claim an index in that state; None where another worker has it, or it rests."""
    lease, over = uuid4(), Q(lease_until__isnull=True) | Q(lease_until__lte=timezone.now())
    waiting = Index.objects.filter(over, pk=index_id, state=state)
    if not waiting.update(lease=lease, lease_until=until()):
        return None
    return Build(Index.objects.get(pk=index_id), lease)


def go_on(index_id: UUID | str) -> None:
    """Build that index for a while; put it to use where all is there and nobody else decides it."""
    build = take(index_id, Index.State.BUILDING)
    if build is None:
        return
    with _outcome(build), claims.heartbeat(build):
        _begin(build)
        while document := _next(build):
            _make(build, document)
            if must_wait(build):
                return
        if not build.failed:
            _end(build)


def due() -> QuerySet[Index]:
    """The index that is being built, where no worker has it and something is to be done."""
    rested = Q(lease_until__isnull=True) | Q(lease_until__lte=timezone.now())
    found = Index.objects.filter(rested, state=Index.State.BUILDING)
    wanted = [
        index.pk for index in found if index.switch_when_built or indexes.missing(index).exists()
    ]
    return found.filter(pk__in=wanted)


def must_wait(build: Build) -> bool:
    """Whether people's files wait for this worker and it had its share, or its time is up."""
    if build.seconds > SLICE_SECONDS:
        return True
    if not build.had_its_share():
        return False
    at_work = Document.objects.filter(status=Document.Status.PROCESSING).count()
    return at_work + 1 >= settings.WORKER_PROCESSES and fair.rested().exists()


def _begin(build: Build) -> None:
    """Rules that changed since it was begun cut everything anew: one index knows one version."""
    if build.index.chunking != RULES:
        IndexedDocument.objects.filter(index=build.index).delete()
        build.held().update(chunking=RULES, built_at=None)
        build.index.refresh_from_db()


def _next(build: Build) -> Document | None:
    """Behind the last one: a look from the beginning costs as much as there is. It comes before the end,
    for what was made ready again or came meanwhile."""
    found = indexes.missing(build.index).exclude(pk__in=build.failed)
    found = found.select_related("collection", "uploaded_by")
    document = found.filter(_behind(build.last)).first() if build.last else None
    document = document or found.first()
    if document is not None and document.ready_at:
        build.last = document.ready_at, document.pk
    return document


def _behind(last: tuple[datetime, UUID]) -> Q:
    ready, pk = last
    return Q(ready_at__gte=ready) & (Q(ready_at__gt=ready) | Q(pk__gt=pk))


def _make(build: Build, document: Document) -> None:
    """One document; one that cannot be made is told of and tried again later."""
    build.document = document.pk
    try:
        _fill(build, document)
    except DocumentGone:
        log.info("index.document.gone", document=str(document.pk))
    except ParseError as error:
        _failed(build, document, error.code)
    finally:
        build.let_go()


def _fill(build: Build, document: Document) -> None:
    build.renew()
    passages = _passages(build.index, document)
    if not _are_written(build.index, document, passages):
        keep.write_rows(build, document, passages)
    waiting = vectors.take_over(build, document)
    build.embeds_since = build.embeds_since or monotonic()
    for batch in vectors.fill(build, document, waiting, len(passages)):
        if must_wait(build) and batch[-1] is not waiting[-1]:
            return
    probe.check(build, document, len(passages))
    with transaction.atomic():
        build.renew()
        IndexedDocument.objects.update_or_create(
            index=build.index, document=document, defaults={"chunk_count": len(passages)}
        )


def _passages(index: Index, document: Document) -> list[Chunk]:
    """Cut from what was read of it; where nothing is kept of that, those of the index in use."""
    parsed = extracts.load(document.pk)
    drafts = pipeline.cut(document, parsed) if parsed else []
    if parsed and drafts:
        return keep.rows(index, document, parsed, drafts)
    return [_copy(index, document, chunk) for chunk in _in_use(document)]


def _in_use(document: Document) -> QuerySet[Chunk]:
    in_use = document.chunks.filter(index__state=Index.State.ACTIVE)
    return in_use.defer("vector").order_by("ordinal")


def _copy(index: Index, document: Document, chunk: Chunk) -> Chunk:
    same = ("text", "context", "heading_path", "page", "start", "end", "boxes", "language")
    return Chunk(
        id=keep.chunk_id(index, document, chunk.ordinal),
        index=index,
        document=document,
        ordinal=chunk.ordinal,
        confidence=chunk.confidence,
        digest=digest(texts(chunk.context, chunk.text)),
        **{name: getattr(chunk, name) for name in same},
    )


def _are_written(index: Index, document: Document, passages: Sequence[Chunk]) -> bool:
    rows = document.chunks.filter(index=index).order_by("ordinal")
    return list(rows.values_list("id", "digest")) == [(row.id, row.digest) for row in passages]


def _failed(build: Build, document: Document, code: str) -> None:
    build.failed.add(document.pk)
    log.warning("index.document.failed", document=str(document.pk), code=code)


# --- the end of a turn ----------------------------------------------------------------------------


def _end(build: Build) -> None:
    build.held().filter(built_at=None).update(built_at=timezone.now())
    build.index.refresh_from_db()
    if build.index.switch_when_built:
        indexes.switch(build.index)


@contextmanager
def _outcome(build: Build) -> Iterator[None]:
    """Whatever happens, the lease is given back; it rests after what did not work."""
    code = ""
    try:
        yield
    except LeaseLost:
        log.info("index.lease.lost", index=str(build.index.pk))
    except (ModelsUnavailable, StoreUnavailable) as error:
        code = error.code
    except OperationalError as error:
        log.warning("index.database.unavailable", error=type(error).__name__)
        return
    except Exception as error:  # noqa: BLE001 (it must end in a state that says so)
        # No traceback: its lines could hold words of a document.
        log.error("index.internal_error", error=type(error).__name__)
        code = "internal-error"
    if build.failed and not code:
        code = "index-incomplete"
    _rest(build, code)


def _rest(build: Build, code: str) -> None:
    """Give the lease back, and send for the next turn."""
    done = code == "" and not indexes.missing(build.index).exists()
    seconds = LONGEST if code else SHORTEST if fair.rested().exists() else 0.0
    rests = until(seconds) if seconds else None
    held = build.held().update(lease=None, lease_until=rests, error_code=code)
    if held and not code and not done:
        queue.send(queue.REINDEX, str(build.index.pk), countdown=seconds or None)
