"""Finds the words of a passage in what a page holds, however each writes spaces, hyphens and ligatures.

Pure. Both are compared by their letters and digits alone, folded: a hyphen at a line's end, a space,
a ligature, an accent of its own and a bullet make no difference.
"""

import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

#: Letters around the words that tell which of several equal places is meant.
AROUND = 80
#: Places that are compared.
MOST_PLACES = 200
#: Where words do not stand in one piece: letters that begin a piece, and the share that must be found.
SEED, ENOUGH = 8, 0.5
#: Letters of a piece's words that are looked for one by one.
MOST_LETTERS = 5_000

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Letters:
    """Letters and digits of `whole`, folded; `places[i]` is where in it the i-th of them stands."""

    text: str
    places: Sequence[int]
    whole: Sequence[str]

    def span(self, start: int, end: int) -> Span:
        """Where `text[start:end]` stands in `whole`."""
        return self.places[start], self.places[end - 1] + 1


@dataclass(frozen=True, slots=True)
class Words:
    """Words to be found, and what stands before and after them in their passage."""

    said: str
    before: str = ""
    after: str = ""

    @classmethod
    def of(cls, passage: str, start: int, end: int) -> "Words":
        """The characters `start:end` of a passage; all of it where these are none."""
        if not passage[start:end].strip():
            return cls(passage)
        return cls(passage[start:end], passage[:start][-4 * AROUND :], passage[end:][: 4 * AROUND])


def letters(text: Sequence[str]) -> Letters:
    """Of a text, or of single characters."""
    kept: list[str] = []
    places = array("q")
    for place, character in enumerate(text):
        for letter in _folded(character):
            kept.append(letter)
            places.append(place)
    return Letters("".join(kept), places, text)


def _folded(character: str) -> str:
    if character.isascii():
        return character.lower() if character.isalnum() else ""
    apart = unicodedata.normalize("NFKD", character).casefold()
    return "".join(letter for letter in apart if letter.isalnum())


def find(words: Words, within: Letters) -> list[Span]:
    """Where the words stand in the text of `within`: one span, or several pieces; none: not found.

    Equal places are told apart by what stands around them; the first is taken where that is the same.
    """
    said = letters(words.said).text
    if not said:
        return []
    before, after = letters(words.before).text[-AROUND:], letters(words.after).text[:AROUND]
    places = list(_places(said, within.text))
    if places:
        best = max(places, key=lambda at: _alike(before, after, within.text, at, at + len(said)))
        return [_with_edges(words.said, within.whole, *within.span(best, best + len(said)))]
    pieces = list(_pieces(said[:MOST_LETTERS], within.text))
    if sum(end - start for start, end in pieces) < ENOUGH * min(len(said), MOST_LETTERS):
        return []
    return [within.span(*piece) for piece in pieces]


def _with_edges(said: str, whole: Sequence[str], start: int, end: int) -> Span:
    """And the full stop, the bracket, that the words begin or end with."""
    for character in _edge(reversed(said)):
        if end >= len(whole) or whole[end] != character:
            break
        end += 1
    for character in _edge(said):
        if not start or whole[start - 1] != character:
            break
        start -= 1
    return start, end


def _edge(said: Iterable[str]) -> list[str]:
    """What stands before the first letter, from there outwards."""
    edge = takewhile(lambda character: not _folded(character), said)
    return [character for character in edge if not character.isspace()][::-1]


def _places(said: str, text: str) -> Iterator[int]:
    at = text.find(said)
    for _ in range(MOST_PLACES):
        if at < 0:
            return
        yield at
        at = text.find(said, at + 1)


def _alike(before: str, after: str, text: str, start: int, end: int) -> int:
    """How many letters right before and after a place are those of the passage."""
    behind = _common(before[::-1], text[max(0, start - AROUND) : start][::-1])
    return behind + _common(after, text[end : end + AROUND])


def _common(first: str, second: str) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _pieces(said: str, text: str) -> Iterator[Span]:
    """Parts of the words in the order in which they are said: columns and page ends part them."""
    at = last = 0
    while at + SEED <= len(said):
        places = list(_places(said[at : at + SEED], text))
        if not places:
            at += 1
            continue
        # The longest; of equal ones the next after what was found last.
        sizes = {place: _common(said[at:], text[place : place + len(said)]) for place in places}
        place = max(places, key=lambda each: (sizes[each], each >= last, -abs(each - last)))
        last = place + sizes[place]
        yield place, last
        at += sizes[place]
