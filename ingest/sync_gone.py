"""Files that are no longer at their source: erased within one run, unless it might be a mistake."""

from collections.abc import Collection

from django.conf import settings

from ingest import sync_documents
from ingest.sources.base import Item, Kind
from ingest.sync_claim import SyncClaim
from ingest.sync_plan import Plan, is_mass, surely_gone
from ingest.sync_take import Counts


def erase_gone(
    claim: SyncClaim,
    kind: Kind,
    made: Plan,
    waiting: Collection[Item],
    counts: Counts,
) -> int:
    """Erase what is gone. Returns how many wait for a manager's word instead."""
    source = claim.source
    gone = surely_gone(made.gone, kind.unread, waiting)
    counts.unread = len(kind.unread)
    known = source.items.count()
    percent = settings.SOURCE_DELETE_PERCENT
    if is_mass(len(gone), known, counts.seen, percent) and source.deletions_allowed < len(gone):
        return len(gone)
    for row in gone:
        claim.beat()
        if sync_documents.forget(row):
            counts.gone += 1
        else:
            counts.held += 1
    return 0
