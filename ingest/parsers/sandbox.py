"""Runs one parser in a process of its own, so that a hostile file costs one file.

A fresh interpreter, not a fork: it shares no memory with the worker (keys, connections), no locks
of its threads, and Celery's daemonic children may start it. It costs about 0.1 CPU seconds.
"""

import contextlib
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from ingest.parsers import wire
from ingest.parsers.base import Limits, ParsedDocument, ParseError, Recognition
from ingest.parsers.frames import NOBODY, Frames, Told
from ingest.parsers.registry import FALLBACKS

_ROOT = Path(__file__).resolve().parent.parent.parent
_CHILD = Path(__file__).with_name("child.py")
#: Nothing of the worker's environment: it holds secrets.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
_READ_BYTES = 1 << 18
#: Bytes of a result for each allowed character: four in UTF-8, twice for the cells of tables.
_BYTES_PER_CHAR = 8
_MIN_RESULT_BYTES = 16 << 20
#: Share of the memory limit that must have been touched for a fatal signal to mean "out of memory".
_NEAR_LIMIT = 0.6
_EXIT_SECONDS = 2.0
#: A child that says nothing for this long: is its document still wanted?
_CHECK_SECONDS = 1.0
_PROVE_SECONDS, _PROVE_MB = 30, 1024


def parse_isolated(
    source: Path | int,
    media_type: str,
    limits: Limits,
    *,
    cpu_seconds: int,
    wall_seconds: int,
    memory_mb: int,
    told: Told = NOBODY,
) -> ParsedDocument:
    """Parse `source` in a child process. `told` hears of progress and of attempts to call out.

    `source` is a path, or an open descriptor of a file that may have no name (memfd, O_TMPFILE,
    unlinked): the child reads it from its start, whatever its position, which stays as it is.
    Raises the parser's ParseError, or `parse-timeout`, `parse-memory`, `parse-crashed`. The child
    and all that it started are gone when this returns. A file that breaks the child is given to
    the format's second reader, if it has one, within the same bounds again.
    """
    bounds = Bounds(cpu_seconds, wall_seconds, memory_mb)
    try:
        return _parse_once(source, media_type, limits, bounds, told)
    except ParseError as error:
        if error.code != "parse-crashed" or media_type not in FALLBACKS:
            raise
    return _parse_once(source, FALLBACKS[media_type], limits, bounds, told)


