"""The facts of a sentence: what must stand in a passage word for word, in whatever spelling. Pure.

Numbers with what they count, dates, times, codes, addresses and names, in English, German, French and
Spanish, each in a normal form: `1 July 2024` is `2024-07-01`, `1.000` is `1,000`, `GS 13` is `GS-13`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from chat.facts import dates, numbers, wordnumbers
from chat.facts.fact import LABEL, Fact, Kind
from chat.facts.held import Held, held, tells_fiscal_years
from chat.facts.names import names
from chat.facts.units import CURRENCIES, of_word

__all__ = ["LABEL", "Fact", "Held", "Kind", "counted", "facts", "holding", "rest", "runs"]

_BLANK = "\x1f"
_JOINING = re.compile(
    r"[ \u00a0]?(?:-|–|—|/|,|to|and|or|bis|und|oder|à|a|et|ou|y|o|through)[ \u00a0]?"
    r"|,? (?:and|or|und|oder|et|ou|y|o) "
)
_STEPS: tuple[Callable[[str], Iterator[Fact]], ...] = (
    numbers.addresses,
    dates.dates,
    dates.times,
    dates.clock,
    dates.weekdays,
    numbers.fiscal,
    numbers.items,
    numbers.phones,
    numbers.fractions,
    numbers.codes,
    numbers.amounts,
)


@lru_cache(maxsize=64)
def facts(text: str, language: str = "") -> tuple[Fact, ...]:
    """What `text` says that can be checked, in order. `language`: ISO 639-1, "" unknown."""
    found = list(_counted(text, language))
    blanked = _without(_plain(text), [fact for fact in found if not fact.soft])
    return tuple(
        sorted([*found, *names(blanked, language)], key=lambda fact: (fact.start, fact.end))
    )


@lru_cache(maxsize=64)
def holding(passage: str, context: str = "", language: str = "", foreign: bool = False) -> Held:
    """What a passage with its title and headings (`context`) holds.

    `foreign`: sentences that are compared with it are in another language.
    """
    text = f"{passage}\n{context}"
    return held(_counted(text, language), _plain(text), language, foreign=foreign)


def counted(passage: str, spans: tuple[tuple[int, int], ...], language: str) -> Iterator[Held]:
    """For each span of a passage, in order, the facts in it; names are left to its words."""
    found, at = _counted(passage, language), 0
    fiscal = tells_fiscal_years(passage)
    for start, end in spans:
        inside = []
        while at < len(found) and found[at].start < end:
            inside.append(found[at])
            at += 1
        part = held(fact for fact in inside if fact.start >= start)
        part.fiscal = fiscal
        yield part


def rest(text: str, found: tuple[Fact, ...]) -> str:
    """`text` without its numbers, dates and codes, whose spelling is no word to compare."""
    counted = [fact for fact in found if fact.kind != "name" and not fact.soft]
    left = _without(text, counted).replace(_BLANK, " ")
    return " ".join(word for word in left.split() if of_word(word) not in CURRENCIES)


def runs(text: str, found: Sequence[Fact]) -> list[tuple[Fact, ...]]:
    """Facts that belong together, as ranges and lists of numbers do: `3 to 15`, `5, 6 or 7`."""
    together: list[list[Fact]] = []
    for fact in found:
        last = together[-1][-1] if together else None
        if last and last.kind == "number" == fact.kind and _joining(text, last, fact):
            together[-1].append(fact)
        else:
            together.append([fact])
    return [tuple(each) for each in together]


def _joining(text: str, one: Fact, following: Fact) -> bool:
    return bool(_JOINING.fullmatch(text[one.end : following.start]))


def _counted(text: str, language: str) -> list[Fact]:
    """All but names; what one step takes, the next does not see."""
    plain = _plain(text)
    left, found = plain, []
    for step in _STEPS:
        taken = list(step(left))
        found += taken
        left = _without(left, taken)
    found += wordnumbers.numbers(left, language)
    return _shared_units(
        plain, sorted((f for f in found if f.keys or f.values), key=lambda f: f.start)
    )


def _plain(text: str) -> str:
    """Full-width digits and the like as ordinary ones, each letter where it was."""
    if text.isascii():
        return text
    return "".join(
        plain if len(plain := unicodedata.normalize("NFKC", letter)) == 1 else letter
        for letter in text.replace("\u2010", "-").replace("\u2011", "-").replace("\u2019", "'")
    )


def _without(text: str, found: list[Fact]) -> str:
    if not found:
        return text
    letters = list(text)
    for fact in found:
        letters[fact.start : fact.end] = _BLANK * (fact.end - fact.start)
    return "".join(letters)


def _shared_units(text: str, found: list[Fact]) -> list[Fact]:
    """In `8 to 15 months` the months are of both."""
    for at in range(len(found) - 2, -1, -1):
        one, following = found[at], found[at + 1]
        if (
            one.kind == "number" == following.kind
            and not one.unit
            and following.unit
            and not following.unit.startswith(LABEL)
            and _joining(text, one, following)
        ):
            found[at] = replace(one, unit=following.unit)
    return found
