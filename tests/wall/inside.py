"""Rooms for tests, and programs that run in them, as this user and, where root runs the tests, as nobody."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from wall.hosts import LOOPBACK
from wall.room import NoRoom, Plan, Room

ROOT = Path(__file__).resolve().parent.parent.parent
NOBODY = 65_534
HOSTS = "".join(f"{line}\n" for line in LOOPBACK)


def plan(folder: Path, **fields: Any) -> Plan:
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    about = {
        "hosts": HOSTS,
        "addresses": [],
        "keep": [str(folder), str(ROOT), sys.prefix, sys.base_prefix],
        "write": [str(folder)],
        "temporary": str(temporary),
    }
    return Plan(**{**about, **fields})


@contextmanager
def room(folder: Path, **fields: Any) -> Iterator[Room]:
    """A room, or a loud skip where the kernel has none for this user."""
    try:
        made = Room(plan(folder, **fields))
    except NoRoom as error:
        pytest.skip(f"NO NAMESPACE HERE: {error.why} ({error})")
    try:
        yield made
    finally:
        made.close()


def run(
    room: Room, program: str, *arguments: str, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a Python text inside, as the launcher starts a process."""
    return subprocess.run(
        [sys.executable, "-I", "-c", program, *arguments],
        preexec_fn=lambda: room.enter(str(folder) if folder else None),
        capture_output=True,
        text=True,
        check=False,
    )


def said(room: Room, program: str, *arguments: str) -> Any:
    """What a Python text printed inside, as JSON."""
    ended = run(room, program, *arguments)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def copy_for_nobody(folder: Path) -> Path:
    """The room's sources where every user can read them: a checkout may lie in root's home."""
    copied = folder / "wall"
    shutil.copytree(ROOT / "wall", copied, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def python_of_all() -> str:
    """A Python that every user may run, or a loud skip."""
    for name in ("python3.11", "python3", "python3.12"):
        for place in ("/usr/bin", "/usr/local/bin"):
            found = Path(place, name)
            if found.exists() and os.access(found, os.X_OK):
                return str(found)
    pytest.skip("NO PYTHON FOR ORDINARY USERS: /usr/bin has none")


def for_nobody(folder: Path) -> Path:
    """A data folder of user `NOBODY` below a folder of pytest's, which others may walk through."""
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.getuid() and "pytest" in str(path):
            path.chmod(0o711)
    data = folder / "data"
    data.mkdir()
    os.chown(data, NOBODY, NOBODY)
    return data
