"""What the sweep does: nothing stays stuck, whatever was killed or lost."""

from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ingest import (
    abandoned,
    build,
    claims,
    erase,
    fair,
    files,
    lexical,
    queue,
    refill,
    replay,
    retire,
    store,
)
from ingest.models import Document, Receipt
from ingest.reasons import sentence

log = structlog.get_logger(__name__)

#: A message may be on its way for this long before it counts as lost.
GRACE = timedelta(seconds=10)
#: While this many messages wait, more would only pile up.
DEEP = 20
#: Seconds between two rounds of housekeeping in one process.
HOUSEKEEPING = 600.0
_last_housekeeping = 0.0


def expired_leases() -> int:
    """Queue again what a killed worker held; after MAX_ATTEMPTS in one place it has failed."""
    expired = Document.objects.filter(
        status=Document.Status.PROCESSING, lease_until__lt=timezone.now()
    )
    recovered = 0
    for document in list(expired.order_by("lease_until")[:1_000]):
        held = expired.filter(pk=document.pk, lease=document.lease)
        _lost(document, held)
        log.warning("document.lease.expired", document=str(document.pk), attempts=document.attempts)
        recovered += 1
    return recovered


def _lost(document: Document, held: QuerySet[Document]) -> None:
    """Its worker is gone: what it wrote for good stays, and `reading` counts it for people to see."""
    again = claims.AGAIN if document.words_at else claims.WAITING
    reading = {**document.reading, "lost": document.reading.get("lost", 0) + 1}
    with transaction.atomic():
        if document.attempts >= settings.MAX_ATTEMPTS:
            if claims.fail(held, "worker-lost", sentence("worker-lost")):
                Document.objects.filter(pk=document.pk).update(reading=reading)
        else:
            held.update(**again, reading=reading)


def lost_messages() -> int:
    """Send again for what waits although the queue is nearly empty."""
    try:
        if queue.depth() > DEEP:
            return 0
    except queue.BrokerUnavailable:
        return 0
    marked = erase.due().filter(collection__erasing=False).order_by()
    going = erase.due_collections().order_by()
    return (
        queue.send_each(queue.PROCESS, _unheard())
        + queue.send_each(queue.ERASE, _ids(marked[: queue.NUDGES]))
        + queue.send_each(queue.ERASE_COLLECTION, _ids(going[: queue.NUDGES]))
        + queue.send_each(queue.REINDEX, _ids(build.due()) + _ids(retire.due()))
    )


def _unheard() -> list[str]:
    """Documents that could be taken and have waited for longer than a message takes."""
    waiting = fair.rested().filter(created_at__lt=timezone.now() - GRACE).order_by("turn")
    quick, slow = (waiting.filter(lane=lane) for lane in (fair.QUICK, fair.SLOW))
    return _ids(quick[: queue.NUDGES]) + _ids(slow[: fair.slow_room()])


def _ids(rows: QuerySet[Any]) -> list[str]:
    return [str(pk) for pk in rows.values_list("pk", flat=True)]


def nudge_slow() -> None:
    """A slow document made room: send for the next, whose own message may have come too early."""
    slow = fair.rested().filter(lane=fair.SLOW).order_by("turn")
    for pk in _ids(slow[: fair.slow_room()]):
        queue.send(queue.PROCESS, pk)


def housekeeping() -> None:
    """Now and then: files that a crash left behind, indexes that lost vectors, words that were erased."""
    global _last_housekeeping
    if _last_housekeeping and monotonic() - _last_housekeeping < HOUSEKEEPING:
        return
    _last_housekeeping = monotonic()
    _erase_again()
    _forget_words()
    removed = files.remove_leftovers() + abandoned.remove()
    try:
        repaired = refill.repair()
    except store.StoreUnavailable:
        repaired = []
    if removed or repaired:
        log.info("housekeeping.done", files=removed, indexes=len(repaired))


def _erase_again() -> None:
    """What a backup brought back; the first time in this process, so soon after a restore."""
    if replay.has_news():
        replay.replay()


def _forget_words() -> None:
    """Where something was erased since about the last round: the sweep runs in several processes."""
    lately = timezone.now() - timedelta(seconds=2 * HOUSEKEEPING)
    if Receipt.objects.filter(finished_at__gt=lately).exists():
        lexical.forget()
