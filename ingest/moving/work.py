"""What a worker does with an export or an import that it claimed."""

from contextlib import suppress
from time import perf_counter
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from ingest import claims, fair, forgotten, indexes, queue, versions
from ingest.access import MANAGER, collections_for, get_collection
from ingest.claims import LeaseLost, until
from ingest.models import Collection, Document, Grant, Transfer
from ingest.moving import containers, files, jobs, parts, reading, taking, undoing
from ingest.moving.archive import ArchiveError
from ingest.moving.jobs import Claim, Status
from ingest.moving.reading import Archive
from ingest.moving.taking import Taking
from ingest.moving.writing import Hashed, Written, write
from ingest.store import StoreUnavailable
from ingest.vault import Unreadable

log = structlog.get_logger(__name__)

#: Until what it needs is tried again.
REST = 30.0
BATCH = 500


class BeginAgain(Exception):
    """Something changed under it: from the beginning."""


def run(pk: UUID | str) -> None:
    """Work on a transfer that waits. Does nothing where there is none."""
    claim = jobs.take(pk)
    if claim is None:
        return
    try:
        with claims.heartbeat(claim):
            if claim.transfer.kind == Transfer.Kind.EXPORT:
                export(claim)
            else:
                bring(claim)
    except LeaseLost:
        log.info("transfer.lease.lost", transfer=str(claim.transfer.pk))
    except BeginAgain:
        _rest(claim, 0)
    except StoreUnavailable:
        _rest(claim, REST)
    except Exception as error:  # noqa: BLE001 (it must end in a state that says so)
        _failed(claim, _code_of(error))
    undoing.clean_up()


def _code_of(error: Exception) -> str:
    if isinstance(error, ArchiveError | Problem | Unreadable):
        return error.code
    if isinstance(error, Http404 | PermissionDenied):
        return "transfer-not-allowed"
    if isinstance(error, IntegrityError):
        return "archive-content"
    if isinstance(error, OSError):
        return "disk-full"
    # No traceback: its lines could hold words of a document.
    log.error("transfer.internal_error", error=type(error).__name__)
    return "internal-error"


def _rest(claim: Claim, seconds: float) -> None:
    claim.held().update(
        status=Status.QUEUED, lease=None, lease_until=until(seconds) if seconds else None
    )
    if not seconds:
        queue.send(queue.MOVE, str(claim.transfer.pk))


def _failed(claim: Claim, code: str) -> None:
    changes = {"status": Status.FAILED, "error_code": code, "lease": None, "lease_until": None}
    if claim.held().update(**changes, finished_at=timezone.now()):
        files.remove(claim.transfer.pk)


# --- out ------------------------------------------------------------------------------------------


def export(claim: Claim) -> None:
    """Write the archive; the maker must still manage the collection. Raises what run() catches."""
    transfer, start = claim.transfer, perf_counter()
    if transfer.created_by is None or transfer.collection is None:
        raise Http404
    user = transfer.created_by
    collection = get_collection(user, transfer.collection.pk, MANAGER)
    with files.writing(transfer.pk) as draft:
        hashed = Hashed(draft)
        made = write(user, collection, hashed, claim.told)
        with transaction.atomic():
            changes = {"bytes": hashed.bytes, "sha256": hashed.sha256, "lease": None}
            counts = counts_of(made) | {"seconds": round(perf_counter() - start, 1)}
            if not claim.held().update(
                status=Status.DONE, finished_at=timezone.now(), counts=counts, **changes
            ):
                raise LeaseLost
            require_living(made)
            draft.keep()
            record_export(user, collection, made, hashed)


def counts_of(made: Written) -> dict[str, object]:
    named = {"documents": len(made.documents), "passages": made.passages}
    return {**named, "originals": made.originals}


def require_living(made: Written) -> None:
    """What was erased while the archive was written must not leave with it. Raises BeginAgain."""
    for start in range(0, len(made.documents), BATCH):
        some = made.documents[start : start + BATCH]
        living = Document.objects.filter(pk__in=some).exclude(status=Document.Status.ERASING)
        if living.count() < len(some):
            raise BeginAgain


def record_export(user: User | None, collection: Collection, made: Written, hashed: Hashed) -> None:
    data = {**counts_of(made), "sha256": hashed.sha256, "bytes": hashed.bytes}
    target = ("collection", collection.pk)
    record(actions.COLLECTION_EXPORTED, actor=user, target=target, data=data)  # type: ignore[arg-type]


# --- in -------------------------------------------------------------------------------------------


def bring(claim: Claim) -> None:
    """Check the whole archive, then take it in; seen by its owner when all of it is there."""
    transfer = claim.transfer
    if transfer.created_by is None or not transfer.created_by.is_active:
        raise Http404
    with files.opened(transfer.pk) as file:
        archive = reading.checked(file, settings.IMPORT_MAX_GB * 1_000_000_000)
        if not _may_go_on(claim, archive):
            return
        work = _begun(claim, archive)
        _take(claim, work)
        _ask_again(claim, work)
        _finish(claim, work)
    files.remove(transfer.pk)


