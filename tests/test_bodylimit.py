"""A body that is too large is refused before anything of it is stored."""

import json
from typing import Any

import pytest

from sovereign.bodylimit import BodyLimit


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body to its end, then answers with its length."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


async def answered(parts: list[bytes], announced: int | None, most: int = 100) -> tuple[int, bytes]:
    waiting = [
        {"type": "http.request", "body": part, "more_body": n < len(parts)}
        for n, part in enumerate(parts, 1)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [] if announced is None else [(b"content-length", str(announced).encode())]
    await BodyLimit(app, most)({"type": "http", "headers": headers}, receive, send)
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize("announced", [100, None])
async def test_what_fits_passes(announced: int | None) -> None:
    assert await answered([b"x" * 60, b"x" * 40], announced) == (200, b"100")


@pytest.mark.parametrize(
    ("announced", "parts"), [(101, [b""]), (None, [b"x" * 60, b"x" * 41]), (5, [b"x" * 200])]
)
async def test_what_does_not_fit_is_refused_in_words(
    announced: int | None, parts: list[bytes]
) -> None:
    status, body = await answered(parts, announced)
    assert status == 413
    assert json.loads(body)["code"] == "too-large"
