"""What a process writes to is held by a lock of the kernel, which goes with the process: what a kill left
is known at once. No Django."""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Seconds between making a file and holding it, at most.
YOUNG = 2.0


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a file or a folder, under whatever name it has later."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Some network shares know no locks: there nothing is ever taken for left behind.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def left_behind(paths: Iterable[Path], young: float = YOUNG) -> list[Path]:
    """Those that nobody holds."""
    return [path for path in paths if _is_left(path, young)]


def _is_left(path: Path, young: float) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if time.time() - os.fstat(descriptor).st_mtime < young:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
