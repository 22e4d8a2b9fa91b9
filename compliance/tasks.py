"""Celery's door to the proof and the report."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from compliance import prove as proving
from compliance import report as reporting
from wall import status

log = structlog.get_logger(__name__)


@shared_task(name="compliance.tasks.prove", expires=50)
def prove() -> str:
    """Prove and report what is due. Called by beat every minute; one at a time, whoever calls."""
    with _alone() as alone:
        if not alone:
            return "another one does"
        done = []
        if proof_is_due():
            found = proving.prove()
            done.append("proved")
            if not found.ok:
                log.error("proof.failed", problems=found.problems)
        if report_is_due():
            reporting.make()
            done.append("reported")
        return ", ".join(done)


def proof_is_due() -> bool:
    """True when the last proof is too old, or older than the wall that holds now."""
    at = _time(proving.last().get("at"))
    if at is None or timezone.now() - at >= timedelta(minutes=settings.PROVE_MINUTES):
        return True
    wall = status.read(Path(settings.RUN_DIR))
    made = _time(wall.at) if wall else None
    return made is not None and at < made


def report_is_due() -> bool:
    """True when the newest report is too old; never with SOVEREIGN_REPORT_DAYS=0."""
    if not settings.REPORT_DAYS:
        return False
    newest = reporting.newest()
    at = _time(newest.made_at) if newest else None
    return at is None or timezone.now() - at >= timedelta(days=settings.REPORT_DAYS)


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@contextmanager
def _alone() -> Iterator[bool]:
    folder = Path(settings.EVIDENCE_DIR)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "proof.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
