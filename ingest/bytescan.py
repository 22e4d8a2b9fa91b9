"""Looks for pieces of erased documents in every byte of files, and keeps none of their words for it.

A canary is WINDOW bytes that stood in a document. Kept of it are two keyed hashes: a rolling one that is
computed for every place of a file at once, and a strong one that confirms what the first proposes.
One pass finds all of them, a block at a time, while others write.
"""

import hashlib
import hmac
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from django.conf import settings

#: Bytes of a canary: four or five words; six numbers of a vector in Chroma, twelve in the database.
WINDOW = 24
BLOCK = 1 << 18
#: The first bits of a rolling hash say in a table whether it may be one that is looked for.
_BITS = 22
_SALT = b"sovereign canary\0"

Numbers = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Canary:
    """`weak`: the rolling hash. `strong`: 16 bytes in hex. `kind`: of what it was a piece.

    `where`: the only kind of place in which it counts; "" for all.
    """

    kind: str
    weak: int
    strong: str
    where: str = ""

    def stored(self) -> list[str]:
        return [self.kind, f"{self.weak:016x}", self.strong, self.where]

    @classmethod
    def of(cls, stored: Iterable[str]) -> "Canary":
        kind, weak, strong, where = stored
        return cls(kind, int(weak, 16), strong, where)


@dataclass(slots=True)
class Scanned:
    """What was looked at, and which canaries were found in which kind of place."""

    files: int = 0
    bytes: int = 0
    #: Files that could not be read: gone meanwhile they do not count.
    unread: int = 0
    found: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    #: By strong hash: found, and what living documents hold as well.
    theirs: set[str] = field(default_factory=set)

    def places(self, canaries: Iterable[Canary]) -> dict[str, int]:
        """Of these canaries: the kind of place and "/" and their own kind, with how many were found."""
        strong = {canary.strong for canary in canaries}
        seen: Counter[str] = Counter()
        for (key, place, kind), _count in self.found.items():
            if key in strong:
                seen[f"{place}/{kind}"] += 1
        return dict(seen)


@cache
def _key(secret: str) -> bytes:
    return hashlib.sha256(_SALT + secret.encode()).digest()


@cache
def _base(secret: str) -> int:
    """An odd number: it has an inverse modulo 2 to the 64."""
    return int.from_bytes(hmac.digest(_key(secret), b"base", "sha256")[:8], "big") | 1


def canary(window: bytes, kind: str, where: str = "") -> Canary:
    """The canary of WINDOW bytes."""
    if len(window) != WINDOW:
        raise ValueError("a canary has WINDOW bytes")
    base, weak = _base(settings.SECRET_KEY), 0
    for byte in reversed(window):
        weak = (weak * base + byte) % (1 << 64)
    return Canary(kind, weak, _strong(window), where)


def _strong(window: bytes) -> str:
    return hashlib.blake2b(window, digest_size=16, key=_key(settings.SECRET_KEY)).hexdigest()


class Scanner:
    """Looks for `canaries` in whatever it is fed."""

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._wanted: dict[int, list[Canary]] = {}
        for one in canaries:
            self._wanted.setdefault(one.weak, []).append(one)
        weak = np.array(sorted(self._wanted), np.uint64)
        self._weak = weak
        self._table = np.zeros(1 << _BITS, np.bool_)
        self._table[weak >> np.uint64(64 - _BITS)] = True
        self._powers, self._inverse = _powers(settings.SECRET_KEY)

    def found(self, block: bytes) -> Iterator[Canary]:
        """The canaries in a block of at most BLOCK + WINDOW bytes."""
        count = len(block) - WINDOW + 1
        if count <= 0 or not len(self._weak):
            return
        data = np.frombuffer(block, np.uint8).astype(np.uint64)
        data *= self._powers[: len(data)]
        sums = np.zeros(len(data) + 1, np.uint64)
        np.cumsum(data, out=sums[1:])
        hashes = sums[WINDOW:] - sums[:count]
        hashes *= self._inverse[:count]
        near = np.flatnonzero(self._table[hashes >> np.uint64(64 - _BITS)])
        for place in near[np.isin(hashes[near], self._weak)].tolist():
            strong = _strong(block[place : place + WINDOW])
            for one in self._wanted[int(hashes[place])]:
                if one.strong == strong:
                    yield one

    def scan(self, files: Mapping[Path, str]) -> Scanned:
        """Look through files; `files` says of each what kind of place it is."""
        result = Scanned()
        for path, place in files.items():
            self._file(path, place, result)
        return result

    def _file(self, path: Path, place: str, result: Scanned) -> None:
        try:
            with _opened(path) as descriptor:
                result.files += 1
                for block, new in _blocks(descriptor):
                    result.bytes += new
                    for one in self.found(block):
                        if one.where in ("", place):
                            result.found[one.strong, place, one.kind] += 1
        except FileNotFoundError:
            return
        except OSError:
            result.unread += 1


class _opened:
    """A descriptor of a regular file; never of a link, a socket or a pipe that would make us wait."""

    def __init__(self, path: Path) -> None:
        self._path, self._descriptor = path, -1

    def __enter__(self) -> int:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags)
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def _blocks(descriptor: int) -> Iterator[tuple[bytes, int]]:
    """Blocks that overlap by one byte less than a canary, each with how many bytes are new in it."""
    before = b""
    while part := os.read(descriptor, BLOCK):
        block = before + part
        yield block, len(part)
        before = block[-(WINDOW - 1) :]


@cache
def _powers(secret: str) -> tuple[Numbers, Numbers]:
    base, most = _base(secret), BLOCK + WINDOW
    return _row(base, most), _row(pow(base, -1, 1 << 64), most)


def _row(base: int, count: int) -> Numbers:
    """base ** 0, base ** 1 ... modulo 2 to the 64."""
    row = np.full(count, base, np.uint64)
    row[0] = 1
    result: Numbers = np.multiply.accumulate(row)
    return result


# --- which files --------------------------------------------------------------------------------


def places(folder: Path) -> dict[Path, str]:
    """Every regular file below `folder` with the kind of its place, links left out.

    A folder that cannot be listed stands for what is in it: as a file it cannot be read (Scanned.unread).
    """
    found: dict[Path, str] = {}

    def closed(error: OSError) -> None:
        path = Path(error.filename)
        if not isinstance(error, FileNotFoundError) and path.name != "lost+found":
            found[path] = place_of(path.relative_to(folder))

    for parent, _folders, names in os.walk(folder, onerror=closed):
        for name in names:
            path = Path(parent, name)
            try:
                if stat.S_ISREG(path.lstat().st_mode):
                    found[path] = place_of(path.relative_to(folder))
            except FileNotFoundError:
                continue
    return found


_PLACES = {
    ("chroma",): "vectors",
    ("documents", "originals"): "originals",
    ("documents", "incoming"): "incoming",
    ("keys",): "keys",
    ("logs",): "logs",
    ("broker",): "broker",
    ("evidence",): "evidence",
    ("transfers",): "transfers",
    ("tmp",): "temporary",
}


def place_of(path: Path) -> str:
    """What lies at a path of the data folder, in a word that says nothing of what it holds."""
    if path.name.startswith("db.sqlite3"):
        return "database" if path.name == "db.sqlite3" else "database-log"
    for parts, place in _PLACES.items():
        if path.parts[: len(parts)] == parts:
            return place
    return "other"