def _may_go_on(claim: Claim, archive: Archive) -> bool:
    # Before it is counted: what is erased from here on is asked about at the end.
    claim.known = forgotten.news()
    erased = claim.transfer.erased = erased_here(claim.transfer.created_by, archive)
    asks = erased > 0 and claim.transfer.confirmed != erased
    changes = {"erased": erased, "signed_by": archive.signed_by}
    if asks:
        changes |= {"status": Status.ASKING.value, "lease": None, "lease_until": None}
    if not claim.held().update(**changes):
        raise LeaseLost
    return not asks


def erased_here(user: User | None, archive: Archive) -> int:
    """How many documents of it were erased here for good, from a collection that it comes from.

    Of a collection that `user` may not read only our own signature says that it comes from there, and
    only of the last: earlier ones stand there as another archive said. Else whoever holds a file could ask
    what others erased.
    """
    origins = list[UUID]()
    for said in archive.manifest.collection.origins:
        with suppress(ValueError):
            origins.append(UUID(said))
    if user is not None:
        readable = set(collections_for(user).values_list("pk", flat=True))
        vouched = set(origins[-1:] if archive.ours else [])
        origins = [pk for pk in origins if pk in readable | vouched]
    return sum(
        any(forgotten.is_forgotten(pk, line.sha256, f"{line.path}/{line.name}") for pk in origins)
        for line in archive.documents()
    )


def _begun(claim: Claim, archive: Archive) -> Taking:
    """The collection that is being made, which nobody has a right on. Raises Http404, BeginAgain."""
    transfer, about = claim.transfer, archive.manifest.collection
    index, made = indexes.active(), transfer.collection
    if made.erasing if made else "index" in transfer.counts:
        raise Http404  # somebody erased what was made of it
    if made is None:
        with transaction.atomic():
            made = Collection.objects.create(
                name=" ".join(about.name.split())[:150],
                description=about.description.replace("\0", ""),
                created_by=transfer.created_by,
            )
            if not claim.held().update(collection=made, counts={"index": str(index.pk)}):
                raise LeaseLost
        transfer.collection, transfer.counts = made, {"index": str(index.pk)}
    elif transfer.counts.get("index") != str(index.pk):
        undoing.discard(transfer)
        raise BeginAgain
    taking.measure(index, archive.manifest.embedder.dimension)
    return Taking(transfer.pk, transfer.created_by, archive, made, index, transfer.created_at)


def _take(claim: Claim, work: Taking) -> None:
    total = work.archive.manifest.counts.documents
    for place, line in enumerate(work.archive.documents()):
        taking.take(work, line, place)
        claim.told(place + 1, max(total, place + 1))
    if len(work.known) != total:
        raise ArchiveError("archive-content")


def _ask_again(claim: Claim, work: Taking) -> None:
    """What was erased here while the archive was taken in is asked about as well. Raises BeginAgain."""
    news = forgotten.news()
    if news != claim.known:
        if erased_here(work.user, work.archive) != claim.transfer.erased:
            raise BeginAgain
        claim.known = news


def _finish(claim: Claim, work: Taking) -> None:
    """All of it is seen from here on, or nothing."""
    user, collection = work.user, work.collection
    with transaction.atomic():
        versions.require_living(collection.pk)
        if forgotten.news() != claim.known:
            raise BeginAgain
        Grant.objects.create(collection=collection, user=user, role=MANAGER)
        about = work.archive.manifest
        counts = about.counts.model_dump() | {"again": len(work.again)}
        taken = {
            name: part.take(user, collection, work.archive.read(f"parts/{name}.jsonl", 50_000_000))
            for name, part in parts.parts.items()
            if work.archive.has(f"parts/{name}.jsonl")
        }
        kept = counts | taken | {"origins": about.collection.origins}
        if not claim.held().update(
            status=Status.DONE, finished_at=timezone.now(), counts=kept, lease=None
        ):
            raise LeaseLost
        if not indexes.stand_still(work.index):
            raise BeginAgain
        _show(work)
        data = counts | taken | {"sha256": claim.transfer.sha256, "erased": claim.transfer.erased}
        data |= {"signed_by": work.archive.signed_by}
        record(
            actions.COLLECTION_IMPORTED, actor=user, target=("collection", collection.pk), data=data
        )


def _show(work: Taking) -> None:
    living = Document.objects.exclude(status=Document.Status.ERASING)
    for start in range(0, len(work.visible), BATCH):
        some = work.visible[start : start + BATCH]
        living.filter(pk__in=some).update(visible=True)
    for pk, container in containers.links(work).items():
        Document.objects.filter(pk=pk).update(container=container)
    rows = [row for pk in work.again for row in living.filter(pk=pk)]
    if rows:
        fair.place(rows)
    for row in rows:
        living.filter(pk=row.pk).update(**claims.WAITING, turn=row.turn)
    ids = [str(row.pk) for row in rows[: queue.NUDGES]]
    transaction.on_commit(lambda: queue.send_each(queue.PROCESS, ids))
