"""The processes' logs: appended by them, rotated by size here.

They lie in a folder that the processes can change, and this is done outside the wall: no link that one
of them lays there is followed (wall/ownfiles.py).
"""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import IO

from wall import ownfiles

MAX_BYTES = 10_000_000
KEEP = 3


def open_log(path: Path) -> IO[bytes]:
    """Open for appending, mode 600. O_APPEND is what makes `rotate` safe under a writer."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(ownfiles.opened(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab")


def rotate(path: Path, max_bytes: int = MAX_BYTES, keep: int = KEEP) -> bool:
    """Copy a full log to PATH.1 (older ones move up) and empty it; its writer never notices.

    What is written between the copy and the emptying is lost: at most some lines, once in a while,
    against a reader thread per process that could stall it.
    """
    try:
        place = ownfiles.folder(path.parent)
    except OSError:
        return False
    try:
        with os.fdopen(ownfiles.opened(path, os.O_RDWR, within=place), "r+b") as log:
            if os.fstat(log.fileno()).st_size <= max_bytes:
                return False
            _move_up(path.name, keep, place)
            copy = ownfiles.opened(
                path.with_name(f"{path.name}.1"),
                os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                within=place,
            )
            with os.fdopen(copy, "wb") as target:
                shutil.copyfileobj(log, target)
            log.truncate(0)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in (errno.ELOOP, None):
            return False  # no log of ours: opened anew, it is one again
        raise
    finally:
        os.close(place)
    return True


def _move_up(name: str, keep: int, place: int) -> None:
    for number in range(keep - 1, 0, -1):
        with suppress(FileNotFoundError):
            names = f"{name}.{number}", f"{name}.{number + 1}"
            os.rename(*names, src_dir_fd=place, dst_dir_fd=place)


def tail(path: Path, lines: int = 8) -> list[str]:
    """The last lines of a log, for a person who must see why a process ended."""
    try:
        with os.fdopen(ownfiles.opened(path, os.O_RDONLY), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
