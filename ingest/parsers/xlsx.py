"""Excel workbooks (XLSX, XLSM, XLTX): the values that the file keeps, as a person sees them."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from ingest.parsers import number_format, progress, sheet_book, sheet_tables
from ingest.parsers.archive import check_archive, check_entities
from ingest.parsers.base import Limits, Notice, ParsedDocument, ParseError
from ingest.parsers.sheet import (
    BOLD,
    MAX_COLUMNS,
    MAX_ROWS,
    NUMBER,
    Area,
    Budget,
    Row,
    Sheet,
    check_count,
    hidden_rows,
    hidden_sheets,
)
from ingest.parsers.sheet_book import Book, Entry
from ingest.parsers.sheet_cells import Style, shown_number, shown_text

#: Areas of merged cells of a sheet that are looked at.
MAX_MERGED = 100_000

# What lxml and zipfile raise on damage, and what a wrong number in the wrong place leads to.
_BROKEN = (
    etree.LxmlError, zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, ValueError,
    NotImplementedError, RuntimeError, struct.error, lzma.LZMAError,
)  # fmt: skip


class XlsxParser:
    media_types = ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `damaged`, `no-text`, `too-many-pages`, `archive-too-large`,
        `unsafe-file`."""
        check_archive(path)
        check_entities(path)
        try:
            with zipfile.ZipFile(path) as archive:
                return _read(sheet_book.open_book(archive), limits)
        except _BROKEN as error:
            raise ParseError("damaged", sheet_book.DAMAGED) from error


def _read(book: Book, limits: Limits) -> ParsedDocument:
    budget = Budget(limits)
    left_out = _LeftOut()
    check_count(len(book.entries), limits)
    shown = [entry for entry in book.entries if not entry.hidden]
    sheets = []
    for number, entry in enumerate(shown, start=1):
        sheet = Sheet(entry.name, number)
        if budget.cut is None:
            _read_sheet(book, entry, sheet, budget, left_out)
        sheets.append(sheet)
        progress.report(number, len(shown))
    metadata = dict(book.about)
    title = metadata.pop("title", "")
    notices = (
        *hidden_sheets([e.name for e in book.entries if e.hidden], len(book.entries)),
        *left_out.notices(),
    )
    return sheet_tables.document(
        sheets, limits, budget, title=title, metadata=metadata, warnings=notices
    )


@dataclass(slots=True)
class _LeftOut:
    """What a person does not see, or the file does not keep."""

    hidden: int = 0
    formulas: int = 0

    def notices(self) -> list[Notice]:
        found = hidden_rows(self.hidden)
        if self.formulas:
            found.append(Notice("formulas-without-values", self.formulas))
        return found


def _read_sheet(book: Book, entry: Entry, sheet: Sheet, budget: Budget, left_out: _LeftOut) -> None:
    sheet.charts = list(sheet_book.chart_titles(book, entry.part))
    if entry.is_chart:
        return
    reader = _SheetReader(book, sheet, budget, left_out)
    reader.read(entry.part)
    sheet.headed += sheet_book.headed_areas(book, entry.part)
    unseen = {row.number for row in reader.hidden_rows}
    sheet.notes = [
        note
        for note in sheet_book.comments(book, entry.part)
        if note[0] not in unseen and note[1] not in reader.hidden_columns
    ]


