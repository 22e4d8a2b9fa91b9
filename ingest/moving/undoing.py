"""Of imports that came to nothing, nothing is left."""

from contextlib import suppress

from django.db import transaction

from ingest import erase, lexical, store
from ingest.files import remove_original
from ingest.models import Chunk, Document, Transfer
from ingest.moving import files, jobs
from ingest.store import StoreUnavailable
from ingest.versions import stand_still

BATCH = 500


def clean_up() -> None:
    """While Chroma is away the sweep tries again."""
    for transfer in jobs.unfinished():
        with suppress(StoreUnavailable):
            discard(transfer)
            files.remove(transfer.pk)


def discard(transfer: Transfer) -> None:
    """Take away a collection that was never seen. One that is being erased, and documents of it that are,
    go that way: their receipts say so. Raises StoreUnavailable."""
    collection = transfer.collection
    if collection is None or collection.erasing or collection.grants.exists():
        return
    store.remove_collection(collection.pk)
    for document in collection.documents.all().iterator(chunk_size=BATCH):
        if document.status == Document.Status.ERASING:
            erase.finish_document(document.pk)
        else:
            _discarded(document)
    if collection.documents.exists():
        return
    with transaction.atomic():
        lexical.remove_collection(collection.pk)
        collection.delete()
        # Else it would say that somebody erased it.
        Transfer.objects.filter(pk=transfer.pk).update(counts={})
    transfer.collection = None


def _discarded(document: Document) -> None:
    remove_original(document)
    with transaction.atomic():
        stand_still(document.collection_id)
        living = Document.objects.filter(pk=document.pk).exclude(status=Document.Status.ERASING)
        if living.exists():
            lexical.remove_document(document.pk)
            Chunk.objects.filter(document=document).delete()
            document.delete()
