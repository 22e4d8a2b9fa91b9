"""What the parent hears while a child reads: progress, refusals, then one result. Not trusted."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ingest.parsers import wire

_MAX_HEADER = 64
#: Refusals of one child that are told in full; those beyond are a number.
MOST_REFUSALS = 50

#: Gets what the guard refused in one child, as lines of refused.jsonl.
OnRefused = Callable[[list[dict[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Told:
    """Whom to tell what happens meanwhile.

    `progress` gets how many pages (parts) of how many are read. `check` is called about once a second
    while the child is silent; what either raises ends the child. `refused` is called once where the
    child tried to call out, however it ended: it has no file to write this to itself.
    """

    progress: Callable[[int, int], None] | None = None
    refused: OnRefused | None = None
    check: Callable[[], None] | None = None


NOBODY = Told()


@dataclass
class Frames:
    """Takes the child's bytes apart; holds at most one result of at most `max_bytes`."""

    max_bytes: int
    on_progress: Callable[[int, int], None] | None
    kind: str = ""
    body: bytearray = field(default_factory=bytearray)
    missing: int = 0
    broken: bool = False
    pid: int = 0
    #: Bytes of the refusal that is coming in; 0: none is.
    refusal: int = 0
    refusals: list[dict[str, Any]] = field(default_factory=list)
    #: Seconds that the child had to wait for us: they are not counted as its own.
    paused: float = 0.0

    @property
    def finished(self) -> bool:
        return self.broken or (bool(self.kind) and self.missing == 0)

    def feed(self, data: bytes) -> None:
        self.body += data
        if self.kind:
            self.missing -= len(data)
            self.broken = self.missing < 0
            return
        while not self.kind and not self.broken and self.next():
            pass
        waits = max(_MAX_HEADER, self.expected())
        self.broken = self.broken or (not self.kind and len(self.body) > waits)

    def expected(self) -> int:
        """Bytes of what is coming in, besides a header."""
        return self.refusal

    def refused(self) -> list[dict[str, Any]]:
        """The refusals as lines of refused.jsonl, with what the child cannot be asked for."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return [{"at": at, "role": "parser", "pid": self.pid, **each} for each in self.refusals]

    def next(self) -> bool:
        """Take one header, or one refusal's bytes, from the front; False: not all of it is here."""
        if self.refusal:
            if len(self.body) < self.refusal:
                return False
            self._refuse(bytes(self.body[: self.refusal]))
            del self.body[: self.refusal]
            self.refusal = 0
            return True
        end = self.body.find(b"\n", 0, _MAX_HEADER)
        if end < 0:
            return False
        header = bytes(self.body[:end]).decode("ascii", "replace")
        del self.body[: end + 1]
        self.header(header)
        return True

    def _refuse(self, data: bytes) -> None:
        if len(self.refusals) < MOST_REFUSALS:
            self.refusals.append(wire.unpack_refusal(data))
        else:
            last = self.refusals[-1]
            last["times"] = min(last["times"] + 1, wire.MAX_TIMES)

    def header(self, header: str) -> None:
        """What comes next."""
        kind, _, value = header.partition(" ")
        try:
            if kind == "P":
                if self.on_progress is not None:
                    done, total = (int(number) for number in value.split())
                    self.on_progress(max(0, min(done, total)), max(1, total))
            elif kind == "G":
                self.refusal = int(value)
                self.broken = not 0 < self.refusal <= wire.MAX_REFUSAL
            elif kind in ("R", "E", "M"):
                self.kind, self.missing = kind, int(value) - len(self.body)
                self.broken = self.missing < 0 or int(value) > self.max_bytes
            else:
                self.broken = True
        except ValueError:
            self.broken = True
