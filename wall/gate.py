"""A gate: takes connections at a socket that is inside the wall, and passes them on to ONE address.

    python -I gate.py --fd N --name NAME --to IP:PORT --state FILE

With `--listen PORT` in place of `--fd` it opens the socket itself (deploy/compose.servers.yml).

It runs outside. It reads nothing of what it passes, so nothing that is said through it can name
another address. It looks no names up: IP is a number. It writes counters to FILE, for the page that
lists the gates, and ends with the process that started it.
"""

import contextlib
import ctypes
import ipaddress
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

#: Bytes that wait for a slow reader, each way; then the other side is not read.
BUFFER_BYTES = 256 << 10
#: Connections at once; more wait in the socket's queue.
MOST_CONNECTIONS = 256
CONNECT_SECONDS = 15.0
STATE_SECONDS = 1.0
_CHUNK = 64 << 10
_PR_SET_PDEATHSIG = 1
_USAGE = "usage: gate.py (--fd N | --listen PORT) --name NAME --to IP:PORT --state FILE"


@dataclass
class Counters:
    """What passed since this gate was opened. `failed`: the address did not answer.

    `bytes_out`: towards the outside.
    """

    name: str
    to: str
    connections: int = 0
    open: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    failed: int = 0
    since: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


@dataclass(eq=False)
class _Side:
    """One end of a passage. `waiting`: bytes to be sent to it. `ended`: it sends no more."""

    socket: socket.socket
    waiting: bytearray = field(default_factory=bytearray)
    ended: bool = False
    told: bool = False  # that the other side ended, by shutdown


@dataclass(eq=False)
class _Passage:
    """One connection from inside, and the one outside that belongs to it."""

    inner: _Side
    outer: _Side
    #: When the connection outside is given up; 0 once it stands.
    until: float

    def sides(self) -> Iterator[tuple[_Side, _Side]]:
        """Each side with the one opposite."""
        yield self.inner, self.outer
        yield self.outer, self.inner

    def done(self) -> bool:
        return all(side.ended and other.told for side, other in self.sides())


