"""Whose generation is next: one person's five tabs do not starve another. Pure.

Start-time fair queueing (Goyal, Vin, Cheng 1996): a request starts, on a clock of work done, where
the last one of its asker ended, and never before now.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")

#: Beyond so many askers those that are owed nothing are forgotten.
_ASKERS = 1_000


@dataclass(frozen=True, slots=True)
class _Place(Generic[Item]):
    start: float
    arrival: int
    item: Item


@dataclass(frozen=True, slots=True)
class _Opened:
    start: float
    arrival: int
    cost: float


class Line(Generic[Item]):
    """What waits, in the order in which it is taken. Not thread-safe."""

    def __init__(self) -> None:
        self._waiting: list[_Place[Item]] = []
        self._arrivals = 0
        self._clock = 0.0
        self._ends: dict[str, float] = {}
        self._opened: dict[str, _Opened] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: Item, asker: str, cost: float, *, opens: bool = False) -> None:
        """`cost`: how much work it is. `opens`: its asker will come back at once for the rest.

        The rest then takes the place of its opening, so that who was begun with is brought to an
        end. Both are charged; a second opening before the rest is like any other request.
        """
        opened = self._opened.pop(asker, None)
        end = self._ends.get(asker, 0.0)
        self._arrivals += 1
        start, arrival = max(self._clock, end), self._arrivals
        owed = opened.cost if opened else 0.0
        if opened and not opens:
            start, arrival = opened.start, opened.arrival
        if opens and not opened:
            self._opened[asker] = _Opened(start, arrival, cost)
        else:
            self._ends[asker] = max(end, start) + owed + cost
        self._waiting.append(_Place(start, arrival, item))
        self._waiting.sort(key=lambda place: (place.start, place.arrival))

    def take(self) -> Item:
        """The next one. Raises IndexError where nothing waits."""
        place = self._waiting.pop(0)
        self._clock = max(self._clock, place.start)
        if len(self._ends) > _ASKERS:
            self._ends = {who: end for who, end in self._ends.items() if end > self._clock}
        if len(self._opened) > _ASKERS:
            self._opened.clear()
        return place.item

    def remove(self, item: Item) -> bool:
        """Whether it waited."""
        before = len(self._waiting)
        self._waiting = [place for place in self._waiting if place.item is not item]
        return len(self._waiting) < before

    def ahead(self, item: Item) -> int | None:
        """How many are taken before ITEM; None where it does not wait."""
        places = enumerate(place.item for place in self._waiting)
        return next((n for n, waiting in places if waiting is item), None)

    def items(self) -> list[Item]:
        return [place.item for place in self._waiting]
