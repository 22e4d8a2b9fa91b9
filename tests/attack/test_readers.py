"""Files made to take a reader's time, memory or place: what cannot be told by a single format."""

import copy
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn

from ingest.chunk import ChunkDraft, chunk_document
from ingest.guard import detect_media_type
from ingest.parsers import clean, docx_styles, sheet_tables
from ingest.parsers.base import BlockWriter, Limits
from ingest.parsers.docx import DocxParser
from ingest.parsers.html import HtmlParser
from ingest.parsers.registry import HTML, TEXT
from ingest.parsers.sheet import Budget, Row, Sheet


def kind_of(path: Path, data: bytes, name: str) -> str:
    path.write_bytes(data)
    return detect_media_type(path, name)


def test_comments_that_lead_nowhere_take_no_time(tmp_path: Path) -> None:
    """The kind is told where the file comes in, outside of any child."""
    comments = b"<!-- a -->\n" * 5_000
    assert kind_of(tmp_path / "a", comments + b"words", "a.txt") == TEXT
    assert kind_of(tmp_path / "a", b"<?xml a?>" * 5_000 + b"words", "a.txt") == TEXT
    assert (
        kind_of(tmp_path / "a", b" \n<?xml a?>\n" + comments + b"<HTML lang=en>", "a.txt") == HTML
    )


def test_a_tag_without_an_end_takes_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(b"<p>Words.</p><" + b"a" * 1_000_000)
    assert HtmlParser().parse(path, Limits()).text == "Words."


def passages_of(add: Callable[[BlockWriter], None]) -> list[ChunkDraft]:
    writer = BlockWriter(Limits())
    add(writer)
    return chunk_document(writer.document(), title="a")


def test_a_heading_of_a_book_is_not_kept_by_each_passage_below_it() -> None:
    def add(writer: BlockWriter) -> None:
        writer.add("heading", "word " * 20_000, level=1)
        for _ in range(200):
            writer.add("paragraph", "Some words of a paragraph. " * 20)

    kept = sum(len(each) for draft in passages_of(add) for each in draft.heading_path)
    assert kept < 1_000_000


def test_a_header_of_a_book_is_not_repeated_for_each_value() -> None:
    rows = (("header" * 5_000,) * 10, *(("x",) * 10,) * 1_000)

    def add(writer: BlockWriter) -> None:
        writer.add("table", clean.table_text(rows), rows=rows, header_rows=1)

    assert sum(len(draft.text) for draft in passages_of(add)) < 5_000_000


def test_many_remarks_below_a_table_are_looked_through_once() -> None:
    sheet = Sheet("a", rows=[Row(1, (1, 2), ("a", "b"), bytes(2))])
    sheet.rows += [Row(n, (1,), (f"note {n}",), bytes(1)) for n in range(2, 60_000)]
    limits = Limits()
    assert "note 59999" in sheet_tables.document([sheet], limits, Budget(limits)).text


@pytest.mark.parametrize("number", ["\u00b2", "9" * 5_000, "-1", "\u0663"])
def test_what_python_takes_for_a_digit_breaks_no_word_document(tmp_path: Path, number: str) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Some words.")
    outline = OxmlElement("w:outlineLvl")
    outline.set(qn("w:val"), number)
    paragraph._p.get_or_add_pPr().append(outline)
    style = document.styles.add_style(f"heading {number}", WD_STYLE_TYPE.PARAGRAPH)
    style.element.get_or_add_pPr().append(copy.deepcopy(outline))
    cell = document.add_table(1, 2).cell(0, 0)
    cell.text = "Words of a cell"
    span = OxmlElement("w:gridSpan")
    span.set(qn("w:val"), number)
    cell._tc.get_or_add_tcPr().append(span)
    document.save(str(tmp_path / "a.docx"))
    assert "Some words." in DocxParser().parse(tmp_path / "a.docx", Limits()).text


def test_a_chain_of_styles_ends() -> None:
    """Each of N styles based on the next one: N times N steps, minutes for a file of 80 kB."""
    elements = {}
    for number in range(100):
        style = elements[f"s{number}"] = OxmlElement("w:style")
        based = OxmlElement("w:basedOn")
        based.set(qn("w:val"), f"s{number + 1}")
        style.append(based)
    assert len(list(docx_styles._chain(elements["s0"], elements))) == docx_styles.MAX_CHAIN


def test_marks_piled_on_a_letter_take_no_time() -> None:
    assert len(clean.clean("a" + "\u0301\u0323" * 500_000 + "b")) <= clean.MAX_MARKS + 2
    dashes = "\u2014" * 100 + "\u0e01\u0e38\u0e48" * 50
    assert clean.clean(dashes) == dashes
