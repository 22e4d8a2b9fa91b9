"""The folder of sockets and process state. The kernel takes 107 bytes for a Unix socket's path."""

import hashlib
import os
import tempfile
from pathlib import Path

LONGEST_SOCKET_PATH = 107
_LONGEST_NAME = len("/valkey.sock")


def run_dir(data_dir: Path, runtime: str = "") -> Path:
    """Return `data_dir`/run, or a short private folder of this user where that path is too long.

    `runtime` is XDG_RUNTIME_DIR or "". Every process of one installation computes the same folder.
    """
    inside = data_dir / "run"
    if len(os.fsencode(inside)) + _LONGEST_NAME <= LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    base = Path(runtime) if runtime and Path(runtime).is_dir() else Path(tempfile.gettempdir())
    return base / f"sovereign-{os.getuid()}-{digest}"


def make_private(folder: Path) -> None:
    """Make `folder` with mode 700; refuse one in a shared place that somebody else made first."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = folder.lstat()
    if folder.is_symlink() or about.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    folder.chmod(0o700)
