"""The lines of refused.jsonl: where refusals wait until audit.refused takes them into the record."""

import fcntl
import json
import os
import time
from pathlib import Path
from types import FrameType
from typing import Any, Final

from wall import ownfiles

NAME: Final = "refused.jsonl"
#: The event of a line that says the opposite: a command went out, as it may (let_out).
LET_OUT: Final = "let-out"
#: A flood must not fill the disk: above this, lines are counted and the next one tells the number.
MOST_BYTES: Final = 32 << 20
_DEPTH: Final = 12
_LONGEST_LABEL: Final = 30
_MOST_LABELS: Final = 8


def plain(host: str) -> str:
    """The address without what may be smuggled in it: long labels of a name are data, most likely."""
    labels = [
        label if len(label) <= _LONGEST_LABEL else f"({len(label)} letters)"
        for label in host[:1_000].split(".")
    ]
    text = ".".join(
        labels if len(labels) <= _MOST_LABELS else [f"({len(labels)} labels)", *labels[-2:]]
    )
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in text)[:253]


def line(role: str, event: str, host: str, port: int, frame: FrameType | None) -> dict[str, Any]:
    """One refusal as it is written down. `host` went through plain()."""
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "role": role,
        "pid": os.getpid(),
        "event": event,
        "host": host,
        "port": port,
        "stack": stack(frame),
    }


def stack(frame: FrameType | None) -> list[str]:
    """Where it came from, innermost first: places in code, no values."""
    found: list[str] = []
    while frame is not None and len(found) < _DEPTH:
        module = str(frame.f_globals.get("__name__", "?"))
        found.append(f"{module}:{frame.f_code.co_qualname}:{frame.f_lineno}"[:200])
        frame = frame.f_back
    return found


def append(folder: Path, data: bytes) -> bool:
    """False: the file is full. The lock and the second look: audit.refused takes the file away."""
    path = folder / NAME
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        descriptor = ownfiles.opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            here = os.fstat(descriptor)
            try:
                there = path.stat()
            except FileNotFoundError:
                continue
            if here.st_ino != there.st_ino:
                continue
            if here.st_size > MOST_BYTES:
                return False
            return os.write(descriptor, data) == len(data)
        finally:
            os.close(descriptor)


def let_out(folder: Path, what: str) -> None:
    """Write down that a program is started which may go outside: the command that fetches models.

    `what` is a fixed word of ours. Raises OSError where it cannot be written: then it must not go.
    """
    said = line("command", LET_OUT, what, 0, None)
    append(folder, json.dumps(said).encode() + b"\n")
