"""What is done once a night: stores are held against each other, then erasures are proven."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.utils import timezone

from ingest import proving, reconcile
from ingest.proving import Proved
from ingest.reconcile import Orphans
from ingest.store import StoreUnavailable

log = structlog.get_logger(__name__)

#: At the hour of the settings, once; later, where that hour was missed.
AGAIN, LATE = timedelta(hours=20), timedelta(hours=26)


def due() -> bool:
    found = reconcile.last()
    if found is None:
        return True
    since = timezone.now() - found.at
    return since > LATE or (since > AGAIN and timezone.now().hour == settings.PROOF_HOUR)


def run() -> tuple[Orphans | None, Proved | None]:
    """Both; None for what another process does right now, or could not be done while Chroma is away."""
    try:
        return reconcile.reconcile(), proving.prove()
    except StoreUnavailable as error:
        log.warning("night.put.off", code=error.code)
        return None, None
