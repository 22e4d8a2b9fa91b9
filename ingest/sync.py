"""One run over a source: what is there now, against what was known.

Nothing is erased unless the whole listing came, and not when more than a share of it is gone at once.
Every step leaves a state from which the next run goes on; a second delivery finds the source taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from uuid import UUID

import structlog
from django.conf import settings
from django.http import Http404
from django.utils import timezone

from audit import actions
from audit.record import record
from ingest import sync_claim, sync_documents, sync_gone, sync_rows
from ingest.models import SyncRun, SyncSource
from ingest.sources.base import Item, Kind, SourceError
from ingest.sources.names import wanted
from ingest.sync_claim import SourceTaken, SyncClaim
from ingest.sync_place import opened
from ingest.sync_plan import Plan, plan
from ingest.sync_take import Counts, Taker

log = structlog.get_logger(__name__)

#: So long files are read in one go; then other work gets its turn, and the next message goes on.
SLICE_SECONDS = 240.0
#: With the listing, which has no slices: a server that sends a word a minute holds no worker for ever.
MOST_SECONDS = 3_600.0
#: Runs that are kept of each source.
RUNS = 20


@dataclass
class Outcome:
    """What a run came to. `more`: it was interrupted and goes on."""

    counts: Counts = field(default_factory=Counts)
    code: str = ""
    more: bool = False
    state: dict[str, str] | None = None
    waiting: int = 0


def run(source_id: UUID | str, *, seconds: float = SLICE_SECONDS) -> SyncRun | None:
    """Read a source that is due; None where it is not, or somebody else reads it."""
    claim = sync_claim.take(source_id)
    if claim is None:
        return None
    begun = SyncRun.objects.create(source=claim.source)
    outcome = Outcome()
    try:
        with opened(claim.source, seconds=MOST_SECONDS, beat=claim.beat) as kind:
            _compare(claim, kind, outcome, monotonic() + seconds)
    except SourceError as error:
        outcome.code = error.code
        log.warning("source.failed", source=str(source_id), code=error.code, why=error.why)
    except (SourceTaken, Http404):
        outcome.code = "source-taken"
    except Exception as error:  # noqa: BLE001 (the next run tries again; what it is, the log says)
        outcome.code = "internal-error"
        log.error("source.broken", source=str(source_id), error=type(error).__name__)
    return _ended(claim, begun, outcome)


def _compare(claim: SyncClaim, kind: Kind, outcome: Outcome, until: float) -> None:
    source, counts = claim.source, outcome.counts
    listed = list(_listed(claim, kind, counts))
    known = {row.digest: row for row in source.items.select_related("source", "document")}
    sync_rows.leave_out_erased(known.values())
    counts.left_out = sum(row.left_out for row in known.values())
    made = plan(known, listed)
    for row, item in made.moves:
        claim.beat()
        sync_rows.rekey(row, item)
        counts.moved += 1
    waiting = _read(claim, kind, made, outcome, until)
    if not outcome.more:
        outcome.waiting = sync_gone.erase_gone(claim, kind, made, waiting, counts)
    touched = counts.new + counts.changed + counts.moved + len(waiting) + len(made.over)
    counts.unchanged = len(listed) - touched
    if not waiting:
        outcome.state = dict(kind.state)


def _listed(claim: SyncClaim, kind: Kind, counts: Counts) -> Iterator[Item]:
    """What of the source is read. Raises SourceError `source-too-many`."""
    source = claim.source
    for item in kind.listing(source.state):
        claim.beat()
        counts.seen += 1
        if counts.seen > settings.SOURCE_MAX_FILES:
            raise SourceError("source-too-many")
        if not wanted(item.path, source.include, source.exclude):
            counts.skipped += 1
        elif sync_rows.place(source, item) is None:
            counts.unnamed += 1
        else:
            yield item


def _read(claim: SyncClaim, kind: Kind, made: Plan, outcome: Outcome, until: float) -> list[Item]:
    """Read what is new or changed; returns what could not be read (now)."""
    gone = {row.sha256: row for row in made.gone if row.sha256}
    taker, waiting = Taker(claim, kind, gone, outcome.counts), list[Item]()
    try:
        for number, item in enumerate(made.touched):
            if monotonic() > until:
                outcome.more = True
                return waiting + made.touched[number:]
            claim.beat()
            moved = taker.take(item)
            if moved is None:
                waiting.append(item)
            elif moved:
                made.gone = [row for row in made.gone if row.pk != moved]
    finally:
        made.over += taker.over
        sync_documents.settle(taker.unsettled)
    return waiting


def _ended(claim: SyncClaim, begun: SyncRun, outcome: Outcome) -> SyncRun:
    now = timezone.now()
    wait = timedelta(0) if outcome.more else timedelta(minutes=claim.source.minutes)
    changes: dict[str, object] = {"next_at": now + wait, "error_code": outcome.code}
    if not outcome.code:
        changes["deletions_waiting"] = outcome.waiting
        if not outcome.more:
            changes |= {"last_success_at": now, "deletions_allowed": 0}
        if outcome.state is not None:
            changes["state"] = outcome.state
    counts = outcome.counts.as_data()
    if claim.end(**changes):
        begun.finished_at, begun.error_code, begun.counts = now, outcome.code, counts
        begun.save(update_fields=["finished_at", "error_code", "counts"])
        record(
            actions.SOURCE_SYNCED,
            target=("source", claim.source.pk),
            data={
                "collection": str(claim.source.collection_id),
                "code": outcome.code,
                "waiting": outcome.waiting,
                **counts,
            },
        )
        _tidy(claim.source)
    return begun


def _tidy(source: SyncSource) -> None:
    kept = list(source.runs.values_list("pk", flat=True)[:RUNS])
    source.runs.exclude(pk__in=kept).delete()