@dataclass(slots=True)
class _SheetReader:
    book: Book
    sheet: Sheet
    budget: Budget
    left_out: _LeftOut
    hidden_columns: set[int] = field(default_factory=set)
    #: Those of them that hold anything.
    skipped: set[int] = field(default_factory=set)
    #: Rows that are hidden, until the sheet's filter (which comes last) says whether it hid them.
    hidden_rows: list[Row] = field(default_factory=list)
    number: int = 0

    def read(self, part: str) -> None:
        tags = ("pane", "col", "row", "autoFilter", "mergeCell")
        for element in self.book.stream(part, *tags):
            name = element.tag.rpartition("}")[2]
            if name == "row":
                if self._read_row(element):
                    break
            elif name == "mergeCell":
                self._add(self.sheet.merged, element)
            elif name == "autoFilter":
                self._read_filter(element)
            elif name == "col":
                self._read_column(element)
            elif element.get("state") in ("frozen", "frozenSplit"):
                self.sheet.frozen = _whole(element.get("ySplit"))
        self.left_out.hidden += len(self.hidden_rows) + len(self.skipped)
        self.sheet.rows.sort(key=lambda row: row.number)

    def _add(self, areas: list[Area], element: Any) -> Area | None:
        area = sheet_book.area_of(element.get("ref", ""))
        if area and len(areas) < MAX_MERGED:
            areas.append(area)
        return area

    def _read_filter(self, element: Any) -> None:
        """Rows that a filter hides are one click away, and answer questions as the others do."""
        area = self._add(self.sheet.headed, element)
        if area and element.find("{*}filterColumn") is not None:
            rows, self.hidden_rows = self.hidden_rows, []
            for row in rows:
                filtered = area[0] <= row.number <= area[2]
                (self.sheet.rows if filtered else self.hidden_rows).append(row)

    def _read_column(self, element: Any) -> None:
        if sheet_book.is_true(element.get("hidden")):
            first, last = _whole(element.get("min")), _whole(element.get("max"))
            # Hiding all columns to the right of a table hides nothing.
            if last < MAX_COLUMNS:
                self.hidden_columns.update(range(max(1, first), last + 1))

    def _read_row(self, element: Any) -> bool:
        """Take a row. True where the limits are reached."""
        number = _whole(element.get("r")) or self.number + 1
        self.number = number
        if number > MAX_ROWS:
            return False
        row = self.budget.row(number, self._cells(element))
        if row is not None:
            hidden = sheet_book.is_true(element.get("hidden"))
            (self.hidden_rows if hidden else self.sheet.rows).append(row)
        return row is not None and self.budget.spent(self.sheet.name, number)

    def _cells(self, element: Any) -> Iterator[tuple[int, str, int]]:
        column = 0
        for cell in element.iterchildren("{*}c"):
            column = sheet_book.column_of(cell.get("r", "")) or column + 1
            if column > MAX_COLUMNS:
                continue
            text, looks = self._cell(cell)
            if text and column in self.hidden_columns:
                self.skipped.add(column)
            elif text:
                yield column, text, looks

    def _cell(self, cell: Any) -> tuple[str, int]:
        style = self._style(cell.get("s"))
        kind = cell.get("t", "n")
        looks = BOLD if style.bold else 0
        if kind == "inlineStr":
            inline = cell.find("{*}is")
            return (sheet_book.text_of(inline) if inline is not None else ""), looks
        value = cell.findtext("{*}v")
        if not value:
            self.left_out.formulas += kind != "str" and cell.find("{*}f") is not None
            return "", looks
        if kind == "s":
            return shown_text(self._shared(value), style), looks
        if kind == "str":
            return shown_text(sheet_book.unescape(value), style), looks
        if kind == "b":
            truth = (
                self.book.locale.true
                if sheet_book.is_true(value.strip())
                else self.book.locale.false
            )
            return truth, looks | NUMBER
        if kind == "n":
            return self._number(value, style), looks | NUMBER
        return sheet_book.unescape(value).removesuffix("T00:00:00"), looks | NUMBER

    def _shared(self, value: str) -> str:
        index = _whole(value)
        return self.book.texts[index] if index < len(self.book.texts) else ""

    def _number(self, value: str, style: Style) -> str:
        number = float(value)
        if number.is_integer() and abs(number) < number_format.MAX_INTEGER:
            number = int(number)
        book = self.book
        return shown_number(number, style.code, date1904=book.date1904, locale=book.locale)

    def _style(self, index: str | None) -> Style:
        place = _whole(index) if index else 0
        return self.book.styles[place] if place < len(self.book.styles) else Style()


def _whole(value: str | None) -> int:
    """A count or an index, 0 where `value` is none."""
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 9 else 0
