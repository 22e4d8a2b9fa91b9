"""Calls to one OpenAI-compatible server, within limits of time and size. What it says is a stranger's.

Errors are ModelsUnavailable with a code and a sentence of ours. `permanent`: what was asked is at
fault, so no other server would do better.
"""

import asyncio
import json
import math
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from inference.chunks import says_something, well_formed
from inference.protocol import ModelsUnavailable
from inference.replica import BUSY, Replica

MAX_LINE_BYTES = 1_048_576
MAX_STREAM_BYTES = 67_108_864
MAX_REPLY_BYTES = 4_194_304
_LOOK_SECONDS = 5.0
_STREAM, _JSON, _TEXT = "text/event-stream", "application/json", "text/plain"
#: What llama-server and vLLM say of a prompt that is longer than their context.
_TOO_LONG = re.compile(
    rb"exceed_context_size|context-too-long|maximum context length|context length"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: to connect, to the first token, between tokens, and to the end of an answer."""

    connect: float = 5.0
    first: float = 120.0
    silence: float = 30.0
    whole: float = 600.0


class Asking:
    """The calls to one replica; used in one event loop."""

    def __init__(self, replica: Replica, limits: Limits) -> None:
        self.replica, self._limits = replica, limits
        headers = {"Accept-Encoding": "identity"}
        if replica.key:
            headers["Authorization"] = f"Bearer {replica.key}"
        self._client = httpx.AsyncClient(
            base_url=replica.url,
            headers=headers,
            # Without trust_env a proxy of the environment would see the questions.
            trust_env=False,
            follow_redirects=False,
            # The certificates that this machine trusts, those of the company among them.
            verify=ssl.create_default_context(),
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=httpx.Timeout(None, connect=limits.connect),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def json(self, path: str) -> Any:
        """GET: its JSON, or None where it has no such address. Raises ModelsUnavailable."""
        raw = await self._get(path, _JSON)
        return None if raw is None else _parsed(raw)

    async def text(self, path: str) -> str | None:
        raw = await self._get(path, _TEXT)
        return None if raw is None else raw.decode(errors="replace")

    async def healthy(self) -> Any:
        """What `/health` says: JSON, {} for any other word, None where there is no such address."""
        raw = await self._get("/health", "")
        try:
            return None if raw is None else _parsed(raw)
        except ModelsUnavailable:
            return {}

    async def stream(self, body: object, until: float) -> AsyncGenerator[dict[str, Any], None]:
        """The chunks of a chat completion. `until`: of the loop's clock, when it is given up."""
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(min(until, clock() + self._limits.first)) as limit:
                async with self._answer("POST", "/v1/chat/completions", body) as answer:
                    _expect(answer, _STREAM)
                    async for line in _lines(answer):
                        if not line.startswith(b"data:"):
                            continue
                        data = line[5:].strip()
                        if data == b"[DONE]":
                            return
                        chunk = _checked(_parsed(data))
                        yield chunk
                        if says_something(chunk):
                            limit.reschedule(min(until, clock() + self._limits.silence))
        except TimeoutError as error:
            raise (_late() if clock() >= until else _silent()) from error

    async def _get(self, path: str, kind: str) -> bytes | None:
        try:
            async with asyncio.timeout(_LOOK_SECONDS), self._answer("GET", path, None) as answer:
                if kind:
                    _expect(answer, kind)
                return await _whole(answer)
        except TimeoutError as error:
            raise _silent() from error
        except _NotThere:
            return None

    @asynccontextmanager
    async def _answer(self, method: str, path: str, body: object) -> AsyncIterator[httpx.Response]:
        answered = False
        try:
            async with self._client.stream(method, path, json=body) as answer:
                answered = True
                if answer.status_code != 200:
                    await _refuse(answer, method)
                yield answer
        except httpx.ConnectTimeout as error:
            raise _down() from error
        except httpx.TimeoutException as error:
            raise _silent() from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            # A gate of the wall takes the connection, and closes it where nobody listens behind it.
            raise (_lost() if answered else _down()) from error


class _NotThere(ModelsUnavailable):
    """404 and 405 of a GET: a call that this kind of server does not have."""


class Busy(ModelsUnavailable):
    """It takes no more now. `retry_after`: the seconds that it asked for."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(BUSY, "The model server takes no more questions now. Ask again.")
        self.retry_after = retry_after


async def _refuse(answer: httpx.Response, method: str) -> None:
    status = answer.status_code
    if 300 <= status < 400:
        raise _unavailable(
            "replica-redirects", "The model server sends us elsewhere: not followed."
        )
    if status in (401, 403):
        raise _unavailable("replica-key", "The model server does not take our key.")
    if status in (404, 405):
        if method == "GET":
            raise _NotThere("not-found", "")
        raise _unavailable("models-refused", "The model server does not serve this model.")
    if status == 429:
        raise Busy(_seconds(answer.headers.get("retry-after", "")))
    if status < 500:
        raise await _at_fault(answer)
    raise _unavailable("models-failed", f"The model server failed (status {status}).")


async def _at_fault(answer: httpx.Response) -> ModelsUnavailable:
    """What was asked is wrong: the reason is one of ours, the server's own words are not repeated."""
    if _TOO_LONG.search(await _whole(answer)):
        detail = "The prompt is longer than what the model server reads at once."
        return ModelsUnavailable("context-too-long", detail, permanent=True)
    detail = f"The model server refused the call (status {answer.status_code})."
    return ModelsUnavailable("models-refused", detail, permanent=True)


def _expect(answer: httpx.Response, kind: str) -> None:
    said = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    packed = answer.headers.get("content-encoding", "identity").lower()
    if said != kind or packed != "identity":
        raise _odd()


async def _lines(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Lines of the body; one that never ends is not kept."""
    kept, total = bytearray(), 0
    async for data in answer.aiter_raw():
        total += len(data)
        if total > MAX_STREAM_BYTES:
            raise _odd()
        scanned = len(kept)
        kept += data
        while (end := kept.find(b"\n", scanned)) >= 0:
            yield bytes(kept[:end]).rstrip(b"\r")
            del kept[: end + 1]
            scanned = 0
        if len(kept) > MAX_LINE_BYTES:
            raise _odd()
    if kept:
        yield bytes(kept)


async def _whole(answer: httpx.Response) -> bytes:
    kept = bytearray()
    async for data in answer.aiter_raw():
        kept += data
        if len(kept) > MAX_REPLY_BYTES:
            raise _odd()
    return bytes(kept)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _odd() from error


def _checked(chunk: Any) -> dict[str, Any]:
    """A chunk of a form that client.read_pieces can read, or what went wrong there in the middle."""
    if not isinstance(chunk, dict):
        raise _odd()
    if error := chunk.get("error"):
        if _TOO_LONG.search(json.dumps(error).encode()):
            detail = "The prompt is longer than what the model server reads at once."
            raise ModelsUnavailable("context-too-long", detail, permanent=True)
        raise _unavailable("models-failed", "The model server failed in the middle of an answer.")
    if not well_formed(chunk):
        raise _odd()
    return chunk


def _seconds(said: str) -> float:
    """Of a Retry-After, in seconds or as a date; 0 where it makes no sense."""
    try:
        number = float(said)
        return number if math.isfinite(number) and number > 0 else 0.0
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _unavailable(code: str, detail: str) -> ModelsUnavailable:
    return ModelsUnavailable(code, detail)


def _down() -> ModelsUnavailable:
    return _unavailable("models-down", "The model server cannot be reached.")


def _silent() -> ModelsUnavailable:
    return _unavailable("models-silent", "The model server did not answer in time. Ask again.")


def _lost() -> ModelsUnavailable:
    detail = "The model server ended in the middle of an answer. Ask again."
    return _unavailable("models-lost", detail)


def _odd() -> ModelsUnavailable:
    return _unavailable("models-odd", "The model server gave an answer of a wrong form.")


def _late() -> ModelsUnavailable:
    detail = "The answer took longer than it was given. Ask again when less goes on."
    return _unavailable("generation-late", detail)
