"""Small questions to the running parts, with the standard library alone. Each ends within `timeout`."""

import http.client
import json
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

TIMEOUT = 1.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(url: str, timeout: float) -> http.client.HTTPConnection:
    if url.startswith("unix:"):
        return _UnixConnection(unquote(url.removeprefix("unix:").removeprefix("//")), timeout)
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=timeout)


def get(
    url: str,
    path: str,
    *,
    host: str = "",
    timeout: float = TIMEOUT,
    connect: Callable[[str, int], socket.socket] | None = None,
) -> tuple[int, dict[str, Any]] | None:
    """GET `path` at `url` (http://HOST:PORT or unix:PATH): (status, JSON object or {}), or None.

    `connect` makes the connection in another network than this process's (wall/room.py).
    """
    try:
        connection = _connection(url, timeout)
    except ValueError:
        return None
    try:
        if connect:
            connection.sock = connect(connection.host, connection.port)
            connection.sock.settimeout(timeout)
        connection.request("GET", path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        body = answer.read(1_000_000)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    try:
        content = json.loads(body)
    except ValueError:
        content = {}
    return answer.status, content if isinstance(content, dict) else {}


def redis_on_socket(path: str, timeout: float = TIMEOUT) -> bool:
    """True when a Redis or valkey server answers PING on a Unix socket."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(path)
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
