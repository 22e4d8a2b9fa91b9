"""Server-sent events under ASGI: a thread writes the answer, an async iterator sends it.

A sync generator would be collected to its end before the first byte left (measured), and a reader
who leaves would never be noticed.
"""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import closing, suppress
from uuid import UUID

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET

from chat.access import get_answer
from chat.events import Event
from chat.failures import failed
from chat.models import Message
from chat.replay import follow
from chat.run import claim, run

log = structlog.get_logger(__name__)

#: Makes the events of one answer; its argument says whether nobody listens any more.
Events = Callable[[Callable[[], bool]], Generator[Event, None, None]]


@require_GET
async def stream(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Answer a queued question, or follow or replay one that is under way or over."""
    user = await request.auser()
    message = await sync_to_async(get_answer)(user, pk)  # type: ignore[arg-type]
    return event_stream(lambda gone: events_of(message, gone))


def events_of(message: Message, gone: Callable[[], bool]) -> Generator[Event, None, None]:
    """Run the answer if it waits for somebody, else follow whoever runs it."""
    lease = claim(message)
    if lease is None:
        message.refresh_from_db()
        return follow(message, gone=gone)
    return run(message, lease, gone=gone)


def event_stream(events: Events) -> StreamingHttpResponse:
    response = StreamingHttpResponse(
        _lines(events), content_type="text/event-stream; charset=utf-8"
    )
    response["Cache-Control"] = "no-store"
    # nginx would hold the events back until its buffer is full.
    response["X-Accel-Buffering"] = "no"
    return response


async def _lines(events: Events) -> AsyncIterator[str]:
    queue: asyncio.Queue[str | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    gone = threading.Event()

    def send(line: str | None) -> None:
        # The loop is closed when the server was stopped in the middle: then nobody listens.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, line)

    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(_produce, events, gone, send), name="answer", daemon=True
    )
    thread.start()
    try:
        while True:
            try:
                line = await asyncio.wait_for(queue.get(), settings.KEEP_ALIVE_SECONDS)
            except TimeoutError:
                line = ": still here\n\n"
            if line is None:
                return
            yield line
    finally:
        gone.set()


def _produce(events: Events, gone: threading.Event, send: Callable[[str | None], None]) -> None:
    try:
        with closing(events(gone.is_set)) as running:
            for event in running:
                send(event.sse())
                if gone.is_set():
                    return
    except (DatabaseError, ObjectDoesNotExist) as error:
        # The conversation was deleted meanwhile, or the database is away: nothing could be kept.
        log.warning("answer_stream_broken", error=type(error).__name__)
        send(failed("internal-error").sse())
    except Exception as error:
        # The edge of the thread: what nobody catches Python prints, words and all.
        log.exception("answer_stream_crashed", error=type(error).__name__)
        send(failed("internal-error").sse())
    finally:
        send(None)
        connection.close()
