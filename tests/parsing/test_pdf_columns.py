"""The order in which a page with columns is read, and what a PDF says of itself."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from pypdf.constants import PageLabelStyle

from ingest.parsers.pdf_columns import in_reading_order
from ingest.parsers.pdf_lines import Cell, Line, grouped
from ingest.parsers.registry import PDF
from tests.parsing import files

LEFT = (
    "The river is measured at nine",
    "stations, each of which keeps a",
    "gauge that is read by hand in the",
    "morning and by a logger every ten",
    "minutes. A station that falls si-",
    "lent is visited within two days,",
    "and what it missed is filled from",
    "the stations above and below it.",
)
RIGHT = (
    "Water is sold by the cubic metre",
    "to farms that hold a permit, and",
    "the price is set each year by the",
    "council of the valley. Farms that",
    "take more than their permit says",
    "pay the double price for what is",
    "above it, and lose the permit if",
    "they do so in three years running.",
)


def test_columns_that_are_drawn_line_by_line(tmp_path: Path) -> None:
    lines = [(72, 740, "Report of the valley")]
    for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
        lines += [(72, 700 - 14 * number, left), (320, 700 - 14 * number, right)]
    lines += [(72, 560, "Printed by the office of the valley, with the help of all nine stations.")]
    text = " ".join(files.parse(files.pdf_lines(tmp_path / "a.pdf", lines), PDF).text.split())
    assert "falls silent is visited within two days, and what it missed" in text
    assert "each year by the council of the valley. Farms that take more" in text
    places = [text.index(words) for words in ("Report", "stations above", "Water", "Printed")]
    assert places == sorted(places)


def test_a_table_stays_a_table(tmp_path: Path) -> None:
    rows = [
        ("Station", "Gauge"),
        *((f"Station number {n}", f"{n * 12} cm above zero") for n in range(9)),
    ]
    lines = [
        (x, 700 - 14 * y, cell)
        for y, row in enumerate(rows)
        for x, cell in zip((72, 320), row, strict=True)
    ]
    parsed = files.parse(files.pdf_lines(tmp_path / "a.pdf", lines), PDF)
    assert [block.kind for block in parsed.blocks] == ["table"]
    assert parsed.blocks[0].rows[3] == ("Station number 2", "24 cm above zero")


def line(number: int, columns: list[list[str]]) -> Line:
    """Line `number` of a page of columns of 200 points, its words 6 points a letter."""
    words: list[Cell] = []
    for column, cell in enumerate(columns):
        left = 50.0 + 200 * column
        for word in cell:
            words.append(Cell(left, left + 6 * len(word), word))
            left += 6 * len(word) + 3
    top = 700.0 - 14 * number
    text = " ".join(word.text for word in words)
    box = (words[0].left, top - 10, words[-1].right, top) if words else (0.0, 0.0, 0.0, 0.0)
    placed = tuple(words)
    return Line(text, 1, *box, height=10.0, cells=grouped(placed, 10.0), words=placed)


WORDS = st.lists(st.text("abcDEF", min_size=1, max_size=6), max_size=5)


@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=25))
def test_no_word_is_lost_or_doubled(page: list[list[list[str]]]) -> None:
    lines = [line(number, columns) for number, columns in enumerate(page)]
    before = Counter(word for each in lines for word in each.text.split())
    after = in_reading_order(lines)
    assert Counter(word for each in after for word in each.text.split()) == before
    assert not any(each.words for each in after)


@pytest.mark.parametrize("count", [2, 3])
def test_as_many_columns_as_there_are(count: int) -> None:
    columns = [[f"c{column}", "goes", "on", "and", "on"] for column in range(count)]
    page = [line(number, columns) for number in range(10)]
    seen = [each.text.split()[0] for each in in_reading_order(page)]
    assert seen == [f"c{column}" for column in range(count) for _ in range(10)]


def test_what_it_says_of_itself(tmp_path: Path) -> None:
    writer = PdfWriter(clone_from=PdfReader(files.pdf(tmp_path / "plain.pdf", 4)))
    writer.set_page_label(0, 1, PageLabelStyle.LOWERCASE_ROMAN)
    writer.set_page_label(2, 3, PageLabelStyle.DECIMAL, start=1)
    about = {
        "/Title": "The Valley Report",
        "/Author": "Office of the Valley",
        "/CreationDate": "D:20240305101500+01'00'",
        "/ModDate": "nonsense",
    }
    writer.add_metadata(about)
    path = tmp_path / "a.pdf"
    writer.write(path)
    parsed = files.parse(path, PDF)
    assert parsed.title == "The Valley Report"
    assert parsed.page_labels == ("i", "ii", "1", "2")
    assert parsed.metadata["author"] == "Office of the Valley"
    assert datetime.fromisoformat(parsed.metadata["created"]) == datetime(
        2024, 3, 5, 9, 15, tzinfo=UTC
    )
    assert "modified" not in parsed.metadata


def test_numbers_that_are_only_numbers_are_no_labels(tmp_path: Path) -> None:
    assert files.parse(files.pdf(tmp_path / "a.pdf", 3), PDF).page_labels == ()
