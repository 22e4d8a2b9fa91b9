"""One call to the models process: its JSON in, JSON or a stream out."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from inference.requests import BadRequest

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 33_554_432


class Disconnected(Exception):
    """The caller went away."""


class Call:
    """One request, and how to answer it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.receive, self._send = receive, send
        self.started = False

    async def body(self) -> dict[str, Any]:
        raw = b""
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            raw += message.get("body", b"")
            if len(raw) > MAX_BODY_BYTES:
                raise BadRequest("too-large", "The request is too large: send fewer texts.", 413)
            if not message.get("more_body"):
                return _parse(raw)

    async def start(self, status: int, kind: str) -> None:
        self.started = True
        headers = [(b"content-type", kind.encode()), (b"cache-control", b"no-store")]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def json(self, content: object, status: int = 200) -> None:
        await self.start(status, "application/json")
        await self.write(json.dumps(content).encode(), more=False)

    async def error(self, status: int, code: str, detail: str, **extra: object) -> None:
        """An error object; in a stream that has begun it is the last event."""
        error = {"message": detail, "type": "error", "code": code, "status": status, **extra}
        if self.started:
            await self.write(event({"error": error}), more=False)
        else:
            await self.json({"error": error}, status)


async def until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def event(content: object) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest("bad-json", "The request is no JSON.") from error
    if not isinstance(content, dict):
        raise BadRequest("bad-json", "The request must be a JSON object.")
    return content
