"""What a fact is. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["number", "date", "time", "code", "name"]
#: A year, a month, a day; None where the text does not say.
Day = tuple[int | None, int | None, int | None]

#: What a number counts where it counts nothing: a section, a page, an item of a list.
LABEL = "label "


@dataclass(frozen=True, slots=True)
class Fact:
    """One checkable thing that a text says, in every normal form that it may mean.

    `values` of a number; `keys`: days of a date, minutes of a time, spellings of a code, words of a name.
    `soft`: it may be no fact at all ("a year", "the first"): it supports others and needs no support.
    """

    kind: Kind
    start: int
    end: int
    keys: tuple[Day | int | str, ...] = ()
    values: tuple[Decimal, ...] = ()
    unit: str = ""
    #: Numbers: how far another may be off ("about 500", "3.5 million"); 0 where it must be the same.
    slack: Decimal = Decimal(0)
    soft: bool = False
    #: Numbers: what stood before "million", for tables that say it in their header.
    bare: Decimal | None = None
