"""Where the single words of recognised lines stand in the text that was made of them. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from ingest.parsers.base import Box, PlacedWord
from ingest.parsers.letters import Letters, letters

#: A word is looked for within so many times its own letters: marks that were read as a letter are
#: dropped on the way, cells of a table come in another order.
FAR = 12
#: Words of one line part by less than this many heights.
GAP = 1.5


def placed(text: str, words: Iterable[tuple[str, Box]]) -> Iterator[PlacedWord]:
    """Words of lines, in their order, as spans of `text`; those that it does not say are left out."""
    whole, at = letters(text), 0
    for said, box in words:
        mine = letters(said).text
        if mine and (found := _place(whole, mine, at)) is not None:
            at = found + len(mine)
            yield (*whole.span(found, at), box)


def _place(whole: Letters, mine: str, at: int) -> int | None:
    """Right behind the word before, or where a word begins: the next such place, else one before."""
    far = FAR * len(mine)
    every = [
        place
        for place in range(max(0, at - far), min(len(whole.text), at + far))
        if whole.text.startswith(mine, place) and (place == at or _begins(whole, place))
    ]
    after = [place for place in every if place >= at]
    return after[0] if after else next(reversed(every), None)


def _begins(whole: Letters, place: int) -> bool:
    where = whole.places[place]
    return where == 0 or not whole.whole[where - 1].isalnum()


def marked(words: Sequence[PlacedWord], start: int, end: int) -> Iterator[Box]:
    """Boxes of the words within `start:end`, neighbours on one line put together."""
    down = _runs_down(words)
    held: Box | None = None
    for box in (box for a, b, box in words if a < end and b > start):
        if held is not None and _continues(held, box, down=down):
            left, bottom = min(held[0], box[0]), min(held[1], box[1])
            held = left, bottom, max(held[2], box[2]), max(held[3], box[3])
            continue
        if held is not None:
            yield held
        held = box
    if held is not None:
        yield held


def _runs_down(words: Sequence[PlacedWord]) -> bool:
    """Whether lines run up or down the page: long words are higher than wide then."""
    long = [box for start, end, box in words if end - start > 3]
    return bool(long) and median(b[3] - b[1] for b in long) > median(b[2] - b[0] for b in long)


def _continues(held: Box, box: Box, *, down: bool) -> bool:
    along, across = (1, 0) if down else (0, 1)
    height = min(held[across + 2] - held[across], box[across + 2] - box[across])
    overlap = min(held[across + 2], box[across + 2]) - max(held[across], box[across])
    gap = max(held[along], box[along]) - min(held[along + 2], box[along + 2])
    return overlap >= 0.5 * height and gap <= GAP * height
