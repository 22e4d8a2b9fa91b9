"""Who reads a source: a lease in the database, so that a message delivered twice does no harm."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from ingest.models import SyncSource

#: Longer than any single answer of a server takes.
LEASE = timedelta(seconds=300)
_BEAT_SECONDS = 5.0


class SourceTaken(Exception):
    """Somebody else reads the source now, it was paused, or it is gone: stop quietly."""


@dataclass
class SyncClaim:
    """The right to read one source, until the lease is lost."""

    source: SyncSource
    lease: UUID
    _beaten: float = field(default_factory=monotonic)

    def held(self) -> QuerySet[SyncSource]:
        """The source, as long as this claim holds it."""
        return SyncSource.objects.filter(
            pk=self.source.pk, lease=self.lease, paused=False, collection__erasing=False
        )

    def beat(self) -> None:
        """Keep the lease alive; called as often as one likes. Raises SourceTaken."""
        if monotonic() - self._beaten >= _BEAT_SECONDS:
            self.renew()

    def renew(self) -> None:
        if not self.held().update(lease_until=timezone.now() + LEASE):
            raise SourceTaken
        self._beaten = monotonic()

    def end(self, **changes: object) -> bool:
        """Give the source back with what came of it; False where somebody else has it by now."""
        mine = SyncSource.objects.filter(pk=self.source.pk, lease=self.lease)
        return bool(mine.update(lease=None, lease_until=None, **changes))


def due() -> QuerySet[SyncSource]:
    """Sources whose time has come and that nobody reads."""
    now = timezone.now()
    return _free(now).filter(next_at__lte=now).order_by("next_at")


def take(source_id: UUID | str) -> SyncClaim | None:
    """Claim a source that is due; None where it is not, or as many are read as workers can spare."""
    now = timezone.now()
    read = SyncSource.objects.filter(lease_until__gt=now).count()
    if read >= max(1, settings.WORKER_PROCESSES - 1):
        return None
    lease = uuid4()
    mine = _free(now).filter(pk=source_id, next_at__lte=now)
    if not mine.update(lease=lease, lease_until=now + LEASE, last_run_at=now):
        return None
    source = SyncSource.objects.select_related("collection").filter(lease=lease).first()
    return SyncClaim(source, lease) if source else None


def _free(now: datetime) -> QuerySet[SyncSource]:
    return SyncSource.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lte=now),
        paused=False,
        collection__erasing=False,
    )
