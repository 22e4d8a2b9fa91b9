"""Who works on a run: a lease in the database, as for documents (ingest/claims.py).

Each result is written in one transaction with a look at the lease, so that a worker that was taken for
dead writes nothing twice, and whoever comes after it goes on behind the last result.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from uuid import UUID, uuid4

import structlog
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from evaluation.ending import end
from evaluation.models import Run
from ingest.claims import until
from ingest.queue import EVALUATE, BrokerUnavailable, depth, send_each
from ingest.recover import DEEP

log = structlog.get_logger(__name__)

#: Claims without a result between them; then the run has failed.
MOST_ATTEMPTS = 8
#: A message may be on its way for this long before it counts as lost.
GRACE = timedelta(seconds=10)


class LeaseLost(Exception):
    """The run was stopped, deleted, or went to another worker: stop quietly."""


@dataclass
class Claim:
    """The right to work on one run, until the lease is lost."""

    run: UUID
    lease: UUID
    began: float = field(default_factory=monotonic)

    @property
    def seconds(self) -> float:
        return monotonic() - self.began

    def held(self) -> QuerySet[Run]:
        """The run, as long as this claim holds it. Every write of a worker goes through here."""
        return Run.objects.filter(id=self.run, lease=self.lease, status=Run.Status.RUNNING)

    def beat(self) -> bool:
        """Renew the lease and nothing else. False where it is lost."""
        return bool(self.held().update(lease_until=until()))

    def check(self) -> Run:
        """The run as it is now. Raises LeaseLost; one that is to stop ends here."""
        run = self.held().select_related("set", "index", "started_by").first()
        if run is None:
            raise LeaseLost
        if run.stop_requested:
            end(self.held(), Run.Status.STOPPED)
            raise LeaseLost
        return run


def take(run_id: UUID | str) -> Claim | None:
    """Claim that queued run; None when there is nothing to do, or not yet."""
    claim = Claim(UUID(str(run_id)), uuid4())
    taken = (
        _rested()
        .filter(id=claim.run)
        .update(
            status=Run.Status.RUNNING,
            started_at=Coalesce("started_at", timezone.now()),
            attempts=F("attempts") + 1,
            lease=claim.lease,
            lease_until=until(),
        )
    )
    return claim if taken else None


def _rested() -> QuerySet[Run]:
    over = Q(lease_until__isnull=True) | Q(lease_until__lte=timezone.now())
    return Run.objects.filter(over, status=Run.Status.QUEUED)


def put_back(claim: Claim, seconds: float = 0) -> None:
    """Let the run wait again: for the next message, or for `seconds` and then for the sweep."""
    rests = until(seconds) if seconds else None
    claim.held().update(status=Run.Status.QUEUED, lease=None, lease_until=rests)


def end_now(claim: Claim) -> None:
    """Stop the run at once, by whoever works on it."""
    end(claim.held(), Run.Status.STOPPED)


def recover() -> int:
    """Queue again what a killed worker held, end what was to stop; how many messages went for what waits:
    none while many wait anyway."""
    expired = Run.objects.filter(status=Run.Status.RUNNING, lease_until__lt=timezone.now())
    for run in list(expired[:100]):
        _lost(run, expired.filter(pk=run.pk, lease=run.lease))
    try:
        if depth() > DEEP:
            return 0
    except BrokerUnavailable:
        return 0
    late = _rested().filter(created_at__lt=timezone.now() - GRACE)
    return send_each(EVALUATE, [str(pk) for pk in late.values_list("pk", flat=True)[:100]])


@transaction.atomic
def _lost(run: Run, held: QuerySet[Run]) -> None:
    if run.stop_requested:
        end(held, Run.Status.STOPPED)
    elif run.attempts >= MOST_ATTEMPTS:
        end(held, Run.Status.FAILED, "worker-lost")
    else:
        held.update(status=Run.Status.QUEUED, lease=None, lease_until=None)
        log.warning("run.lease.expired", run=str(run.pk), attempts=run.attempts)
