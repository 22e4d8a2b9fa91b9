"""Refuses a request body that is too large before it is written to disk.

Django under ASGI stores the whole body first and calls a view, or a middleware, afterwards.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from audit.problems import Problem

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class TooLarge(Exception):
    """More came than the header announced, or than is allowed without one."""


class BodyLimit:
    """ASGI middleware: `most` bytes a request, by its header and by what really comes."""

    def __init__(self, app: App, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _announced(scope) > self._most:
            await _refuse(send, self._most)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Message, receive: Receive, send: Send) -> None:
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most:
                raise TooLarge
            return message

        try:
            await self._app(scope, counting, send)
        except TooLarge:
            await _refuse(send, self._most)


def _announced(scope: Message) -> int:
    value = dict(scope["headers"]).get(b"content-length", b"0")
    return int(value) if value.isdigit() else 0


async def _refuse(send: Send, most: int) -> None:
    megabytes = most // 1_000_000
    detail = f"More than {megabytes} MB were sent at once. Send fewer or smaller files."
    response = Problem(413, "too-large", detail).as_response()
    headers = [(b"content-type", response["Content-Type"].encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
