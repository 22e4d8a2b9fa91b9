"""Every request gets an id; every response gets the headers that the CSP does not cover."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from audit.context import request_id
from sovereign.browser import HEADERS

#: Bytes of a file that are sent at once.
PART = 65_536

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class _Middleware:
    """Works under sync and async handlers alike, so that a stream is never pulled into a thread."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        self.before(request)
        response = self.get_response(request)
        if self.is_async:
            return self._later(request, response)  # type: ignore[arg-type]
        return self.after(request, response)  # type: ignore[arg-type]

    async def _later(
        self, request: HttpRequest, response: Awaitable[HttpResponseBase]
    ) -> HttpResponseBase:
        return self.after(request, await response)

    def before(self, request: HttpRequest) -> None:
        """Override to act before the view."""

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response


class RequestIdMiddleware(_Middleware):
    def before(self, request: HttpRequest) -> None:
        request_id.set(uuid.uuid4().hex)

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response["X-Request-ID"] = request_id.get()
        return response


class ResponseHeadersMiddleware(_Middleware):
    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        for name, value in HEADERS.items():
            response.setdefault(name, value)
        if settings.HTTPS:
            # Browsers take it from safe origins alone; the policy's report-uri serves the others.
            response.setdefault("Reporting-Endpoints", f'browser="{settings.BROWSER_REPORTS}"')
        if not request.path.startswith("/static/"):
            response.setdefault("Cache-Control", "private, no-store")
        return response


class StreamedFilesMiddleware(_Middleware):
    """Under ASGI, files are sent part by part.

    Django reads a synchronous stream to its end before the first byte goes, whole in memory: those
    of whitenoise (static files) are such, and any FileResponse of ours.
    """

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if (
            isinstance(request, ASGIRequest)
            and isinstance(response, StreamingHttpResponse)
            and not response.is_async
        ):
            response.streaming_content = _parts(cast(Iterator[bytes], response.streaming_content))
        return response


async def _parts(found: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each time as much as PART, read in the request's own thread."""
    while part := await sync_to_async(_some)(found):
        yield part


def _some(found: Iterator[bytes]) -> bytes:
    taken, size = [], 0
    for each in found:
        taken.append(each)
        size += len(each)
        if size >= PART:
            break
    return b"".join(taken)
