"""Who works on a document: a lease in the database, not the broker's memory.

A message that is delivered twice, or again after a crash, finds the document claimed and goes
away. A worker that was killed stops renewing; the sweep queues its document again.

Long work is interrupted at any point and resumed: what it has written for good it says by `kept`,
so that the attempts before it no longer count; between batches it calls `yield_if_waited_for`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import NoReturn, Protocol
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.utils import timezone

from audit import actions
from audit.record import record
from ingest import fair, queue
from ingest.indexes import active
from ingest.models import Document, Index

log = structlog.get_logger(__name__)

PROGRESS_SECONDS = 1.0
#: So long a slow document is worked on before it makes way for others that wait.
SLICE_SECONDS = 20.0
#: Each lost race means that another worker got a document.
RACES = 100

#: What a document is that goes on waiting where it stands.
AGAIN: dict[str, object] = {
    "status": Document.Status.QUEUED,
    "lease": None,
    "lease_until": None,
}
#: What a document is that waits, for the first time or again, with nothing to show.
WAITING: dict[str, object] = AGAIN | {
    "stage": Document.Stage.NONE,
    "progress": 0,
    "done": 0,
    "total": 0,
}


class LeaseLost(Exception):
    """Somebody else has the document now, it was stopped, or it is being erased: stop quietly."""


class HandedOver(LeaseLost):
    """The document waits again, by the worker's own will: nothing was lost."""


class Beating(Protocol):
    def beat(self) -> bool: ...


class Work(Protocol):
    """What writes passages into an index must hold: a Claim, or one on the index (ingest/reindex.py)."""

    index: Index

    def renew(self, **changes: object) -> None: ...

    def kept(self, done: int, total: int) -> None: ...

    def check(self) -> None: ...


@dataclass
class Claim:
    """The right to work on one document, until the lease is lost. `index`: what it is written into."""

    document: UUID
    lease: UUID
    lane: str = Document.Lane.QUICK
    index: Index = field(default_factory=active)
    began: float = field(default_factory=monotonic)
    _written: float = field(default=0.0)

    @property
    def seconds(self) -> float:
        """For how long it has been worked on."""
        return monotonic() - self.began

    def held(self) -> QuerySet[Document]:
        """The document, as long as this claim holds it. Every write of a worker goes through here."""
        return Document.objects.filter(
            id=self.document, lease=self.lease, status=Document.Status.PROCESSING
        )

    def renew(self, **changes: object) -> None:
        """Write `changes` and a later `lease_until`. Raises LeaseLost."""
        if not self.held().update(**{"lease_until": until(), **changes}):
            raise LeaseLost
        self._written = monotonic()

    def progress(self, done: int, total: int) -> None:
        """Show how far the stage is (`done` of `total` pages or passages), at most once a second."""
        if monotonic() - self._written >= PROGRESS_SECONDS:
            self.renew(progress=round(done / max(1, total), 3), done=done, total=total)
            free_connection()

    def kept(self, done: int, total: int, **changes: object) -> None:
        """Show progress that a later attempt goes on from: earlier attempts do not count any more.

        Call it in the transaction that writes what is new, and never for what an attempt before
        this one wrote, or a document that kills each worker at one place is tried for ever.
        """
        self.renew(
            progress=round(done / max(1, total), 3), done=done, total=total, attempts=1, **changes
        )

    def beat(self) -> bool:
        """Renew the lease and nothing else. False where it is lost."""
        return bool(self.held().update(lease_until=until()))

    def check(self) -> None:
        """Raise LeaseLost where the document was stopped, erased, or went to another worker."""
        held = self.held().exists()
        free_connection()
        if not held:
            raise LeaseLost


def until(seconds: float = 0) -> datetime:
    """When a lease that is taken now ends; `seconds` other than LEASE_SECONDS."""
    return timezone.now() + timedelta(seconds=seconds or settings.LEASE_SECONDS)


def take(document_id: UUID | str) -> Claim | None:
    """Claim that queued document, whosever turn it is; None when there is nothing to do, or not yet.

    Whoever put it back set the time until which it rests. Messages that come earlier end here, or
    each of them would try, put it back and send another.
    """
    claim = Claim(UUID(str(document_id)), uuid4())
    reads = When(stage=Document.Stage.NONE, then=Value(Document.Stage.PARSE))
    taken = (
        fair.rested()
        .filter(id=claim.document)
        .update(
            status=Document.Status.PROCESSING,
            stage=Case(reads, default=F("stage")),
            error_code="",
            error_detail="",
            attempts=F("attempts") + 1,
            lease=claim.lease,
            lease_until=until(),
        )
    )
    return claim if taken else None


