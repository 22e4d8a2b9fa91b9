"""A file on its way in: on our disk, hashed, encrypted where it has a key, gone where it is not kept."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.base import File
from django.utils.translation import gettext as _

from audit.problems import Problem
from ingest import keys, vault
from ingest.files import incoming_dir
from ingest.held import held
from ingest.reasons import sentence

STATUS = {
    "file-too-large": 413,
    "scanner-limit": 413,
    "disk-full": 507,
    "key-missing": 503,
    "scanner-unavailable": 503,
}


class UploadRefused(Problem):
    """A file that is not taken. `code` is stable; `detail` says what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(STATUS.get(code, 422), code, detail)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file on its way: on our disk, with a name of ours; encrypted where it has a key.

    Until it is kept the key is in this process's memory alone: what a crash leaves is noise.
    """

    place: Path
    size: int
    sha256: str
    key: bytes | None


@contextmanager
def received(file: "File[bytes]", pk: UUID) -> Iterator[Incoming]:
    """Copy the file to our disk while hashing it; whatever is left there is removed at the end."""
    _require_size(file.size or 0)
    place = incoming_dir() / uuid4().hex
    key = _key()
    try:
        with disk():
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.touch(0o600, exist_ok=False)
        with held(place):
            with disk():
                incoming = Incoming(place, *_copied(file, place, key, pk), key)
            yield incoming
    finally:
        place.unlink(missing_ok=True)


def _key() -> bytes | None:
    """A key for one file, or None where files stay plain. Fails before the file comes, not after."""
    if not settings.ENCRYPT_ORIGINALS:
        return None
    with key_errors(), disk():
        keys.masters()
    return vault.new_key()


@contextmanager
def key_errors() -> Iterator[None]:
    """Turn a missing key of keys into UploadRefused."""
    try:
        yield
    except vault.Unreadable as error:
        raise UploadRefused(error.code, sentence(error.code)) from error


def _copied(file: "File[bytes]", place: Path, key: bytes | None, pk: UUID) -> tuple[int, str]:
    """Write the file, encrypted where there is a key. Returns its own size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    descriptor = os.open(place, os.O_WRONLY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "wb") as target:
        writer = vault.Writer(target, key, pk) if key else None
        for part in file.chunks():
            size += len(part)
            _require_size(size)
            digest.update(part)
            (writer or target).write(part)
        if writer:
            writer.finish()
        target.flush()
        os.fsync(target.fileno())
    return size, digest.hexdigest()


def _require_size(size: int) -> None:
    if size > settings.MAX_UPLOAD_MB * 1_000_000:
        raise UploadRefused(
            "file-too-large",
            _(
                "The file is larger than %(limit)s MB. Split it, or ask an administrator to raise the limit."
            )
            % {"limit": settings.MAX_UPLOAD_MB},
        )


@contextmanager
def disk() -> Iterator[None]:
    """Turn a full disk into UploadRefused."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UploadRefused(
            "disk-full", _("The disk is full. Ask an administrator to make room, then try again.")
        ) from error


@contextmanager
def plain(incoming: Incoming, pk: UUID) -> Iterator[BinaryIO]:
    """The plain bytes, decrypted piece by piece in memory."""
    with incoming.place.open("rb") as opened:
        yield vault.reader(opened, incoming.key, pk) if incoming.key else opened
