"""Tokens, seconds and energy of some answers, and calendar months. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Figures:
    """`unmeasured`: answers of a model whose energy nothing tells; the rest as in models.Measured."""

    answers: int = 0
    unmeasured: int = 0
    prompt: int = 0
    cached: int = 0
    written: int = 0
    look: int = 0
    seconds: float = 0.0
    waiting: float = 0.0
    watt_hours: float = 0.0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(getattr(self, name) + getattr(other, name) for name in NAMES))

    @property
    def tokens(self) -> int:
        return self.prompt + self.written

    @property
    def kwh(self) -> float | None:
        """None where no energy is known at all."""
        if self.answers and self.unmeasured == self.answers:
            return None
        return self.watt_hours / 1_000

    @property
    def watt_hours_each(self) -> float | None:
        """Of an answer whose energy is known."""
        known = self.answers - self.unmeasured
        return self.watt_hours / known if known else None


NAMES = tuple(field.name for field in fields(Figures))


def first_of(day: date) -> date:
    return day.replace(day=1)


def after(month: date) -> date:
    """The first of the next month."""
    return first_of(month + timedelta(days=31))


def before(month: date, months: int = 1) -> date:
    """The first of the month so many before."""
    count = month.year * 12 + month.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def months(since: date, until: date) -> Iterator[date]:
    """The first of each month, both included."""
    month = first_of(since)
    while month <= until:
        yield month
        month = after(month)
