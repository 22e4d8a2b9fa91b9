"""Which facts of a sentence a passage holds. Pure."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from chat.facts.fact import LABEL, Fact
from chat.facts.units import sized
from chat.facts.wordnumbers import fold_same
from ingest.terms import terms

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
#: Units that say what is counted so surely that another one is another fact.
_SCALE = re.compile(
    r"\b(?:in\s+)?(?:milli?on|mio\b|mill\b|thousand|tausend|billion|milliard|\(m\)|\$m)", re.I
)
#: How long a beginning two languages' names have in common: `Californie`, `California`.
COGNATE = 4


@dataclass(slots=True)
class Held:
    """The facts of a passage with its title and headings, ready to be looked up."""

    words: list[str]
    language: str
    foreign: bool
    numbers: dict[Decimal, set[str]] = field(default_factory=dict)
    sizes: set[tuple[str, Decimal]] = field(default_factory=set)
    days: set[object] = field(default_factory=set)
    times: set[object] = field(default_factory=set)
    codes: set[object] = field(default_factory=set)
    scaled: bool = False
    places: dict[str, list[int]] = field(default_factory=dict)
    initials: str = ""
    sorted: list[Decimal] = field(default_factory=list)

    def has(self, fact: Fact) -> bool:
        """Whether the passage says this."""
        match fact.kind:
            case "number":
                return self._has_number(fact)
            case "date":
                return any(self._has_day(day) for day in fact.keys)
            case "time":
                return any(key in self.times for key in fact.keys)
            case "code":
                return any(self._has_code(str(key)) for key in fact.keys)
            case "name":
                return self._has_name([str(word) for word in fact.keys])

    def _has_number(self, fact: Fact) -> bool:
        for value in fact.values:
            if value in self.numbers and any(
                agree(fact.unit, unit) for unit in self.numbers[value]
            ):
                return True
            if fact.unit and sized(value, fact.unit) in self.sizes:
                return True
            if fact.slack and self._near(value, fact):
                return True
            if not fact.unit and (int(value), None, None) in self.days:
                return True
        return fact.bare is not None and self.scaled and fact.bare in self.numbers

    def _near(self, value: Decimal, fact: Fact) -> bool:
        at = bisect_left(self.sorted, value - fact.slack)
        while at < len(self.sorted) and self.sorted[at] <= value + fact.slack:
            if any(agree(fact.unit, unit) for unit in self.numbers[self.sorted[at]]):
                return True
            at += 1
        return False

    def _has_day(self, day: object) -> bool:
        if day in self.days:
            return True
        if not isinstance(day, tuple):
            return False
        year, month, number = day
        if month is None:
            return Decimal(year) in self.numbers
        # "1 July" in one place and the year in another: a heading, the header of a table
        known = year is not None and (
            (year, None, None) in self.days or Decimal(year) in self.numbers
        )
        return known and ("any year", month, number) in self.days

    def _has_code(self, key: str) -> bool:
        return key in self.codes or any(
            str(code).startswith(f"{key}/") or str(code).endswith(f"@{key}") for code in self.codes
        )

    def _has_name(self, words: list[str]) -> bool:
        stems = [self._stems(word) for word in words]
        lists = [
            sorted({at for stem in each for at in self.places.get(stem, ())}) for each in stems
        ]
        if all(lists):
            return _close(lists, 2 * len(words) + 3)
        missing = [word for word, found in zip(words, lists, strict=True) if not found]
        if all(self._spelt_out(word) or (self.foreign and self._cognate(word)) for word in missing):
            return True
        short = "".join(word[0] for word in words).lower()
        return len(words) > 2 and short in self.places

    def _stems(self, word: str) -> list[str]:
        parts = re.split(r"[-&]", word)
        last = parts[-1] if len(parts) > 1 and parts[-1][:1].islower() else ""
        kept = [part for part in parts if part and part != last] or [word]
        found = terms(kept[0] if len(kept) == 1 else word, self.language)
        return [*found, word.lower()]

    def _spelt_out(self, word: str) -> bool:
        """`IBA` where the passage says "individually billed account"."""
        return word.isupper() and 3 <= len(word) <= 8 and word.lower() in self.initials

    def _cognate(self, word: str) -> bool:
        stem = fold_same(word)
        least = max(COGNATE, round(len(stem) * 0.6))
        return any(held[:least] == stem[:least] for held in self.places if len(held) >= least)


def agree(one: str, other: str) -> bool:
    """Whether what two equal numbers count may be the same: 30 days are not 30 weeks."""
    return one == other or not one or not other


def _close(lists: list[list[int]], reach: int) -> bool:
    """Whether a place of each list is within `reach` of one of the first."""
    return any(
        all(
            (at := bisect_left(places, first - reach)) < len(places) and places[at] <= first + reach
            for places in lists[1:]
        )
        for first in lists[0]
    )


def held(text: str, found: Iterable[Fact], language: str, *, foreign: bool) -> Held:
    """Index the facts of a passage. `text` is all of it, with its title and headings."""
    tokens = [match[0] for match in _WORD.finditer(text)]
    index = Held(tokens, language, foreign, scaled=bool(_SCALE.search(text)))
    for at, token in enumerate(tokens):
        for stem in {*_cached_terms(token, language), token.lower(), fold_same(token)}:
            index.places.setdefault(stem, []).append(at)
    index.initials = "".join(token[0].lower() for token in tokens)
    for fact in found:
        _enter(index, fact)
    index.sorted = sorted(index.numbers)
    return index


@lru_cache(maxsize=50_000)
def _cached_terms(token: str, language: str) -> tuple[str, ...]:
    return tuple(terms(token, language))


def _enter(index: Held, fact: Fact) -> None:
    match fact.kind:
        case "number":
            for value in fact.values:
                index.numbers.setdefault(value, set()).add(fact.unit)
                index.sizes.add(sized(value, fact.unit))
            if fact.bare is not None:
                index.numbers.setdefault(fact.bare, set()).add(LABEL)
        case "date":
            for day in fact.keys:
                index.days.update(_wider(day))
        case "time":
            index.times.update(fact.keys)
        case "code":
            index.codes.update(fact.keys)
            for key in fact.keys:
                for digits in re.findall(r"\d{1,6}", str(key)):
                    index.numbers.setdefault(Decimal(digits), set()).add(LABEL)


def _wider(day: object) -> set[object]:
    """A day and what it is part of: its month, its year; marked where the year is not told."""
    if not isinstance(day, tuple):
        return {day}
    year, month, number = day
    found: set[object] = {
        day,
        (year, month, None),
        (year, None, None),
        (None, month, number),
        (None, month, None),
    }
    if year is None:
        found |= {("any year", month, number), ("any year", month, None)}
    return found - {(None, None, None)}
