"""What Chroma leaves on the disk: folders of indexes that are gone, and free pages of its database.

Its server deletes neither. Both are taken away while it runs: it opens no folder whose segment its
database does not have, and SQLite lets several programs at one file.
"""

import re
import shutil
import sqlite3
import stat
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

_SEGMENT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: The server may be writing.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Cleaned:
    folders: int = 0
    bytes: int = 0


def folder() -> Path | None:
    """Chroma's folder, where it is one of ours; None where a setting moved it away, or it is empty."""
    place = Path(settings.CHROMA_DIR) if settings.CHROMA_DIR else None
    return place if place and (place / "chroma.sqlite3").is_file() else None


def strays() -> list[Path]:
    """Folders of indexes that Chroma does not have any more."""
    place = folder()
    if place is None:
        return []
    # The folders first: one that is made meanwhile has its row already.
    found = [path for path in place.iterdir() if path.is_dir() and _SEGMENT.fullmatch(path.name)]
    with closing(_opened(place)) as database:
        alive = {str(pk) for (pk,) in database.execute("SELECT id FROM segments")}
    return [path for path in found if path.name not in alive]


def clean() -> Cleaned | None:
    """Remove such folders, then write the database anew without its free pages. None: nothing of it is
    here. Raises OSError, sqlite3.Error."""
    place = folder()
    if place is None:
        return None
    before, gone = _size(place), strays()
    for path in gone:
        shutil.rmtree(path)
    with closing(_opened(place)) as database:
        database.execute("PRAGMA secure_delete = ON")
        database.execute("VACUUM")
    cleaned = Cleaned(len(gone), max(0, before - _size(place)))
    log.info("vectors.files.cleaned", folders=cleaned.folders, bytes=cleaned.bytes)
    return cleaned


def _opened(place: Path) -> sqlite3.Connection:
    return sqlite3.connect(place / "chroma.sqlite3", timeout=_PATIENCE, isolation_level=None)


def _size(place: Path) -> int:
    """Bytes of its files; a journal of Chroma's may go between two looks."""
    total = 0
    for path in place.rglob("*"):
        with suppress(FileNotFoundError):
            found = path.lstat()
            total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total
