"""What pages and the API do with documents besides uploading and erasing them."""

from collections.abc import AsyncIterator
from typing import BinaryIO
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.db.models import Case, Count, F, Q, QuerySet, When
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from ingest import fair, lexical, queue
from ingest.access import EDITOR, collections_for, documents_for, get_collection, get_document
from ingest.claims import AGAIN, WAITING
from ingest.files import open_whole_original
from ingest.models import Chunk, Collection, Document, Extract, IndexedDocument
from ingest.reasons import may_help_again, sentence
from ingest.vault import Unreadable

#: Anything else is sent as bytes without a meaning.
PLAIN_TYPES = {"application/pdf": "application/pdf", "text/plain": "text/plain; charset=utf-8"}
READ_AHEAD = 256 * 1024
#: SQLite refuses a LIKE of 50,000 letters.
MAX_FILTER = 200
#: Rows of one transaction: others wait for the database meanwhile.
BATCH = 200

#: What has not ended.
OPEN = (Document.Status.QUEUED, Document.Status.PROCESSING)
#: Failures after which what was read is as good as before.
AFTER_READING = frozenset({"cancelled", "not-findable", "vectors-unavailable"})


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


# --- stop, try again ------------------------------------------------------------------------------


def cancel(user: User, document: Document) -> Document:
    """Stop a document that waits or is in work. For editors. One that has ended is left alone.

    Its worker notices within a page, or a second. What was read of it is kept for `retry`.
    """
    with transaction.atomic():
        found = get_document(user, document.pk, EDITOR)
        if _stop(Document.objects.filter(pk=found.pk, status__in=OPEN)):
            record(actions.DOCUMENT_CANCELLED, actor=user, target=("document", found.pk))
        found.refresh_from_db()
    return found


def cancel_waiting(user: User, collection: Collection) -> int:
    """Stop all documents of a collection that wait. For editors. Returns how many."""
    with transaction.atomic():
        found = get_collection(user, collection.pk, EDITOR)
        stopped = _stop(found.documents.filter(status=Document.Status.QUEUED))
        _record_many(actions.DOCUMENT_CANCELLED, user, found, stopped)
    return stopped


def _stop(documents: QuerySet[Document]) -> int:
    """A running lease is left to run out: until then its worker may not have noticed (erase.due)."""
    with override("en"):
        detail = sentence("cancelled")
    running = When(status=Document.Status.PROCESSING, then=F("lease_until"))
    return documents.update(
        status=Document.Status.FAILED,
        visible=False,
        error_code="cancelled",
        error_detail=detail,
        lease=None,
        lease_until=Case(running, default=None),
    )


def retry(user: User, document: Document) -> Document:
    """Queue a failed document again. For editors. One that waits or runs already is left alone.

    It goes on from what was kept of it where the failure came later than that, else it is read anew.
    """
    with transaction.atomic():
        found = get_document(user, document.pk, EDITOR)
        if _queue_again(Document.objects.filter(pk=found.pk)):
            record(actions.DOCUMENT_RETRIED, actor=user, target=("document", found.pk))
            queue.send_on_commit(queue.PROCESS, str(found.pk))
        elif found.status == Document.Status.READY:
            raise Problem(
                409, "not-failed", _("This document is ready. There is nothing to repeat.")
            )
        found.refresh_from_db()
    return found


def retry_failed(user: User, collection: Collection) -> int:
    """Queue all failed documents of a collection again that this may help. For editors.

    Returns how many. Messages for more than the sweep sends at once are left to it.
    """
    found = get_collection(user, collection.pk, EDITOR)
    failed = found.documents.filter(status=Document.Status.FAILED).order_by("created_at", "id")
    codes = failed.order_by().values_list("error_code", flat=True).distinct()
    failed = failed.filter(error_code__in=[code for code in codes if may_help_again(code)])
    ids = list(failed.values_list("pk", flat=True))
    queued: list[UUID] = []
    for start in range(0, len(ids), BATCH):
        with transaction.atomic():
            queued += _queue_again(Document.objects.filter(pk__in=ids[start : start + BATCH]))
    _record_many(actions.DOCUMENT_RETRIED, user, found, len(queued))
    queue.send_each(queue.PROCESS, [str(pk) for pk in queued[: queue.NUDGES]])
    return len(queued)


def _queue_again(documents: QuerySet[Document]) -> list[UUID]:
    """Those that have failed wait again. Call it within a transaction."""
    failed = documents.filter(status=Document.Status.FAILED).order_by("created_at", "id")
    rows = list(failed.select_for_update())
    anew = [row for row in rows if not _goes_on(row)]
    _forget([row.pk for row in anew])
    for row in anew:
        row.reading, row.lane = {}, Document.Lane.QUICK
    fair.place(rows)
    for row in rows:
        state = AGAIN if _goes_on(row) else WAITING
        state = state | {"attempts": 0, "error_code": "", "error_detail": "", "turn": row.turn}
        kept = {"reading": row.reading, "lane": row.lane}
        Document.objects.filter(pk=row.pk).update(**state, **kept)
    return [row.pk for row in rows]


def _goes_on(document: Document) -> bool:
    """Whether what was kept of it is as good as what a new reading would give."""
    code = document.error_code
    return document.words_at is not None or code in AFTER_READING or code.startswith("model")


def _forget(ids: list[UUID]) -> None:
    Extract.objects.filter(pk__in=ids).delete()
    IndexedDocument.objects.filter(document__in=ids).delete()
    chunks = Chunk.objects.filter(document__in=ids).order_by()
    for pk in list(chunks.values_list("document", flat=True).distinct()):
        lexical.remove_document(pk)
    chunks.delete()


def _record_many(action: str, user: User, collection: Collection, count: int) -> None:
    """One entry for all: thousands at once would keep everybody else from recording."""
    if count:
        target = ("collection", collection.pk)
        record(action, actor=user, target=target, data={"documents": count})


# --- the original -----------------------------------------------------------------------------------


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
    response = streamed(request, file, kind, found.name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Length"] = str(found.bytes)
    # Whatever shows it all the same (a browser without attachments) runs nothing of it.
    response._csp_update = {"sandbox": [""]}  # type: ignore[attr-defined]
    return response


def streamed(request: HttpRequest, file: BinaryIO, kind: str, name: str) -> StreamingHttpResponse:
    """A file as an attachment of that name; closes it."""
    if not isinstance(request, ASGIRequest):
        return FileResponse(file, as_attachment=True, filename=name, content_type=kind)
    # Under ASGI Django would read a synchronous iterator to its end before the first byte.
    response = StreamingHttpResponse(_parts(file), content_type=kind)
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    return response


async def _parts(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while part := await sync_to_async(file.read, thread_sensitive=False)(READ_AHEAD):
            yield part
    finally:
        file.close()
