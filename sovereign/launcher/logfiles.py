"""The processes' logs: appended by them, rotated by size here."""

import os
import shutil
from pathlib import Path
from typing import IO

MAX_BYTES = 10_000_000
KEEP = 3


def open_log(path: Path) -> IO[bytes]:
    """Open for appending, mode 600. O_APPEND is what makes `rotate` safe under a writer."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(descriptor, "ab")


def rotate(path: Path, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> bool:
    """Copy a full log to PATH.1 (older ones move up) and empty it; its writer never notices.

    What is written between the copy and the emptying is lost: at most some lines, once in a while,
    against a reader thread per process that could stall it.
    """
    if not path.exists() or path.stat().st_size <= max_bytes:
        return False
    for number in range(keep - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    copy = path.with_name(f"{path.name}.1")
    shutil.copyfile(path, copy)
    copy.chmod(0o600)
    os.truncate(path, 0)
    return True


def tail(path: Path, lines: int = 8) -> list[str]:
    """The last lines of a log, for a person who must see why a process ended."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 16_384))
        text = file.read().decode(errors="replace")
    return [line for line in text.splitlines() if line.strip()][-lines:]
