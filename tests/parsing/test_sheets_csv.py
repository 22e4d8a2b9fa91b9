"""Tables as text."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.parsers.base import Limits, ParsedDocument, ParseError
from ingest.parsers.csv_table import CsvParser
from ingest.parsers.registry import CSV
from tests.parsing.files import isolated


def parse(
    path: Path, content: str | bytes, encoding: str = "utf-8", **limits: int
) -> ParsedDocument:
    file = path / "table.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return CsvParser().parse(file, Limits(**limits))


def rows(parsed: ParsedDocument) -> list[tuple[str, ...]]:
    (table,) = [block for block in parsed.blocks if block.kind == "table"]
    return list(table.rows)


STAFF = "Name;Ort;Betrag\nMüller;Köln;1.234,50\nSchäfer;Bern;12,00\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    parsed = parse(tmp_path, (STAFF * 20).replace("\n", end), encoding)
    assert rows(parsed)[:2] == [("Name", "Ort", "Betrag"), ("Müller", "Köln", "1.234,50")]
    assert parsed.pages is None and parsed.blocks[0].page is None


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(tmp_path: Path, separator: str) -> None:
    lines = [("Name", "City", "Note"), ("Ann", "Bern", "a b"), ("Bob", "Lyon", "c")]
    parsed = parse(tmp_path, "\n".join(map(separator.join, lines)))
    assert rows(parsed) == lines
    assert parsed.blocks[0].header_rows == 1


def test_commas_of_numbers_separate_nothing(tmp_path: Path) -> None:
    parsed = parse(tmp_path, "Jahr;Wert\n1,5;2,5\n3,5;4,5\n5,5;6,5\n")
    assert rows(parsed)[1] == ("1,5", "2,5")


def test_a_separator_inside_quotes_separates_nothing(tmp_path: Path) -> None:
    lines = ["a,b,c", *['"1","x;y","2;"'] * 5]
    assert rows(parse(tmp_path, "\n".join(lines)))[1] == ("1", "x;y", "2;")


def test_inches_are_no_quotes(tmp_path: Path) -> None:
    lines = ["screen,size", *[f'"model, {n}","{n}"""' for n in range(9)]]
    assert rows(parse(tmp_path, "\n".join(lines)))[3] == ("model, 2", '2"')


def test_quotes_breaks_and_ragged_rows(tmp_path: Path) -> None:
    parsed = parse(
        tmp_path, 'name,note\n"Bob, the ""great""","two\nlines"\n\nCy,5,extra\nDi\nEd,6\n'
    )
    assert rows(parsed) == [
        ("name", "note", ""),
        ('Bob, the "great"', "two lines", ""),
        ("Cy", "5", "extra"),
        ("Di", "", ""),
        ("Ed", "6", ""),
    ]


def test_a_quote_that_is_never_closed_costs_no_rows(tmp_path: Path) -> None:
    lines = ["name,inch", 'screen,"24', *(f"item {n},{n}" for n in range(1_000))]
    found = rows(parse(tmp_path, "\n".join(lines)))
    assert found[1] == ("screen", '"24')
    assert len(found) == 1_002


def test_a_cell_longer_than_the_library_allows(tmp_path: Path) -> None:
    long = "word " * 40_000
    found = rows(parse(tmp_path, f"name,text\nAnn,{long}\nBob,short\n"))
    assert found[1] == ("Ann", long.strip())


def test_lines_above_the_table_are_text(tmp_path: Path) -> None:
    text = (
        "Account;12345\nPeriod;March\n\nDate;Amount;Purpose;Balance\n01.03.2024;-5,00;Rent;7\n" * 1
    )
    parsed = parse(tmp_path, text + "02.03.2024;6,00;Pay;13\n" * 5)
    assert parsed.blocks[0].text == "Account | 12345\nPeriod | March"
    assert rows(parsed)[0] == ("Date", "Amount", "Purpose", "Balance")
    assert parsed.blocks[1].header_rows == 1


def test_the_separator_that_excel_writes_on_top(tmp_path: Path) -> None:
    assert rows(parse(tmp_path, "sep=|\na|b\n1|2\n")) == [("a", "b"), ("1", "2")]


@pytest.mark.parametrize(
    "text",
    [
        "A letter, that is prose.\nIt has commas, here, and there, and no table in it.\nYours\n",
        "one\ntwo\nthree\n",
    ],
)
def test_what_is_no_table_is_text(tmp_path: Path, text: str) -> None:
    assert {block.kind for block in parse(tmp_path, text).blocks} == {"paragraph"}


def test_zero_bytes_are_dropped(tmp_path: Path) -> None:
    assert rows(parse(tmp_path, b"na\0me,amount\nAl\0pha,10\nBeta,20\n"))[1] == ("Alpha", "10")


def test_nothing_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(ParseError) as caught:
        parse(tmp_path, ",,\n,,\n")
    assert caught.value.code == "no-text"


def test_reading_ends_at_the_limit(tmp_path: Path) -> None:
    parsed = parse(tmp_path, "n,m\n" + "1,2\n" * 500, max_cells=100)
    assert len(rows(parsed)) == 50
    assert [(n.code, n.count) for n in parsed.warnings] == [("sheet-cut", 50)]


def test_it_is_read_in_the_child(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(STAFF)
    assert isolated(file, CSV).text.startswith("Name | Ort | Betrag\nMüller")


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.binary(max_size=300), st.text(alphabet='ab1,;|\t"\n\r. ', max_size=300)))
def test_any_bytes(tmp_path: Path, content: bytes | str) -> None:
    try:
        parse(tmp_path, content)
    except ParseError as error:
        assert error.code == "no-text"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(*[st.text(alphabet='abc d,"é1', min_size=1, max_size=12)] * 3),
        min_size=3,
        max_size=9,
    )
)
def test_what_was_quoted_comes_back(tmp_path: Path, lines: list[tuple[str, ...]]) -> None:
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines]
    text = " ".join(block.text for block in parse(tmp_path, "a,b,c\n" + "\n".join(quoted)).blocks)
    for line in lines:
        for cell in line:
            assert " ".join(cell.split()) in text
