"""What pages and the API do with documents besides uploading and erasing them."""

from collections.abc import AsyncIterator
from typing import BinaryIO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from ingest import queue
from ingest.access import EDITOR, collections_for, documents_for, get_document
from ingest.claims import WAITING
from ingest.files import open_whole_original
from ingest.models import Collection, Document
from ingest.reasons import sentence
from ingest.vault import Unreadable

#: Anything else is sent as bytes without a meaning.
PLAIN_TYPES = {"application/pdf": "application/pdf", "text/plain": "text/plain; charset=utf-8"}
READ_AHEAD = 256 * 1024
#: SQLite refuses a LIKE of 50,000 letters.
MAX_FILTER = 200


def collections_with_counts(user: User) -> QuerySet[Collection]:
    """Readable collections, each with `document_count` and `ready_count`."""
    shown = ~Q(documents__status=Document.Status.ERASING)
    ready = Q(documents__status=Document.Status.READY)
    return collections_for(user).annotate(
        document_count=Count("documents", filter=shown),
        ready_count=Count("documents", filter=ready),
    )


def documents_in(
    user: User, collection: Collection, *, status: str = "", q: str = ""
) -> QuerySet[Document]:
    """Documents of one collection that `user` may read. `q` is looked for in name, title and path."""
    found = documents_for(user).filter(collection=collection)
    if status:
        found = found.filter(status=status)
    if q := q.replace("\x00", "").strip()[:MAX_FILTER]:
        found = found.filter(Q(name__icontains=q) | Q(title__icontains=q) | Q(path__icontains=q))
    return found


def retry(user: User, document: Document) -> Document:
    """Queue a failed document again. For editors. One that waits or runs already is left alone."""
    with transaction.atomic():
        found = get_document(user, document.pk, EDITOR)
        failed = Document.objects.filter(pk=found.pk, status=Document.Status.FAILED)
        anew = WAITING | {"attempts": 0, "error_code": "", "error_detail": ""}
        queued = failed.update(**anew)
        if queued:
            record(actions.DOCUMENT_RETRIED, actor=user, target=("document", found.pk))
            queue.send_on_commit(queue.PROCESS, str(found.pk))
        elif found.status == Document.Status.READY:
            raise Problem(
                409, "not-failed", _("This document is ready. There is nothing to repeat.")
            )
        found.refresh_from_db()
    return found


def original(request: HttpRequest, user: User, document: Document) -> HttpResponseBase:
    """The original bytes, as an attachment that the browser never shows as a page of ours."""
    found = get_document(user, document.pk)
    if found.original_removed_at:
        detail = _(
            "The original was removed when its time to be kept had passed. Its text is here."
        )
        raise Problem(410, "original-expired", detail)
    try:
        file = open_whole_original(found)
    except Unreadable as error:
        status = 503 if error.code == "key-missing" else 410
        raise Problem(status, error.code, sentence(error.code)) from error
    record(actions.DOCUMENT_DOWNLOADED, actor=user, target=("document", found.pk))
    kind = PLAIN_TYPES.get(found.media_type, "application/octet-stream")
    response = _streamed(request, file, kind, found)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Length"] = str(found.bytes)
    # Whatever shows it all the same (a browser without attachments) runs nothing of it.
    response._csp_update = {"sandbox": [""]}  # type: ignore[attr-defined]
    return response


def _streamed(
    request: HttpRequest, file: BinaryIO, kind: str, document: Document
) -> StreamingHttpResponse:
    if not isinstance(request, ASGIRequest):
        return FileResponse(file, as_attachment=True, filename=document.name, content_type=kind)
    # Under ASGI Django would read a synchronous iterator to its end before the first byte.
    response = StreamingHttpResponse(_parts(file), content_type=kind)
    response["Content-Disposition"] = (
        content_disposition_header(True, document.name) or "attachment"
    )
    return response


async def _parts(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while part := await sync_to_async(file.read, thread_sensitive=False)(READ_AHEAD):
            yield part
    finally:
        file.close()
