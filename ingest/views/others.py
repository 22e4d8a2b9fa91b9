"""Until ingest/estimate.py, ingest/extracts.py and the deeds of ingest/documents.py are there."""
# mypy: ignore-errors

import zlib
from dataclasses import dataclass

from ingest import documents as _documents
from ingest.access import EDITOR, documents_for, get_document
from ingest.models import Document, Extract
from ingest.parsers import wire
from ingest.parsers.base import Limits

try:
    from ingest.estimate import Wait, waits
except ImportError:

    @dataclass(frozen=True, slots=True)
    class Wait:
        position: int
        seconds: float | None

    def waits(documents):
        queued = [d for d in documents if d.status == "queued"]
        return {d.pk: Wait(n, 60.0 * n) for n, d in enumerate(queued, 1)}


try:
    from ingest.extracts import blocks
except ImportError:

    def blocks(document, start, count):
        data = Extract.objects.filter(pk=document.pk).values_list("data", flat=True).first()
        found = wire.unpack(zlib.decompress(data), Limits()).blocks if data else ()
        return list(found[start : start + count]), len(found)


def _cancel(user, document):
    found = get_document(user, document.pk, EDITOR)
    Document.objects.filter(pk=found.pk, status__in=["queued", "processing"]).update(
        status="failed", error_code="cancelled", error_detail="Stopped.", lease=None
    )
    found.refresh_from_db()
    return found


def _cancel_waiting(user, collection):
    found = documents_for(user, EDITOR).filter(collection=collection, status="queued")
    return Document.objects.filter(pk__in=list(found.values_list("pk", flat=True))).update(
        status="failed", error_code="cancelled", error_detail="Stopped."
    )


def _retry_failed(user, collection):
    found = list(documents_for(user, EDITOR).filter(collection=collection, status="failed"))
    for document in found:
        _documents.retry(user, document)
    return len(found)


cancel = getattr(_documents, "cancel", _cancel)
cancel_waiting = getattr(_documents, "cancel_waiting", _cancel_waiting)
retry_failed = getattr(_documents, "retry_failed", _retry_failed)

__all__ = ["Wait", "blocks", "cancel", "cancel_waiting", "retry_failed", "waits"]
