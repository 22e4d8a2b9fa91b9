"""Reports as plain numbers that a template draws as SVG: no script, no inline style."""

from collections.abc import Sequence
from dataclasses import dataclass

from usage import words
from usage.report import Report, Row

#: The drawing's own units: about the pixels of a narrow screen.
WIDTH, HEIGHT, TOP = 360, 130, 14
#: At most this many months are named below the columns.
MARKS = 13
#: What is there at all is seen, however much the largest is.
LEAST = 1.0


@dataclass(frozen=True, slots=True)
class Column:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    text: str
    year: str


@dataclass(frozen=True, slots=True)
class Cells:
    """A row of the table that says the same as the drawing, and more. `share`: of the longest bar."""

    name: str
    said: str
    share: float
    answers: str
    tokens: str
    cached: str
    seconds: str
    energy: str
    money: str


@dataclass(frozen=True, slots=True)
class Columns:
    """One column a month, the oldest first; `most` is the highest in words."""

    columns: Sequence[Column]
    marks: Sequence[Mark]
    rows: Sequence[Cells]
    most: str
    most_in: str
    width: int = WIDTH
    height: int = HEIGHT
    top: int = TOP


@dataclass(frozen=True, slots=True)
class Bars:
    by: str
    title: str
    rows: Sequence[Cells]


def columns(report: Report, measure: str) -> Columns:
    values = [words.value(measure, row) or 0.0 for row in report.months]
    most, step = max(values), WIDTH / len(values)
    rows = cells(report.months, [words.month(row.key) for row in report.months], measure)
    peak = values.index(most)
    return Columns(
        [_column(number, value, most, step) for number, value in enumerate(values)],
        _marks(report.months, step),
        rows[::-1],
        words.told(measure, most) if most else "",
        rows[peak].name,
    )


def bars(report: Report, by: str, measure: str) -> Bars:
    rows = report.parts[by]
    names = [words.name_of(by, row) for row in rows]
    return Bars(by, str(words.PARTS[by]), cells(rows, names, measure))


def cells(rows: Sequence[Row], names: Sequence[str], measure: str) -> list[Cells]:
    values = [words.value(measure, row) for row in rows]
    most = max((value for value in values if value), default=0.0)
    return [
        _cells(row, name, words.told(measure, value), _share(value, most))
        for row, name, value in zip(rows, names, values, strict=True)
    ]


def _cells(row: Row, name: str, said: str, share: float) -> Cells:
    figures = row.figures
    return Cells(
        name,
        said,
        share,
        words.number(figures.answers),
        words.number(figures.tokens),
        words.number(figures.cached),
        words.hours(figures.seconds),
        words.told("energy", figures.kwh if figures.answers else 0.0),
        words.told("money", row.money.electricity),
    )


def _share(value: float | None, most: float) -> float:
    return round(max(LEAST, value / most * 100), 2) if value and most else 0.0


def _column(number: int, value: float, most: float, step: float) -> Column:
    height = max(LEAST, value / most * (HEIGHT - TOP)) if value and most else 0.0
    gap = min(6.0, step * 0.25)
    x, width = number * step + gap / 2, step - gap
    return Column(round(x, 2), round(HEIGHT - height, 2), round(width, 2), round(height, 2))


def _marks(months: Sequence[Row], step: float) -> list[Mark]:
    """The number of each month; the year with the first and with each January."""
    every = -(-len(months) // MARKS)
    made, year = [], ""
    for number, row in enumerate(months):
        if number % every:
            continue
        its, month = row.key.split("-")
        new = "" if its == year else its
        year = its
        made.append(Mark(round((number + 0.5) * step, 2), str(int(month)), new))
    return made
