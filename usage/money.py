"""Prices from a day on -> what a month costs, and what an API would have charged. Pure.

A month in which a price changes is counted at the mean of its days; the first price counts for the days
before it. Amounts are floats: they are shown, never booked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from usage.figures import Figures, after, before

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`cached` None: as `amount`."""

    since: date
    amount: float
    cached: float | None = None
    written: float = 0.0


@dataclass(frozen=True, slots=True)
class Bought:
    """Hardware; written off in equal parts from the month of `since` on."""

    since: date
    amount: float
    months: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Each list by `since`, the oldest first."""

    electricity: Sequence[Rate] = ()
    api: Mapping[str, Sequence[Rate]] = field(default_factory=dict)
    hardware: Sequence[Bought] = ()


@dataclass(frozen=True, slots=True)
class Money:
    """None: no price is known, or no energy."""

    electricity: float | None = None
    hardware: float | None = None
    api: Mapping[str, float] = field(default_factory=dict)

    @property
    def own(self) -> float | None:
        """What the own machine costs: None where neither is known."""
        known = [each for each in (self.electricity, self.hardware) if each is not None]
        return sum(known) if known else None

    def __add__(self, other: "Money") -> "Money":
        names = {**self.api, **other.api}
        summed = {name: self.api.get(name, 0.0) + other.api.get(name, 0.0) for name in names}
        return Money(
            _plus(self.electricity, other.electricity), _plus(self.hardware, other.hardware), summed
        )


def on(rates: Sequence[Rate], day: date) -> Rate | None:
    """The rate in force on that day, before all of them the first; None where there is none."""
    known = [rate for rate in rates if rate.since <= day] or rates[:1]
    return known[-1] if known else None


def mean(rates: Sequence[Rate], month: date, today: date) -> Rate | None:
    """Of the days of a month up to `today`."""
    last = min(after(month) - timedelta(days=1), max(today, month))
    days = [month + timedelta(days=number) for number in range((last - month).days + 1)]
    found = [rate for day in days if (rate := on(rates, day))]
    if not found:
        return None
    count = len(found)
    cached = [rate.amount if rate.cached is None else rate.cached for rate in found]
    return Rate(
        month,
        sum(rate.amount for rate in found) / count,
        sum(cached) / count,
        sum(rate.written for rate in found) / count,
    )


def listed(rate: Rate, prompt: int, cached: int, written: int) -> float:
    """What an API of that price charges for the same tokens."""
    reused = rate.amount if rate.cached is None else rate.cached
    fresh = max(prompt - cached, 0)
    return (fresh * rate.amount + cached * reused + written * rate.written) / MILLION


def of_month(rates: Rates, month: date, figures: Figures, today: date) -> Money:
    """What these answers of one month cost; hardware by the month, however much it was used."""
    kwh, price = figures.kwh, mean(rates.electricity, month, today)
    api = {}
    for name, its in rates.api.items():
        if rate := mean(its, month, today):
            api[name] = listed(rate, figures.prompt, figures.cached, figures.written)
    electricity = None if kwh is None or price is None else kwh * price.amount
    return Money(electricity, written_off(rates.hardware, month), api)


def written_off(hardware: Sequence[Bought], month: date) -> float | None:
    parts = [
        bought.amount / bought.months
        for bought in hardware
        if bought.since.replace(day=1) <= month
        and before(month, bought.months) < bought.since.replace(day=1)
    ]
    return sum(parts) if parts else None


def _plus(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return one if other is None else other
    return one + other
