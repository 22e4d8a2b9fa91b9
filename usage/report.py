"""Some months of answers as one report: by month and in total, with money, for page, API and files."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from usage import money
from usage.figures import Figures, before, first_of, months
from usage.money import Money, Rates
from usage.rates import rates
from usage.sums import BY, Line, of_month

#: Months that a report shows at most, and by default: this one and the twelve before.
MOST_MONTHS = 60
SHOWN = 13
#: So that dates stay dates, whatever is asked for.
EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Row:
    """A month, a group, an assistant, a model, a way or a kind of measuring.

    `money` of all but months has the electricity alone: hardware and list prices are told of the whole.
    """

    key: str
    name: str
    figures: Figures
    money: Money


@dataclass(frozen=True, slots=True)
class Report:
    """`parts` by "group" and so on, the largest first, the others last. `lines`: each month's own."""

    since: date
    until: date
    months: Sequence[Row]
    parts: Mapping[str, Sequence[Row]]
    total: Row
    lines: Mapping[date, Sequence[Line]]
    rates: Rates


def span(since: date | None, until: date | None) -> tuple[date, date]:
    """The first of both months, in order, at most MOST_MONTHS; this month and the twelve before for None."""
    last = min(first_of(until or timezone.localdate()), first_of(timezone.localdate()))
    last = max(last, EARLIEST)
    first = first_of(since) if since else before(last, SHOWN - 1)
    first = min(first, last)
    return max(first, before(last, MOST_MONTHS - 1)), last


def report(since: date | None = None, until: date | None = None) -> Report:
    first, last = span(since, until)
    its, today = rates(), timezone.localdate()
    lines = {month: of_month(month) for month in months(first, last)}
    rows = [_month(month, found, its, today) for month, found in lines.items()]
    total = Row("", "", Figures(), Money())
    for row in rows:
        total = Row("", "", total.figures + row.figures, total.money + row.money)
    parts = {by: _parts(by, lines, its, today) for by in BY[1:]}
    return Report(first, last, rows, parts, total, lines, its)


def _month(month: date, lines: Iterable[Line], its: Rates, today: date) -> Row:
    figures = next((line.figures for line in lines if line.by == "all"), Figures())
    return Row(month.isoformat()[:7], "", figures, money.of_month(its, month, figures, today))


def _parts(by: str, lines: Mapping[date, Sequence[Line]], its: Rates, today: date) -> list[Row]:
    figures: dict[str, Figures] = defaultdict(Figures)
    costs: dict[str, Money] = defaultdict(Money)
    names: dict[str, str] = {}
    own = Rates(electricity=its.electricity)
    for month, found in lines.items():
        for line in found:
            if line.by == by:
                figures[line.key] += line.figures
                costs[line.key] += money.of_month(own, month, line.figures, today)
                names[line.key] = line.name or names.get(line.key, "")
    made = [Row(key, names[key], figures[key], costs[key]) for key in figures]
    return sorted(made, key=lambda row: (row.key == "others", -row.figures.answers, row.name))