def recognise_isolated(
    source: Path | int,
    media_type: str,
    limits: Limits,
    how: Recognition,
    *,
    wall_seconds: int,
    memory_mb: int,
    told: Told = NOBODY,
) -> ParsedDocument:
    """Read the pages of `how` by text recognition, in a child process like any parse.

    The same source, errors and promises as parse_isolated; `how.page_seconds` of CPU for each page.
    """
    bounds = Bounds(max(1, len(how.pages)) * how.page_seconds, wall_seconds, memory_mb)
    return _parse_once(source, media_type, limits, bounds, told, {"how": asdict(how)})


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one child."""

    cpu_seconds: int
    wall_seconds: int
    memory_mb: int


def _parse_once(
    source: Path | int,
    media_type: str,
    limits: Limits,
    bounds: Bounds,
    told: Told,
    more: Mapping[str, object] = MappingProxyType({}),
) -> ParsedDocument:
    request = {
        "source": source if isinstance(source, int) else str(source.resolve()),
        "media_type": media_type,
        "limits": asdict(limits),
        **more,
    }
    frames = Frames(max(_MIN_RESULT_BYTES, _BYTES_PER_CHAR * limits.max_chars), told.progress)
    try:
        return wire.unpack(ask(request, frames, bounds, told), limits)
    except ValueError as error:
        raise crashed() from error


def ask(request: dict[str, Any], frames: Frames, bounds: Bounds, told: Told) -> bytes:
    """Ask a child of its own for one thing: its answer, not trusted.

    Raises the child's ParseError, or `parse-timeout`, `parse-memory`, `parse-crashed`. The child is gone
    when this returns.
    """
    try:
        in_time, status, usage = _ask_child(request, frames, bounds, told.check)
    finally:
        if frames.refusals and told.refused is not None:
            told.refused(frames.refused())
    if not in_time:
        raise _timeout(f"{bounds.wall_seconds} seconds")
    return _answer(frames, status, usage, bounds)


def _ask_child(
    request: dict[str, Any],
    frames: "Frames",
    bounds: Bounds,
    check: Callable[[], None] | None = None,
) -> tuple[bool, int, resource.struct_rusage]:
    """Start a child, ask it one thing, end it: (did it answer in time, its status, what it used)."""
    source = request["source"]
    bounded = {"cpu_seconds": bounds.cpu_seconds, "memory_mb": bounds.memory_mb}
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=_ENVIRONMENT,
        pass_fds=(source,) if isinstance(source, int) else (),
        start_new_session=True,
    )
    try:
        line = json.dumps({**request, **bounded, "root": str(_ROOT)})
        frames.pid = child.pid
        deadline = time.monotonic() + bounds.wall_seconds
        in_time = _converse(child, line, frames, deadline, check)
        _await_exit(child.pid, _EXIT_SECONDS if in_time and not frames.finished else 0)
    finally:
        status, usage = _end(child)
    return in_time, status, usage


def prove() -> dict[str, Any]:
    """What a reader's child says of its confinement, and how its own attempts to get out ended.

    The child is started and confined as for any document, but has none: see wall.agent.answer for
    what comes back (role "parser"). Raises ParseError `parse-crashed` where it says nothing.
    """
    frames = Frames(_MIN_RESULT_BYTES, None)
    request = {"source": os.devnull, "prove": True}
    _ask_child(request, frames, Bounds(_PROVE_SECONDS, 2 * _PROVE_SECONDS, _PROVE_MB))
    if not frames.finished or frames.broken or frames.kind != "R":
        raise crashed()
    answer = json.loads(frames.body)
    if not isinstance(answer, dict):
        raise crashed()
    return answer


def _converse(
    child: subprocess.Popen[bytes],
    request: str,
    frames: Frames,
    deadline: float,
    check: Callable[[], None] | None,
) -> bool:
    """Send the request and read until the answer or the end. False: the time ran out."""
    if child.stdin is None or child.stdout is None:
        raise crashed()
    with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
        pipe.write(request.encode() + b"\n")
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while not frames.finished:
            left = deadline + frames.paused - time.monotonic()
            if left <= 0:
                return False
            if selector.select(min(left, _CHECK_SECONDS)):
                if not _read_once(child.stdout, frames):
                    return True
            elif check is not None:
                check()
    return True


def _read_once(pipe: IO[bytes], frames: Frames) -> bool:
    data = os.read(pipe.fileno(), _READ_BYTES)
    frames.feed(data)
    return bool(data)


def _await_exit(pid: int, seconds: float) -> None:
    """Give a child that closed its pipe without an answer the time to die of what it dies of."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
            return
        time.sleep(0.01)


def _end(child: subprocess.Popen[bytes]) -> tuple[int, resource.struct_rusage]:
    """Kill the whole group, reap the child: its exit code (negative: signal) and what it used."""
    # The child is not reaped yet, so its id is still its own and names its group.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.stdout is not None:
        child.stdout.close()
    return child.returncode, usage


def _answer(frames: Frames, status: int, usage: resource.struct_rusage, bounds: Bounds) -> bytes:
    if frames.finished and not frames.broken:
        if frames.kind == "M":
            raise _memory(bounds.memory_mb)
        if frames.kind == "R":
            return bytes(frames.body)
        try:
            raise wire.unpack_error(bytes(frames.body))
        except ValueError as error:
            raise crashed() from error
    if status == -signal.SIGXCPU or usage.ru_utime + usage.ru_stime >= bounds.cpu_seconds:
        raise _timeout(f"{bounds.cpu_seconds} CPU seconds")
    if status < 0 and _touched(usage) >= _NEAR_LIMIT * bounds.memory_mb * 1024:
        raise _memory(bounds.memory_mb)
    if status == -signal.SIGKILL and not frames.broken:
        # Nobody here killed it before its end: the kernel ran out of memory.
        raise _memory(bounds.memory_mb, permanent=False)
    raise crashed()


def _touched(usage: resource.struct_rusage) -> int:
    """Kilobytes that the child had in memory at most; 0 where that cannot be told.

    The kernel starts the count with the size of the process that started it: getrusage(2).
    """
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage.ru_maxrss if usage.ru_maxrss > ours else 0


def _timeout(limit: str) -> ParseError:
    return ParseError(
        "parse-timeout",
        f"Reading the file took more than {limit}. Split it, or save it anew in another format.",
    )


def _memory(memory_mb: int, *, permanent: bool = True) -> ParseError:
    return ParseError(
        "parse-memory",
        f"Reading the file took more than {memory_mb:,} MB of memory. Split it, or change its format.",
        permanent=permanent,
    )


def crashed() -> ParseError:
    return ParseError(
        "parse-crashed",
        "The reader broke on the file, which is damaged or unusual. Save it anew and try again.",
    )
