"""What `manage.py encrypt_originals` does: old plain originals, and a new master key.

Both may be killed at any point and started again; both go on while the product runs.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from ingest import keys, vault
from ingest.models import Document
from ingest.vault import Unreadable


@dataclass
class Count:
    """Of originals or keys: what was done, what needed nothing, what could not be read."""

    done: int = 0
    left: int = 0
    failed: int = 0


def encrypt_all() -> Iterator[tuple[Document, str]]:
    """Encrypt each plain original. Yields every document with `done`, `left`, or a code.

    Raises MasterKeyError.
    """
    keys.masters()
    for document in Document.objects.exclude(status=Document.Status.ERASING).iterator():
        try:
            yield document, "done" if encrypt_one(document) else "left"
        except Unreadable as error:
            yield document, error.code


def encrypt_one(document: Document) -> bool:
    """Encrypt one original; False where it is encrypted, or goes away meanwhile.

    The new file takes the old one's place in one step and only when it was read back: at every
    moment one of the two is there, whole. Raises Unreadable.
    """
    place = Path(document.file.path)
    draft = place.with_name(f"{place.name}.{secrets.token_hex(8)}")
    key = vault.new_key()
    try:
        with place.open("rb") as plain:
            if vault.is_encrypted(plain.read(len(vault.MAGIC))):
                return False
            _write(plain, draft, key, document.id)
            _require_same(draft, key, document)
            return _take_place(plain.fileno(), draft, key, document)
    except FileNotFoundError as error:
        raise Unreadable("original-missing") from error
    finally:
        draft.unlink(missing_ok=True)


def _write(plain: BinaryIO, draft: Path, key: bytes, pk: UUID) -> None:
    plain.seek(0)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        writer = vault.Writer(target, key, pk)
        while part := plain.read(vault.SEGMENT):
            writer.write(part)
        writer.finish()
        target.flush()
        os.fsync(target.fileno())


def _require_same(draft: Path, key: bytes, document: Document) -> None:
    """What was written is what was uploaded, read back from the disk."""
    digest = hashlib.sha256()
    with vault.reader(draft.open("rb"), key, document.id) as written:
        while part := written.read(vault.SEGMENT):
            digest.update(part)
    if digest.hexdigest() != document.sha256:
        raise Unreadable("original-damaged")


def _take_place(plain: int, draft: Path, key: bytes, document: Document) -> bool:
    place = Path(document.file.path)
    with keys.lock(alone=True):
        # Erased, or encrypted by another run, while we wrote.
        if not place.exists() or not os.path.samestat(place.stat(), os.fstat(plain)):
            return False
        keys.save(key, document.id)
        draft.replace(place)
    return True


def rotate() -> Count:
    """Wrap every key by the first master key; make a new one first where the file is ours.

    The older master keys go from our file at the end, unless a key could not be opened. Where the
    key comes from elsewhere, its first line is the new one. Raises MasterKeyError.
    """
    with keys.lock(alone=True):
        ring = keys.masters()
        if keys.makes_its_own() and len(ring) == 1:
            keys.write_masters([vault.new_key(), *ring])
    count = Count()
    first = keys.master_id(keys.masters()[0])
    for pk, data in keys.wrapped():
        _count(count, pk, data, first)
    if keys.makes_its_own() and not count.failed:
        with keys.lock(alone=True):
            keys.write_masters(keys.masters()[:1])
    return count


def _count(count: Count, pk: UUID, data: bytes, first: str) -> None:
    if keys.wrapped_by(data) == first:
        count.left += 1
        return
    try:
        count.done += _rewrap(pk)
    except Unreadable:
        count.failed += 1


def _rewrap(pk: UUID) -> bool:
    """One key anew; False where it was erased meanwhile."""
    with keys.lock(alone=True):
        if not keys.key_path(pk).exists():
            return False
        keys.save(keys.load(pk), pk)
    return True
