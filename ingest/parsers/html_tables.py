"""Tables of HTML, spans copied into each cell that they cover."""

from selectolax.lexbor import LexborNode

from ingest.parsers import clean
from ingest.parsers.base import ParseError

#: A cell that claims to span more is cut: spans are copied, and a span costs nothing to write.
MAX_SPAN = 50
MAX_TABLE_CELLS = 200_000


def node_text(node: LexborNode | None) -> str:
    """The text of an element on one line, "" without one."""
    return "" if node is None else clean.one_line(node.text(separator=" "))


def is_data(table: LexborNode) -> bool:
    """A table of data, not one that lays out a page: it holds no other table and no heading."""
    return table.css_first("table table, h1, h2, h3, pre, form") is None


def read_table(table: LexborNode) -> tuple[tuple[tuple[str, ...], ...], int]:
    """Cells with spans copied, and how many rows from the top are header."""
    rows: list[list[str]] = []
    header_rows = cells = 0
    pending: dict[int, tuple[int, str]] = {}
    for row in table.css("tr"):
        texts, all_header = _row(row, pending)
        if any(texts):
            is_header = all_header or (row.parent is not None and row.parent.tag == "thead")
            header_rows += is_header and header_rows == len(rows)
            rows.append(texts)
        cells += len(texts)
        if cells > MAX_TABLE_CELLS:
            raise ParseError(
                "too-much-text", f"A table holds more than {MAX_TABLE_CELLS:,} cells. Split it."
            )
    return clean.filled(rows), min(header_rows, max(0, len(rows) - 1))


def _row(row: LexborNode, pending: dict[int, tuple[int, str]]) -> tuple[list[str], bool]:
    texts: list[str] = []
    all_header = True
    for cell in row.css("td, th"):
        _take_pending(texts, pending)
        all_header = all_header and cell.tag == "th"
        text = node_text(cell)
        for copy in range(_span(cell, "colspan")):
            if (down := _span(cell, "rowspan")) > 1:
                pending[len(texts)] = (down - 1, text if copy == 0 else "")
            texts.append(text if copy == 0 else "")
    _take_pending(texts, pending)
    return texts, all_header and bool(texts)


def _take_pending(texts: list[str], pending: dict[int, tuple[int, str]]) -> None:
    while len(texts) in pending:
        left, text = pending.pop(len(texts))
        if left > 1:
            pending[len(texts)] = (left - 1, text)
        texts.append(text)


def _span(cell: LexborNode, name: str) -> int:
    value = cell.attributes.get(name) or "1"
    return (
        max(1, min(MAX_SPAN, int(value)))
        if value.isascii() and value.isdigit() and len(value) < 7
        else 1
    )
