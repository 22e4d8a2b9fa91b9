"""The sealer of the web process: a thread that seals every few seconds, and once more at the stop.

Several web processes and the Celery task (audit/tasks.py) may seal besides it: one at a time does.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.db import connections

from audit import checkpoints, places
from audit.seal import seal

log = logging.getLogger(__name__)

SECONDS = 3.0
#: How often entries are looked for that came later than audit.seal.WINDOW others.
EVERYWHERE_SECONDS = 3_600.0
#: The stop of a process does not wait longer for a round that is under way.
PATIENCE = 5.0

Message = MutableMapping[str, Any]
App = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


class Sealer:
    """start() and stop() may be called again; a forked child has no thread of its own."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._everywhere = float("-inf")

    def start(self) -> None:
        if self._thread is None:
            self._end.clear()
            self._thread = threading.Thread(target=self._run, name="sealer", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Seal what is left, append a checkpoint, and end."""
        if self._thread is not None:
            self._end.set()
            self._thread.join(PATIENCE)
            self._thread = None

    def _run(self) -> None:
        while not self._end.wait(self._seconds):
            self._round()
        self._round(last=True)

    def _round(self, *, last: bool = False) -> None:
        everywhere = time.monotonic() - self._everywhere > EVERYWHERE_SECONDS
        try:
            seal(everywhere=everywhere)
            if everywhere:
                self._everywhere = time.monotonic()
            (checkpoints.write if last else checkpoints.follow)()
            places.deliver()
        except Exception as error:  # noqa: BLE001
            # Whatever a damaged file or row makes of this round, the thread must not end: the next
            # one tries again, and the unsealed tail is counted and shown meanwhile.
            log.error("the record was not sealed: %s", type(error).__name__)
        finally:
            connections.close_all()


class Sealed:
    """ASGI middleware: the sealer runs from the server's start to its stop (`--lifespan on`)."""

    def __init__(self, app: App, sealer: Sealer | None = None) -> None:
        self._app, self._sealer = app, sealer or Sealer()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        while (message := await receive())["type"] == "lifespan.startup":
            self._sealer.start()
            await send({"type": "lifespan.startup.complete"})
        if message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(self._sealer.stop)
            await send({"type": "lifespan.shutdown.complete"})
