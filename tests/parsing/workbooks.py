"""Excel files, made where a test needs them: by openpyxl, by hand, and old ones record by record."""

import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
from openpyxl.styles import Font  # type: ignore[import-untyped]

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def workbook(path: Path, fill: Callable[[Any], None]) -> Path:
    """A workbook whose first sheet `fill` gets."""
    book = openpyxl.Workbook()
    fill(book.active)
    book.save(path)
    return path


def put(sheet: Any, rows: Sequence[Sequence[Any]], top: int = 1, left: int = 1) -> None:
    """Values from a cell on; None leaves a cell empty."""
    for index, row in enumerate(rows):
        for offset, value in enumerate(row):
            if value is not None:
                sheet.cell(top + index, left + offset, value)


def bold(sheet: Any, area: str) -> None:
    for row in sheet[area]:
        for cell in row:
            cell.font = Font(bold=True)


def package(
    path: Path,
    sheet_data: str,
    *,
    namespace: str = MAIN,
    before: str = "",
    after: str = "",
    strings: Sequence[str] = (),
    dimension: str = "A1",
) -> Path:
    """A workbook of one sheet "Data" with the given XML of its rows, as no library would write it."""
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    items = "".join(f"<si><t>{text}</t></si>" for text in strings)
    parts = {
        "[Content_Types].xml": f'{head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        'content-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.'
        'openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        "_rels/.rels": _relations(officeDocument="xl/workbook.xml"),
        "xl/workbook.xml": f'{head}<workbook xmlns="{namespace}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Data" sheetId="1" r:id="worksheet"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(
            worksheet="worksheets/sheet1.xml", sharedStrings="/xl/sharedStrings.xml"
        ),
        "xl/worksheets/sheet1.xml": f'{head}<worksheet xmlns="{namespace}">'
        f'<dimension ref="{dimension}"/>{before}<sheetData>{sheet_data}</sheetData>{after}</worksheet>',
        "xl/sharedStrings.xml": f'{head}<sst xmlns="{namespace}">{items}</sst>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def _relations(**targets: str) -> str:
    found = "".join(
        f'<Relationship Id="{kind}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for kind, target in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}">{found}</Relationships>'


# --- BIFF8 ------------------------------------------------------------------------------------------
#: Formats that `old_workbook` knows, by the number of the cell format that uses them.
OLD_FORMATS = ["General", "dd\\.mm\\.yyyy", "#,##0", "0.0%", "General"]
BOLD_FORMAT = 4


def old_workbook(
    path: Path,
    sheets: dict[str, list[bytes]],
    *,
    hidden: Sequence[str] = (),
    date1904: bool = False,
    locked: bool = False,
    country: int = 1,
) -> Path:
    """An XLS: sheets of records (see `old_cell` and its kin)."""
    bodies = [
        _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0xDBB, 0x7CC, 0, 0))
        + b"".join(records)
        + _record(0x0A, b"")
        for records in sheets.values()
    ]
    size = len(_globals(sheets, [0] * len(sheets), hidden, date1904, locked, country))
    places = [size + sum(map(len, bodies[:index])) for index in range(len(bodies))]
    path.write_bytes(_globals(sheets, places, hidden, date1904, locked, country) + b"".join(bodies))
    return path


def old_cell(row: int, column: int, value: object, form: int = 0) -> bytes:
    """A cell (from 0) of a number, a text or a truth."""
    place = struct.pack("<HHH", row, column, form + 1)
    if isinstance(value, bool):
        return _record(0x205, place + struct.pack("<BB", value, 0))
    if isinstance(value, int | float):
        return _record(0x203, place + struct.pack("<d", value))
    text = str(value).encode("utf-16-le")
    return _record(0x204, place + struct.pack("<HB", len(text) // 2, 1) + text)


def old_error(row: int, column: int, code: int) -> bytes:
    return _record(0x205, struct.pack("<HHHBB", row, column, 1, code, 1))


def old_rows(rows: Sequence[Sequence[object]], form: int = 0, top: int = 0) -> list[bytes]:
    return [
        old_cell(top + index, column, value, form)
        for index, row in enumerate(rows)
        for column, value in enumerate(row)
    ]


def old_hidden_row(row: int) -> bytes:
    return _record(0x208, struct.pack("<HHHHHHI", row, 0, 1, 255, 0, 0, 1 << 5))


def old_hidden_column(column: int) -> bytes:
    return _record(0x7D, struct.pack("<HHHHHH", column, column, 2048, 1, 1, 0))


def old_merged(top: int, bottom: int, left: int, right: int) -> bytes:
    return _record(0xE5, struct.pack("<HHHHH", 1, top, bottom, left, right))


def _globals(
    sheets: dict[str, list[bytes]],
    places: list[int],
    hidden: Sequence[str],
    date1904: bool,
    locked: bool,
    country: int,
) -> bytes:
    records = [(0x809, struct.pack("<HHHHII", 0x600, 5, 0xDBB, 0x7CC, 0, 0))]
    if locked:
        records.append((0x2F, struct.pack("<HHH", 0, 1, 2)))
    records += [(0x42, struct.pack("<H", 1200)), (0x22, struct.pack("<H", date1904))]
    records.append((0x8C, struct.pack("<HH", 1, country)))
    records += [(0x31, _font(weight)) for weight in (400, 400, 400, 400, 700)]
    for index, code in enumerate(OLD_FORMATS):
        text = code.encode("utf-16-le")
        records.append((0x41E, struct.pack("<HHB", 164 + index, len(code), 1) + text))
    records.append((0xE0, struct.pack("<HHH14x", 0, 0, 0xFFF5)))
    for index in range(len(OLD_FORMATS)):
        font = 5 if index == BOLD_FORMAT else 0
        records.append((0xE0, struct.pack("<HHH14x", font, 164 + index, 1)))
    for name, place in zip(sheets, places, strict=True):
        text = name.encode("utf-16-le")
        head = struct.pack("<IBBBB", place, name in hidden, 0, len(name), 1)
        records.append((0x85, head + text))
    return b"".join(_record(*record) for record in [*records, (0x0A, b"")])


def _font(weight: int) -> bytes:
    return (
        struct.pack("<HHHHHBBBBBB", 200, weight > 400, 0x7FFF, weight, 0, 0, 0, 0, 0, 5, 0)
        + b"Arial"
    )


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data
