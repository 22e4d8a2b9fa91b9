"""Which sequence of a context a prompt goes to, and what of it is there already. Pure.

A sequence keeps its tokens when its generation has ended: a follow-up begins with them, and others
share their beginning. What was used longest ago makes room.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

#: A prompt waits for one that reads the same words, where that saves it so many tokens.
WORTH_WAITING = 32
#: So many tokens of a kept prompt are given up without another thought: they are read again soon.
_CHEAP = 64


@dataclass(eq=False, slots=True)
class Seat:
    """A sequence. `held`: the tokens in its cells. `prompt`: of the generation that sits on it."""

    number: int
    held: list[int] = field(default_factory=list)
    prompt: list[int] = field(default_factory=list)
    #: Cells that its generation may come to need; 0 while none sits there.
    reserved: int = 0
    used: int = 0

    @property
    def idle(self) -> bool:
        return not self.reserved


@dataclass(frozen=True, slots=True)
class Placed:
    """A prompt goes to `seat`; its first `shared` tokens are those of `source` (perhaps itself).

    `evicted`: seats whose cells are needed; to be emptied after the sharing.
    """

    seat: Seat
    source: Seat
    shared: int
    evicted: tuple[Seat, ...]


class Seats:
    """`count` sequences over a pool of `cells`. `divisible` False: nothing can be shared."""

    def __init__(self, count: int, cells: int, *, divisible: bool = True) -> None:
        self.all = [Seat(number) for number in range(count)]
        self._cells, self._divisible = cells, divisible
        self._uses = 0

    def place(self, prompt: Sequence[int], most: int) -> Placed | None:
        """A seat for PROMPT and MOST tokens behind it; None: not now.

        The last token is always left to read: what is drawn comes from it.
        """
        need = len(prompt) + most
        if not self.fits(need):
            return None
        idle = sorted((seat for seat in self.all if seat.idle), key=lambda seat: seat.used)
        found = {seat.number: self._shared(seat.held, prompt) for seat in self.all}
        source = max(self.all, key=lambda seat: (found[seat.number], seat.idle, seat.used))
        shared = found[source.number]
        if self._is_coming(prompt, shared):
            return None
        seat = self._seat(idle, source, shared)
        evicted = self._evicted([each for each in idle if each is not seat], need)
        return Placed(seat, source, shared, evicted)

    def fits(self, need: int) -> bool:
        """Whether there is a seat, and room beside what the busy ones may come to need."""
        return any(seat.idle for seat in self.all) and self._taken() + need <= self._cells

    def sit(self, placed: Placed, prompt: Sequence[int], most: int) -> Seat:
        seat = placed.seat
        seat.held = list(prompt[: placed.shared])
        seat.prompt, seat.reserved = list(prompt), len(prompt) + most
        for each in placed.evicted:
            each.held = []
        return seat

    def leave(self, seat: Seat) -> None:
        """Its tokens stay, for whoever begins with them."""
        self._uses += 1
        seat.prompt, seat.reserved, seat.used = [], 0, self._uses

    def oldest(self) -> Seat | None:
        """The idle seat that was used longest ago, of those that hold something."""
        kept = [seat for seat in self.all if seat.idle and seat.held]
        return min(kept, key=lambda seat: seat.used, default=None)

    def _shared(self, held: Sequence[int], prompt: Sequence[int]) -> int:
        return min(common(held, prompt), len(prompt) - 1) if self._divisible else 0

    def _is_coming(self, prompt: Sequence[int], shared: int) -> bool:
        """Whether a busy seat is about to read much more of the same."""
        if not self._divisible:
            return False
        return any(
            common(seat.prompt, prompt) >= max(shared, len(seat.held)) + WORTH_WAITING
            for seat in self.all
            if not seat.idle and len(seat.held) < len(seat.prompt)
        )

    def _seat(self, idle: list[Seat], source: Seat, shared: int) -> Seat:
        """The source itself where little of it is lost, else an empty one, else the oldest."""
        lost = len(source.held) - shared
        if source.idle and lost <= max(_CHEAP, len(source.held) // 4):
            return source
        others = [seat for seat in idle if seat is not source] or idle
        return next((seat for seat in others if not seat.held), others[0])

    def _taken(self) -> int:
        return sum(seat.reserved for seat in self.all)

    def _evicted(self, idle: list[Seat], need: int) -> tuple[Seat, ...]:
        """As many of the oldest as it takes."""
        needed = self._taken() + need
        kept = sum(len(seat.held) for seat in idle)
        out: list[Seat] = []
        for seat in (each for each in idle if each.held):
            if needed + kept <= self._cells:
                break
            kept -= len(seat.held)
            out.append(seat)
        return tuple(out)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the beginning that both have. Slices are compared, not tokens one by one."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
