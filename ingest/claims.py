"""Who works on a document: a lease in the database, not the broker's memory.

A message that is delivered twice, or again after a crash, finds the document claimed and goes
away. A worker that was killed stops renewing; the sweep queues its document again.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from audit import actions
from audit.record import record
from ingest.models import Document

log = structlog.get_logger(__name__)

PROGRESS_SECONDS = 1.0

#: What a document is that waits, for the first time or again.
WAITING: dict[str, object] = {
    "status": Document.Status.QUEUED,
    "stage": Document.Stage.NONE,
    "progress": 0,
    "lease": None,
    "lease_until": None,
}


class LeaseLost(Exception):
    """Somebody else has the document now, or it is being erased: stop quietly."""


@dataclass
class Claim:
    """The right to work on one document, until the lease is lost."""

    document: UUID
    lease: UUID
    _written: float = field(default=0.0)

    def held(self) -> QuerySet[Document]:
        """The document, as long as this claim holds it. Every write of a worker goes through here."""
        return Document.objects.filter(
            id=self.document, lease=self.lease, status=Document.Status.PROCESSING
        )

    def renew(self, **changes: object) -> None:
        """Write `changes` and a later `lease_until`. Raises LeaseLost."""
        if not self.held().update(lease_until=_until(), **changes):
            raise LeaseLost
        self._written = monotonic()

    def progress(self, done: int, total: int) -> None:
        """Show how far the stage is (`done` of `total` pages or passages), at most once a second."""
        if monotonic() - self._written >= PROGRESS_SECONDS:
            self.renew(progress=round(done / max(1, total), 3), done=done, total=total)
            free_connection()


def _until(seconds: float = 0) -> datetime:
    return timezone.now() + timedelta(seconds=seconds or settings.LEASE_SECONDS)


def take(document_id: UUID | str) -> Claim | None:
    """Claim a queued document; None when there is nothing to do, or not yet.

    Whoever put it back set the time until which it rests. Messages that come earlier end here, or
    each of them would try, put it back and send another.
    """
    claim = Claim(UUID(str(document_id)), uuid4())
    rested = Q(lease_until__isnull=True) | Q(lease_until__lte=timezone.now())
    taken = Document.objects.filter(
        rested, id=claim.document, status=Document.Status.QUEUED
    ).update(
        status=Document.Status.PROCESSING,
        stage=Document.Stage.PARSE,
        progress=0,
        error_code="",
        error_detail="",
        attempts=F("attempts") + 1,
        lease=claim.lease,
        lease_until=_until(),
    )
    return claim if taken else None


@contextmanager
def heartbeat(claim: Claim) -> Iterator[None]:
    """Keep the lease while a long call (a slow file, a slow machine) reports nothing."""
    over = threading.Event()
    thread = threading.Thread(target=_beat, args=(claim, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(claim: Claim, over: threading.Event) -> None:
    while not over.wait(settings.LEASE_SECONDS / 4):
        try:
            if not claim.held().update(lease_until=_until()):
                return
        except DatabaseError as error:
            log.warning("claim.heartbeat.failed", error=type(error).__name__)
        finally:
            connection.close()


def free_connection() -> None:
    """Give the database connection back before a long call that does not need it."""
    if not connection.in_atomic_block:
        connection.close()


def release(claim: Claim, seconds: float) -> bool:
    """Back to the queue for `seconds`; the attempt does not count. False when the lease was lost."""
    rests = WAITING | {"lease_until": _until(seconds), "attempts": F("attempts") - 1}
    return bool(claim.held().update(**rests))


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
