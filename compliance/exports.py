"""The record as a file: streamed, so that any number of entries takes little memory. Recorded."""

from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from itertools import islice

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Max, QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.export import lines, summary
from audit.models import Entry
from audit.record import record

KINDS = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "cef": "text/plain; charset=utf-8",
}
#: Lines that are sent at once.
LINES = 200


def export(
    request: HttpRequest,
    officer: User,
    found: QuerySet[Entry],
    form: str,
    noted: Mapping[str, str],
) -> StreamingHttpResponse:
    """All of `found` that is there now, as `form` (one of KINDS), the oldest first.

    `noted` are the filters as the record keeps them. What comes meanwhile is left out: the entry
    says how many lines went.
    """
    newest = found.aggregate(newest=Max("id"))["newest"] or 0
    found = found.filter(id__lte=newest)
    told = summary(form, found.count(), **noted)
    record(actions.RECORD_EXPORTED, actor=officer, target=("record", form), data=told)
    parts = _parts(lines(found, form))
    content = _later(parts) if isinstance(request, ASGIRequest) else parts
    name = f"record-{timezone.now():%Y%m%dT%H%M%SZ}.{'log' if form == 'cef' else form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(content, content_type=KINDS[form], headers=headers)


def _parts(found: Iterator[str]) -> Iterator[bytes]:
    while some := list(islice(found, LINES)):
        yield "".join(some).encode()


async def _later(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """In the request's own thread, where its database connection is."""
    while part := await sync_to_async(partial(next, parts, b""))():
        yield part
