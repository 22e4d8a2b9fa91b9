"""Where the original bytes lie (by id, never by a name that somebody chose), and how they are read.

Encrypted and plain originals lie together: the beginning of a file says which it is.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from audit import belonging
from ingest import keys, vault
from ingest.models import Document, Transfer
from ingest.vault import Unreadable

log = structlog.get_logger(__name__)

#: Nobody writes to what a child reads, nor makes it shorter under its hands: fcntl(2).
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
_MEMFD_NAME = "original"

#: Longer than any upload takes.
FORGOTTEN_AFTER = timedelta(hours=24)


def incoming_dir() -> Path:
    """Where files lie until they are taken or refused."""
    return Path(settings.MEDIA_ROOT) / "incoming"


def originals_dir() -> Path:
    return Path(settings.MEDIA_ROOT) / "originals"


def open_original(document: Document) -> BinaryIO:
    """The plain bytes of an original, from any place; close it. Raises Unreadable, now or in read().

    An original that has a key and lies there in plain bytes was put there by nobody of ours, or its
    encryption was interrupted: its hash tells.
    """
    try:
        file = Path(document.file.path).open("rb")  # noqa: SIM115 (the caller closes it)
    except FileNotFoundError as error:
        raise Unreadable("original-missing") from error
    try:
        if vault.is_encrypted(file.read(len(vault.MAGIC))):
            return vault.reader(file, keys.load(document.id), document.id)
        if keys.key_path(document.id).exists():
            _require_hash(file, document)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _require_hash(file: BinaryIO, document: Document) -> None:
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(vault.SEGMENT):
        digest.update(part)
    if digest.hexdigest() != document.sha256:
        raise Unreadable("original-damaged")


def open_whole_original(document: Document) -> BinaryIO:
    """The same, read once to its end: no byte of a damaged one is sent, and nothing is raised later."""
    file = open_original(document)
    try:
        if isinstance(file, vault.Reader):
            while file.read(vault.SEGMENT):
                pass
            file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


@contextmanager
def descriptor(document: Document) -> Iterator[int]:
    """An open descriptor with the plain bytes of an original, for a child process.

    Of an encrypted one they lie in memory (memfd_create(2)), have no name, can be changed by nobody
    (sealed), and are gone with the last descriptor. Raises Unreadable.
    """
    with open_original(document) as file:
        if not isinstance(file, vault.Reader):
            yield file.fileno()
            return
        memory = os.memfd_create(_MEMFD_NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with os.fdopen(memory, "wb") as target:
            shutil.copyfileobj(file, target, vault.SEGMENT)
            target.flush()
            fcntl.fcntl(target, fcntl.F_ADD_SEALS, _SEALS)
            yield target.fileno()


def remove_original(document: Document) -> None:
    """Destroy the key of an original, then the file. What is not there is no error.

    From the first step on, every copy of the encrypted file is unreadable for good.
    """
    with keys.lock():
        keys.destroy(document.id)
        Path(document.file.path).unlink(missing_ok=True)


def leftovers(age: timedelta = FORGOTTEN_AFTER) -> list[Path]:
    """What crashes left longer ago: unfinished uploads, originals and keys that no document knows."""
    oldest = (timezone.now() - age).timestamp()
    folders = [(incoming_dir(), "*"), (originals_dir(), "*/*"), (keys.keys_dir(), "??/*")]
    old = [
        file for folder, inside in folders for file in folder.glob(inside) if _is_old(file, oldest)
    ]
    known = (
        {
            pk.hex
            for table in (Document, Transfer)
            for pk in table._default_manager.values_list("id", flat=True).iterator()
        }
        if old
        else set()
    )
    return [file for file in old if file.parent == incoming_dir() or file.name not in known]


def remove_leftovers(age: timedelta = FORGOTTEN_AFTER) -> int:
    """Remove these. Returns how many. None while this may be another folder's database."""
    found = leftovers(age)
    if found and belonging.doubtful():
        log.error("files.kept", files=len(found), reason="the database may be another folder's")
        return 0
    with keys.lock():
        for file in found:
            _remove_leftover(file)
    return len(found)


def _is_old(file: Path, oldest: float) -> bool:
    with suppress(FileNotFoundError):
        return file.is_file() and file.stat().st_mtime < oldest
    return False


def _remove_leftover(file: Path) -> None:
    if file.is_relative_to(keys.keys_dir()):
        with suppress(ValueError):  # the draft of a key has another name
            keys.destroy(UUID(file.name))
    file.unlink(missing_ok=True)