class Gate:
    """Serves one listening socket. `address`: what socket.connect takes, of `family`."""

    def __init__(
        self, listener: socket.socket, address: tuple[str, int], state: Path, counters: Counters
    ) -> None:
        self._listener = listener
        self._address = address
        self._family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._state = state
        self._counters = counters
        self._selector = selectors.DefaultSelector()
        self._passages: set[_Passage] = set()
        self._written: dict[str, object] = {}
        self._write_at = 0.0

    def serve(self) -> None:
        """Pass on until this process ends."""
        self._listener.setblocking(False)
        try:
            while True:
                self.turn()
        finally:
            self._write(time.monotonic(), at_once=True)

    def turn(self) -> None:
        """Wait for something to happen, and do what follows from it."""
        self._watch_listener()
        self._write(time.monotonic())
        for key, events in self._selector.select(STATE_SECONDS):
            if key.data is None:
                self._accept()
            elif (passage := key.data) in self._passages:
                self._handle(passage, key.fileobj, events)
        self._give_up(time.monotonic())

    def _watch_listener(self) -> None:
        wanted = len(self._passages) < MOST_CONNECTIONS
        if wanted and self._listener not in self._selector.get_map():
            self._selector.register(self._listener, selectors.EVENT_READ, None)
        elif not wanted and self._listener in self._selector.get_map():
            self._selector.unregister(self._listener)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:
            return  # it went away again, or no descriptor is left for it: it is asked anew
        self._counters.connections += 1
        outside = socket.socket(self._family, socket.SOCK_STREAM)
        for each in (accepted, outside):
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        passage = _Passage(_Side(accepted), _Side(outside), time.monotonic() + CONNECT_SECONDS)
        self._passages.add(passage)
        try:
            outside.connect(self._address)
        except BlockingIOError:
            self._watch(passage)
        except OSError:
            self._fail(passage)
        else:
            passage.until = 0
            self._watch(passage)

    def _handle(self, passage: _Passage, ready: object, events: int) -> None:
        if passage.until and ready is passage.outer.socket:
            if passage.outer.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._fail(passage)
                return
            passage.until = 0
        try:
            for side, other in passage.sides():
                if side.socket is ready and events & selectors.EVENT_READ:
                    self._read(passage, side, other)
                if side.socket is ready and events & selectors.EVENT_WRITE and side.waiting:
                    del side.waiting[: side.socket.send(side.waiting)]
            self._watch(passage)
        except BlockingIOError:
            self._watch(passage)
        except OSError:
            self._close(passage, abruptly=True)

    def _read(self, passage: _Passage, side: _Side, other: _Side) -> None:
        data = side.socket.recv(_CHUNK)
        side.ended = not data
        other.waiting += data
        if side is passage.inner:
            self._counters.bytes_out += len(data)
        else:
            self._counters.bytes_in += len(data)

    def _watch(self, passage: _Passage) -> None:
        """Ask for what each side is ready for by now; hand an end on; close what is done."""
        for side, other in passage.sides():
            if side.ended and not other.waiting and not other.told and not passage.until:
                other.told = True
                other.socket.shutdown(socket.SHUT_WR)
        if passage.done():
            self._close(passage)
            return
        for side, other in passage.sides():
            connecting = bool(passage.until) and side is passage.outer
            events = 0
            if connecting or side.waiting:
                events |= selectors.EVENT_WRITE
            if not connecting and not side.ended and len(other.waiting) < BUFFER_BYTES:
                events |= selectors.EVENT_READ
            self._ask(side.socket, events, passage)

    def _ask(self, which: socket.socket, events: int, passage: _Passage) -> None:
        registered = which in self._selector.get_map()
        if not events:
            if registered:
                self._selector.unregister(which)
        elif registered:
            self._selector.modify(which, events, passage)
        else:
            self._selector.register(which, events, passage)

    def _give_up(self, now: float) -> None:
        for passage in [each for each in self._passages if each.until and each.until <= now]:
            self._fail(passage)

    def _fail(self, passage: _Passage) -> None:
        self._counters.failed += 1
        self._close(passage, abruptly=True)

    def _close(self, passage: _Passage, *, abruptly: bool = False) -> None:
        """Close both ends; `abruptly` so that the program inside sees an error, not an end."""
        self._passages.discard(passage)
        for side, _ in passage.sides():
            if side.socket in self._selector.get_map():
                self._selector.unregister(side.socket)
            if abruptly:
                with contextlib.suppress(OSError):
                    linger = (1).to_bytes(4, sys.byteorder) + bytes(4)
                    side.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            side.socket.close()

    def _write(self, now: float, *, at_once: bool = False) -> None:
        """The counters, once a second at most and only when they changed; whole or not at all."""
        self._counters.open = len(self._passages)
        content = asdict(self._counters)
        if content == self._written or (now < self._write_at and not at_once):
            return
        draft = self._state.with_name(f".{self._state.name}")
        with contextlib.suppress(OSError):  # a full disk is no reason to stop passing
            # New each time: a link that a program inside laid here would be followed by open().
            draft.unlink(missing_ok=True)
            with draft.open("x", encoding="utf-8") as file:
                file.write(json.dumps(content) + "\n")
            draft.replace(self._state)
        self._written, self._write_at = content, now + STATE_SECONDS


def address_of(text: str) -> tuple[str, int]:
    """`192.0.2.1:389` or `[2001:db8::1]:389` taken apart. Raises ValueError for a name, or no port."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    return str(ipaddress.ip_address(host)), _port(port)


def _port(text: str) -> int:
    if not 0 < int(text) < 65536:
        raise ValueError(f"not a port: {text}")
    return int(text)


def _listener(options: dict[str, str]) -> socket.socket:
    """The one that was handed over, or one of its own. Raises KeyError, ValueError, OSError."""
    if "--listen" in options:
        # The network that it is on says who can come: in a container that is the inner one.
        return socket.create_server(("", _port(options["--listen"])))
    return socket.socket(fileno=int(options["--fd"]))


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main(arguments: list[str]) -> int:
    """Serve until the parent ends or a signal comes. 2: the command line makes no sense."""
    options = dict(zip(arguments[::2], arguments[1::2], strict=False))
    parent = os.getppid()
    try:
        address = address_of(options["--to"])
        listener = _listener(options)
        counters = Counters(options["--name"], options["--to"])
        state = Path(options["--state"])
    except (KeyError, ValueError, OSError) as error:
        sys.stderr.write(f"gate: {error}\n{_USAGE}\n")
        return 2
    signal.signal(signal.SIGTERM, _end)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        return 0
    with contextlib.suppress(KeyboardInterrupt):
        Gate(listener, address, state, counters).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
