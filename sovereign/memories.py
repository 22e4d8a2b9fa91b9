"""Processes that keep words of documents in memory look every few seconds whether some were erased.

Web processes by a thread that begins with the server; workers before each task, of which a sweep is
one every 15 seconds.
"""

import threading
import time
from typing import Any

import structlog
from django.db import connections

from sovereign.bodylimit import App, Message, Receive, Send

log = structlog.get_logger(__name__)

SECONDS = 5.0
_looked = [0.0]


def look() -> None:
    """Empty what is to be emptied. Whatever is wrong with the database, nobody stops for it."""
    from ingest.forgetting import empty_if_erased

    try:
        empty_if_erased()
    except Exception as error:  # noqa: BLE001 (the next look tries again)
        log.warning("memories.unlooked", error=type(error).__name__)


def look_now_and_then(**_: Any) -> None:
    """At most every few seconds. For Celery's signals."""
    if time.monotonic() - _looked[0] >= SECONDS:
        _looked[0] = time.monotonic()
        look()


class Forgetful:
    """ASGI middleware: the thread runs from the server's start (`--lifespan on`) to the process's end."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            threading.Thread(target=_run, name="memories", daemon=True).start()
        await self._app(scope, receive, send)


def _run() -> None:
    while True:
        time.sleep(SECONDS)
        look()
        connections.close_all()
