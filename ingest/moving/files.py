"""Files of exports and imports: by id, encrypted as originals are, in a folder of their own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Q

from audit import belonging
from ingest import keys, vault
from ingest.held import held, left_behind
from ingest.models import Transfer
from ingest.vault import Unreadable

WITH_FILES = (Transfer.Status.QUEUED, Transfer.Status.RUNNING, Transfer.Status.ASKING)


def folder() -> Path:
    return Path(settings.DATA_DIR) / "transfers"


def _path(pk: UUID) -> Path:
    return folder() / pk.hex


class Draft:
    """A file that is being written; nothing of it is left where keep() is not called."""

    def __init__(self, pk: UUID, file: BinaryIO, place: Path) -> None:
        self._pk, self._file, self._place = pk, file, place
        self._key = vault.new_key() if settings.ENCRYPT_ORIGINALS else None
        self._writer = vault.Writer(file, self._key, pk) if self._key else None

    def write(self, data: bytes) -> None:
        (self._writer or self._file).write(data)

    def keep(self) -> None:
        """Put it in its place, in the transaction that says so. Raises Unreadable, OSError."""
        if self._writer:
            self._writer.finish()
        self._file.flush()
        os.fsync(self._file.fileno())
        with keys.lock():
            if self._key:
                keys.save(self._key, self._pk)
            self._place.replace(_path(self._pk))


@contextmanager
def writing(pk: UUID) -> Iterator[Draft]:
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    place = folder() / f"{pk.hex}.{uuid4().hex}"
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file, held(place):
            yield Draft(pk, file, place)
    finally:
        place.unlink(missing_ok=True)


def opened(pk: UUID) -> BinaryIO:
    """The plain bytes, from any place; close it. Raises Unreadable."""
    try:
        file = _path(pk).open("rb")
    except FileNotFoundError as error:
        raise Unreadable("original-missing") from error
    try:
        if vault.is_encrypted(file.read(len(vault.MAGIC))):
            return vault.reader(file, keys.load(pk), pk)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def remove(pk: UUID) -> None:
    """Destroy its key, then the file, and what is half written. What is not there is no error."""
    with keys.lock():
        keys.destroy(pk)
        for file in folder().glob(f"{pk.hex}*"):
            file.unlink(missing_ok=True)


def remove_leftovers() -> int:
    """Files that no transfer has any more, nor puts into its place right now: of an export there is one when
    it is done. Drafts that a crash left: ingest/abandoned.py. Returns how many went."""
    whole = [file for file in folder().glob("*") if "." not in file.name]
    free = left_behind(whole, 0)
    # Asked after that: who puts one there holds it until the database says so.
    having = Q(kind=Transfer.Kind.IMPORT, status__in=WITH_FILES) | Q(status=Transfer.Status.DONE)
    kept = {pk.hex for pk in Transfer.objects.filter(having).values_list("pk", flat=True)}
    strays = [file for file in free if file.name not in kept]
    if strays and belonging.doubtful():
        return 0
    for file in strays:
        file.unlink(missing_ok=True)
    return len(strays)
