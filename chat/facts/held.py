"""Which facts of a sentence a passage holds. Pure."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from chat.facts.fact import LABEL, Fact
from chat.facts.spelled import Spelled, spelled
from chat.facts.units import LABELS, mentioned

#: Words that say that a table counts in thousands or more.
_SCALE = re.compile(
    r"\b(?:milli?ons?|mio|mill|millionen|millones|thousands?|tausend|billions?|milliarden?)\b", re.I
)
_FISCAL = re.compile(r"\bfiscal|\bFY\b|geschäftsjahr|exercice|ejercicio", re.IGNORECASE)
#: From here on a number without decimals may be a rounded one.
ROUND = 1000


@dataclass(slots=True)
class Held:
    """The facts of a passage with its title and headings, ready to be looked up."""

    names: Spelled | None = None
    #: Each value with all that it counts, "" where it stands bare.
    numbers: dict[Decimal, set[str]] = field(default_factory=dict)
    ordered: list[Decimal] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    days: set[object] = field(default_factory=set)
    times: set[object] = field(default_factory=set)
    codes: set[object] = field(default_factory=set)
    #: Units that the text names anywhere; None where it is only a part of a text.
    mentioned: frozenset[str] | None = None
    scaled: bool = False
    fiscal: bool = False
    table: bool = False

    def has(self, fact: Fact) -> bool:
        """Whether the passage says this."""
        match fact.kind:
            case "number":
                return any(self._has_value(value, fact) for value in fact.values) or (
                    fact.bare is not None and self.scaled and fact.bare in self.numbers
                )
            case "date":
                return any(self._has_day(day) for day in fact.keys)
            case "time":
                return any(key in self.times for key in fact.keys)
            case "code":
                return any(self._has_code(str(key)) for key in fact.keys)
            case "name":
                return self.names is not None and self.names.has([str(word) for word in fact.keys])

    def _has_value(self, value: Decimal, fact: Fact) -> bool:
        if value in self.numbers and self._counts(fact.unit, self.numbers[value]):
            return True
        if not fact.unit and (value, None, None) in self.days:
            return True
        return self._has_rounded(value, fact)

    def _counts(self, unit: str, units: set[str]) -> bool:
        """Whether a number that counts `units` here may count `unit`.

        A bare one may, if it is bare wherever it stands and the unit is named in another place: in
        the header of a table.
        """
        if not unit or unit in units:
            return True
        if unit.startswith(LABEL):
            known = unit in self.labels or not self._may_label(unit.removeprefix(LABEL))
            return not known and any(each[: len(LABEL)] in ("", LABEL) for each in units)
        bare = all(not each or each.startswith(LABEL) for each in units)
        return bare and "" in units and (self.mentioned is None or unit in self.mentioned)

    def _may_label(self, word: str) -> bool:
        """Whether a label may be another word for one here, or stand in a header."""
        return (
            word in LABELS
            or self.names is None
            or self.names.foreign
            or (self.table and word in self.names.places)
        )

    def _has_rounded(self, value: Decimal, fact: Fact) -> bool:
        """Whether a number with more digits rounds to this one."""
        decimals = max(0, -int(value.as_tuple().exponent))
        slack = fact.slack or (Decimal(10) ** -decimals) / 2
        if not fact.slack and not decimals and value < ROUND:
            return False
        at = bisect_left(self.ordered, value - slack)
        while at < len(self.ordered) and self.ordered[at] <= value + slack:
            finer = fact.slack or -int(self.ordered[at].as_tuple().exponent) > decimals
            if finer and self._counts(fact.unit, self.numbers[self.ordered[at]]):
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
            return year in self.numbers or (self.fiscal and year % 100 in self.numbers)
        # "1 July" in one place and the year in another: a heading, the header of a table
        known = (year, None, None) in self.days or year in self.numbers
        return known and ("any year", month, number) in self.days

    def _has_code(self, key: str) -> bool:
        return key in self.codes or any(
            str(code).startswith(f"{key}/") or str(code).endswith(f"@{key}") for code in self.codes
        )


def held(
    found: Iterable[Fact], text: str = "", language: str = "", *, foreign: bool = False
) -> Held:
    """Index the facts of a passage. `text` is all of it, with its title and headings; "" for a part."""
    index = Held(
        scaled=bool(_SCALE.search(text)), fiscal=tells_fiscal_years(text), table=" | " in text
    )
    if text:
        index.names, index.mentioned = spelled(text, language, foreign=foreign), mentioned(text)
    for fact in found:
        _enter(index, fact)
    index.ordered = sorted(index.numbers)
    return index


def tells_fiscal_years(text: str) -> bool:
    """Whether a bare `24` may be a year here."""
    return bool(_FISCAL.search(text))


def _enter(index: Held, fact: Fact) -> None:
    match fact.kind:
        case "number":
            _enter_number(index, fact)
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


def _enter_number(index: Held, fact: Fact) -> None:
    for value in fact.values:
        index.numbers.setdefault(value, set()).add(fact.unit)
    if fact.unit.startswith(LABEL):
        index.labels.add(fact.unit)
    if fact.bare is not None:
        index.numbers.setdefault(fact.bare, set()).add(LABEL)


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
