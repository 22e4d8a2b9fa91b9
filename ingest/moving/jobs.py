"""Exports and imports as work of a worker: begun, claimed, ended, withdrawn.

A person's export is hers alone and ends after SOVEREIGN_EXPORT_HOURS. Erasing a document ends every export
that may hold it, in the same transaction; one that is being written begins anew without it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from typing import BinaryIO
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, F, Min, Q, QuerySet, Value, When
from django.http import Http404
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import Data, record
from ingest import queue
from ingest.access import MANAGER, collections_for, get_collection
from ingest.claims import LeaseLost, until
from ingest.models import Collection, Document, Transfer
from ingest.moving import files
from ingest.moving.writing import Hashed
from ingest.reasons import sentence
from ingest.vault import Unreadable

Kind, Status = Transfer.Kind, Transfer.Status
PART = 1 << 20
#: Imports of one person that are not done.
MOST_IMPORTS = 3
#: Seconds between two renewals of a lease.
OFTEN = 1.0


@dataclass
class Claim:
    """The right to work on one transfer, until the lease is lost. `known`: what was erased when it was
    looked up (forgotten.news)."""

    transfer: Transfer
    lease: UUID
    renewed: float = 0.0
    known: tuple[int, int] = (0, 0)

    def held(self) -> QuerySet[Transfer]:
        return Transfer.objects.filter(pk=self.transfer.pk, lease=self.lease, status=Status.RUNNING)

    def beat(self) -> bool:
        return bool(self.held().update(lease_until=until()))

    def told(self, done: int, total: int) -> None:
        """Show how far it is. Raises LeaseLost."""
        if monotonic() - self.renewed < OFTEN and done < total:
            return
        if not self.held().update(lease_until=until(), done=done, total=total):
            raise LeaseLost
        self.renewed = monotonic()


# --- people ---------------------------------------------------------------------------------------


def begin_export(user: User, collection: Collection) -> Transfer:
    """For managers. One that is under way is not begun twice."""
    found = get_collection(user, collection.pk, MANAGER)
    try:
        with transaction.atomic():
            made = Transfer.objects.create(kind=Kind.EXPORT, collection=found, created_by=user)
            queue.send_on_commit(queue.MOVE, str(made.pk))
    except IntegrityError:
        under_way = Q(status__in=[Status.QUEUED, Status.RUNNING])
        return Transfer.objects.get(under_way, kind=Kind.EXPORT, collection=found, created_by=user)
    return made


def begin_import(user: User, file: BinaryIO) -> Transfer:
    """Keep the archive, and let a worker look at it. For whoever may make collections.

    Raises Problem `too-many-imports`, `archive-bounds`, `key-missing`, `disk-full`.
    """
    _require_few(user)
    made = Transfer(kind=Kind.IMPORT, created_by=user)
    try:
        with files.writing(made.pk) as draft:
            hashed = Hashed(draft)
            while part := file.read(PART):
                hashed.write(part)
                if hashed.bytes > settings.IMPORT_MAX_GB * 1_000_000_000:
                    raise Problem(413, "archive-bounds", sentence("archive-bounds"))
            made.bytes, made.sha256 = hashed.bytes, hashed.sha256
            with transaction.atomic():
                # One after the other: of two that came together each would see the other one missing.
                User.objects.select_for_update(no_key=True).filter(pk=user.pk).first()
                _require_few(user)
                made.save(force_insert=True)
                draft.keep()
                queue.send_on_commit(queue.MOVE, str(made.pk))
    except Unreadable as error:
        raise Problem(503, error.code, sentence(error.code)) from error
    except OSError as error:
        raise Problem(507, "disk-full", sentence("disk-full")) from error
    return made


def _require_few(user: User) -> None:
    waiting = Transfer.objects.filter(
        kind=Kind.IMPORT, created_by=user, status__in=files.WITH_FILES
    )
    if waiting.count() >= MOST_IMPORTS:
        raise Problem(429, "too-many-imports", sentence("too-many-imports"))


def of(user: User, pk: UUID | str, kind: str) -> Transfer:
    """One of `user`'s own; nobody else's is there. Raises Http404."""
    found = mine(user, kind).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def mine(user: User, kind: str) -> QuerySet[Transfer]:
    """What `user` began; exports of collections that she still manages."""
    found = Transfer.objects.filter(created_by=user, kind=kind).select_related("collection")
    if kind == Kind.EXPORT:
        found = found.filter(collection__in=collections_for(user, MANAGER))
    return found


def confirm(user: User, transfer: Transfer, erased: int) -> Transfer:
    """Go on although `erased` documents of it were erased here. Raises Problem `import-not-asking`
    where it does not ask, or asks about another number."""
    found = of(user, transfer.pk, Kind.IMPORT)
    with transaction.atomic():
        asking = Transfer.objects.filter(pk=found.pk, status=Status.ASKING, erased=erased)
        if not asking.update(status=Status.QUEUED, confirmed=erased):
            raise Problem(409, "import-not-asking", sentence("import-not-asking"))
        queue.send_on_commit(queue.MOVE, str(found.pk))
    found.refresh_from_db()
    return found


def give_up(user: User, transfer: Transfer) -> None:
    """End one of one's own, whatever it does: its file goes, and what was made of it."""
    found = of(user, transfer.pk, transfer.kind)
    living = Transfer.objects.filter(pk=found.pk).exclude(kind=Kind.IMPORT, status=Status.DONE)
    with transaction.atomic():
        living.update(status=Status.ENDED, error_code="transfer-given-up", lease=None)
        transaction.on_commit(partial(files.remove, found.pk), robust=True)


