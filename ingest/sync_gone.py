"""Files that are no longer at their source: erased within one run, unless it might be a mistake."""

from collections.abc import Collection

from django.conf import settings

from ingest import sync_documents, sync_rows
from ingest.sources.base import Item, Kind
from ingest.sync_claim import SyncClaim
from ingest.sync_plan import Plan, is_mass, surely_gone
from ingest.sync_take import Counts

_BATCH = 500


def erase_gone(
    claim: SyncClaim,
    kind: Kind,
    made: Plan,
    waiting: Collection[Item],
    counts: Counts,
) -> int:
    """Erase what is gone, and what others moved over. Returns how many wait for a manager's word instead."""
    source = claim.source
    gone = surely_gone(made.gone, kind.unread, waiting)
    counts.unread = len(kind.unread)
    lost = len(gone) + _overwritten(claim, made)
    known, percent = source.items.count(), settings.SOURCE_DELETE_PERCENT
    if is_mass(lost, known, counts.seen, percent) and source.deletions_allowed < lost:
        return lost
    while made.over:
        claim.beat()
        sync_rows.rekey(*made.over.pop())
        counts.moved += 1
    for row in gone:
        claim.beat()
        if sync_documents.forget(row):
            counts.gone += 1
        else:
            counts.held += 1
    return 0


def _overwritten(claim: SyncClaim, made: Plan) -> int:
    """How many documents moves would erase: of files over which others were moved."""
    found, places = 0, [item.digest for _, item in made.over]
    for start in range(0, len(places), _BATCH):
        rows = claim.source.items.filter(digest__in=places[start : start + _BATCH])
        for row in rows.select_related("source"):
            claim.beat()
            found += sync_documents.of_item(row).exists()
    return found
