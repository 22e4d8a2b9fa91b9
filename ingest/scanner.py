"""Asks a malware scanner about a file, by clamd's protocol (INSTREAM). No Django.

Spoken here, not by a library: `clamd` of the registry had its last release in 2014, and this is all
of the protocol that is needed. Bytes go out in pieces, an answer of one line comes back.
"""

import re
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from wall.addresses import parsed

#: Bytes of one piece.
PIECE = 1 << 18
#: Bytes of an answer: a name and a word. More is no clamd.
MAX_ANSWER = 4_096
CONNECT_SECONDS = 5.0
#: For one whole file: a scanner looks into archives, 120 seconds at most by its own default.
ANSWER_SECONDS = 180.0

_ANSWER = re.compile(rb"stream: (?:(OK)|(.{1,2000}) FOUND)", re.S)
_UNFIT = re.compile(r"[^\w.:/()+-]")
MAX_SIGNATURE = 200


class MalwareFound(Exception):
    """The scanner knows it. `signature` is its own name for it, in plain letters."""

    def __init__(self, signature: str) -> None:
        super().__init__(signature)
        self.signature = signature


class ScannerError(Exception):
    """Nothing is known of the file: `scanner-unavailable` or, where it is too large for it,
    `scanner-limit`. `why` is for the log."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(code)
        self.code = code
        self.why = why


def scan(address: str, file: BinaryIO, *, seconds: float = ANSWER_SECONDS) -> None:
    """Send `file`, from where it stands to its end, to the clamd at `address`: unix:PATH or HOST:PORT.

    Returns where it finds nothing. Raises MalwareFound, ScannerError. What reading raises passes.
    """
    with _Link(address, seconds) as link:
        link.send(b"zINSTREAM\0")
        while piece := file.read(PIECE):
            if not link.send(struct.pack(">I", len(piece)) + piece):
                break
        else:
            link.send(struct.pack(">I", 0))
        _judge(link.answer())


def version(address: str, *, seconds: float = CONNECT_SECONDS) -> str:
    """What the clamd at `address` says of itself and its signatures. Raises ScannerError."""
    with _Link(address, seconds) as link:
        link.send(b"zVERSION\0")
        said = link.answer()
    if not said.startswith(b"ClamAV"):
        raise _unavailable("no clamd")
    return _plain(said, MAX_SIGNATURE)


def _judge(said: bytes) -> None:
    if b"size limit exceeded" in said:
        raise ScannerError("scanner-limit", "StreamMaxLength")
    found = _ANSWER.fullmatch(said)
    if found is None:
        raise _unavailable(f"answered {_plain(said, 80)}")
    if found[2]:
        raise MalwareFound(_UNFIT.sub("_", _plain(found[2], MAX_SIGNATURE)))


def _plain(said: bytes, most: int) -> str:
    return "".join(filter(str.isprintable, said.decode("utf-8", "replace")))[:most]


def _unavailable(why: str) -> ScannerError:
    return ScannerError("scanner-unavailable", why)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong on the way to the scanner, in our words."""
    try:
        yield
    except (OSError, ValueError, EOFError) as error:
        raise _unavailable(type(error).__name__) from error


class _Link:
    """A connection with one end for all that is done on it."""

    @_told()
    def __init__(self, address: str, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._socket = _connected(address)

    def __enter__(self) -> "_Link":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @_told()
    def send(self, data: bytes) -> bool:
        """False where the scanner wants no more: its answer says why."""
        self._wait()
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    @_told()
    def answer(self) -> bytes:
        """One line, without its end."""
        said = b""
        while b"\0" not in said:
            if len(said) > MAX_ANSWER:
                raise ValueError("too long")
            self._wait()
            part = self._socket.recv(MAX_ANSWER)
            if not part:
                raise EOFError
            said += part
        return said.partition(b"\0")[0].strip()

    def _wait(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


def _connected(address: str) -> socket.socket:
    kind, _, path = address.partition(":")
    if kind != "unix":
        return socket.create_connection(parsed(address), CONNECT_SECONDS)
    link = socket.socket(socket.AF_UNIX)
    try:
        link.settimeout(CONNECT_SECONDS)
        link.connect("/" + path.lstrip("/"))
    except OSError:
        link.close()
        raise
    return link
