"""One launcher per data folder: two owners of the vector store would destroy it."""

import fcntl
import os
from pathlib import Path
from typing import IO

from sovereign.launcher.errors import LaunchError
from wall import ownfiles


def take(path: Path) -> IO[str]:
    """Lock `path` until the returned file is closed or the process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = ownfiles.opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    file = os.fdopen(descriptor, "a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise LaunchError(
            f"Sovereign already runs from this data folder (launcher process {owner}): end that "
            "one first, or set SOVEREIGN_DATA_DIR to another folder."
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
