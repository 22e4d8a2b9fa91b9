"""How large the objects of a git pack become, before a library unpacks them in memory. Nothing is kept."""

import zlib
from typing import BinaryIO

from ingest.sources.base import CHUNK, SourceError

#: Of one object, and of all.
MOST_OBJECT, MOST_ALL = 500_000_000, 20_000_000_000
_OFS_DELTA, _REF_DELTA = 6, 7
#: Of a delta: two numbers of at most ten bytes stand first.
_HEAD = 20
_READ = 8 * 1024


def require_bounded(file: BinaryIO, hash_bytes: int) -> None:
    """`file`: from the beginning of a pack. Raises SourceError `source-too-large`, `source-broken`."""
    reader, total = _Reader(file), 0
    header = reader.take(12)
    if header[:4] != b"PACK":
        raise SourceError("source-broken", "no pack")
    for _ in range(int.from_bytes(header[8:], "big")):
        total += _object(reader, hash_bytes)
        if total > MOST_ALL:
            raise SourceError("source-too-large")


def _object(reader: "_Reader", hash_bytes: int) -> int:
    """Bytes that the next object takes, and that a delta makes beside its own."""
    first = reader.take(1)[0]
    kind, size = first >> 4 & 7, first & 15
    size |= reader.number() << 4 if first & 128 else 0
    _require(size)
    if kind == _OFS_DELTA:
        reader.number()
    elif kind == _REF_DELTA:
        reader.take(hash_bytes)
    head = reader.inflate(size)
    if kind not in (_OFS_DELTA, _REF_DELTA):
        return size
    _, rest = _number(head)
    made, _ = _number(rest)
    _require(made)
    return size + made


def _require(size: int) -> None:
    if size > MOST_OBJECT:
        raise SourceError("source-too-large")


def _number(data: bytes) -> tuple[int, bytes]:
    """A number in sevens of bits, the lowest first, and what follows it."""
    value = 0
    for place, byte in enumerate(data[:10]):
        value |= (byte & 127) << 7 * place
        if not byte & 128:
            return value, data[place + 1 :]
    raise SourceError("source-broken", "a number in a pack")


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        self._file, self._ahead = file, b""

    def take(self, count: int) -> bytes:
        if len(self._ahead) < count:
            self._ahead += self._file.read(_READ)
        if len(self._ahead) < count:
            raise SourceError("source-cut-off", "a pack")
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        return taken

    def number(self) -> int:
        data = b""
        while not data or data[-1] & 128:
            data += self.take(1)
            if len(data) > 10:
                raise SourceError("source-broken", "a number in a pack")
        return _number(data)[0]

    def inflate(self, size: int) -> bytes:
        """Pass by what unpacks to `size` bytes; returns the first of them."""
        unpacker, head, seen = zlib.decompressobj(), b"", 0
        while not unpacker.eof:
            some = self._ahead or self._file.read(_READ)
            if not some:
                raise SourceError("source-cut-off", "a pack")
            part = unpacker.decompress(some, CHUNK)
            self._ahead = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            seen += len(part)
            head += part[: max(0, _HEAD - len(head))]
            if seen > size:
                raise SourceError("source-broken", "an object that is longer than it says")
        return head
