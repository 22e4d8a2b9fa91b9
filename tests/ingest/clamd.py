"""Two scanners for tests: a small server that speaks clamd's protocol, and a real clamd."""

import contextlib
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tests.live import answers

CLAMD = shutil.which("clamd") or "/usr/sbin/clamd"
#: What the real one looks for: no real malware, and not EICAR, which other scanners remove.
MARK = b"SOVEREIGN-TEST-SIGNATURE-7261"


@dataclass
class Small:
    """Answers `answer` to each file; keeps what came. `limit`: bytes after which it wants no more."""

    address: str
    answer: bytes = b"stream: OK\0"
    limit: int | None = None
    silent: bool = False
    received: list[bytes] = field(default_factory=list)


@contextmanager
def small(folder: Path, *, tcp: bool = False) -> Iterator[Small]:
    with socket.socket(socket.AF_INET if tcp else socket.AF_UNIX) as listener:
        if tcp:
            listener.bind(("127.0.0.1", 0))
            server = Small(f"127.0.0.1:{listener.getsockname()[1]}")
        else:
            listener.bind(str(folder / "s"))
            server = Small(f"unix:{folder / 's'}")
        listener.listen()
        over = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, server, over), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listener: socket.socket, server: Small, over: threading.Event) -> None:
    while not over.is_set():
        try:
            link, _ = listener.accept()
        except OSError:
            return
        with link, contextlib.suppress(OSError, EOFError):
            _speak(link, server)
            while server.silent and not over.wait(0.01):
                pass


def _speak(link: socket.socket, server: Small) -> None:
    stream = link.makefile("rb")
    command = b""
    while not command.endswith(b"\0"):
        command += _taken(stream, 1)
    if command == b"zVERSION\0":
        link.sendall(b"ClamAV 1.4.3/27000/Sat Nov 28 2026\0")
        return
    assert command == b"zINSTREAM\0"
    data = b""
    while size := struct.unpack(">I", _taken(stream, 4))[0]:
        data += _taken(stream, size)
        if server.limit is not None and len(data) > server.limit:
            link.sendall(b"INSTREAM size limit exceeded. ERROR\0")
            return
    server.received.append(data)
    if not server.silent:
        link.sendall(server.answer)


def _taken(stream: BinaryIO, size: int) -> bytes:
    """Who hangs up in the middle ends it, or the end of the test would wait for ever."""
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


@contextmanager
def real(folder: Path, *, limit: str = "1M") -> Iterator[str]:
    """A clamd of Debian's package with one signature of ours: the address."""
    (folder / "db").mkdir(parents=True)
    (folder / "db" / "own.ndb").write_text(f"Own.Test.Mark:0:*:{MARK.hex()}\n")
    config = folder / "clamd.conf"
    config.write_text(
        f"LocalSocket {folder / 'c'}\nDatabaseDirectory {folder / 'db'}\nForeground yes\n"
        f"TemporaryDirectory {folder}\nStreamMaxLength {limit}\nLogFile {folder / 'log'}\n"
    )
    command = [CLAMD, "--config-file", str(config)]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        # Its socket is there before it listens.
        while not answers(str(folder / "c")):
            assert process.poll() is None, (folder / "out").read_text()
            time.sleep(0.05)
        yield f"unix:{folder / 'c'}"
    finally:
        process.kill()
        process.wait()
