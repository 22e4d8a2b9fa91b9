"""Sheets to blocks: tables with their header rows, titles and remarks around them."""

import re
from collections.abc import Mapping
from itertools import pairwise

from ingest.parsers import clean
from ingest.parsers.base import BlockKind, BlockWriter, Limits, Notice, ParsedDocument, ParseError
from ingest.parsers.sheet import BOLD, NUMBER, Area, Budget, Row, Sheet
from ingest.parsers.sheet_regions import fill_merged, regions, used

#: Rows above the values that a header may have.
MAX_HEADER = 4
#: Lines of two cells that may stand on top of a wide table.
MAX_LEAD = 20
#: Rows of the body that show what its columns hold.
SAMPLE = 50
#: A lone line up to this many words may be a title; above, it is a text.
TITLE_WORDS = 12
#: Lone short lines below each other that make one paragraph.
MAX_LINES = 20
#: Cells of a table for each filled one. A sparser block is no table, but lines here and there.
MAX_SPARSE = 25
SPARSE_FROM = 100_000

_YEAR = re.compile(r"(?:(?:FY|GJ|Q[1-4])\s?)?(?:19|20)\d\d(?:/\d\d(?:\d\d)?)?")
_REMARK = re.compile(r"\*|\(?\d\)|note|source|as of|quelle|hinweis|anmerkung|stand|remarque", re.I)


def document(
    sheets: list[Sheet],
    limits: Limits,
    budget: Budget,
    *,
    title: str = "",
    metadata: Mapping[str, str] | None = None,
    warnings: tuple[Notice, ...] = (),
) -> ParsedDocument:
    """All sheets as one document, `warnings` and what `budget` cut off. Raises ParseError `no-text`."""
    writer = BlockWriter(limits)
    blank: list[int] = []
    for sheet in sheets:
        fill_merged(sheet, budget)
        if not (sheet.rows or sheet.notes or sheet.charts):
            blank.append(sheet.number or 0)
            continue
        if len(sheets) > 1 or sheet.is_named:
            writer.add("heading", clean.one_line(sheet.name), level=1, page=sheet.number)
        _Writer(writer, sheet).write()
        sheet.rows = []
    numbered = all(sheet.number for sheet in sheets)
    names = tuple(clean.one_line(sheet.name) for sheet in sheets)
    parsed = writer.document(
        title=title,
        pages=len(sheets) if numbered else None,
        warnings=((budget.cut,) if budget.cut else ()) + warnings,
        metadata=metadata,
        blank=tuple(blank) if numbered else (),
        page_labels=names if numbered and all(names) else (),
    )
    if not parsed.blocks:
        raise ParseError("no-text", "The sheets hold no text.")
    return parsed


class _Writer:
    def __init__(self, writer: BlockWriter, sheet: Sheet) -> None:
        self._out, self._sheet = writer, sheet
        #: Column headers and first cells of rows, for remarks on cells.
        self._headers: dict[int, str] = {}
        self._remarked = {row for row, _, _ in sheet.notes}
        self._keys: dict[int, str] = {}

    def write(self) -> None:
        for rows in regions(self._sheet):
            for row in rows:
                if row.number in self._remarked:
                    self._keys.setdefault(row.number, row.texts[0])
            self._write_region(rows)
        for title in self._sheet.charts:
            self._add("caption", title)
        for number, column, text in self._sheet.notes:
            place = [self._keys.get(number, ""), self._headers.get(column, "")]
            label = ", ".join(part for part in place if part)
            self._add("note", f"{label}: {text}" if label else text)

    def _add(self, kind: BlockKind, text: str, level: int = 0) -> None:
        self._out.add(kind, text, level=level, page=self._sheet.number)

    def _write_region(self, rows: list[Row]) -> None:
        first, last = _table_extent(rows, self._sheet.headed)
        table = rows[first:last]
        if len(used(table)) < 2 or (len(table) < 2 and not self._is_headed(table)):
            self._write_lines(rows)
            return
        self._write_lines(rows[:first])
        self._write_table(table)
        self._write_lines(rows[last:])

    def _is_headed(self, rows: list[Row]) -> bool:
        return any(_starts(area, row) for area in self._sheet.headed for row in rows)

    def _write_lines(self, rows: list[Row]) -> None:
        """Rows that are no table: titles, texts, runs of short lines."""
        lines: list[str] = []
        for row in rows:
            text = " | ".join(row.texts)
            title = _is_title(row, text)
            long = len(text.split()) > TITLE_WORDS
            if lines and (title or long or len(lines) >= MAX_LINES):
                self._add("paragraph", "\n".join(lines))
                lines = []
            if title and text == clean.one_line(self._sheet.name):
                continue  # said by the heading above
            if title:
                self._add("heading", text, level=2)
            elif long:
                self._add("paragraph", text)
            else:
                lines.append(text)
        self._add("paragraph", "\n".join(lines))

    def _write_table(self, rows: list[Row]) -> None:
        columns = used(rows)
        cells = sum(len(row.columns) for row in rows)
        if len(rows) * len(columns) > max(SPARSE_FROM, MAX_SPARSE * cells):
            self._write_lines(rows)
            return
        header_rows = header_of(rows, columns, self._sheet)
        place = {column: index for index, column in enumerate(columns)}
        dense = [_dense(row, place) for row in rows]
        for index in range(header_rows):
            dense[index] = self._spread(rows[index].number, dense[index], columns)
        for column, index in place.items():
            names = dict.fromkeys(row[index] for row in dense[:header_rows] if row[index])
            self._headers.setdefault(column, " ".join(names))
        table = tuple(dense)
        self._out.add(
            "table",
            clean.table_text(table),
            page=self._sheet.number,
            rows=table,
            header_rows=header_rows,
        )

    def _spread(self, number: int, row: tuple[str, ...], columns: list[int]) -> tuple[str, ...]:
        """A header that is merged over columns stands above each of them."""
        cells = list(row)
        for top, left, bottom, right in self._sheet.merged:
            if top <= number <= bottom and right > left and left in columns:
                text = cells[columns.index(left)]
                for index, column in enumerate(columns):
                    if left < column <= right and not cells[index]:
                        cells[index] = text
        return tuple(cells)


