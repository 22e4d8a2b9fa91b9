"""One walk along the chain: each entry against its own seal, each seal against the one before.

A seal is checked with the `previous` that it holds itself, so one changed entry is one fault, not
all that follow. What does not fit is tried at other places: so a row that moved, was put in or was
closed over is named for what it is.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from audit.chain import digest
from audit.faults import Fault, Faults
from audit.rows import Row

#: How far all rows behind an inserted or removed one are looked for.
SHIFTS = 50
#: Rows that fit nowhere and are compared with each other: swapped ones find each other.
COMPARED = 60


@dataclass(frozen=True, slots=True)
class _Strange:
    """A row that does not fit where it stands. `home`: the position that it was sealed for."""

    row: Row
    home: int | None = None

    @property
    def step(self) -> int:
        return 0 if self.home is None else self.row.position - self.home


@dataclass(slots=True)
class Walk:
    """`position` and `link` are where the walk starts: the genesis, or the newest cut."""

    position: int
    link: str | None
    faults: Faults
    count: int = 0
    _shift: int = 0
    _last: Row | None = None
    _last_is_strange: bool = False
    _strange: list[_Strange] = field(default_factory=list)
    _near: deque[Row] = field(default_factory=lambda: deque(maxlen=SHIFTS + 1))

    def along(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self._gap(row)
            self._step(row)
        if self._strange and self._strange[-1].row is self._last:
            self._lonely(self._strange[-1])
        self._tell_strange()

    @property
    def head(self) -> tuple[int, str] | None:
        return (self._last.position, self._last.digest) if self._last else None

    def _gap(self, row: Row) -> None:
        first, last = self.position + 1, row.position - 1
        if first > last:
            return
        what = f"position {first}" if first == last else f"positions {first} to {last}"
        self.faults.add(Fault("removed", first, None, f"The seals of {what} are missing."))
        # What follows cannot be held to what is missing.
        self.link = None

    def _step(self, row: Row) -> None:
        strange = not self._fits(row)
        if self.link is not None and row.previous != self.link and not strange:
            self._unlinked(row)
        self.count += 1
        self.position, self.link = row.position, row.digest
        self._last, self._last_is_strange = row, strange
        self._near.append(row)

    def _unlinked(self, row: Row) -> None:
        if self._last is None:
            self.faults.add(Fault("genesis", row.position, row.entry, _GENESIS))
        elif not self._last_is_strange:
            detail = (
                f"This entry and its seal fit each other, but position {row.position} follows "
                "another one: this entry was changed and sealed anew, or all from there on were."
            )
            self.faults.add(Fault("resealed", self._last.position, self._last.entry, detail))

    def _fits(self, row: Row) -> bool:
        if row.malformed:
            detail = f"Its {row.malformed} is not in a form that the product writes."
            self.faults.add(Fault("changed", row.position, row.entry, detail))
            return False
        if row.fields is None:
            detail = "Its seal is there, the entry is not."
            self.faults.add(Fault("removed", row.position, row.entry, detail))
            return False
        if _is_sealed_at(row, row.position - self._shift) or self._moved_too(row):
            return True
        self._strange.append(_Strange(row, self._home(row)))
        if len(self._strange) > COMPARED:
            self._changed(self._strange.pop(0).row)
        return False

    def _home(self, row: Row) -> int | None:
        if len(self._strange) >= COMPARED:
            return None
        sizes = (step for size in range(1, SHIFTS + 1) for step in (size, -size))
        places = (row.position - self._shift - step for step in sizes)
        return next((place for place in places if _is_sealed_at(row, place)), None)

    def _moved_too(self, row: Row) -> bool:
        """Whether the row before moved by as much: then all behind it did, and what was it?"""
        before = self._strange[-1] if self._strange else None
        if before is None or before.row is not self._last or before.home is None:
            return False
        if not _is_sealed_at(row, row.position - before.step):
            return False
        self._tell_shift(self._strange.pop())
        return True

    def _lonely(self, last: _Strange) -> None:
        """The last row of all moved, and nothing else went where it came from or came from there."""
        moved = {each.row.position for each in self._strange if each.home is not None}
        if last.home is not None and last.home not in moved:
            self._tell_shift(self._strange.pop())

    def _tell_shift(self, first: _Strange) -> None:
        by = first.step - self._shift
        self._shift = first.step
        if by < 0:
            detail = f"{-by} before this one were taken out, and all behind moved up."
            self.faults.add(Fault("removed", first.row.position, None, detail))
            return
        entries = {row.position: row.entry for row in self._near}
        put_in = range(first.row.position - by, first.row.position)
        self._strange = [each for each in self._strange if each.row.position not in put_in]
        for position in put_in:
            detail = "This was put in: all behind it moved by its room."
            self.faults.add(Fault("inserted", position, entries.get(position), detail))

    def _tell_strange(self) -> None:
        for each in self._strange:
            home = each.home or self._exchanged(each.row)
            if home is None:
                self._changed(each.row)
            else:
                detail = f"What stands here was sealed for position {home}."
                self.faults.add(Fault("reordered", each.row.position, each.row.entry, detail))

    def _exchanged(self, row: Row) -> int | None:
        others = (each.row for each in self._strange)
        return next((other.position for other in others if _belongs(row, other)), None)

    def _changed(self, row: Row) -> None:
        detail = "The entry, or its seal, is not what was sealed."
        self.faults.add(Fault("changed", row.position, row.entry, detail))


_GENESIS = (
    "The first entry does not follow this installation's genesis: another key, another chain."
)


def _is_sealed_at(row: Row, position: int) -> bool:
    return _digest(row, position, row) == row.digest


def _digest(seal: Row, position: int, entry: Row, **changes: object) -> str:
    try:
        fields = {**(entry.fields or {}), **changes}
        return digest(position, seal.previous, seal.sealed, fields)
    except ValueError:
        return ""


def _belongs(row: Row, other: Row) -> bool:
    """Whether `row` holds what was sealed at the place of `other`."""
    if row is other or row.fields is None or other.fields is None:
        return False
    # The seal points to another entry; the entries exchanged ids; the seals exchanged positions.
    return (
        other.digest == _digest(other, other.position, row)
        or other.digest == _digest(other, other.position, row, id=other.fields["id"])
        or row.digest == _digest(row, other.position, row)
    )
