"""Rows of wide and long tables: each passage says what its values are."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.atoms import MAX_UNITS, units
from ingest.chunk import ChunkDraft, chunk_document
from ingest.parsers import clean
from tests.parsing.files import document

Table = tuple[tuple[str, ...], ...]


def passages(rows: Table, header_rows: int = 1) -> list[ChunkDraft]:
    block = ("table", clean.table_text(rows), {"rows": rows, "header_rows": header_rows})
    parsed = document(block)
    found = chunk_document(parsed, title="Staff")
    covered = bytearray(len(parsed.text))
    for chunk in found:
        assert chunk.start < chunk.end
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    lost = "".join(c for c, seen in zip(parsed.text, covered, strict=True) if not seen)
    assert not lost.strip()
    return found


def wide(columns: int, rows: int, words: int = 2) -> Table:
    header = tuple(f"Long name of column {n}" for n in range(columns))
    body = (
        tuple(f"r{r}c{c} " + "value " * (words - 1) for c in range(columns)) for r in range(rows)
    )
    return (header, *(tuple(cell.strip() for cell in row) for row in body))


def test_a_row_of_a_wide_table_names_the_header_of_each_cell() -> None:
    found = passages(wide(20, 30))
    row = next(chunk.text for chunk in found if "r7c3" in chunk.text)
    assert "Long name of column 3: r7c3 value; Long name of column 4: r7c4 value" in row
    assert all(units(chunk.text) <= MAX_UNITS for chunk in found)


def test_empty_cells_are_not_told() -> None:
    rows = (wide(20, 0)[0], *((f"key {n}", *[""] * 18, "last") for n in range(60)))
    found = passages(rows)
    assert "Long name of column 0: key 5; Long name of column 19: last\n" in found[1].text


def test_pieces_of_a_long_row_begin_with_a_header() -> None:
    found = passages(wide(20, 3, words=30))
    told = [chunk.text for chunk in found if "r1c" in chunk.text and "r0c" not in chunk.text]
    assert len(told) > 3
    assert "Long name of column 0: r1c0" in told[0]
    assert all("Long name of column" in text.split(";")[0] for text in told)
    assert all(units(chunk.text) <= MAX_UNITS for chunk in found)


def test_a_short_key_is_repeated() -> None:
    header = ("Number", *(f"Column {n}" for n in range(9)))
    rows = (header, *((f"K-{n}", *[f"w{n}x " * 40] * 9) for n in range(3)))
    rows = tuple(tuple(cell.strip() for cell in row) for row in rows)
    found = passages(rows)
    assert sum(chunk.text.startswith("Number: K-1; Column") for chunk in found) >= 3
    assert all("w1x" not in chunk.text or "Number: K-1" in chunk.text for chunk in found)


def test_two_header_rows_make_one_name() -> None:
    months = [f"{month} actual costs" for month in ("Jan", "Feb", "Mar", "Apr", "May", "Jun")]
    rows = (
        ("", *["2023"] * 6, *["2024"] * 6),
        ("Cost centre", *months, *months),
        *((f"Centre {n}", *(f"{n}.{c} thousand" for c in range(12))) for n in range(40)),
    )
    found = passages(rows, header_rows=2)
    assert any(
        "Cost centre: Centre 9; 2023 Jan actual costs: 9.0 thousand" in chunk.text
        and "2024 Jan actual costs: 9.6 thousand" in chunk.text
        for chunk in found
    )


def test_a_narrow_table_keeps_its_lines() -> None:
    rows = (("City", "Rate"), *((f"City {n}", f"{n} francs") for n in range(100)))
    for chunk in passages(rows)[1:]:
        assert chunk.text.startswith("City | Rate\nCity ")


def test_a_cell_longer_than_a_passage_names_its_header_in_each_piece() -> None:
    header = tuple(f"Column {n}" for n in range(8))
    rows = (header, ("A-1", "word " * 399 + "word", *["x"] * 6))
    found = passages(rows)
    pieces = [chunk.text for chunk in found if chunk.text.count("word") > 20]
    assert len(pieces) > 2
    assert all("Column 1: word" in text and "Column 0: A-1" in text for text in pieces)


CELL = st.sampled_from(
    [
        "",
        "a",
        "12.5",
        "Total:",
        "x" * 30,
        "三十日",
        "the name of it " * 3,
        "word " * 50,
        "y" * 2_000,
    ]
).map(str.strip)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(CELL, min_size=9, max_size=9).map(tuple), min_size=2, max_size=5))
def test_any_wide_table(rows: list[tuple[str, ...]]) -> None:
    kept = tuple(row for row in rows if any(row))
    if len(kept) < 2:
        return
    told = "".join("".join(chunk.text.split()) for chunk in passages(kept))
    for row in kept:
        assert all(word[:1_000] in told for cell in row for word in cell.split())
