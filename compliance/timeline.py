"""The record by days: counts, and charts as plain numbers that a template draws as SVG.

No script and no inline style: bars are rectangles with sizes, their colours are classes.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise

from audit import actions
from audit.models import Entry
from compliance.words import KINDS, kind

#: The drawing's own units; the page scales it.
WIDTH, HEIGHT = 720, 160
#: At most this many dates below a chart.
MARKS = 8
#: A day that has any entry is seen, however high the highest day is.
LEAST = 1.5

Counts = dict[date, Counter[str]]


@dataclass(frozen=True, slots=True)
class Bar:
    series: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One day of the table that says the same as the drawing."""

    day: date
    counts: list[int]
    total: int


@dataclass(frozen=True, slots=True)
class Chart:
    """`series` are (class, words) in the order of `Row.counts`. `rows` are the newest first."""

    key: str
    series: list[tuple[str, str | Promise]]
    bars: list[Bar]
    marks: list[Mark]
    rows: list[Row]
    total: int
    most: int
    most_on: date | None
    width: int = WIDTH
    height: int = HEIGHT


def counts(days: int) -> Counts:
    """Entries by day and action, the last `days` days with today, each day there even when empty."""
    by_day = _since(days).annotate(day=TruncDate("at"))
    rows = by_day.values_list("day", "action").annotate(count=Count("id")).order_by()
    return _summed(days, rows)


def refusals(days: int) -> Counts:
    """Refused connections by day: an entry sums those that are alike. Proofs' attempts are left out."""
    found = _since(days).filter(action=actions.EGRESS_REFUSED).exclude(data__event="proof")
    rows = found.annotate(day=TruncDate("at")).values_list("day", "action", "data__times")
    return _summed(days, ((day, action, times or 1) for day, action, times in rows))


def _since(days: int) -> QuerySet[Entry]:
    first = timezone.localdate() - timedelta(days=days - 1)
    start = timezone.make_aware(datetime.combine(first, time.min))
    return Entry.objects.filter(at__gte=start)


def _summed(days: int, rows: Iterable[tuple[date, str, int]]) -> Counts:
    today = timezone.localdate()
    found: Counts = {today - timedelta(days=back): Counter() for back in reversed(range(days))}
    for day, action, count in rows:
        if day in found:
            found[day][action] += count
    return found


def charts(days: int) -> list[Chart]:
    """Entries by kind, refused connections, and sign-ins that failed."""
    by_action = counts(days)
    failed = (actions.SIGN_IN_FAILED, actions.LOCKED_OUT)
    return [
        _chart("entries", by_action, list(KINDS.items()), kind),
        _only("refused", refusals(days), "refusals", (actions.EGRESS_REFUSED,)),
        _only("sign-ins", by_action, "sessions", failed),
    ]


def _only(key: str, found: Counts, series: str, wanted: Sequence[str]) -> Chart:
    kept = {
        day: Counter({a: n for a, n in row.items() if a in wanted}) for day, row in found.items()
    }
    return _chart(key, kept, [(series, KINDS[series])], lambda _action: series)


def _chart(
    key: str,
    found: Counts,
    series: list[tuple[str, str | Promise]],
    series_of: Callable[[str], str],
) -> Chart:
    rows = [_row(day, actions, series, series_of) for day, actions in found.items()]
    most = max(rows, key=lambda row: row.total)
    step = WIDTH / len(rows)
    return Chart(
        key=key,
        series=series,
        bars=[
            bar
            for place, row in enumerate(rows)
            for bar in _bars(row, place, step, most.total, series)
        ],
        marks=_marks(rows, step),
        rows=[row for row in reversed(rows) if row.total],
        total=sum(row.total for row in rows),
        most=most.total,
        most_on=most.day if most.total else None,
    )


def _row(
    day: date,
    found: Counter[str],
    series: list[tuple[str, str | Promise]],
    series_of: Callable[[str], str],
) -> Row:
    summed: Counter[str] = Counter()
    for action, count in found.items():
        summed[series_of(action)] += count
    return Row(day, [summed[name] for name, _words in series], sum(found.values()))


def _bars(
    row: Row, place: int, step: float, most: int, series: list[tuple[str, str | Promise]]
) -> list[Bar]:
    """The parts of one day, from the bottom up."""
    made, top, gap = [], float(HEIGHT), min(2.0, step / 5)
    room = HEIGHT - LEAST * len(series)
    for (name, _words), count in zip(series, row.counts, strict=True):
        if count:
            height = max(LEAST, count / most * room)
            top -= height
            x, y = round(place * step + gap / 2, 2), round(top, 2)
            made.append(Bar(name, x, y, round(step - gap, 2), round(height, 2)))
    return made


def _marks(rows: list[Row], step: float) -> list[Mark]:
    every = -(-len(rows) // MARKS)
    return [
        Mark(round((place + 0.5) * step, 2), date_format(row.day, "j M"))
        for place, row in enumerate(rows)
        if place % every == every // 2
    ]
