"""What is done once a night: stores are held against each other, then erasures are proven."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from ingest import proving, reconcile
from ingest.proving import Proved
from ingest.reconcile import Orphans
from ingest.store import StoreUnavailable

Done = TypeVar("Done")
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
    """Both; None for what another process does right now, or could not be done: Chroma away, the disk
    full, the database busy. One does not keep the other from its night."""
    return _tried("reconcile", reconcile.reconcile), _tried("prove", proving.prove)


def _tried(name: str, work: Callable[[], Done | None]) -> Done | None:
    try:
        return work()
    except (StoreUnavailable, OSError, DatabaseError) as error:
        code = getattr(error, "code", type(error).__name__)
        log.warning("night.put.off", work=name, code=code)
        return None
