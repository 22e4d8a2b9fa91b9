"""Runs a program with its output in a log file and its progress on the screen."""

import os
import re
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tell import SetupError, Teller, duration

Progress = Callable[[str], str | None]
_SEPARATORS = re.compile(rb"[\r\n]+")


def run_logged(
    command: Sequence[str | Path],
    *,
    log: Path,
    teller: Teller,
    failure: str,
    env: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    cwd: Path | None = None,
) -> None:
    """Run `command`; raise SetupError(`failure`) with the last lines of its output when it fails.

    `progress` turns a line of output into a short text of how far it is, or None to keep the last.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    # Processes of the product can write there, and this runs outside the wall: no link is followed.
    opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    with os.fdopen(opened, "ab", buffering=0) as sink:
        sink.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        try:
            code, tail = _follow(command, sink.write, teller, env, progress, cwd)
        except OSError as error:
            raise SetupError(f"{failure} ({error.strerror}: {command[0]}).") from error
    if code != 0:
        for line in tail:
            teller.note(line)
        raise SetupError(f"{failure} Everything that it printed is in {log}.")


def _follow(
    command: Sequence[str | Path],
    keep: Callable[[bytes], object],
    teller: Teller,
    env: Mapping[str, str] | None,
    progress: Progress | None,
    cwd: Path | None,
) -> tuple[int, list[str]]:
    started = time.monotonic()
    how_far, rest, tail = "", b"", list[str]()
    process = subprocess.Popen(  # noqa: S603 (fixed commands, no shell)
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )
    try:
        for chunk in _chunks(process):
            keep(chunk)
            *lines, rest = _SEPARATORS.split(rest + chunk)
            for line in (raw.decode(errors="replace").strip() for raw in lines):
                if line:
                    tail = [*tail[-11:], line]
                    how_far = (progress(line) if progress else None) or how_far
            teller.progress(
                ", ".join(filter(None, (how_far, duration(time.monotonic() - started))))
            )
        return process.wait(), tail
    finally:
        end(process)


def _chunks(process: "subprocess.Popen[bytes]") -> Iterator[bytes]:
    """Yield output as it comes, and b"" about once a second, until the program closes it."""
    assert process.stdout is not None  # noqa: S101 (opened as a pipe above)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(timeout=1.0):
                yield b""
                continue
            chunk = os.read(process.stdout.fileno(), 65_536)
            if not chunk:
                return
            yield chunk


def end(process: "subprocess.Popen[bytes]") -> None:
    """Leave nothing running when the set-up is interrupted."""
    if process.stdout:
        process.stdout.close()
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