def take_next() -> Claim | None:
    """Claim the document whose turn it is (ingest/fair.py); None where none may be taken now."""
    for _race in range(RACES):
        if (found := fair.first()) is None:
            return None
        if claim := _take_on(*found):
            return claim
    return None


def _take_on(document_id: UUID, lane: str) -> Claim | None:
    if lane == Document.Lane.QUICK:
        return take(document_id)
    with transaction.atomic():
        fair.lock()
        claim = take(document_id) if fair.slow_room() else None
    if claim:
        claim.lane = lane
    return claim


@contextmanager
def heartbeat(claim: Beating) -> Iterator[None]:
    """Keep the lease while a long call (a slow file, a slow machine) reports nothing."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(claim, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(claim: Beating, over: threading.Event) -> None:
    while not over.wait(settings.LEASE_SECONDS / 4):
        try:
            if not claim.beat():
                return
        except DatabaseError as error:
            log.warning("claim.heartbeat.failed", error=type(error).__name__)
        finally:
            connection.close()


def free_connection() -> None:
    """Give the database connection back before a long call that does not need it.

    SQLite's costs nobody anything, and a new one more than most calls.
    """
    if connection.vendor != "sqlite" and not connection.in_atomic_block:
        connection.close()


def release(claim: Claim, seconds: float, *, counted: bool = False) -> bool:
    """Back to the queue for `seconds`. False when the lease was lost.

    The attempt does not count, unless it is the document that failed and not what it needs.
    """
    rests = AGAIN | {"lease_until": until(seconds)}
    if not counted:
        rests["attempts"] = F("attempts") - 1
    return bool(claim.held().update(**rests))


def hand_over(claim: Claim, *, lane: str, stage: str | None = None) -> NoReturn:
    """Let the document wait on `lane` for a new turn, and send a nudge. Always raises HandedOver.

    `stage` is what comes next; by default the one that it is in, with its `done` and `total`. What
    is done must be written by now, so that the next worker goes on from there: no attempt counts.
    Not for use within a transaction. Raises LeaseLost where it is not held any more.
    """
    changes: dict[str, object] = {"attempts": 0, "lane": lane}
    if stage is not None:
        changes |= {"stage": stage, "progress": 0, "done": 0, "total": 0}
    with transaction.atomic():
        document = claim.held().first()
        if document is None:
            raise LeaseLost
        document.lane = lane
        fair.place([document], cost=fair.cost_of_work(claim.seconds))
        if not claim.held().update(**AGAIN, **changes, turn=document.turn):
            raise LeaseLost
        queue.send_on_commit(queue.PROCESS, str(claim.document))
    raise HandedOver


def yield_if_waited_for(claim: Claim) -> None:
    """Hand a slow document over where others wait that no other worker can take. Raises HandedOver.

    Call it between batches, when what is done is written. It costs nothing during the first
    SLICE_SECONDS, and does nothing to a quick document. A single worker makes way for every message,
    or nobody would sweep, erase, and seal the record meanwhile.
    """
    if claim.seconds < SLICE_SECONDS:
        return
    called = settings.WORKER_PROCESSES == 1 and _is_called()
    if fair.is_waited_for(claim.document, called=called):
        hand_over(claim, lane=Document.Lane.SLOW)


def _is_called() -> bool:
    try:
        return queue.depth() > 0
    except queue.BrokerUnavailable:
        return False


def fail(held: QuerySet[Document], code: str, detail: str) -> bool:
    """End as failed with a code and a sentence. False when `held` is no longer so."""
    document = held.first()
    if document is None or not held.update(
        status=Document.Status.FAILED,
        visible=False,
        error_code=code[:50],
        error_detail=detail[:500],
        lease=None,
        lease_until=None,
    ):
        return False
    record(
        actions.DOCUMENT_FAILED,
        target=("document", document.id),
        data={"code": code, "attempts": document.attempts, "stage": document.stage},
    )
    return True
