"""PDF files, made and broken here."""

from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from ingest.parsers.base import Notice
from ingest.parsers.registry import PDF
from tests.parsing import files


def test_headings_paragraphs_pages_and_boxes(tmp_path: Path) -> None:
    parsed = files.parse(files.pdf(tmp_path / "a.pdf", 4), PDF)
    assert parsed.pages == 4
    headings = [block for block in parsed.blocks if block.kind == "heading"]
    assert [block.text for block in headings] == [f"Chapter {n}: Leave" for n in range(1, 5)]
    paragraph = next(
        block for block in parsed.blocks if block.page == 2 and block.kind == "paragraph"
    )
    assert paragraph.text == " ".join(files.BODY)
    assert len(paragraph.boxes) == 2
    left, bottom, right, top = paragraph.boxes[0]
    assert left == pytest.approx(72, abs=2) and bottom < 712 < top and right > 300


def test_running_titles_once_and_page_numbers_never(tmp_path: Path) -> None:
    text = files.parse(files.pdf(tmp_path / "a.pdf", 5), PDF).text
    assert text.count("Example Works Handbook") == 1
    assert "Page 3" not in text


def test_pages_without_text_are_named(tmp_path: Path) -> None:
    parsed = files.parse(files.pdf(tmp_path / "a.pdf", 5, blank=(2, 4)), PDF)
    assert (parsed.pages, parsed.blank, parsed.warnings) == (5, (2, 4), ())


def test_a_scan_is_all_blank(tmp_path: Path) -> None:
    parsed = files.parse(files.pdf(tmp_path / "a.pdf", 2, blank=(1, 2)), PDF)
    assert (parsed.blocks, parsed.blank) == ((), (1, 2))


def test_hyphens_at_line_ends(tmp_path: Path) -> None:
    path = files.pdf_lines(
        tmp_path / "a.pdf",
        [
            (72, 700, "The organisation keeps its infor-"),
            (72, 686, "mation safe, and each information is"),
            (72, 672, "held to a well-"),
            (72, 658, "known rule that is well known and known."),
        ],
    )
    text = files.parse(path, PDF).text
    assert "its information safe" in text
    assert "well-known rule" in text


def test_columns_become_a_table(tmp_path: Path) -> None:
    rows = [
        ("City", "Lodging", "Meals"),
        ("Bern", "150", "60"),
        ("Lyon", "120", "55"),
        ("Graz", "99", "41"),
    ]
    lines = [
        (72 + 150 * c, 700 - 14 * r, cell)
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
    ]
    blocks = files.parse(files.pdf_lines(tmp_path / "a.pdf", lines), PDF).blocks
    assert [block.kind for block in blocks] == ["table"]
    assert blocks[0].rows == tuple(rows)
    assert blocks[0].header_rows == 1
    assert blocks[0].text.splitlines()[1] == "Bern | 150 | 60"


def test_bullets_with_hanging_lines(tmp_path: Path) -> None:
    lines = [
        (72, 700, "\u2022 A long first item that goes on."),
        (80, 686, "Its second sentence hangs below it."),
    ]
    blocks = files.parse(
        files.pdf_lines(tmp_path / "a.pdf", [*lines, (72, 672, "\u2022 Second")]), PDF
    ).blocks
    assert [block.kind for block in blocks] == ["list_item", "list_item"]
    assert blocks[0].text == "- A long first item that goes on. Its second sentence hangs below it."


def test_passwords(tmp_path: Path) -> None:
    owner_only = files.pdf(tmp_path / "owner.pdf", 1, owner="secret")
    assert "thirty days" in files.parse(owner_only, PDF).text
    locked = files.pdf(tmp_path / "user.pdf", 1, password="secret")
    assert files.code_of(files.parse, locked, PDF) == "encrypted"


def test_damage(tmp_path: Path) -> None:
    whole = files.pdf(tmp_path / "a.pdf", 3).read_bytes()
    cut = tmp_path / "cut.pdf"
    cut.write_bytes(whole[: len(whole) // 3])
    assert files.code_of(files.parse, cut, PDF) in {"damaged", "no-text"}
    noise = tmp_path / "noise.pdf"
    noise.write_bytes(b"%PDF-1.4\n" + bytes(range(256)) * 40)
    assert files.code_of(files.parse, noise, PDF) == "damaged"


def test_a_lost_index_is_rebuilt(tmp_path: Path) -> None:
    whole = files.pdf(tmp_path / "a.pdf", 1).read_bytes()
    path = tmp_path / "noxref.pdf"
    path.write_bytes(
        whole[: whole.rindex(b"xref\n0")] + b"trailer\n" + whole.split(b"trailer\n")[1]
    )
    assert "thirty days" in files.parse(path, PDF).text


def test_too_many_pages(tmp_path: Path) -> None:
    assert (
        files.code_of(files.parse, files.pdf(tmp_path / "a.pdf", 3), PDF, max_pages=2)
        == "too-many-pages"
    )


def test_the_plain_reader_needs_no_pdfium(tmp_path: Path) -> None:
    parsed = files.parse(files.pdf(tmp_path / "a.pdf", 2), "application/pdf; plain")
    assert "thirty days of annual leave" in parsed.text
    assert {block.page for block in parsed.blocks} == {1, 2}
    assert parsed.warnings == (Notice("pdf-without-layout"),)


@pytest.mark.parametrize(
    ("title", "expected"), [("Leave policy", "Leave policy"), ("v1_final", "Chapter 1: Leave")]
)
def test_title_from_the_properties_or_the_first_page(
    tmp_path: Path, title: str, expected: str
) -> None:
    writer = PdfWriter(clone_from=PdfReader(files.pdf(tmp_path / "a.pdf", 1)))
    writer.add_metadata({"/Title": title})
    writer.write(tmp_path / "b.pdf")
    assert files.parse(tmp_path / "b.pdf", PDF).title == expected


def test_a_numbered_item_keeps_its_words(tmp_path: Path) -> None:
    lines = [
        (72, 700, "The provider shall:"),
        (72, 680, "a. give access to all agencies, and"),
        (72, 660, "(b) send a report to the council."),
        (72, 640, "o a sign of its own goes to the front"),
    ]
    text = files.parse(files.pdf_lines(tmp_path / "a.pdf", lines), PDF).text
    assert "a. give access to all agencies" in text and "(b) send a report to the council." in text
    assert "- a sign of its own goes to the front" in text
