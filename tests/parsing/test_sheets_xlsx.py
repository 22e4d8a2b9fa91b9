"""Excel workbooks: what a person sees of them, and nothing that a file only claims."""

import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.chart import BarChart, Reference  # type: ignore[import-untyped]
from openpyxl.comments import Comment  # type: ignore[import-untyped]
from openpyxl.worksheet.table import Table  # type: ignore[import-untyped]

from ingest.parsers.base import Block, Limits, ParsedDocument, ParseError
from ingest.parsers.registry import XLSX
from ingest.parsers.xlsx import XlsxParser
from tests.parsing.files import archive, isolated, repacked
from tests.parsing.workbooks import STRICT, bold, package, put, workbook

STAFF = [("Name", "City", "Days"), ("Ann", "Bern", 30), ("Bob", "Lyon", 25)]


def parse(path: Path, limits: Limits | None = None) -> ParsedDocument:
    return XlsxParser().parse(path, limits or Limits())


def made(path: Path, fill: Any) -> ParsedDocument:
    return parse(workbook(path / "made.xlsx", fill))


def tables(parsed: ParsedDocument) -> list[Block]:
    return [block for block in parsed.blocks if block.kind == "table"]


def kinds(parsed: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, block.text.split("\n")[0]) for block in parsed.blocks]


