"""An archive under a passphrase: AES-256-GCM in segments (ingest/vault.py), its key from scrypt (RFC 7914).

magic "SOVARC\\0" | version 1 | log2 of N, r, p (a byte each) | salt (16) | what ingest/vault.py writes
"""

import io
import os
from typing import BinaryIO
from uuid import UUID

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ingest import vault
from ingest.moving.archive import ArchiveError
from ingest.vault import Unreadable

MAGIC = b"SOVARC\0\x01"
#: 128 MB and a third of a second for each guess.
LOG_N, R, P = 17, 8, 1
_SALT = 16
HEADER = len(MAGIC) + 3 + _SALT
#: The vault binds a file to a document; an archive is bound to its salt alone.
_NOBODY = UUID(int=0)


def _key(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=vault.KEY_BYTES, n=1 << LOG_N, r=R, p=P).derive(passphrase)


def writer(target: BinaryIO, passphrase: bytes) -> vault.Writer:
    """What is written to it lands encrypted in `target`; call finish()."""
    salt = os.urandom(_SALT)
    target.write(MAGIC + bytes([LOG_N, R, P]) + salt)
    return vault.Writer(target, _key(passphrase, salt), _NOBODY)


def is_sealed(beginning: bytes) -> bool:
    return beginning.startswith(MAGIC)


def reader(file: BinaryIO, passphrase: bytes) -> BinaryIO:
    """The plain bytes, from any place. Raises ArchiveError `archive-locked` for a wrong passphrase or
    changed bytes; reading raises Unreadable for those that come later."""
    file.seek(0)
    header = file.read(HEADER)
    if len(header) < HEADER or header[len(MAGIC) : len(MAGIC) + 3] != bytes([LOG_N, R, P]):
        raise ArchiveError("archive-locked")
    try:
        return vault.reader(_Behind(file), _key(passphrase, header[-_SALT:]), _NOBODY)  # type: ignore[arg-type]
    except Unreadable as error:
        raise ArchiveError("archive-locked") from error


class _Behind(io.RawIOBase):
    """A file without its header."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = HEADER if whence == os.SEEK_SET else 0
        return self._file.seek(offset + start, whence) - HEADER

    def close(self) -> None:
        self._file.close()
        super().close()