def _dense(row: Row, place: dict[int, int]) -> tuple[str, ...]:
    if len(row.columns) == len(place):
        return row.texts
    cells = [""] * len(place)
    for column, text in zip(row.columns, row.texts, strict=True):
        cells[place[column]] = text
    return tuple(cells)


def _starts(area: Area, row: Row) -> bool:
    return area[0] == row.number and area[1] <= row.columns[-1] and row.columns[0] <= area[3]


def _table_extent(rows: list[Row], headed: list[Area]) -> tuple[int, int]:
    """First and last (beyond) row of the table in a region: around it are its title and remarks."""
    first, last = 0, len(rows)
    while first < last and len(rows[first].columns) == 1:
        if any(_starts(area, rows[first]) for area in headed):
            break
        first += 1
    first = _below_lead(rows, first)
    while last > first + 1 and _is_remark(
        rows[last - 1], rows[max(first, last - 1 - SAMPLE) : last - 1]
    ):
        last -= 1
    return first, last


def _below_lead(rows: list[Row], first: int) -> int:
    """Where a wide table begins below lines such as `Account | 12345`, else `first`."""
    sizes = sorted(len(row.columns) for row in rows[first : first + SAMPLE])
    usual = sizes[len(sizes) // 2] if sizes else 0
    for index in range(first, min(first + MAX_LEAD, len(rows)) if usual > 3 else 0):
        if len(rows[index].columns) > 2:
            return index if 2 * len(rows[index].columns) > usual else first
    return first


def _is_remark(row: Row, above: list[Row]) -> bool:
    """Whether a lone cell below a table is a text about it, not a row whose other cells are empty."""
    if len(row.columns) != 1 or row.looks[0] & NUMBER:
        return False
    if _REMARK.match(row.texts[0]):
        return True
    longest = max((len(each.at(row.columns[0])) for each in above), default=0)
    return len(row.texts[0].split()) > 4 and len(row.texts[0]) > 2 * longest


def _is_title(row: Row, text: str) -> bool:
    """Short, bold, of one cell, no sentence."""
    if len(row.columns) != 1 or not row.looks[0] & BOLD or len(text.split()) > TITLE_WORDS:
        return False
    return not text.endswith((".", ",", ";", ":")) and any(c.isalpha() for c in text)


# --- header -----------------------------------------------------------------------------------------
def header_of(rows: list[Row], columns: list[int], sheet: Sheet) -> int:
    """How many of the first rows are header; at least one row is left for the body."""
    most = min(MAX_HEADER, len(rows) - 1)
    for index in range(min(MAX_HEADER, len(rows))):
        if any(_starts(area, rows[index]) for area in sheet.headed):
            return min(index + 1, len(rows))
    frozen = sum(row.number <= sheet.frozen for row in rows[: MAX_HEADER + 1])
    if 0 < frozen <= most:
        return frozen
    bold = 0
    while bold < most and _all(rows[bold], BOLD):
        bold += 1
    if bold and not _all(rows[bold], BOLD):
        return bold
    if not most or not _could_head(rows[0], columns):
        return 0
    return _heads(rows, columns, sheet, most)


def _heads(rows: list[Row], columns: list[int], sheet: Sheet, most: int) -> int:
    """By what stands below: words above numbers, or names above every column."""
    count = 1
    while (
        count < most and _is_grouped(rows[count - 1], sheet) and _could_head(rows[count], columns)
    ):
        count += 1
    body = rows[count : count + SAMPLE]
    below = any(any(look & NUMBER for look in row.looks) for row in body)
    if below and not all(_is_pair(row) for row in rows[:SAMPLE]):
        return count
    full = len(rows[0].columns) == len(columns) and len(set(rows[0].texts)) == len(columns)
    short = all(len(text.split()) <= TITLE_WORDS for text in rows[0].texts)
    named = not any(text.endswith(":") for text in rows[0].texts)
    return count if full and short and named and len(rows) > 2 else 0


def _is_pair(row: Row) -> bool:
    """A label and its value, as forms have them."""
    return len(row.columns) <= 2 and row.texts[0].endswith(":")


def _is_grouped(row: Row, sheet: Sheet) -> bool:
    """Whether a cell of it is merged over columns: it names a group, the row below its members."""
    return any(
        top == row.number and right > left and left in row.columns
        for top, left, _, right in sheet.merged
    )


def _could_head(row: Row, columns: list[int]) -> bool:
    """Texts alone; years in a row count as names."""
    if len(row.columns) < 2 or 2 * len(row.columns) < len(columns):
        return False
    numbers = [text for text, look in zip(row.texts, row.looks, strict=True) if look & NUMBER]
    years = all(_YEAR.fullmatch(text) for text in numbers)
    return not numbers or (years and len(numbers) > 1 and all(a < b for a, b in pairwise(numbers)))


def _all(row: Row, look: int) -> bool:
    return all(each & look for each in row.looks) and len(row.columns) > 1