# --- values -----------------------------------------------------------------------------------------
def test_values_are_shown_as_in_excel(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        values = [
            (date(2021, 7, 22), "dd.mm.yyyy"),
            (datetime(2021, 7, 22, 15, 30), "m/d/yyyy h:mm"),  # noqa: DTZ001 (sheets know no zones)
            (time(9, 5), "h:mm AM/PM"),
            (date(2021, 7, 22), "mm-dd-yy"),
            (1234.5, "#,##0.00\\ [$€-407]"),
            (0.256, "0.0%"),
            (435057215.45, "#,##0"),
            (True, "General"),
            (3.0, "General"),
            ("00123", "@"),
        ]
        put(sheet, [("What", "Value")])
        for row, (value, code) in enumerate(values, start=2):
            sheet.cell(row, 1, "x")
            sheet.cell(row, 2, value).number_format = code

    (table,) = tables(made(tmp_path, fill))
    assert [row[1] for row in table.rows[1:]] == [
        "22.07.2021", "7/22/2021 15:30", "9:05 AM", "2021-07-22", "1,234.50 €", "25.6%",
        "435,057,215 (435057215.45)", "TRUE", "3", "00123",
    ]  # fmt: skip


def test_a_german_workbook_is_shown_as_germans_see_it(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet.title = "Tabelle1"
        put(sheet, [("Wann", "Betrag", "Offen"), (date(2021, 7, 22), 1234.5, True)])
        sheet["A2"].number_format = "mm-dd-yy"
        sheet["B2"].number_format = "#,##0.00"

    assert made(tmp_path, fill).text == "Wann | Betrag | Offen\n22.07.2021 | 1.234,50 | WAHR"


def test_the_program_that_wrote_a_workbook_tells_its_language(tmp_path: Path) -> None:
    path = workbook(tmp_path / "f.xlsx", lambda sheet: put(sheet, [("a", 1.5)]))
    pairs = (
        '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties" '
        'xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"><HeadingPairs>'
        "<vt:vector><vt:variant><vt:lpstr>Feuilles de calcul</vt:lpstr></vt:variant></vt:vector>"
        "</HeadingPairs></Properties>"
    )
    changed = repacked(path, tmp_path / "g.xlsx", {"docProps/app.xml": pairs.encode()})
    assert parse(changed).text.endswith("a | 1,5")


def test_results_of_formulas_are_read_and_missing_ones_told(tmp_path: Path) -> None:
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>Sum</t></is></c><c r="B1"><f>1+1</f><v>2</v></c></row>'
        '<row r="2"><c r="A2" t="str"><f>"a"</f><v>text_x000D__x0041_</v></c><c r="B2"><f>2+2</f></c></row>'
        '<row r="3"><c r="A3" t="e"><v>#N/A</v></c><c r="B3" t="b"><v>1</v></c></row>'
        '<row r="4"><c r="A4" t="d"><v>2021-07-22T00:00:00</v></c><c t="s"><v>0</v></c></row>'
    )
    parsed = parse(package(tmp_path / "f.xlsx", rows, strings=["shared"]))
    assert "Sum | 2\ntext A |\n#N/A | TRUE\n2021-07-22 | shared" in parsed.text
    assert [(n.code, n.count) for n in parsed.warnings] == [("formulas-without-values", 1)]


def test_runs_of_a_text_are_joined_and_reading_aids_left_out(tmp_path: Path) -> None:
    item = "</t></si><si><r><t>Kar</t></r><r><t>lsruhe</t></r><rPh><t>aid</t></rPh></si><si><t>"
    rows = '<row><c t="s"><v>1</v></c><c t="s"><v>99</v></c></row>'
    assert parse(package(tmp_path / "r.xlsx", rows, strings=[item])).text == "Data\n\nKarlsruhe"


def test_the_strict_variant_is_read(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>5</v></c></row>'
    assert parse(package(tmp_path / "s.xlsx", rows, namespace=STRICT)).text == "Data\n\n5"


# --- tables -----------------------------------------------------------------------------------------
def test_a_table_with_its_title_header_and_remark(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        sheet.title = "Leave"
        put(sheet, [("Annual leave",), *STAFF, ("Days are working days, not calendar days.",)])
        bold(sheet, "A1:A1")

    parsed = made(tmp_path, fill)
    assert kinds(parsed) == [
        ("heading", "Leave"),
        ("heading", "Annual leave"),
        ("table", "Name | City | Days"),
        ("paragraph", "Days are working days, not calendar days."),
    ]
    (table,) = tables(parsed)
    assert (table.header_rows, len(table.rows), table.page) == (1, 3, 1)
    assert parsed.page_labels == ("Leave",) and parsed.pages == 1


def test_a_last_row_with_empty_cells_belongs_to_the_table(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, [("Metric", "Value"), ("Number of cards with a limit above it", 5)])
        put(sheet, [("Number of cards with no limit at all", None)], top=3)

    (table,) = tables(made(tmp_path, fill))
    assert table.rows[-1] == ("Number of cards with no limit at all", "")


@pytest.mark.parametrize("name", ["Sheet1", "Tabelle2", "Feuil3"])
def test_a_name_that_a_program_gave_is_no_heading(tmp_path: Path, name: str) -> None:
    def fill(sheet: Any) -> None:
        sheet.title = name
        put(sheet, STAFF)

    assert kinds(made(tmp_path, fill)) == [("table", "Name | City | Days")]


def test_tables_apart_are_apart(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, STAFF)
        put(sheet, [("City", "Rate"), ("Bern", 150), ("Lyon", 120), ("Rome", 90)], left=6)
        put(sheet, [("Year", "Total"), (2020, 5), (2021, 6)], top=8)

    found = [table.rows[0] for table in tables(made(tmp_path, fill))]
    assert found == [("Name", "City", "Days"), ("City", "Rate"), ("Year", "Total")]


def test_an_empty_row_or_column_inside_a_table_parts_nothing(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, [("Name", None, "Days"), ("Ann", None, 30), ("Bob", None, 25), ("Cy", None, 1)])
        put(sheet, [("Di", None, 7)], top=6)

    (table,) = tables(made(tmp_path, fill))
    assert table.rows[-1] == ("Di", "7") and len(table.rows[0]) == 2


def test_a_table_with_an_empty_row_after_each(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        for index, row in enumerate(STAFF):
            put(sheet, [row], top=1 + 2 * index)
        bold(sheet, "A1:C1")

    (table,) = tables(made(tmp_path, fill))
    assert table.rows == tuple(tuple(map(str, row)) for row in STAFF)
    assert table.header_rows == 1


def test_cells_merged_downwards_stand_in_each_row(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, [("Country", "City", "Rate"), ("France", "Lyon", 120), (None, "Nice", 140)])
        sheet.merge_cells("A2:A3")

    (table,) = tables(made(tmp_path, fill))
    assert [row[0] for row in table.rows] == ["Country", "France", "France"]


def test_a_text_merged_over_empty_rows_stands_once(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, [("A text over a block of cells",)])
        sheet.merge_cells("A1:F9")

    assert made(tmp_path, fill).text == "A text over a block of cells"


def test_two_header_rows_with_groups_over_columns(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, [("Centre", "2023", None, "2024", None), (None, "Jan", "Feb", "Jan", "Feb")])
        put(sheet, [("North", 1, 2, 3, 4), ("South", 5, 6, 7, 8)], top=3)
        for area in ("A1:A2", "B1:C1", "D1:E1"):
            sheet.merge_cells(area)

    (table,) = tables(made(tmp_path, fill))
    assert table.header_rows == 2
    assert table.rows[:2] == (
        ("Centre", "2023", "2023", "2024", "2024"),
        ("Centre", "Jan", "Feb", "Jan", "Feb"),
    )


@pytest.mark.parametrize("how", ["frozen", "filter", "table", "bold", "names", "years"])
def test_what_shows_a_header(tmp_path: Path, how: str) -> None:
    def fill(sheet: Any) -> None:
        rows = [("Name", "City"), ("Ann", "Bern"), ("Bob", "Lyon")]
        put(sheet, [("Name", 2023, 2024), ("Ann", 5, 6), ("Bob", 7, 8)] if how == "years" else rows)
        if how == "frozen":
            sheet.freeze_panes = "A2"
        elif how == "filter":
            sheet.auto_filter.ref = "A1:B3"
        elif how == "table":
            sheet.add_table(Table(displayName="T", ref="A1:B3"))
        elif how == "bold":
            bold(sheet, "A1:B1")

    assert [table.header_rows for table in tables(made(tmp_path, fill))] == [1]


def test_a_form_has_no_header(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, [("Name:", "Ann"), ("Days:", 30), ("City:", "Bern")])

    assert [table.header_rows for table in tables(made(tmp_path, fill))] == [0]


def test_remarks_and_charts_follow_their_sheet(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, STAFF)
        sheet["C2"].comment = Comment("since\nMarch", "Ann")
        chart = BarChart()
        chart.title = "Days by name"
        chart.add_data(Reference(sheet, min_col=3, min_row=2, max_row=3))
        sheet.add_chart(chart, "F1")

    assert kinds(made(tmp_path, fill))[1:] == [
        ("caption", "Days by name"),
        ("note", "Ann, Days: since March"),
    ]


# --- what nobody sees -------------------------------------------------------------------------------
def test_hidden_sheets_rows_and_columns_are_left_out_and_told(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, [(*row, "secret") for row in STAFF])
        sheet.column_dimensions["D"].hidden = True
        sheet.row_dimensions[3].hidden = True
        sheet["A3"].comment = Comment("hidden, too", "Ann")
        for name, state in (("Salaries", "hidden"), ("Macro", "veryHidden")):
            other = sheet.parent.create_sheet(name)
            other.sheet_state = state
            other["A1"] = "secret"

    parsed = made(tmp_path, fill)
    assert "Name | City | Days\nAnn | Bern | 30" in parsed.text
    assert "secret" not in parsed.text and "Bob" not in parsed.text and "too" not in parsed.text
    assert [(n.code, n.count, n.total, n.names) for n in parsed.warnings] == [
        ("sheets-hidden", 2, 3, "Salaries, Macro"),
        ("rows-hidden", 2, 0, ""),
    ]


def test_rows_that_a_filter_hides_are_read(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, STAFF)
        sheet.auto_filter.ref = "A1:C3"
        sheet.auto_filter.add_filter_column(1, ["Bern"])
        sheet.row_dimensions[3].hidden = True

    parsed = made(tmp_path, fill)
    assert "Bob | Lyon | 25" in parsed.text and parsed.warnings == ()


def test_a_sheet_without_text_is_blank(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, STAFF)
        sheet.parent.create_sheet("Empty")
        sheet.parent.create_sheet("Last")["B2"] = "end"

    parsed = made(tmp_path, fill)
    assert (parsed.pages, parsed.blank) == (3, (2,))
    assert parsed.page_labels == ("Sheet", "Empty", "Last")
    assert parsed.blocks[-1].page == 3


def test_what_the_file_says_of_itself(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, STAFF)
        properties = sheet.parent.properties
        properties.title, properties.creator = "Leave 2024", "Ann"
        properties.created = datetime(2024, 1, 2, 3, 4, 5)  # noqa: DTZ001 (as openpyxl has it)

    parsed = made(tmp_path, fill)
    assert parsed.title == "Leave 2024"
    assert parsed.metadata["author"] == "Ann"
    assert parsed.metadata["created"] == "2024-01-02T03:04:05Z"


# --- hostile and broken -----------------------------------------------------------------------------
def test_declared_dimensions_cost_nothing(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    parsed = parse(package(tmp_path / "d.xlsx", rows, dimension="A1:XFD1048576"))
    assert parsed.text == "Data\n\n1\n\n2"


def test_a_diagonal_is_no_table(tmp_path: Path) -> None:
    rows = "".join(
        f'<row r="{n}"><c r="A{n}"><v>1</v></c><c r="{_letters(n * 5)}{n}"><v>{n}</v></c></row>'
        for n in range(1, 3000)
    )
    parsed = parse(package(tmp_path / "d.xlsx", rows))
    assert tables(parsed) == [] and "1 | 2999" in parsed.text


def _letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def test_cells_beyond_what_a_sheet_holds_are_none(tmp_path: Path) -> None:
    rows = (
        '<row r="2"><c r="A2"><v>1</v></c><c r="XFE2"><v>2</v></c></row>'
        '<row r="1048577"><c><v>3</v></c></row>'
        '<row r="1"><c r="A1"><v>0</v></c><c r="?"><v>9</v></c></row>'
    )
    assert parse(package(tmp_path / "b.xlsx", rows)).text == "Data\n\n0 | 9\n1 |"


def test_reading_ends_at_the_limit_and_says_so(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, [(f"row {n}", n) for n in range(100)])

    path = workbook(tmp_path / "l.xlsx", fill)
    parsed = parse(path, Limits(max_cells=50))
    assert len(tables(parsed)[0].rows) == 25
    assert [(n.code, n.count, n.names) for n in parsed.warnings] == [("sheet-cut", 25, "Sheet")]
    assert len(parse(path, Limits(max_chars=500)).text) <= 500


def test_more_sheets_than_are_allowed(tmp_path: Path) -> None:
    path = workbook(tmp_path / "s.xlsx", lambda sheet: sheet.parent.create_sheet("Two"))
    with pytest.raises(ParseError) as caught:
        parse(path, Limits(max_pages=1))
    assert caught.value.code == "too-many-pages"


def test_a_merge_over_everything_is_bounded(tmp_path: Path) -> None:
    rows = "".join(
        f'<row r="{n}"><c r="A{n}"><v>1</v></c><c r="B{n}"><v>2</v></c></row>'
        for n in range(2, 500)
    )
    rows = f'<row r="1"><c r="C1"><v>7</v></c></row>{rows}'
    merged = '<mergeCells><mergeCell ref="C1:C1048576"/><mergeCell ref="Z9:A1"/></mergeCells>'
    parsed = parse(package(tmp_path / "m.xlsx", rows, after=merged), Limits(max_cells=1_100))
    assert 0 < parsed.text.count("7") < 499


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"[Content_Types].xml": b"<Types/>"}, "damaged"),
        ({"xl/workbook.xml": b"<workbook"}, "damaged"),
        ({"xl/workbook.xml": b"<html/>"}, "damaged"),
        ({"xl/workbook.xml": b"<workbook><sheets/></workbook>"}, "no-text"),
        ({"xl/workbook.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><workbook/>'}, "unsafe-file"),
    ],
)
def test_what_is_no_workbook(tmp_path: Path, members: dict[str, bytes], code: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(archive(tmp_path / "x.xlsx", members))
    assert caught.value.code == code


def test_damage_in_a_sheet_is_damage(tmp_path: Path) -> None:
    with pytest.raises(ParseError) as caught:
        parse(package(tmp_path / "x.xlsx", "<row><c></row>"))
    assert caught.value.code == "damaged"


def test_damage_beside_the_sheets_costs_no_text(tmp_path: Path) -> None:
    def fill(sheet: Any) -> None:
        put(sheet, STAFF)
        sheet["C2"].comment = Comment("since March", "Ann")

    path = workbook(tmp_path / "a.xlsx", fill)
    with zipfile.ZipFile(path) as file:
        beside = [
            n for n in file.namelist() if "comment" in n or n.startswith(("docProps", "_rels"))
        ]
    broken = repacked(
        path, tmp_path / "b.xlsx", dict.fromkeys([*beside, "xl/styles.xml"], b"<broken")
    )
    assert len(beside) >= 4
    assert parse(broken).text == "Name | City | Days\nAnn | Bern | 30\nBob | Lyon | 25"


def test_odd_numbers_are_shown_or_damage_but_no_crash(tmp_path: Path) -> None:
    rows = '<row r="x"><c s="99999"><v>1e999</v></c><c s="-1"><v>7</v></c></row>'
    assert parse(package(tmp_path / "o.xlsx", rows)).text == "Data\n\n#NUM! | 7"
    with pytest.raises(ParseError):
        parse(package(tmp_path / "p.xlsx", "<row><c><v>one</v></c></row>"))


def test_it_is_read_in_the_child(tmp_path: Path) -> None:
    path = workbook(tmp_path / "c.xlsx", lambda sheet: put(sheet, STAFF))
    assert isolated(path, XLSX).text.startswith("Name | City | Days")


ROWS = (
    '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row><row r="2" hidden="0">'
    '<c r="A2" s="1" t="str"><f>1</f><v>x</v></c><c r="B2" s="2"><v>44399.5</v></c></row>'
)
AFTER = '<autoFilter ref="A1:B2"/><mergeCells count="1"><mergeCell ref="A2:A3"/></mergeCells>'
NOISE = [b"", b"9", b"A", b'"', b"-1", b"1e9", b"<c/>", b"\xff", b"_xD800_"]
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 9), st.sampled_from(NOISE)), min_size=1
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 4), CHANGES)
def test_changed_parts_are_read_or_refused(
    tmp_path: Path, which: int, changes: list[tuple[float, int, bytes]]
) -> None:
    if which < 3:
        path = package(tmp_path / "o.xlsx", ROWS, after=AFTER, strings=["a", "b"])
    else:
        path = workbook(tmp_path / "o.xlsx", lambda sheet: put(sheet, STAFF))
    part = ("worksheets/sheet1", "workbook", "sharedStrings", "styles", "_rels/workbook")[which]
    part = f"xl/{part}.xml" + (".rels" if which == 4 else "")
    with zipfile.ZipFile(path) as file:
        content = bytearray(file.read(part))
    for share, length, noise in changes:
        place = int(share * len(content))
        content[place : place + length] = noise
    try:
        parse(repacked(path, tmp_path / "p.xlsx", {part: bytes(content)}), Limits(max_cells=1_000))
    except ParseError as error:
        assert error.code in ("damaged", "no-text", "unsafe-file", "archive-too-large")
