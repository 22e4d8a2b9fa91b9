"""Tables of Word documents."""

from collections.abc import Iterator
from typing import Any

from docx.oxml.ns import qn

from ingest.parsers import clean
from ingest.parsers.docx_styles import is_number, is_on, value
from ingest.parsers.docx_text import Texts

MAX_SPAN = 50
#: More rows than these are no header, even where all of a table are marked as such.
MAX_HEADER = 5
#: What may stand between a table and its rows, a body and its paragraphs.
WRAPPERS = {
    qn(f"w:{name}") for name in ("sdt", "sdtContent", "ins", "moveTo", "smartTag", "customXml")
}

Rows = tuple[tuple[str, ...], ...]


def rows_of(table: Any, texts: Texts) -> tuple[Rows, int]:
    """Cells, a vertically merged one repeated, and how many rows are header."""
    rows: list[list[str]] = []
    header_rows = 0
    for row in _rows(table):
        cells = _cells(row, rows[-1] if rows else [], texts)
        if any(cells):
            header_rows += header_rows == len(rows) and _is_header(row, texts, first=not rows)
            rows.append(cells)
    if header_rows > MAX_HEADER:
        header_rows = 1
    return clean.filled(rows), min(header_rows, max(0, len(rows) - 1))


def _rows(parent: Any) -> Iterator[Any]:
    """Rows, also those in content controls, but none that was deleted or hidden."""
    for child in parent:
        if child.tag in WRAPPERS:
            yield from _rows(child)
        elif child.tag == qn("w:tr"):
            properties = child.find(qn("w:trPr"))
            if properties is None or not (
                properties.find(qn("w:del")) is not None or is_on(properties.find(qn("w:hidden")))
            ):
                yield child


def _cells(row: Any, above: list[str], texts: Texts) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(qn("w:tc")):
        if cell.getparent() is not row and next(cell.iterancestors(qn("w:tr"))) is not row:
            continue
        properties = cell.find(qn("w:tcPr"))
        text = clean.one_line(texts.of(cell).replace("\n", " "))
        if _continues(properties) and len(cells) < len(above):
            text = above[len(cells)]
        cells.append(text)
        cells.extend([""] * (_grid_span(properties) - 1))
    return cells


def _continues(properties: Any) -> bool:
    merge = None if properties is None else properties.find(qn("w:vMerge"))
    return merge is not None and value(merge) != "restart"


def _grid_span(properties: Any) -> int:
    said = "" if properties is None else value(properties.find(qn("w:gridSpan")))
    return max(1, min(MAX_SPAN, int(said))) if is_number(said) else 1


def _is_header(row: Any, texts: Texts, *, first: bool) -> bool:
    """Marked as repeated header, or a first row whose every cell is bold."""
    if is_on(row.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}")):
        return True
    return first and texts.is_all_bold(row)
