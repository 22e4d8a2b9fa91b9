"""Tables of OpenDocument texts and slides: repeated cells bounded, merged ones copied down."""

from collections.abc import Iterator
from typing import Any

from ingest.parsers import clean
from ingest.parsers.base import Limits
from ingest.parsers.odf import qn
from ingest.parsers.odf_styles import Styles, number
from ingest.parsers.odf_text import is_bold, text_of

#: A cell that claims to repeat or to span more is cut, as in other formats.
MAX_SPAN = 50
MAX_ROWS, MAX_COLUMNS = 1_000, 4_000
CELL, COVERED = qn("table:table-cell"), qn("table:covered-table-cell")
ROW, HEADER = qn("table:table-row"), qn("table:table-header-rows")
_PARTS = {qn(f"table:{name}") for name in ("table-rows", "table-row-group", "table-header-rows")}

Rows = tuple[tuple[str, ...], ...]


def rows_of(table: Any, styles: Styles, limits: Limits) -> tuple[Rows, int]:
    """Cells, and how many of the first rows are header."""
    rows: list[list[str]] = []
    header_rows = 0
    first = table.get(qn("table:use-first-row-styles")) == "true"
    pending: dict[int, tuple[int, str]] = {}
    cells_left = limits.max_cells
    for row, marked in table_rows(table):
        cells = _cells(row, styles, pending)
        if not any(cells):
            continue
        repeated = min(number(row.get(qn("table:number-rows-repeated")), 1), MAX_SPAN)
        cells_left -= len(cells) * repeated
        if cells_left < 0:
            raise limits.too_much_text()
        header = marked or (not rows and (first or _is_heading(row, styles)))
        header_rows += header and header_rows == len(rows)
        rows += [cells] * max(1, repeated)
    return clean.filled(rows), min(header_rows, max(0, len(rows) - 1))


def table_rows(table: Any, *, header: bool = False) -> Iterator[tuple[Any, bool]]:
    """Each table:table-row and whether it is marked as header."""
    for child in table:
        if child.tag == ROW:
            yield child, header
        elif child.tag in _PARTS:
            yield from table_rows(child, header=header or child.tag == HEADER)


def _cells(row: Any, styles: Styles, pending: dict[int, tuple[int, str]]) -> list[str]:
    cells: list[str] = []
    for cell in row:
        if cell.tag not in (CELL, COVERED) or len(cells) > MAX_COLUMNS:
            continue
        repeated = min(MAX_SPAN, max(1, number(cell.get(qn("table:number-columns-repeated")), 1)))
        for _ in range(repeated):
            cells.append(_text(cell, styles, pending, len(cells)))
    return cells


def _text(cell: Any, styles: Styles, pending: dict[int, tuple[int, str]], column: int) -> str:
    """A cell's text; that of the cell above which covers it."""
    if cell.tag == COVERED:
        left, text = pending.get(column, (0, ""))
        pending[column] = (left - 1, text)
        return text if left > 0 else ""
    text = clean.one_line(text_of(cell, styles))
    down = min(number(cell.get(qn("table:number-rows-spanned")), 1), MAX_ROWS)
    pending[column] = (down - 1, text)
    return text


def _is_heading(row: Any, styles: Styles) -> bool:
    """A first row whose every text has the style of table headings, or is bold."""
    found = [each for each in row.iter(qn("text:p")) if text_of(each, styles)]
    return bool(found) and all(
        styles.is_a(each.get(qn("text:style-name")) or "", "table heading") or is_bold(each, styles)
        for each in found
    )