def download(user: User, transfer: Transfer) -> BinaryIO:
    """The archive, for whoever had it made and still manages the collection. It is recorded.

    Raises Http404, Problem `export-over`.
    """
    found = of(user, transfer.pk, Kind.EXPORT)
    try:
        if found.status != Status.DONE or found.finished_at is None or _is_over(found):
            raise Unreadable("original-missing")
        file = files.opened(found.pk)
    except Unreadable as error:
        raise Problem(410, "export-over", sentence("export-over")) from error
    data: Data = {"sha256": found.sha256, "bytes": found.bytes}
    target = ("collection", found.collection_id or "")
    record(actions.EXPORT_DOWNLOADED, actor=user, target=target, data=data)
    return file


def _is_over(transfer: Transfer) -> bool:
    ends = ends_at(transfer)
    return ends is None or ends < timezone.now()


def ends_at(transfer: Transfer) -> datetime | None:
    """When a finished export goes."""
    if transfer.finished_at is None:
        return None
    return transfer.finished_at + timedelta(hours=settings.EXPORT_HOURS)


# --- workers --------------------------------------------------------------------------------------


def take(pk: UUID | str) -> Claim | None:
    """Claim one that waits; None where there is nothing to do."""
    lease = uuid4()
    rested = Q(lease_until__isnull=True) | Q(lease_until__lte=timezone.now())
    waiting = Transfer.objects.filter(rested, pk=pk, status=Status.QUEUED)
    now = timezone.now()
    changes = {"status": Status.RUNNING, "lease": lease, "lease_until": until(), "error_code": ""}
    if not waiting.update(**changes, began_at=now, attempts=F("attempts") + 1):
        return None
    return Claim(Transfer.objects.get(pk=pk), lease)


def withdraw(documents: Iterable[UUID]) -> dict[UUID, int]:
    """End exports that may hold one of these documents. Call it in the transaction of the erasure. Returns
    how many finished ones went, by collection."""
    rows = Document.objects.filter(pk__in=list(documents)).order_by()
    oldest, gone = list(rows.values("collection").annotate(first=Min("created_at"))), {}
    for row in oldest:
        # One that began before it may have listed it, all the same.
        found = Transfer.objects.filter(
            Q(status=Status.RUNNING) | Q(status=Status.DONE, finished_at__gte=row["first"]),
            kind=Kind.EXPORT,
            collection=row["collection"],
        )
        ids = dict(found.values_list("pk", "status"))
        again = When(status=Status.RUNNING, then=Value(Status.QUEUED.value))
        # In one update: of a worker that ends it just now, one comes first.
        found.filter(pk__in=ids).update(
            status=Case(again, default=Value(Status.ENDED.value)),
            error_code="export-withdrawn",
            lease=None,
            lease_until=None,
        )
        if ended := sum(status == Status.DONE for status in ids.values()):
            gone[row["collection"]] = ended
        for pk in ids:
            transaction.on_commit(partial(files.remove, pk), robust=True)
    return gone


def sweep() -> None:
    """Begin again what a killed worker held; end what had its time; take away what is left of both."""
    now = timezone.now()
    lost = Transfer.objects.filter(status=Status.RUNNING, lease_until__lt=now)
    lost.filter(attempts__gte=settings.MAX_ATTEMPTS).update(
        status=Status.FAILED, error_code="worker-lost", lease=None
    )
    lost.update(status=Status.QUEUED, lease=None, lease_until=None)
    before = now - timedelta(hours=settings.EXPORT_HOURS)
    over = Transfer.objects.filter(kind=Kind.EXPORT, status=Status.DONE, finished_at__lt=before)
    over |= Transfer.objects.filter(status=Status.ASKING, created_at__lt=before)
    for pk in list(over.values_list("pk", flat=True)):
        Transfer.objects.filter(pk=pk).update(status=Status.ENDED, error_code="export-over")
        files.remove(pk)
    files.remove_leftovers()
    waiting = Transfer.objects.filter(
        status=Status.QUEUED, created_at__lt=now - timedelta(seconds=10)
    )
    queue.send_each(queue.MOVE, [str(pk) for pk in waiting.values_list("pk", flat=True)[:100]])


def unfinished() -> QuerySet[Transfer]:
    """Imports that failed or were given up, of which something is left."""
    return Transfer.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=timezone.now()),
        kind=Kind.IMPORT,
        status__in=[Status.FAILED, Status.ENDED],
        collection__isnull=False,
    )
