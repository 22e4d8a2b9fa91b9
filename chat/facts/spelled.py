"""The words of a passage that names are looked for in, however they are written. Pure."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from chat.facts.units import ORDINARY
from chat.facts.wordnumbers import fold_same
from ingest.terms import terms

_WORD = re.compile(r"(?:[A-Z]\.){2,}|[^\W_]+(?:['’][^\W_]+)?")
#: How long a beginning two languages' names have in common: `Californie`, `California`.
COGNATE = 4
LONGEST_ACRONYM = 8


@dataclass(slots=True)
class Spelled:
    """Where each word of a passage stands, by its stem and as it is written."""

    language: str
    foreign: bool
    places: dict[str, list[int]] = field(default_factory=dict)
    #: First letters of all words, and of all but `of`, `and`, `the`.
    initials: tuple[str, str] = ("", "")
    acronyms: set[str] = field(default_factory=set)

    def has(self, words: Sequence[str]) -> bool:
        """Whether the words of a name stand near each other here, or the name in another form."""
        lists = [self._places_of(word) for word in words]
        if all(lists):
            return _close(lists, 2 * len(words) + 3)
        if len(words) > 1 and "".join(word[0] for word in words).upper() in self.acronyms:
            return True
        missing = [word for word, found in zip(words, lists, strict=True) if not found]
        return all(
            self._spelt_out(word) or (self.foreign and self._cognate(word)) for word in missing
        )

    def _places_of(self, word: str) -> list[int]:
        return sorted(
            {at for stem in stems(word, self.language) for at in self.places.get(stem, ())}
        )

    def _spelt_out(self, word: str) -> bool:
        """`IBA` where the passage says "Individually Billed Account": other letters are chance."""
        short = word.removesuffix("s")
        if not (short.isupper() and 2 < len(short) <= LONGEST_ACRONYM):
            return False
        return any(short in letters for letters in self.initials)

    def _cognate(self, word: str) -> bool:
        stem = fold_same(word)
        least = max(COGNATE, round(len(stem) * 0.6))
        return any(held[:least] == stem[:least] for held in self.places if len(held) >= least)


@lru_cache(maxsize=50_000)
def stems(word: str, language: str) -> tuple[str, ...]:
    """A word of a name as it is looked up: `GSA-issued` is `GSA`."""
    parts = word.split("-")
    if len(parts) > 1 and parts[-1][:1].islower() and parts[0]:
        word = parts[0]
    plain = word.lower().removesuffix("'s")
    return tuple(dict.fromkeys([*terms(word, language), plain, fold_same(plain)]))


def spelled(text: str, language: str, *, foreign: bool) -> Spelled:
    """The words of `text`. `language` is its own; `foreign`: names come from another one."""
    tokens = [match[0].replace(".", "") for match in _WORD.finditer(text)]
    index = Spelled(language, foreign)
    for at, token in enumerate(tokens):
        for stem in stems(token, language):
            index.places.setdefault(stem, []).append(at)
        if token.isupper() and len(token) > 1:
            index.acronyms.add(token)
    telling = (token for token in tokens if token.lower() not in ORDINARY)
    index.initials = _initials(tokens), _initials(telling)
    return index


def _initials(tokens: Iterable[str]) -> str:
    return "".join(token[0] for token in tokens)


def _close(lists: Sequence[list[int]], reach: int) -> bool:
    """Whether a place of each list is within `reach` of one of the first."""
    return any(all(_within(places, at, reach) for places in lists[1:]) for at in lists[0])


def _within(places: list[int], at: int, reach: int) -> bool:
    next_one = bisect_left(places, at - reach)
    return next_one < len(places) and places[next_one] <= at + reach
