"""Sealing: entries that were committed get their place in the chain, in order, one sealer at a time.

record() only inserts, so no caller waits for another. What commits late with a lower id is sealed
later, after those that overtook it; no entry is missed, and the order of the chain is the order of
sealing.
"""

import logging
from collections.abc import Sequence

from django.db import DatabaseError, connection, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from audit import checkpoints, keys
from audit.chain import digest, fields_of, genesis, stamp
from audit.models import Cut, Entry, Seal

log = logging.getLogger(__name__)

#: SQLite lets nobody else write meanwhile: about 10 ms.
BATCH = 200
#: How far behind the newest sealed entry a late one is looked for each time.
WINDOW = 10_000
#: The sealer's advisory lock in PostgreSQL: any number that nothing else uses.
LOCK = 0x5EA1


def unsealed(*, everywhere: bool = False) -> QuerySet[Entry]:
    """Entries that wait for the chain, the oldest first.

    Not `everywhere`: among the newest and WINDOW behind them, which takes milliseconds however
    large the record is.
    """
    waiting = Entry.objects.filter(seal__isnull=True).order_by("id")
    if everywhere:
        return waiting
    newest = Seal.objects.aggregate(newest=Max("entry_id"))["newest"] or 0
    return waiting.filter(id__gt=newest - WINDOW)


def seal(*, everywhere: bool = False) -> int:
    """Seal what waits and return how many. Harmless to call at any time, from any process.

    Not inside another transaction: the checkpoint would speak of what may be rolled back.
    Each batch is one transaction: after a crash the next call goes on where the last one ended.
    """
    if done := _seal(everywhere):
        checkpoints.follow()
    return done


def _seal(everywhere: bool) -> int:
    total, after = 0, 0
    while True:
        waiting = unsealed(everywhere=everywhere).filter(id__gt=after)
        if not waiting.exists():
            return total
        with transaction.atomic():
            if not _alone():
                return total
            # Asked again: another sealer may have been here between the question and the lock.
            ids = list(waiting.values_list("id", flat=True)[:BATCH])
            total += len(Seal.objects.bulk_create(_chained(_loaded(ids))))
        after = ids[-1] if ids else after


def head() -> tuple[int, str]:
    """Position and digest of the newest seal; of the last cut, or of the genesis, where none is."""
    newest = Seal.objects.order_by("-position").values_list("position", "digest").first()
    if newest is None:
        newest = Cut.objects.order_by("-position").values_list("position", "digest").first()
    return newest or (0, genesis(keys.fingerprint()))


def _alone() -> bool:
    """Whether this transaction is the one sealer. On SQLite it is: writers exclude each other."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def _loaded(ids: Sequence[int]) -> list[Entry]:
    try:
        return list(Entry.objects.filter(id__in=ids).order_by("id"))
    except (ValueError, DatabaseError):
        # A row that somebody wrote with a time or an id that is none must not stop all others.
        return [entry for pk in ids if (entry := _one(pk))]


def _one(pk: int) -> Entry | None:
    try:
        return Entry.objects.get(pk=pk)
    except (ValueError, DatabaseError):
        log.error("entry %s cannot be read", pk)
        return None


def _chained(found: Sequence[Entry]) -> list[Seal]:
    position, previous = head()
    now = timezone.now()
    seals = []
    for entry in found:
        try:
            made = digest(position + 1, previous, stamp(now), fields_of(entry))
        except ValueError:
            # Not by record(), which refuses it: somebody wrote to the table. Stays as a fault.
            log.error("entry %s cannot be sealed", entry.pk)
            continue
        position += 1
        seals.append(Seal(position=position, entry=entry, previous=previous, digest=made, at=now))
        previous = made
    return seals
