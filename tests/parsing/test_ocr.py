"""Text recognition of pages that are pictures, in this process and in the child."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from ingest.parsers import ocr_clean, ocr_lines
from ingest.parsers.base import Limits, ParsedDocument, Recognition
from ingest.parsers.ocr_lines import Area, Row, Word
from ingest.parsers.ocr_picture import Picture, Placement
from ingest.parsers.pdf import PdfParser
from ingest.parsers.registry import PDF
from ingest.parsers.sandbox import recognise_isolated
from tests.parsing import files, scans

HOW = Recognition((1,), ("eng", "deu"), str(Path(sys.prefix, "share", "tessdata")))
#: A strip of paper: recognition costs as much as there is to read.
STRIP = (440.0, 160.0)


def strip(*lines: str, x: float = 30, size: float = 10) -> Image.Image:
    def draw(canvas: Canvas) -> list[str]:
        scans.write(canvas, lines, x=x, y=120, size=size)
        return list(lines)

    return scans.sheet(draw, size=STRIP)[0]


def recognise(path: Path, how: Recognition = HOW) -> ParsedDocument:
    return PdfParser().recognise(path, Limits(), how)


def test_a_scan_is_blank_until_it_is_recognised(tmp_path: Path) -> None:
    path = scans.pdf(tmp_path / "a.pdf", strip(*scans.GERMAN[:2]))
    assert files.parse(path, PDF).blank == (1,)
    document = recognise_isolated(path, PDF, Limits(), HOW, wall_seconds=120, memory_mb=1024)
    assert document.text == " ".join(scans.GERMAN[:2])
    assert document.blank == ()
    (block,) = document.blocks
    assert block.page == 1 and (block.confidence or 0) > 0.9
    left, bottom, right, top = block.boxes[0]
    assert 28 < left < 32 and 116 < bottom < 121 and right < 440 and 125 < top < 132


LONG = pytest.mark.long


@pytest.mark.parametrize("turn", [90, pytest.param(180, marks=LONG), pytest.param(270, marks=LONG)])
def test_boxes_lie_where_the_words_are_drawn(tmp_path: Path, turn: int) -> None:
    """Whether the page is turned by its file, or its picture lies on its side."""
    image = strip(*scans.ENGLISH[:3])
    by_file = scans.pdf(tmp_path / "a.pdf", image, turn=turn)
    block = recognise(by_file).blocks[0]
    assert block.boxes[0][0] == pytest.approx(30, abs=2)
    assert block.boxes[0][1] == pytest.approx(117.5, abs=3)
    lying = scans.pdf(tmp_path / "b.pdf", image.rotate(turn, expand=True))
    document = recognise(lying)
    assert scans.recall(" ".join(scans.ENGLISH[:3]), document.text) == 1
    block = document.blocks[0]
    left, bottom, right, top = block.boxes[0]
    assert (right - left > top - bottom) == (turn == 180)
    first = {90: left, 180: STRIP[1] - top, 270: STRIP[1] - right}[turn]
    assert first == pytest.approx(STRIP[1] - 130 if turn != 180 else 160 - 42, abs=5)


def test_a_skewed_page_is_read_and_its_boxes_follow(tmp_path: Path) -> None:
    image = scans.turned(strip(*scans.ENGLISH[:3]), -4)
    document = recognise(scans.pdf(tmp_path / "a.pdf", image))
    assert scans.recall(" ".join(scans.ENGLISH[:3]), document.text) == 1
    block = document.blocks[0]
    left, bottom, right, top = block.boxes[0]
    assert top - bottom > 0.06 * (right - left), "the box of a sloping line is higher"


def test_headings_and_tables(tmp_path: Path) -> None:
    heading, _ = scans.sheet(scans.prose(scans.ENGLISH[:3], times=1), size=(595, 842))
    rows, _ = scans.sheet(scans.table())
    how = replace(HOW, pages=(1, 2))
    document = recognise(scans.pdf(tmp_path / "a.pdf", heading, rows), how)
    kinds = [(block.kind, block.page) for block in document.blocks]
    assert kinds[0] == ("heading", 1)
    (table,) = (block for block in document.blocks if block.kind == "table")
    assert table.rows == scans.TABLE and table.header_rows == 1
    assert table.page == 2 and len(table.boxes) == len(scans.TABLE)


@LONG
def test_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    image, text = scans.sheet(scans.columns(scans.ENGLISH[:5]))
    document = recognise(scans.pdf(tmp_path / "a.pdf", image))
    assert document.text.replace("\n\n", " ") == " ".join(text.split("\n"))


def test_a_stamp_does_not_hide_the_scan(tmp_path: Path) -> None:
    path = scans.pdf(tmp_path / "a.pdf", strip(*scans.ENGLISH[:2]), stamp="ACME 000123")
    parsed = files.parse(path, PDF)
    assert parsed.blank == (1,) and parsed.text == "ACME 000123"
    recognised = recognise(path)
    assert recognised.text == " ".join(scans.ENGLISH[:2]), "the stamp is not read again"


def test_a_few_words_without_a_picture_are_a_page_of_text(tmp_path: Path) -> None:
    path = files.pdf_lines(tmp_path / "a.pdf", [(72, 700, "Thank you")])
    assert files.parse(path, PDF).blank == ()


def test_a_title_page_with_a_picture_behind_it_has_text(tmp_path: Path) -> None:
    picture = Image.new("L", (900, 1200), 200)
    path = scans.pdf(
        tmp_path / "a.pdf", picture, stamp="Annual report of the works council", at=150
    )
    assert files.parse(path, PDF).blank == ()
    path = scans.pdf(
        tmp_path / "b.pdf", picture, stamp="FAX 28-NOV-2026 14:33 FROM 0221 1234 P 01", at=8
    )
    assert files.parse(path, PDF).blank == (1,)


def test_a_title_over_a_picture_is_not_called_blank(tmp_path: Path) -> None:
    path = scans.pdf(tmp_path / "a.pdf", Image.new("L", (900, 600), 200), stamp="Thank you")
    assert files.parse(path, PDF).blank == (1,)
    document = recognise(path)
    assert document.text == "" and document.blank == ()


def test_glyphs_without_a_meaning_are_no_text() -> None:
    from ingest.parsers.pdf_lines import Line
    from ingest.parsers.pdf_pictures import without_text

    lines = [Line("\ue001\ue002\ue003 \ufffd\ufffd", 2), Line("Sound words", 3)]
    kept, blank = without_text(Path("/nowhere"), lines, [1])
    assert kept == lines[1:] and blank == [1, 2]


def test_an_empty_page_and_one_that_is_not_there(tmp_path: Path) -> None:
    path = scans.pdf(tmp_path / "a.pdf", Image.new("L", (900, 600), 255))
    document = recognise(path, replace(HOW, pages=(1, 7)))
    assert document.blocks == () and document.blank == (1, 7)


def test_what_is_missing_has_a_code(tmp_path: Path) -> None:
    path = scans.pdf(tmp_path / "a.pdf", strip("Words"))
    assert files.code_of(recognise, path, replace(HOW, tessdata=str(tmp_path))) == "ocr-unavailable"
    missing = replace(HOW, languages=("xyz",))
    assert files.code_of(recognise, path, missing) == "ocr-unavailable"


def test_too_much_text_stops_it(tmp_path: Path) -> None:
    path = scans.pdf(tmp_path / "a.pdf", strip(*scans.ENGLISH[:2]))
    code = files.code_of(PdfParser().recognise, path, Limits(max_chars=50), HOW)
    assert code == "too-much-text"


def test_a_huge_page_of_a_few_lines_ends(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=(14_400, 14_400))
    canvas.line(0, 0, 14_000, 14_000)
    canvas.save()
    document = recognise_isolated(
        tmp_path / "a.pdf", PDF, Limits(), HOW, wall_seconds=120, memory_mb=1024
    )
    assert document.blocks == ()


def test_shadow_and_grain_are_cleaned_away() -> None:
    image = strip(*scans.ENGLISH[:3])
    shadow = Picture.of(scans.shaded(image), Placement.of_pixels(image.height)).image
    corner = shadow.crop((0, 0, 60, 60)), shadow.crop((shadow.width - 60, 0, shadow.width, 60))
    assert all(part.getextrema()[0] > 225 for part in corner)  # type: ignore[operator]
    assert ocr_clean.is_static(Image.effect_noise((2400, 3400), 200))
    assert not ocr_clean.is_static(image)


def word(text: str, left: float, top: float, confidence: float = 0.95) -> Word:
    return Word(text, left, top, left + 20 * len(text), top + 40, confidence)


def test_columns_of_a_table_become_rows() -> None:
    towns = Area([Row([word(t, 100, y)], 44) for t, y in (("Bern", 0), ("Graz", 80))], False)
    rates = Area([Row([word(t, 600, y)], 44) for t, y in (("150", 3), ("99", 78))], True)
    prose = Area([Row([word("Below", 100, 400)], 44)], False)
    rows = ocr_lines.in_rows([towns, prose, rates])
    assert [row.text for row in rows] == ["Bern 150", "Graz 99", "Below"]


@given(
    st.lists(st.sampled_from([90, 180, 270]), max_size=4),
    st.tuples(st.integers(0, 39), st.integers(0, 29)),
)
def test_a_pixel_is_found_again_however_it_is_turned(turns: list[int], at: tuple[int, int]) -> None:
    image = Image.new("L", (40, 30), 255)
    image.putpixel(at, 0)
    picture = Picture(image, Placement.of_pixels(30))
    for turn in turns:
        picture = picture.turned(turn)
    pixels = picture.image.tobytes()
    y, x = divmod(pixels.index(0), picture.image.width)
    box = picture.place.box(x, y, x + 1, y + 1)
    assert box == (at[0], 29 - at[1], at[0] + 1, 30 - at[1])


@LONG
def test_words_are_found_on_clean_and_on_turned_pages() -> None:
    from bench.ocr import measure

    found = measure(HOW)
    assert min(found["clean"]) >= 0.95
    assert all(min(found[kind]) >= 0.95 for kind in found if kind.startswith(("turned", "skewed")))
    assert min(found["umlauts"]) >= 0.95
