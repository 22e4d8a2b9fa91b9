"""Unpacks an archive in a process of its own and hands over each file as it comes. No Django."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from ingest.parsers import sandbox, unzip
from ingest.parsers.base import ParseError
from ingest.parsers.frames import NOBODY, Frames, Told

_MAX_TEXT = 4 * unzip.MAX_NAME
_PARTS = {"N": _MAX_TEXT, "D": unzip.PIECE, "Z": 64}


class Receiver(Protocol):
    """Who takes what is unpacked. What it raises ends the child. Nothing that it gets is trusted."""

    def begin(self, name: str) -> None:
        """A file comes; `name` as the archive has it, not to be used as a path."""

    def data(self, piece: bytes) -> None:
        """Some of its bytes."""

    def end(self, code: str) -> None:
        """It is whole, or is not to be had: one of unzip.CODES."""


def unpack_isolated(
    source: Path | int,
    bounds: unzip.Bounds,
    receiver: Receiver,
    *,
    cpu_seconds: int,
    wall_seconds: int,
    memory_mb: int,
    told: Told = NOBODY,
) -> None:
    """Unpack the ZIP file at `source` (as for parse_isolated), in a child like any parse.

    The time that the receiver takes is not the child's. The bounds hold whatever the child says.
    Raises ParseError `damaged`, `archive-too-large`, `too-many-files`, and those of parse_isolated.
    """
    request = {
        "source": source if isinstance(source, int) else str(source.resolve()),
        "unpack": asdict(bounds),
    }
    frames = _Members(64 << 10, told.progress, receiver=receiver, bounds=bounds)
    sandbox.ask(request, frames, sandbox.Bounds(cpu_seconds, wall_seconds, memory_mb), told)


class _Nobody:
    def begin(self, name: str) -> None: ...

    def data(self, piece: bytes) -> None: ...

    def end(self, code: str) -> None: ...


@dataclass
class _Members(Frames):
    """Frames with files among them."""

    receiver: Receiver = field(default_factory=_Nobody)
    bounds: unzip.Bounds = field(default_factory=lambda: unzip.Bounds(0, 0, 0))
    #: Kind and size of the frame that is coming in.
    part: tuple[str, int] | None = None
    open: bool = False
    files: int = 0
    size: int = 0
    total: int = 0

    def expected(self) -> int:
        return self.part[1] if self.part else super().expected()

    def header(self, header: str) -> None:
        kind, _, value = header.partition(" ")
        if kind not in _PARTS:
            super().header(header)
        elif value.isdecimal() and int(value) <= _PARTS[kind]:
            self.part = kind, int(value)
        else:
            self.broken = True

    def next(self) -> bool:
        if self.part is None:
            return super().next()
        kind, size = self.part
        if len(self.body) < size:
            return False
        data = bytes(self.body[:size])
        del self.body[:size]
        self.part = None
        began = time.monotonic()
        self._take(kind, data)
        self.paused += time.monotonic() - began
        return True

    def _take(self, kind: str, data: bytes) -> None:
        takes: dict[str, Callable[[bytes], None]] = {
            "N": self._begin,
            "D": self._data,
            "Z": self._end,
        }
        if (kind == "N") == self.open:
            self.broken = True
        else:
            takes[kind](data)

    def _begin(self, data: bytes) -> None:
        self.open, self.size, self.files = True, 0, self.files + 1
        if self.files > self.bounds.max_files:
            raise unzip.too_many(self.bounds.max_files)
        self.receiver.begin(data.decode("utf-8", "replace"))

    def _data(self, data: bytes) -> None:
        self.size += len(data)
        self.total += len(data)
        if self.size > self.bounds.max_bytes or self.total > self.bounds.max_total:
            raise ParseError(
                "archive-too-large", "The archive unpacks to more than is allowed. Split it."
            )
        self.receiver.data(data)

    def _end(self, data: bytes) -> None:
        self.open = False
        code = data.decode("ascii", "replace")
        self.receiver.end(code if code in unzip.CODES else "damaged")
