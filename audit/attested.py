"""The chain against signed checkpoints: what was cut off at its end, and what was rewritten whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from audit import checkpoints, rows
from audit.faults import Fault, Faults
from audit.models import Cut
from audit.statement import Statement

BATCH = 500

#: Name of the file, number of the line, the line.
_Line = tuple[str, int, bytes]


@dataclass(slots=True)
class Attested:
    """`pem` is the key that must have signed; None: this installation's. `count` are those that hold."""

    head: tuple[int, str] | None
    pem: str | None
    faults: Faults
    count: int = 0
    _good: int = 0
    _told: set[str] = field(default_factory=set)

    def own(self, has_seals: bool) -> None:
        """The files of the data folder: head.json, checkpoints.jsonl, conflicts.jsonl."""
        head_file = checkpoints.head_file()
        # Before the lines: one that is appended meanwhile must not seem to have been missing.
        raw = head_file.read_bytes() if head_file.exists() else b""
        file = checkpoints.lines_file()
        last = self._lines(_read(file) if file.exists() else iter(()), _Order(0))
        head = checkpoints.read(raw, self.pem)
        if head:
            self._compare([head], head_file.name)
            self._ends_with(head, last)
        elif raw:
            self._fault("checkpoint-changed", f"{head_file.name} is not what was signed.")
        elif has_seals:
            self._fault("checkpoint-missing", f"{head_file.name} is gone.")
        if checkpoints.conflicts_file().exists():
            self._fault("checkpoint-conflict", _CONFLICT)

    def elsewhere(self, place: Path) -> None:
        """A copy: a file of lines, a log that holds some, one head.json, or a folder of ours."""
        files = sorted(place.glob("sovereign-*")) if place.is_dir() else [place]
        lines = (line for file in files for line in _among_others(file))
        if self._lines(lines, _Order(None)) == (0, ""):
            self._fault("checkpoint-missing", f"{place.name} holds no checkpoint.")

    def _lines(self, lines: Iterator[_Line], order: "_Order") -> tuple[int, str]:
        """Compare all; return number and hash of the last line."""
        while some := list(islice(lines, BATCH)):
            held = []
            for name, number, line in some:
                found = checkpoints.read(line, self.pem)
                if found is None:
                    detail = f"Line {number} of {name} is not what was signed."
                    self._fault("checkpoint-changed", detail)
                    continue
                if code := order.fault(found, line):
                    detail = f"Line {number} of {name} does not follow the line before."
                    self._fault(code, detail)
                held.append(found)
            self._compare(held, some[0][0])
        return order.number or 0, order.previous

    def _ends_with(self, head: Statement, last: tuple[int, str]) -> None:
        number, previous = last
        if number < head["number"]:
            detail = f"Lines {number + 1} to {head['number']} of checkpoints.jsonl are missing."
            self._fault("checkpoint-missing", detail)
        elif number == head["number"] and previous != head["previous"]:
            self._fault("checkpoint-changed", "The last line of checkpoints.jsonl is another one.")

    def _compare(self, said: Iterable[Statement], name: str) -> None:
        said = list(said)
        there = rows.digests([each["position"] for each in said])
        cuts = dict(Cut.objects.values_list("position", "digest"))
        newest_cut = max(cuts, default=0)
        end = self.head[0] if self.head else newest_cut
        for each in said:
            position, digest = each["position"], each["digest"]
            found = there.get(position) or cuts.get(position)
            if found == digest or (found is None and position < newest_cut):
                self._good = max(self._good, position)
                self.count += 1
            elif position > end:
                self._cut_off(each, end, name)
            elif found is not None:  # else the walk has told the gap
                self._rewritten(each, name)

    def _cut_off(self, said: Statement, end: int, name: str) -> None:
        detail = (
            f"{name} attests position {said['position']} at {said['at']}; the chain ends at {end}."
        )
        self._once("cut-off", end + 1, detail)

    def _rewritten(self, said: Statement, name: str) -> None:
        detail = (
            f"{name} attests another chain at {said['at']}: between position {self._good + 1} and "
            f"this one, entries were changed and sealed anew."
        )
        self._once("rewritten", said["position"], detail)

    def _once(self, code: str, position: int, detail: str) -> None:
        """The first of its kind says where; all that follow it would say the same."""
        if code not in self._told:
            self._told.add(code)
            self.faults.add(Fault(code, position, None, detail))

    def _fault(self, code: str, detail: str) -> None:
        self.faults.add(Fault(code, None, None, detail))


_CONFLICT = (
    "conflicts.jsonl holds a head that the chain contradicted when it was read: entries were taken "
    "away or changed then, or an older backup of the database was restored."
)


@dataclass(slots=True)
class _Order:
    """Lines are numbered without a gap, and each holds the hash of the one before.

    `number` None: a copy, which may begin anywhere and hold lines twice.
    """

    number: int | None
    previous: str = ""
    is_copy: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_copy = self.number is None

    def fault(self, found: Statement, line: bytes) -> str:
        before, hashed = self.number, self.previous
        if self.is_copy and before is not None and found["number"] <= before:
            return ""
        self.number, self.previous = found["number"], checkpoints.line_hash(line)
        if before is None:
            return ""
        if found["number"] != before + 1:
            return "checkpoint-missing"
        return "" if found["previous"] == hashed else "checkpoint-changed"


def _read(file: Path) -> Iterator[_Line]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            yield file.name, number, line


def _among_others(file: Path) -> Iterator[_Line]:
    """The checkpoints in a system log, without what stands before them."""
    for name, number, line in _read(file):
        if checkpoints.FORMAT.encode() in line:
            yield name, number, line[max(line.find(b"{"), 0) :].strip()
