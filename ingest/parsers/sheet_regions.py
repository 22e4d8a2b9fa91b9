"""Splits a sheet into the tables and texts that stand apart on it, and fills merged cells. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise

from ingest.parsers.sheet import BOLD, Area, Budget, Row, Sheet

#: Empty columns that part two tables whatever they hold.
WIDE_GAP = 2
#: Cuts along rows and columns in turn; tables are not nested deeper than this.
MAX_CUTS = 4
#: Rows times empty columns that are compared; a larger block is one table.
MAX_COMPARED = 200_000


def fill_merged(sheet: Sheet, budget: Budget) -> None:
    """Repeat a cell that is merged over rows in each of them that holds anything else.

    A row alone must say what it is. Rows that hold nothing else are the height of a text, no rows.
    """
    numbers = [row.number for row in sheet.rows]
    for top, left, bottom, _ in sheet.merged:
        first = bisect_left(numbers, top)
        if bottom == top or first == len(numbers) or numbers[first] != top:
            continue
        text = sheet.rows[first].at(left)
        last = bisect_left(numbers, bottom + 1)
        for index in range(first + 1, last) if text else ():
            if not budget.copied(text):
                return
            sheet.rows[index] = _with_cell(sheet.rows[index], left, text, sheet.rows[first])


def _with_cell(row: Row, column: int, text: str, source: Row) -> Row:
    if column in row.columns:
        return row
    place = bisect_left(row.columns, column)
    look = source.looks[source.columns.index(column)]
    return Row(
        row.number,
        (*row.columns[:place], column, *row.columns[place:]),
        (*row.texts[:place], text, *row.texts[place:]),
        row.looks[:place] + bytes([look]) + row.looks[place:],
    )


def regions(sheet: Sheet) -> Iterator[list[Row]]:
    """Rows of each region, top to bottom, left before right."""
    if sheet.is_whole:
        yield sheet.rows
        return
    covered = [(left, right) for _, left, _, right in sheet.merged if right > left]
    yield from _cut(sheet.rows, sorted(set(covered)), sheet.headed, MAX_CUTS)


def used(rows: Iterable[Row]) -> list[int]:
    """The columns that any of `rows` fills."""
    return sorted(set().union(*{row.columns for row in rows}))


def _cut(
    rows: list[Row], covered: list[tuple[int, int]], headed: list[Area], depth: int
) -> Iterator[list[Row]]:
    for band in _bands(rows, headed):
        parts = _side_by_side(band, covered) if depth else [band]
        if len(parts) == 1:
            yield band
        else:
            for part in parts:
                yield from _cut(part, covered, headed, depth - 1)


def _bands(rows: list[Row], headed: list[Area]) -> Iterator[list[Row]]:
    """Rows between empty rows; an empty row within a table (a spacer) parts nothing."""
    band: list[Row] = []
    for row in rows:
        if band and row.number > band[-1].number + 1 and not _continues(band, row, headed):
            yield band
            band = []
        band.append(row)
    if band:
        yield band


def _continues(band: list[Row], row: Row, headed: list[Area]) -> bool:
    """Whether `row`, below one empty row, goes on with the table above: same columns, same looks."""
    above = band[-1]
    if any(top <= above.number and row.number <= bottom for top, _, bottom, _ in headed):
        return True
    if row.number > above.number + 2 or len(above.columns) < 2 or row.columns != above.columns:
        return False
    if len(band) == 1 and all(look & BOLD for look in above.looks) and row.looks != above.looks:
        return True  # a header with an empty row below it
    return row.looks == above.looks and any(row.looks)


def _side_by_side(rows: list[Row], covered: list[tuple[int, int]]) -> list[list[Row]]:
    """The parts of a band left and right of empty columns, where these part tables."""
    columns = used(rows)
    gaps = [index for index, (a, b) in enumerate(pairwise(columns), start=1) if b - a > 1]
    if len(gaps) * len(rows) > MAX_COMPARED:
        return [rows]
    start, parts = 0, []
    for index in gaps:
        gap = columns[index] - columns[index - 1] - 1
        if any(a <= columns[index - 1] and columns[index] <= b for a, b in covered):
            continue
        before, after = columns[start:index], columns[index:]
        # A text that is merged over cells fills those beside it.
        reach = max((b for a, b in covered if a in before), default=0)
        if columns[index] - max(reach, columns[index - 1]) - 1 < 1:
            continue
        left, right = _within(rows, before), _within(rows, after)
        if _apart(left, right, gap):
            parts.append(left)
            start = index
    return [*parts, _within(rows, columns[start:])] if parts else [rows]


def _apart(left: list[Row], right: list[Row], gap: int) -> bool:
    """Whether two blocks of cells are two tables: each is one, and they differ in extent or repeat."""
    if any(len(rows) < 2 or len(used(rows)) < 2 for rows in (left, right)):
        return False
    if [row.number for row in left] != [row.number for row in right]:
        return True
    return gap >= WIDE_GAP or left[0].texts == right[0].texts


def _within(rows: list[Row], columns: list[int]) -> list[Row]:
    first, last = columns[0], columns[-1]
    parts = []
    for row in rows:
        a, b = bisect_left(row.columns, first), bisect_left(row.columns, last + 1)
        if a < b:
            parts.append(Row(row.number, row.columns[a:b], row.texts[a:b], row.looks[a:b]))
    return parts
