"""The format of an encrypted original: AES-256-GCM in segments, read from any place. No Django.

    header   magic "SOVENC\\0" | version 1 | random prefix (8 bytes)
    segment  AES-256-GCM(key, nonce = prefix | number, data = up to 1 MiB), and its tag (16 bytes)

Each segment is bound by its associated data to the header, to the id of its document, and to being
the last one or not; its number is in the nonce. So no byte can be changed, no segment moved,
doubled or left out, no end cut off, no file put in another's place, without its reader refusing.
This is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizar: Online Authenticated-Encryption
and its Nonce-Reuse Misuse-Resistance, CRYPTO 2015), as Tink's streaming AEAD has it; AES-GCM is
RFC 5116. A key is used for one file, so that a nonce cannot come twice.
"""

import io
import os
import struct
from typing import BinaryIO, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"SOVENC\0\x01"
SEGMENT = 1 << 20
KEY_BYTES = 32
_PREFIX = 8
_TAG = 16
HEADER = len(MAGIC) + _PREFIX


class Unreadable(Exception):
    """An original that cannot be read.

    `code`: `key-missing` (its key, or the key of keys, is not there), `original-damaged` (not the
    bytes that were written for this document), `original-missing`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Target(Protocol):
    """Where the encrypted bytes go."""

    def write(self, data: bytes, /) -> object: ...


def new_key() -> bytes:
    """32 random bytes for one file."""
    return AESGCM.generate_key(KEY_BYTES * 8)


def is_encrypted(beginning: bytes) -> bool:
    """Whether the first bytes of a file are those of an encrypted original."""
    return beginning.startswith(MAGIC)


class Writer:
    """Takes plain bytes, writes encrypted ones; nothing is whole before finish().

    Holds one segment at most: which one is the last is known only at the end.
    """

    def __init__(self, target: Target, key: bytes, document: UUID) -> None:
        prefix = os.urandom(_PREFIX)
        self._target, self._cipher = target, _Segments(key, MAGIC + prefix, document)
        self._waiting = bytearray()
        self._number = 0
        target.write(MAGIC + prefix)

    def write(self, data: bytes) -> None:
        self._waiting += data
        while len(self._waiting) > SEGMENT:
            self._put(bytes(memoryview(self._waiting)[:SEGMENT]), last=False)
            del self._waiting[:SEGMENT]

    def finish(self) -> None:
        """Write the last segment, which may be empty."""
        self._put(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _put(self, data: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(self._number, data, last=last))
        self._number += 1


class Reader(io.BufferedReader):
    """What reader() gives, so that it can be told from a plain file."""


def reader(file: BinaryIO, key: bytes, document: UUID) -> Reader:
    """The plain bytes of an encrypted file, from any place; closes `file` with itself.

    The last segment is read at once, so that a file that was cut, or put in another's place, is
    refused here, not after its first bytes are out. Raises Unreadable `original-damaged`, and so
    does reading.
    """
    return Reader(_Segmented(file, key, document), 1 << 16)


class _Segments:
    """The cipher of one file: segments by their number."""

    def __init__(self, key: bytes, header: bytes, document: UUID) -> None:
        self._aes = AESGCM(key)
        self._prefix = header[len(MAGIC) :]
        self._bound = header + document.bytes

    def encrypt(self, number: int, data: bytes, *, last: bool) -> bytes:
        return self._aes.encrypt(self._nonce(number), data, self._data(last))

    def decrypt(self, number: int, data: bytes, *, last: bool) -> bytes:
        try:
            return self._aes.decrypt(self._nonce(number), data, self._data(last))
        except InvalidTag as error:
            raise Unreadable("original-damaged") from error

    def _nonce(self, number: int) -> bytes:
        return self._prefix + struct.pack(">I", number)

    def _data(self, last: bool) -> bytes:
        return self._bound + (b"\x01" if last else b"\x00")


class _Segmented(io.RawIOBase):
    def __init__(self, file: BinaryIO, key: bytes, document: UUID) -> None:
        super().__init__()
        self._file = file
        size = file.seek(0, os.SEEK_END) - HEADER
        self._count = max(1, -(-size // (SEGMENT + _TAG)))
        self._size = size - self._count * _TAG
        file.seek(0)
        header = file.read(HEADER)
        if len(header) < HEADER or not is_encrypted(header) or self._size < 0:
            raise Unreadable("original-damaged")
        self._cipher = _Segments(key, header, document)
        self._place = 0
        self._number, self._plain = -1, b""
        self._open(self._count - 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: "bytearray | memoryview", /) -> int:  # type: ignore[override]
        if self._place >= self._size:
            return 0
        number, inside = divmod(self._place, SEGMENT)
        self._open(number)
        part = self._plain[inside : inside + len(buffer)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)

    def _open(self, number: int) -> None:
        if number == self._number:
            return
        self._file.seek(HEADER + number * (SEGMENT + _TAG))
        data = self._file.read(SEGMENT + _TAG)
        self._plain = self._cipher.decrypt(number, data, last=number == self._count - 1)
        self._number = number

    def close(self) -> None:
        self._file.close()
        self._plain = b""
        super().close()
