"""What the sweep does: nothing stays stuck, whatever was killed or lost."""

from datetime import timedelta
from time import monotonic

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from ingest import claims, erase, files, lexical, queue, store
from ingest.models import Document, Receipt

log = structlog.get_logger(__name__)

#: A message may be on its way for this long before it counts as lost.
GRACE = timedelta(seconds=10)
#: While this many messages wait, more would only pile up.
DEEP = 20
NUDGES = 100
#: Seconds between two rounds of housekeeping in one process.
HOUSEKEEPING = 600.0
_last_housekeeping = 0.0


def expired_leases() -> int:
    """Queue again what a killed worker held; after MAX_ATTEMPTS it has failed."""
    expired = Document.objects.filter(
        status=Document.Status.PROCESSING, lease_until__lt=timezone.now()
    )
    recovered = 0
    for pk, lease, attempts in list(expired.values_list("id", "lease", "attempts")[:1_000]):
        held = expired.filter(pk=pk, lease=lease)
        if attempts >= settings.MAX_ATTEMPTS:
            detail = _("Reading this file stopped the worker several times. Try a simpler version.")
            with transaction.atomic():
                claims.fail(held, "worker-lost", detail)
        else:
            held.update(**claims.WAITING)
        log.warning("document.lease.expired", document=str(pk), attempts=attempts)
        recovered += 1
    return recovered


def lost_messages() -> int:
    """Send again for documents that wait although the queue is nearly empty."""
    try:
        if queue.depth() > DEEP:
            return 0
    except queue.BrokerUnavailable:
        return 0
    now = timezone.now()
    waiting = Document.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=now),
        status=Document.Status.QUEUED,
        created_at__lt=now - GRACE,
    ).order_by("created_at")
    work = [(queue.PROCESS, pk) for pk in waiting.values_list("id", flat=True)[:NUDGES]]
    marked = erase.due().filter(collection__erasing=False).order_by()
    work += [(queue.ERASE, pk) for pk in marked.values_list("id", flat=True)[:NUDGES]]
    going = erase.due_collections().order_by()
    work += [(queue.ERASE_COLLECTION, pk) for pk in going.values_list("id", flat=True)[:NUDGES]]
    return sum(queue.send(task, str(pk)) for task, pk in work)


def housekeeping() -> None:
    """Now and then: files that a crash left behind, indexes that lost vectors, words that were erased."""
    global _last_housekeeping
    if _last_housekeeping and monotonic() - _last_housekeeping < HOUSEKEEPING:
        return
    _last_housekeeping = monotonic()
    _forget_words()
    removed = files.remove_leftovers()
    try:
        repaired = store.repair()
    except store.StoreUnavailable:
        repaired = []
    if removed or repaired:
        log.info("housekeeping.done", files=removed, indexes=len(repaired))


def _forget_words() -> None:
    """Where something was erased since about the last round: the sweep runs in several processes."""
    lately = timezone.now() - timedelta(seconds=2 * HOUSEKEEPING)
    if Receipt.objects.filter(finished_at__gt=lately).exists():
        lexical.forget()
