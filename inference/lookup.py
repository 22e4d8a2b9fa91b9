"""Prompt lookup: answers quote their prompt, so what follows there is guessed and checked in one step.

Reading several tokens at once costs less than writing them one by one. A guess is kept as far as the
model itself draws the same tokens, so the text does not change. Pure.
"""

from collections import defaultdict
from collections.abc import Sequence

#: A guess follows the longest end of the text, of at least so many tokens, that stands further up.
_LEAST, _LONGEST = 2, 12
#: Of the places where such an end stands, how many are looked at; the first ones are the passages.
_PLACES = 16
#: Before anything was guessed: two of three come true. Older guesses count for less and less.
_HITS, _TRIES, _FADING = 2.0, 3.0, 0.9

#: Rows of a step are worth filling up to a multiple of this: CPU kernels work on four at once.
_ROWS = 4
#: So many rows are looked at, and a step with guesses must promise so much more than one without.
MOST_ROWS, _GAIN = 32, 1.05
#: What a row costs beside the first, until it is measured.
_ROW_COST = 1 / 3
_NEWER = 0.2
#: Each so many steps that could have had guesses one has them whatever was measured: times change.
_AGAIN = 64


class Lookup:
    """The tokens of one text, prompt and what was written, and what may come next."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self._text: list[int] = []
        self._places: dict[tuple[int, ...], list[int]] = defaultdict(list)
        self._hits, self._tries = _HITS, _TRIES
        for token in prompt:
            self.feed(token)

    @property
    def chance(self) -> float:
        """Of a guessed token to be the one that is drawn."""
        return self._hits / self._tries

    def feed(self, token: int) -> None:
        self._text.append(token)
        if len(self._text) > _LEAST:
            # The place behind an end is noted when it is filled, so that no end finds itself.
            end = tuple(self._text[-_LEAST - 1 : -1])
            places = self._places[end]
            if len(places) < _PLACES:
                places.append(len(self._text) - 1)

    def guess(self, most: int) -> list[int]:
        """Up to MOST tokens; none where the end of the text is new."""
        places = self._places.get(tuple(self._text[-_LEAST:]), ())
        if not places or most < 1:
            return []
        best = max(places, key=lambda place: (self._agreed(place), -place))
        return self._text[best : best + most]

    def learn(self, guessed: int, kept: int) -> None:
        """What came of a guess. What stands behind the first wrong token tells nothing."""
        for hit in [1.0] * kept + [0.0] * (guessed > kept):
            self._hits = self._hits * _FADING + hit
            self._tries = self._tries * _FADING + 1.0

    def _agreed(self, place: int) -> int:
        text = self._text
        length = 0
        while length < min(_LONGEST, place) and text[place - 1 - length] == text[-1 - length]:
            length += 1
        return length


class Pace:
    """What steps of so many rows cost on this machine, measured as they run; what guesses are worth."""

    def __init__(self) -> None:
        self._cost: dict[int, float] = {}
        self._chances = 0

    def took(self, rows: int, seconds: float) -> None:
        """A step that wrote, and read nothing."""
        if rows <= MOST_ROWS:
            known = self._cost.get(rows, seconds)
            self._cost[rows] = known + _NEWER * (seconds - known)

    def cost(self, rows: int) -> float:
        """Seconds, or a guess at them by the next smaller step that is known."""
        if rows in self._cost:
            return self._cost[rows]
        lower = max((each for each in self._cost if each < rows), default=1)
        known = self._cost.get(lower, 1.0)
        first = known / (1 + (lower - 1) * _ROW_COST)
        return known + (rows - lower) * first * _ROW_COST

    def shares(self, chances: Sequence[float], room: Sequence[int]) -> list[int]:
        """How many guesses each text gets in one step; `room`: how many it has.

        All none where that promises no more tokens a second.
        """
        worth = _by_worth(chances, room)
        writers = len(chances)
        plain = writers / self.cost(writers)
        best, most = 0, plain * _GAIN
        gained, promised = 0.0, [0.0]
        for chance, _ in worth:
            gained += chance
            promised.append(gained)
        for count in _counts(writers, len(worth)):
            rate = (writers + promised[count]) / self.cost(writers + count)
            if rate > most:
                best, most = count, rate
        self._chances += bool(worth)
        if worth and not best and self._chances % _AGAIN == 0:
            best = next(iter(_counts(writers, len(worth))))
        shares = [0] * writers
        for _, number in worth[:best]:
            shares[number] += 1
        return shares


def _by_worth(chances: Sequence[float], room: Sequence[int]) -> list[tuple[float, int]]:
    """All guesses, the likeliest first: the n-th of a text comes true if those before it do."""
    found = [
        (chance**n, number)
        for number, (chance, count) in enumerate(zip(chances, room, strict=True))
        for n in range(1, count + 1)
    ]
    return sorted(found, key=lambda each: -each[0])


def _counts(writers: int, guesses: int) -> list[int]:
    """So many guesses as fill a step up, and all where they do not reach so far."""
    steps = range(writers + (-writers % _ROWS or _ROWS), MOST_ROWS + 1, _ROWS)
    return [rows - writers for rows in steps if rows - writers <= guesses] or (
        [guesses] if guesses and writers + guesses <= MOST_ROWS else []
    )
