"""Refuses a request body that is too large before it is written to disk.

Django under ASGI stores the whole body first and calls a view, or a middleware, afterwards.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from audit.problems import Problem
from sovereign.browser import BARE

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Known = Callable[[Message], Awaitable[bool]]

#: The two addresses that take files, and the two that take archives of collections.
UPLOADS = re.compile(r"(?:/api/v1)?/collections/[^/]+/(?:upload|documents)")
ARCHIVES = re.compile(r"/api/v1/imports|/collections/import")


class TooLarge(Exception):
    """More came than the header announced, or than is allowed without one."""


class BodyLimit:
    """ASGI middleware: bytes a request, by its header and by what really comes.

    `most` is for uploads of people whom `known` knows, `archives` for their archives of collections.
    All else gets `little`: a stranger could fill the disk with bodies that are refused only when they
    are there.
    """

    def __init__(
        self, app: App, most: int, little: int, known: Known, *, archives: int = 0
    ) -> None:
        self._app, self._most, self._little, self._known = app, most, little, known
        self._archives = archives

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_archive = ARCHIVES.fullmatch(scope["path"]) is not None
        is_upload = is_archive or UPLOADS.fullmatch(scope["path"]) is not None
        known = is_upload and await self._known(scope)
        most = self._archives if is_archive else self._most
        room = most if known else self._little
        problem = _stranger(scope["path"]) if is_upload and not known else _too_large(room)
        if _announced(scope) > room:
            await _refuse(send, problem)
        else:
            await self._counted(scope, receive, send, room, problem)

    async def _counted(
        self, scope: Message, receive: Receive, send: Send, room: int, problem: Problem
    ) -> None:
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > room:
                raise TooLarge
            return message

        try:
            await self._app(scope, counting, send)
        except TooLarge:
            await _refuse(send, problem)


def _announced(scope: Message) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() else 0


def _too_large(room: int) -> Problem:
    megabytes = room // 1_000_000
    detail = f"More than {megabytes} MB were sent at once. Send fewer or smaller files."
    return Problem(413, "too-large", detail)


def _stranger(path: str) -> Problem:
    return Problem(401 if path.startswith("/api/") else 403, "sign-in-needed", "Sign in to upload.")


async def _refuse(send: Send, problem: Problem) -> None:
    response = problem.as_response()
    headers = [(b"content-type", response["Content-Type"].encode()), (b"connection", b"close")]
    headers += [(name.lower().encode(), value.encode()) for name, value in BARE.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
