"""JSON and server-sent events over a Unix socket, loopback or a listed inner address.

The one place that speaks HTTP. Every connection is used once: opening one on this machine costs
next to nothing, and none can be stale after the other process was restarted.
"""

import ipaddress
import json
import socket
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any
from urllib.parse import urlsplit

import httpx

from inference.protocol import ModelsUnavailable

#: How long a refused connection is tried again: about what a supervisor needs for a restart.
RESTART_SECONDS = 8.0
_TRY_EVERY = 0.2
#: A stream says something at least every few seconds (server.py), else the process is stuck.
_SILENCE_SECONDS = 60.0


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_address(url: str, allowed: Sequence[str]) -> None:
    """Raise ModelsUnavailable(`address-not-allowed`) unless URL stays on this machine or is listed."""
    if url.startswith("unix:"):
        return
    host = (urlsplit(url).hostname or "").strip("[]")
    if host and (is_loopback(host) or host in allowed):
        return
    raise ModelsUnavailable(
        "address-not-allowed",
        f"{host or url!r} is not an address of this machine and not in SOVEREIGN_ALLOWED_ADDRESSES.",
        permanent=True,
    )


class Wire:
    """Calls to one server. Errors are ModelsUnavailable with the server's own code if it gave one.

    `patience`: seconds for which a refused connection is tried again.
    """

    def __init__(self, url: str, *, key: str = "", patience: float = RESTART_SECONDS) -> None:
        self._socket = url.removeprefix("unix:") if url.startswith("unix:") else None
        self._patience = patience
        self._client = httpx.Client(
            base_url="http://models" if self._socket else url,
            # Without trust_env a proxy of the environment would see the questions.
            trust_env=False,
            transport=httpx.HTTPTransport(uds=self._socket, trust_env=False, limits=_NO_REUSE),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            follow_redirects=False,
        )

    def get(self, path: str, *, timeout: float = 10.0) -> dict[str, Any]:
        return self._call("GET", path, None, timeout)

    def post(self, path: str, body: object, *, timeout: float = 120.0) -> dict[str, Any]:
        return self._call("POST", path, body, timeout)

    def hasty(self) -> "Wire":
        """The same, but a refused connection is not tried again."""
        other = copy(self)
        other._patience = 0.0
        return other

    def stream(self, path: str, body: object) -> Generator[dict[str, Any], None, None]:
        """The JSON objects of a stream of events, {} for a comment that keeps it alive.

        So that whoever reads comes up for air, and can leave. Closing the iterator closes the
        connection.
        """
        with self._open("POST", path, body, _SILENCE_SECONDS) as response, _mapped():
            for line in response.iter_lines():
                if line.startswith(":"):
                    yield {}
                elif line.startswith("data:") and (data := line[5:].strip()) != "[DONE]":
                    yield _checked(json.loads(data))

    def close(self) -> None:
        self._client.close()

    def _call(self, method: str, path: str, body: object, timeout: float) -> dict[str, Any]:
        with self._open(method, path, body, timeout) as response, _mapped():
            response.read()
            return _checked(response.json())

    @contextmanager
    def _open(
        self, method: str, path: str, body: object, timeout: float
    ) -> Iterator[httpx.Response]:
        limits = httpx.Timeout(timeout, connect=5.0)
        request = self._client.build_request(method, path, json=body, timeout=limits)
        with _mapped():
            response = self._send(request)
        try:
            if response.is_error:
                with _mapped():
                    response.read()
                raise _refusal(response)
            yield response
        finally:
            response.close()

    def _send(self, request: httpx.Request) -> httpx.Response:
        """Nothing was sent when the connection was refused, so that alone is tried again."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                self._probe()
                return self._client.send(request, stream=True)
            except httpx.ConnectError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_TRY_EVERY)

    def _probe(self) -> None:
        """Raise ConnectError where nobody listens: httpx itself would leave that socket open."""
        if self._socket:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                try:
                    probe.connect(self._socket)
                except OSError as error:
                    raise httpx.ConnectError(str(error)) from error


_NO_REUSE = httpx.Limits(max_keepalive_connections=0)


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except httpx.ConnectError as error:
        raise ModelsUnavailable(
            "models-down", "The models process is not running. Start it, or look at its log."
        ) from error
    except httpx.TimeoutException as error:
        raise ModelsUnavailable(
            "models-silent", "The models process did not answer in time. Try again."
        ) from error
    except (httpx.HTTPError, json.JSONDecodeError) as error:
        raise ModelsUnavailable(
            "models-lost", "The models process ended in the middle of an answer. Try again."
        ) from error


def _checked(content: Any) -> dict[str, Any]:
    """CONTENT, unless it is an error that came after the stream had begun."""
    if not isinstance(content, dict):
        raise ModelsUnavailable("models-odd", "The models process gave an answer of a wrong form.")
    if isinstance(error := content.get("error"), dict):
        raise _from_error(error, status=int(error.get("status") or 503))
    return content


def _refusal(response: httpx.Response) -> ModelsUnavailable:
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        error = {}
    return _from_error(error if isinstance(error, dict) else {}, response.status_code)


def _from_error(error: dict[str, Any], status: int) -> ModelsUnavailable:
    by_status = 400 <= status < 500 and status != 429
    return ModelsUnavailable(
        str(error.get("code") or "models-refused"),
        str(error.get("message") or f"The models process refused the call (status {status})."),
        permanent=bool(error.get("permanent", by_status)),
    )
