"""Excel 97 workbooks (XLS), and older ones, by xlrd: the same output as XLSX."""

import io
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import xlrd

from ingest.parsers import clean, progress, sheet_locale, sheet_tables
from ingest.parsers.base import Limits, ParsedDocument, ParseError
from ingest.parsers.sheet import (
    BOLD,
    NUMBER,
    Budget,
    Sheet,
    check_count,
    hidden_rows,
    hidden_sheets,
)
from ingest.parsers.sheet_cells import Style, shown_number, shown_text
from ingest.parsers.sheet_codes import GENERAL, SYSTEM_DATE
from ingest.parsers.sheet_locale import Locale

_BOLD_WEIGHT = 700
#: Formats of the reader's own computer have these numbers; xlrd gives them an American form.
_SYSTEM = {14: SYSTEM_DATE, 22: f"{SYSTEM_DATE} h:mm"}
_DAMAGED = "The Excel file is damaged. Open it in Excel or LibreOffice and save it as XLSX."


class XlsParser:
    media_types = ("application/vnd.ms-excel",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `damaged`, `encrypted`, `no-text`, `too-many-pages`."""
        data = path.read_bytes()
        # xlrd asserts, unpacks and indexes its way through damage: what it raises says nothing more.
        try:
            return _read(_open(data), data, limits)
        except (ParseError, MemoryError):
            raise
        except Exception as error:
            raise ParseError("damaged", _DAMAGED) from error


class _Silence(io.TextIOBase):
    """Where xlrd says what it thinks of a file."""

    def write(self, text: str) -> int:
        return len(text)


def _open(data: bytes) -> Any:
    try:
        return xlrd.open_workbook(
            file_contents=data,
            logfile=_Silence(),
            formatting_info=True,
            on_demand=True,
            ragged_rows=True,
            ignore_workbook_corruption=True,
        )
    except xlrd.XLRDError as error:
        if "encrypted" not in str(error):
            raise
        raise ParseError(
            "encrypted", "The file is protected with a password. Save a copy without it."
        ) from error


def _read(book: Any, data: bytes, limits: Limits) -> ParsedDocument:
    budget = Budget(limits)
    sheets: list[Sheet] = []
    unseen: list[str] = []
    hidden = 0
    locale = sheet_locale.by_country(book.countries[1])
    check_count(book.nsheets, limits)
    for index in range(book.nsheets):
        source = book.sheet_by_index(index)
        if source.visibility:
            unseen.append(clean.one_line(source.name))
        else:
            sheets.append(Sheet(clean.one_line(source.name), len(sheets) + 1))
            if budget.cut is None:
                hidden += _SheetReader(book, source, sheets[-1], budget, locale).read()
        book.unload_sheet(index)
        progress.report(index + 1, book.nsheets)
    metadata = _about(data)
    return sheet_tables.document(
        sheets,
        limits,
        budget,
        title=metadata.pop("title", ""),
        metadata=metadata,
        warnings=(*hidden_sheets(unseen, book.nsheets), *hidden_rows(hidden)),
    )


@dataclass(slots=True)
class _SheetReader:
    book: Any
    source: Any
    sheet: Sheet
    budget: Budget
    locale: Locale
    styles: dict[int, Style] = field(default_factory=dict)
    #: Columns and rows that are hidden and hold anything.
    skipped: set[int] = field(default_factory=set)
    hidden: int = 0

    def read(self) -> int:
        """Fill the sheet; how many hidden rows and columns were left out."""
        source, sheet = self.source, self.sheet
        if source.panes_are_frozen:
            sheet.frozen = source.horz_split_pos
        sheet.merged = [(top + 1, left + 1, b, r) for top, b, left, r in source.merged_cells]
        for index in range(source.nrows):
            row = self.budget.row(index + 1, self._cells(index))
            if row is None:
                continue
            if self._is_hidden_row(index):
                self.hidden += 1
            else:
                sheet.rows.append(row)
            if self.budget.spent(sheet.name, index + 1):
                break
        for (row_index, column), note in sorted(source.cell_note_map.items()):
            if not self._is_hidden_row(row_index) and not self._is_hidden_column(column):
                sheet.notes.append((row_index + 1, column + 1, clean.one_line(note.text)))
        return self.hidden + len(self.skipped)

    def _is_hidden_row(self, index: int) -> bool:
        info = self.source.rowinfo_map.get(index)
        return info is not None and bool(info.hidden)

    def _is_hidden_column(self, index: int) -> bool:
        info = self.source.colinfo_map.get(index)
        return info is not None and bool(info.hidden)

    def _cells(self, row: int) -> Iterator[tuple[int, str, int]]:
        types, values = self.source.row_types(row), self.source.row_values(row)
        for column, (kind, value) in enumerate(zip(types, values, strict=True)):
            if kind in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK):
                continue
            style = self._style(self.source.cell_xf_index(row, column))
            text = self._text(kind, value, style)
            if text and self._is_hidden_column(column):
                self.skipped.add(column)
            elif text:
                number = 0 if kind == xlrd.XL_CELL_TEXT else NUMBER
                yield column + 1, text, number | (BOLD if style.bold else 0)

    def _text(self, kind: int, value: Any, style: Style) -> str:
        if kind == xlrd.XL_CELL_TEXT:
            return shown_text(clean.one_line(value), style)
        if kind == xlrd.XL_CELL_BOOLEAN:
            return self.locale.true if value else self.locale.false
        if kind == xlrd.XL_CELL_ERROR:
            return str(xlrd.error_text_from_code.get(value, "#N/A"))
        number = int(value) if float(value).is_integer() else value
        date1904 = bool(self.book.datemode)
        return shown_number(number, style.code, date1904=date1904, locale=self.locale)

    def _style(self, index: int) -> Style:
        if index not in self.styles:
            self.styles[index] = self._read_style(index)
        return self.styles[index]

    def _read_style(self, index: int) -> Style:
        try:
            form = self.book.xf_list[index]
            known = self.book.format_map.get(form.format_key)
            code = _SYSTEM.get(form.format_key) or (known.format_str if known else GENERAL)
            font = self.book.font_list[form.font_index]
        except LookupError:
            return Style()
        return Style(code, bool(font.bold) or font.weight >= _BOLD_WEIGHT)


def _about(data: bytes) -> dict[str, str]:
    """Title, author and so on of the summary, which is a stream of its own. A broken one says nothing."""
    import olefile

    if not olefile.isOleFile(data=data):
        return {}
    try:
        with warnings.catch_warnings(), olefile.OleFileIO(io.BytesIO(data)) as ole:
            warnings.simplefilter("ignore")
            said = ole.get_metadata()
    except (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error):
        return {}
    names = {"title": said.title, "author": said.author, "subject": said.subject}
    names |= {"keywords": said.keywords, "created": said.create_time}
    names["modified"] = said.last_saved_time
    texts = {key: _said(value, said.codepage) for key, value in names.items()}
    return {key: text for key, text in texts.items() if text}


def _said(value: Any, codepage: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='seconds')}Z" if value.year > 1970 else ""
    if isinstance(value, bytes):
        try:
            return clean.one_line(value.decode(f"cp{codepage}", "replace"))
        except (LookupError, TypeError):
            return clean.one_line(value.decode("cp1252", "replace"))
    return clean.one_line(value) if isinstance(value, str) else ""
