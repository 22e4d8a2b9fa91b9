"""Old Excel workbooks: the same output as new ones."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.parsers.base import Limits, ParsedDocument, ParseError
from ingest.parsers.registry import XLS
from ingest.parsers.xls import XlsParser
from tests.parsing import workbooks as make
from tests.parsing.files import isolated

STAFF = [("Name", "City", "Days"), ("Ann", "Bern", 30), ("Bob", "Zürich", 25.5)]


def parse(path: Path, limits: Limits | None = None) -> ParsedDocument:
    return XlsParser().parse(path, limits or Limits())


def code_of(path: Path) -> str:
    with pytest.raises(ParseError) as caught:
        parse(path)
    return caught.value.code


def test_a_table_with_values_as_shown(tmp_path: Path) -> None:
    records = [
        *make.old_rows([("Name", "Since", "Sum", "Share", "Flag")], make.BOLD_FORMAT),
        *make.old_rows([("Ann",)], top=1),
        make.old_cell(1, 1, 44399, 1),
        make.old_cell(1, 2, 1234567.5, 2),
        make.old_cell(1, 3, 0.256, 3),
        make.old_cell(1, 4, True),
        *make.old_rows([("Bob", 3)], top=2),
        make.old_error(2, 2, 0x2A),
    ]
    parsed = parse(make.old_workbook(tmp_path / "a.xls", {"Staff": records}))
    assert parsed.text == (
        "Staff\n\nName | Since | Sum | Share | Flag\n"
        "Ann | 22.07.2021 | 1,234,568 (1234567.5) | 25.6% | TRUE\nBob | 3 | #N/A |  |"
    )
    assert parsed.blocks[1].header_rows == 1
    assert (parsed.pages, parsed.page_labels) == (1, ("Staff",))


def test_days_from_1904(tmp_path: Path) -> None:
    records = [make.old_cell(0, 0, 0, 1)]
    path = make.old_workbook(tmp_path / "m.xls", {"Sheet1": records}, date1904=True)
    assert parse(path).text == "01.01.1904"


def test_the_country_of_the_system_tells_how_numbers_are_shown(tmp_path: Path) -> None:
    records = [make.old_cell(0, 0, 1234567, 2), make.old_cell(0, 1, 0.256, 3)]
    path = make.old_workbook(tmp_path / "g.xls", {"Data": records}, country=49)
    assert parse(path).text == "Data\n\n1.234.567 | 25,6%"


def test_hidden_things_and_merged_cells(tmp_path: Path) -> None:
    rows = [("Land", "Stadt", "x"), ("Italien", "Rom", "x"), ("", "Pisa", "x"), ("", "Bari", "x")]
    records = [
        make.old_hidden_row(3),
        make.old_hidden_column(2),
        *[
            r
            for i, row in enumerate(rows)
            for r in make.old_rows([[c for c in row if c]], top=i)
            if row[0]
        ],
        *[make.old_cell(n, 1, rows[n][1]) for n in (2, 3)],
        make.old_merged(1, 3, 0, 0),
    ]
    sheets = {"A": records, "Geheim": make.old_rows(STAFF)}
    parsed = parse(make.old_workbook(tmp_path / "h.xls", sheets, hidden=["Geheim"]))
    assert parsed.text == "A\n\nLand | Stadt\nItalien | Rom\nItalien | Pisa"
    assert [(n.code, n.count, n.names) for n in parsed.warnings] == [
        ("sheets-hidden", 1, "Geheim"),
        ("rows-hidden", 2, ""),
    ]


def test_reading_ends_at_the_limit(tmp_path: Path) -> None:
    path = make.old_workbook(
        tmp_path / "l.xls", {"L": make.old_rows([("a", n) for n in range(50)])}
    )
    parsed = parse(path, Limits(max_cells=20))
    assert [(n.code, n.count) for n in parsed.warnings] == [("sheet-cut", 10)]


def test_locked_damaged_and_empty_ones(tmp_path: Path) -> None:
    locked = make.old_workbook(tmp_path / "p.xls", {"A": make.old_rows(STAFF)}, locked=True)
    assert code_of(locked) == "encrypted"
    empty = make.old_workbook(tmp_path / "e.xls", {"A": []})
    assert code_of(empty) == "no-text"
    noise = tmp_path / "n.xls"
    noise.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\xff" * 5_000)
    assert code_of(noise) == "damaged"


def test_it_is_read_in_the_child(tmp_path: Path) -> None:
    path = make.old_workbook(tmp_path / "c.xls", {"Sheet1": make.old_rows(STAFF)})
    assert isolated(path, XLS).text == "Name | City | Days\nAnn | Bern | 30\nBob | Zürich | 25.5"


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_flipped_bytes_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = make.old_workbook(tmp_path / "f.xls", {"A": make.old_rows(STAFF), "B": []})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        parse(path, Limits(max_cells=1_000))
    except ParseError as error:
        assert error.code in ("damaged", "encrypted", "no-text")
