"""What every kind of source can do, and how it says that it cannot."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Protocol

#: Of one read from a server.
CHUNK = 64 * 1024
#: Seconds until a connection stands, and until a server that went silent is given up.
CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 30.0


class SourceError(Exception):
    """A source that cannot be read (now). `code` is one of docs/errors.md; nothing is erased then."""

    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(code)
        self.code = code
        #: For the log: no name, no content.
        self.why = why


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a source.

    `key` is what the source calls it, `path` where it is shown, from the source's root. `version` changes
    whenever the bytes do. `same` is equal for two items only where their bytes are; "" where the source
    cannot tell without being read. `exact`: `size` is the number of bytes, not a guess.
    """

    key: str
    path: str
    version: str
    size: int | None = None
    modified: datetime | None = None
    same: str = ""
    exact: bool = True

    @property
    def digest(self) -> str:
        """The key in a form that a database can index, whatever its length."""
        return hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class Limits:
    """What one call may take. `until`: of the monotonic clock; None: as long as it goes on."""

    files: int = 100_000
    bytes: int = 200_000_000
    until: float | None = None
    #: Called as often as something comes, so that a source that is slow to list is not read twice at once.
    beat: Callable[[], None] | None = None

    def check_time(self) -> None:
        """Raises SourceError `source-slow`, and what `beat` raises."""
        if self.beat:
            self.beat()
        if self.until is not None and monotonic() > self.until:
            raise SourceError("source-slow")

    def check_count(self, *counts: int) -> None:
        """Of whatever a listing goes through. Raises SourceError `source-too-many`."""
        if max(counts) > 2 * self.files:
            raise SourceError("source-too-many")


@dataclass(frozen=True, slots=True)
class Secret:
    """What stands in a secret file. `repr` keeps the values out of logs."""

    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(slots=True)
class Place:
    """What a source is opened with besides its own settings."""

    limits: Limits = field(default_factory=Limits)
    #: `host:port` of the gates that are open to sources; an address that is none is refused.
    gates: frozenset[str] = frozenset()
    #: Folders under which watched folders may lie; `closed`: those of others. The innermost one decides.
    roots: tuple[Path, ...] = ()
    closed: tuple[Path, ...] = ()
    #: The company's certificates; None: those of the system.
    certificates: Path | None = None
    #: SHA-256 of the server's certificate, where it is pinned.
    pinned: str = ""
    secret: Secret = field(default_factory=Secret)
    #: A folder of ours for what a kind keeps between runs (git).
    cache: Path | None = None


class Kind(Protocol):
    """One opened source.

    `state` is what the next run is told; `unread` are folders (paths as in Item.path, "" for all) that
    could not be listed: what was known of them stays.
    """

    state: dict[str, str]
    unread: list[str]

    def listing(self, state: Mapping[str, str]) -> Iterator[Item]:
        """Every file there is now. `state`: that of the last run that ended well. Raises SourceError."""

    def fetch(self, item: Item) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of an item of that listing, all or SourceError."""

    def close(self) -> None:
        """Let go of connections."""


def measured(parts: Iterator[bytes], item: Item, limits: Limits) -> Iterator[bytes]:
    """Pass `parts` on; raise SourceError for more bytes than are allowed, or another number than said."""
    size = 0
    for part in parts:
        size += len(part)
        if size > limits.bytes:
            raise SourceError("file-too-large")
        limits.check_time()
        yield part
    if item.exact and item.size is not None and size != item.size:
        raise SourceError("source-cut-off", f"{size} of {item.size} bytes")
