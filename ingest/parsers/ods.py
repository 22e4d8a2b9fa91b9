"""OpenDocument sheets (ODS): cells as a person sees them, row by row."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.parsers import clean, progress, sheet_tables
from ingest.parsers.base import Limits, ParsedDocument, ParseError
from ingest.parsers.odf import CONTENT, STYLES, Package, qn
from ingest.parsers.odf_styles import Styles, number
from ingest.parsers.odf_tables import CELL, COVERED, HEADER, ROW
from ingest.parsers.odf_text import PARAGRAPHS, note_text, text_of
from ingest.parsers.sheet import (
    BOLD,
    MAX_COLUMNS,
    MAX_ROWS,
    NUMBER,
    Budget,
    Sheet,
    hidden_rows,
    hidden_sheets,
)

#: Filled rows or cells that a file repeats by a number: more of the same says nothing more.
MAX_REPEATS = 1_000
MAX_MERGED = 100_000

_TABLE, _COLUMN, _SHAPES = (qn(f"table:{name}") for name in ("table", "table-column", "shapes"))
_AUTOMATIC, _SHEETS = qn("office:automatic-styles"), qn("office:spreadsheet")
_NUMBERS = frozenset(["float", "percentage", "currency", "date", "time"])
_HIDDEN = ("collapse",)


class OdsParser:
    media_types = ("application/vnd.oasis.opendocument.spreadsheet",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `damaged`, `encrypted`, `no-text`, `archive-too-large`,
        `unsafe-file`."""
        budget = Budget(limits)
        with Package(path) as package:
            reader = _Reader(Styles.of(package.tree(STYLES)), budget, limits)
            for event, element in package.stream(CONTENT, tuple(_EVENTS)):
                if event == "start":
                    reader.start(element)
                else:
                    reader.end(element)
                if budget.cut is not None:
                    break
            title, metadata = package.about()
        if not reader.found:
            raise ParseError("no-text", "The sheets hold no text.")
        notices = hidden_sheets(reader.hidden, len(reader.sheets) + len(reader.hidden))
        notices += hidden_rows(reader.hidden_rows)
        return sheet_tables.document(
            reader.sheets, limits, budget, title=title, metadata=metadata, warnings=tuple(notices)
        )


@dataclass
class _Reader:
    """Takes the elements of content.xml as they end; keeps no more of them than their texts."""

    styles: Styles
    budget: Budget
    limits: Limits
    sheets: list[Sheet] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    hidden_rows: int = 0
    #: Whether there is a part of sheets at all.
    found: bool = False
    _sheet: Sheet | None = None
    _depth: int = 0
    _row: int = 0
    _column: int = 0
    _unseen: set[int] = field(default_factory=set)
    #: Those of them that hold anything.
    _skipped: set[int] = field(default_factory=set)

    def start(self, element: Any) -> None:
        if element.tag == _SHEETS:
            self.found = True
        elif element.tag == _TABLE and self.found:
            # A chart's or a cell's own table lies in the table of the sheet.
            self._depth += 1
            if self._depth == 1:
                self._open(element)

    def _open(self, element: Any) -> None:
        name = clean.one_line(element.get(qn("table:name")) or "")
        self._row, self._column, self._unseen, self._skipped = 0, 0, set(), set()
        self._sheet = None
        if "://" in name or len(self.sheets) >= self.limits.max_pages:
            return  # what other files held when this one last looked
        if (element.get(qn("table:style-name")) or "") in self.styles.unseen:
            self.hidden.append(name)
            return
        self._sheet = Sheet(name, len(self.sheets) + 1)
        self.sheets.append(self._sheet)

    def end(self, element: Any) -> None:
        if element.tag == _AUTOMATIC:
            self.styles.add(element)
        elif element.tag == _TABLE and self._depth:
            self._depth -= 1
            self.hidden_rows += len(self._skipped) if not self._depth and self._sheet else 0
            progress.report(len(self.sheets), len(self.sheets) + 1)
        elif self._depth == 1 and element.tag == ROW:
            self._end_row(element)
        elif self._depth == 1 and element.tag == _COLUMN:
            self._end_column(element)
        elif self._depth == 1 and element.tag == HEADER and self._sheet and self._sheet.rows:
            self._sheet.headed.append((self._sheet.rows[0].number, 1, self._row, MAX_COLUMNS))
        elif element.tag not in (_TABLE, _SHEETS, _SHAPES):
            return
        if self._depth < 2:
            _forget(element)

    def _end_column(self, element: Any) -> None:
        repeated = min(number(element.get(qn("table:number-columns-repeated")), 1), MAX_COLUMNS)
        if element.get(qn("table:visibility")) in _HIDDEN and self._column < MAX_COLUMNS:
            self._unseen |= set(range(self._column + 1, self._column + repeated + 1))
        self._column += repeated

    def _end_row(self, element: Any) -> None:
        repeated = max(1, number(element.get(qn("table:number-rows-repeated")), 1))
        first = self._row + 1
        if self._sheet is None or first > MAX_ROWS:
            return
        cells = self._cells(element, first)
        if element.get(qn("table:visibility")) in _HIDDEN:
            # It takes no number: a gap would part the rows above from those below.
            self.hidden_rows += min(repeated, MAX_REPEATS) if cells else 0
            return
        self._row += repeated
        if not cells:
            return
        for place in range(first, first + min(repeated, MAX_REPEATS)):
            row = self.budget.row(place, cells)
            if row is not None:
                self._sheet.rows.append(row)
            if self.budget.spent(self._sheet.name, place):
                return

    def _cells(self, row: Any, place: int) -> list[tuple[int, str, int]]:
        """(column, text, looks) of what a row shows; notes what is merged or remarked."""
        found: list[tuple[int, str, int]] = []
        column = 1
        for cell in row.iterchildren(CELL, COVERED):
            repeated = max(1, number(cell.get(qn("table:number-columns-repeated")), 1))
            if cell.tag == CELL and len(cell) and column <= MAX_COLUMNS:
                text, looks = self._shown(cell)
                self._note(cell, place, column)
                last = min(column + min(repeated, MAX_REPEATS), MAX_COLUMNS + 1)
                columns = range(column, last) if text else range(0)
                found += [(each, text, looks) for each in columns if each not in self._unseen]
                self._skipped |= self._unseen.intersection(columns)
            column += repeated
        return found

    def _shown(self, cell: Any) -> tuple[str, int]:
        lines = (text_of(each, self.styles) for each in cell if each.tag in PARAGRAPHS)
        looks = NUMBER if cell.get(qn("office:value-type")) in _NUMBERS else 0
        if self.styles.is_bold(cell.get(qn("table:style-name")) or ""):
            looks |= BOLD
        return clean.one_line(" ".join(lines)), looks

    def _note(self, cell: Any, row: int, column: int) -> None:
        if self._sheet is None:
            return
        across = min(number(cell.get(qn("table:number-columns-spanned")), 1), MAX_COLUMNS)
        down = min(number(cell.get(qn("table:number-rows-spanned")), 1), MAX_ROWS)
        if (across > 1 or down > 1) and len(self._sheet.merged) < MAX_MERGED:
            self._sheet.merged.append((row, column, row + down - 1, column + across - 1))
        for note in cell.iterchildren(qn("office:annotation")):
            if column not in self._unseen:
                self._sheet.notes.append((row, column, note_text(note, self.styles)))


_EVENTS = (_AUTOMATIC, _SHEETS, _TABLE, _COLUMN, _SHAPES, ROW, HEADER)


def _forget(element: Any) -> None:
    """Free an element and those before it: a sheet has a million rows."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]
