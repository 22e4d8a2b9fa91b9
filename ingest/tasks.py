"""Celery's doors: an id in, one call. Delivered twice, or again after a crash, they do no harm."""

from celery import shared_task

from ingest import erase as erasure
from ingest import recover
from ingest.pipeline import process_document
from ingest.store import StoreUnavailable


@shared_task(name="ingest.tasks.process")
def process(document_id: str) -> None:
    """Take a queued document to `ready` or `failed`."""
    process_document(document_id)


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


@shared_task(name="ingest.tasks.sweep", expires=60)
def sweep() -> None:
    """Recover what was lost. Called by beat every 15 s."""
    recover.expired_leases()
    recover.lost_messages()
    recover.housekeeping()
