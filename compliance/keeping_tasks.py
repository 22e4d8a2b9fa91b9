"""Celery's door to retention."""

import structlog
from celery import shared_task

from compliance import retention

log = structlog.get_logger(__name__)


@shared_task(name="compliance.keeping.purge", expires=3_000)
def purge() -> int:
    """Purge each kind that is due; return how many rows went. Called by beat every hour."""
    applied = [retention.purge(kind) for kind in retention.KINDS.values() if retention.due(kind)]
    found = [one for one in applied if one is not None]
    for one in found:
        if not one.ok:
            log.error("retention.left", kind=one.kind, left=one.left)
    return sum(one.removed for one in found)
