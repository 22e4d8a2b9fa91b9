"""Celery's doors: an id in, one call. Delivered twice, or again after a crash, they do no harm.

There are as many messages as documents that wait, and each is good for one, whichever's turn it is.
"""

from celery import shared_task

from ingest import build, claims, fair, night, pipeline, queue, recover, retire, sync, sync_claim
from ingest import erase as erasure
from ingest.claims import LeaseLost
from ingest.moving import jobs as moving
from ingest.moving import undoing, work
from ingest.store import StoreUnavailable


@shared_task(name="ingest.tasks.process")
def process(document_id: str) -> None:
    """Work on the document whose turn it is. The id is the one that was put into the queue."""
    claim = claims.take_next()
    if claim is None:
        return
    try:
        pipeline.process(claim)
    finally:
        if claim.lane == fair.SLOW:
            recover.nudge_slow()


@shared_task(name="ingest.tasks.erase")
def erase(document_id: str) -> None:
    """Finish an erasure. While Chroma is away the sweep tries again."""
    try:
        erasure.finish_document(document_id)
    except StoreUnavailable:
        return


@shared_task(name="ingest.tasks.erase_collection")
def erase_collection(collection_id: str) -> None:
    """Finish the erasure of a collection. While Chroma is away the sweep tries again."""
    try:
        erasure.finish_collection(collection_id)
    except StoreUnavailable:
        return


@shared_task(name="ingest.tasks.reindex")
def reindex(index_id: str) -> None:
    """Build that index for a while, or erase what is left of it."""
    build.go_on(index_id)
    try:
        retire.drop(index_id)
    except (StoreUnavailable, LeaseLost):
        return


@shared_task(name="ingest.tasks.nightly", expires=900)
def nightly() -> None:
    """Hold the stores against each other and prove erasures, where it is time. Called by beat every
    quarter of an hour: a machine that was off at night does it when it is on."""
    if night.due():
        night.run()


@shared_task(name="ingest.tasks.prove")
def prove() -> None:
    """Do it now: an administrator asked for it."""
    night.run()


@shared_task(name="ingest.tasks.sweep", expires=60)
def sweep() -> None:
    """Recover what was lost. Called by beat every 15 s."""
    recover.expired_leases()
    recover.lost_messages()
    recover.housekeeping()
    moving.sweep()
    undoing.clean_up()


@shared_task(name="ingest.tasks.move")
def move(transfer_id: str) -> None:
    """Export or import a collection."""
    work.run(transfer_id)


@shared_task(name="ingest.tasks.sync")
def sync_source(source_id: str) -> None:
    """Read a source that is due; go on at once where it was interrupted for others."""
    run = sync.run(source_id)
    if run is not None and sync_claim.due().filter(pk=source_id).exists():
        queue.send(queue.SYNC, source_id)


@shared_task(name="ingest.tasks.sync_due", expires=60)
def sync_due() -> None:
    """Send a message for each source whose time has come. Called by beat every 30 s."""
    due = sync_claim.due().values_list("pk", flat=True)[: queue.NUDGES]
    queue.send_each(queue.SYNC, [str(pk) for pk in due])
