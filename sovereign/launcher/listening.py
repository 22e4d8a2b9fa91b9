"""The listening socket. The launcher keeps it open, so callers wait while the web process restarts."""

import errno
import socket

from sovereign.launcher.errors import LaunchError
from wall import door

BACKLOG = 2_048


def split(address: str) -> tuple[str, int]:
    """ "127.0.0.1:8000" or "[::1]:8000" -> (host, port)."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise LaunchError(f"SOVEREIGN_LISTEN must look like 127.0.0.1:8000, not {address!r}.")
    return host.strip("[]"), int(port)


def open_socket(address: str) -> socket.socket:
    """Listen on `address`; the caller closes it. It can be called and cannot call (wall/door.py)."""
    host, port = split(address)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise LaunchError(_why(address, error)) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.answer_only(listener)
        if door.is_loopback(str(where[0])):
            door.bind_to_loopback(listener)
        listener.bind(where)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise LaunchError(_why(address, error)) from error
    return listener


def _why(address: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{address} is taken by another program: stop it, or set SOVEREIGN_LISTEN."
    return f"Sovereign cannot listen on {address} ({error.strerror}): set SOVEREIGN_LISTEN."


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def reachable(host: str) -> str:
    """The host to call for a socket that listens on `host` (any address -> loopback)."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)


def url(address: str, *, https: bool = False) -> str:
    host, port = split(address)
    host = reachable(host)
    return f"{'https' if https else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
