"""The child that reads one file. Started by sandbox.py as a script, with nothing of its parent.

Reads a request (one line of JSON) from standard input and writes frames (wire.py) to what was
standard output. The guard, the kernel's walls and the limits are set before the first library is
loaded: then it has no sockets, starts no program, changes no file, and reads one document besides
the program's own files.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest.parsers.base import Limits, ParsedDocument

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
#: Files inside a file lie in memory (memfd) while they are read, and count as files for this limit.
#: No other file can be written: Landlock.
_MAX_FILE_BYTES = 128 << 20
#: Open files: what lies in memory files counts for no other limit.
_MAX_FILES = 32
#: What libraries read besides the interpreter's own folders: other libraries, character sets, time
#: zones, fonts; and what the kernel tells of this process and of memory and processors.
_READ = (
    *("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime"),
    *("/usr/share/zoneinfo", "/usr/share/fonts", "/etc/mime.types"),
    *("/proc/self", "/proc/meminfo", "/sys/devices/system/cpu"),
)


def main() -> None:
    """Confine, parse, answer. The exit status says nothing; the last frame does."""
    request = json.loads(sys.stdin.buffer.readline())
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not land between frames
    source = request["source"]
    if isinstance(source, str):
        source = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    own = tuple(sys.path)
    sys.path.insert(0, request["root"])
    from wall import guard

    guard.install("parser")
    # Ours, and before the walls: to find a room Python lists the root, which is not read afterwards.
    from ingest.parsers import wire  # noqa: F401

    _confine(request, source, own)
    _answer(request, source, channel)
    channel.close()
    os._exit(0)  # finalisers of native libraries are not worth their crashes


def _answer(request: dict[str, Any], source: int, channel: IO[bytes]) -> None:
    """Parse (or try to get out, where it is asked to prove), and write frames to `channel`."""
    from ingest.parsers import progress, wire
    from ingest.parsers.base import Limits, ParseError
    from wall import guard

    def send(kind: str, data: bytes) -> None:
        channel.write(f"{kind} {len(data)}\n".encode() + data)
        channel.flush()

    def send_refusal(line: bytes) -> bool:
        send("G", line)
        return True

    def send_progress(done: int, total: int) -> None:
        channel.write(f"P {done} {total}\n".encode())
        channel.flush()

    if request.get("prove"):
        from wall import agent

        send("R", json.dumps(agent.answer("parser", prove=True)).encode())
        return
    guard.report(send_refusal)
    progress.listen(send_progress)
    try:
        path = Path(f"/proc/self/fd/{source}")
        if request.get("unpack"):
            from ingest.parsers import unzip

            unzip.unpack(path, unzip.Bounds(**request["unpack"]), send)
            send("R", b"")
            return
        limits = Limits(**request["limits"])
        if request.get("look"):
            from ingest.parsers import view

            send("R", view.answer(path, limits, request["media_type"], request["look"]))
            return
        send("R", wire.pack(_read(path, limits, request)))
    except ParseError as error:
        send("E", wire.pack_error(error))
    except MemoryError:
        send("M", b"")


def _read(path: Path, limits: "Limits", request: dict[str, Any]) -> "ParsedDocument":
    """By the format's parser; or, where the request says how, by text recognition."""
    from ingest.parsers.base import Recognition
    from ingest.parsers.registry import picture_parser_for

    how = request.get("how")
    if how is None:
        return _parse(path, request["media_type"], limits)
    recognition = Recognition(
        tuple(how["pages"]), tuple(how["languages"]), how["tessdata"], how["page_seconds"]
    )
    return picture_parser_for(request["media_type"]).recognise(path, limits, recognition)


def _parse(path: Path, media_type: str, limits: "Limits") -> "ParsedDocument":
    from ingest.parsers.registry import parser_for

    return parser_for(media_type).parse(path, limits)


def _confine(request: dict[str, Any], source: int, own: tuple[str, ...]) -> None:
    """Bounds of the kernel, then its walls; where it has no filters, at least no network."""
    memory, cpu_seconds = request["memory_mb"] << 20, request["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # One second between the two: the soft limit's signal ends Python, the hard one ends the rest.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_FILE_BYTES, _MAX_FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_FILES, _MAX_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from wall import confine, seccomp

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if not seccomp.available() and libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    root = Path(request["root"])
    recognition = (request["how"]["tessdata"],) if request.get("how") else ()
    read = [Path(each) for each in (*own, *_READ, *recognition)]
    confine.apply("parser", read=[*read, root / "ingest", root / "wall"], descriptors=(source,))


if __name__ == "__main__":
    main()
