"""Presentations."""

import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree
from PIL import Image
from pptx.enum.shapes import MSO_SHAPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.util import Inches

from ingest.parsers.base import Notice
from ingest.parsers.pptx_graphics import diagram_items
from ingest.parsers.registry import PPTX
from tests.parsing import files, slides

A = "http://schemas.openxmlformats.org/drawingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
DGM = "http://schemas.openxmlformats.org/drawingml/2006/diagram"


def shape(parsed: object) -> list[tuple[int | None, str, int, str]]:
    return [(b.page, b.kind, b.level, b.text) for b in parsed.blocks]  # type: ignore[attr-defined]


def test_slides_are_pages_with_titles_lists_and_notes(tmp_path: Path) -> None:
    deck = slides.deck()
    first = slides.slide(deck, "Travel", (0, "Book early"), (1, "trains"), (0, "Keep receipts"))
    first.notes_slide.notes_text_frame.text = "Say why.\nThen ask."
    slides.slide(deck)
    slides.slide(deck, "Hotels", (0, "At most 150 a night"))
    parsed = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX)
    assert shape(parsed) == [
        (1, "heading", 1, "Travel"),
        (1, "list_item", 1, "- Book early"),
        (1, "list_item", 2, "- trains"),
        (1, "list_item", 1, "- Keep receipts"),
        (1, "note", 0, "Say why.\nThen ask."),
        (3, "heading", 1, "Hotels"),
        (3, "list_item", 1, "- At most 150 a night"),
    ]
    assert (parsed.title, parsed.pages, parsed.blank) == ("Travel", 3, (2,))


def test_free_shapes_are_read_by_rows_and_groups_from_within(tmp_path: Path) -> None:
    deck = slides.deck()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    slides.box(slide, 4, 1.1, "second")
    slides.box(slide, 1, 3, "third")
    slides.box(slide, 1, 1, "first")
    group = slide.shapes.add_group_shape()
    inner = group.shapes.add_group_shape()
    for left, text in ((5, "in a group, right"), (1, "in a group, left")):
        made = inner.shapes.add_shape(MSO_SHAPE.RECTANGLE, Inches(left), Inches(5), 999, 999)
        made.text_frame.text = text
    parsed = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX)
    found = [block.text for block in parsed.blocks]
    assert found == ["first", "second", "third", "in a group, left", "in a group, right"]


def test_a_short_line_above_all_is_the_title_where_there_is_none(tmp_path: Path) -> None:
    deck = slides.deck()
    for texts in (
        ((1, 0.5, "Travel rules"), (1, 3, "Book early."), (4, 3, "Go by train.")),
        ((1, 0.5, "Goal one"), (4, 0.5, "Goal two"), (1, 3, "Both matter.")),
        ((1, 5, "Low"), (1, 6, "Lower.")),
    ):
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        for left, top, text in texts:
            slides.box(slide, left, top, text)
    parsed = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX)
    assert [block.text for block in parsed.blocks if block.kind == "heading"] == ["Travel rules"]
    assert parsed.title == "Travel rules"


def test_numbered_paragraphs_count_by_level(tmp_path: Path) -> None:
    deck = slides.deck()
    slide = slides.slide(deck, "Steps", (0, "ask"), (1, "the boss"), (1, "in writing"), (0, "go"))
    for paragraph in slide.placeholders[1].text_frame.paragraphs:
        kind = "alphaLcParenR" if paragraph.level else "arabicPeriod"
        paragraph._p.get_or_add_pPr().append(
            parse_xml(f'<a:buAutoNum xmlns:a="{A}" type="{kind}"/>')
        )
    parsed = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX)
    found = [block.text for block in parsed.blocks[1:]]
    assert found == ["1. ask", "a) the boss", "b) in writing", "2. go"]


def test_tables_have_headers_and_merged_cells(tmp_path: Path) -> None:
    deck = slides.deck()
    slide = slides.slide(deck, "Rates")
    table = slides.table(slide, ("City", "Rate"), ("Bern", "150"), ("", "120"))
    table.cell(1, 0).merge(table.cell(2, 0))
    block = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX).blocks[1]
    assert block.rows == (("City", "Rate"), ("Bern", "150"), ("Bern", "120"))
    assert (block.kind, block.header_rows) == ("table", 1)


def test_charts_are_tables_of_their_cached_values(tmp_path: Path) -> None:
    deck = slides.deck()
    slides.chart(slides.slide(deck, "Costs"), "Spend", ["2023", "2024"], Travel=(1234.5, 2.25))
    source = slides.saved(deck, tmp_path / "a.pptx")
    with zipfile.ZipFile(source) as archive:
        book = next(name for name in archive.namelist() if name.endswith(".xlsx"))
    blocks = files.parse(
        files.repacked(source, tmp_path / "b.pptx", {book: b"no workbook"}), PPTX
    ).blocks
    assert [(b.kind, b.text) for b in blocks[1:]] == [
        ("caption", "Spend"),
        ("table", "| Travel\n2023 | 1,234.5\n2024 | 2.3"),
    ]
    assert blocks[2].header_rows == 1


def test_a_diagram_is_read_as_a_tree(tmp_path: Path) -> None:
    def point(name: str, text: str, kind: str = "node") -> str:
        words = f"<dgm:t><a:p><a:r><a:t>{text}</a:t></a:r></a:p></dgm:t>" if text else ""
        return f'<dgm:pt modelId="{name}" type="{kind}">{words}</dgm:pt>'

    def link(parent: str, child: str, order: int) -> str:
        return f'<dgm:cxn modelId="{parent}{child}" srcId="{parent}" destId="{child}" srcOrd="{order}"/>'

    data = etree.fromstring(
        f'<dgm:dataModel xmlns:dgm="{DGM}" xmlns:a="{A}"><dgm:ptLst>{point("0", "", "doc")}'
        f"{point('1', 'Ask')}{point('2', 'Pay')}{point('3', 'in writing')}{point('9', 'no', 'pres')}"
        f"</dgm:ptLst><dgm:cxnLst>{link('0', '2', 1)}{link('0', '1', 0)}{link('1', '3', 0)}"
        # A loop ends at what was read before.
        f"{link('3', '1', 0)}</dgm:cxnLst></dgm:dataModel>"
    )
    assert list(diagram_items(data)) == [(1, "Ask"), (2, "in writing"), (1, "Pay")]


def test_a_diagram_stands_where_its_frame_is(tmp_path: Path) -> None:
    deck = slides.deck()
    slide = slides.slide(deck, "Steps")
    words = "<dgm:t><a:p><a:r><a:t>Ask first</a:t></a:r></a:p></dgm:t>"
    data = f'<dgm:dataModel xmlns:dgm="{DGM}" xmlns:a="{A}"><dgm:ptLst><dgm:pt modelId="1">{words}'
    data += "</dgm:pt></dgm:ptLst></dgm:dataModel>"
    name = PackURI("/ppt/diagrams/data1.xml")
    part = Part(name, "application/xml", deck.part.package, data.encode())
    relation = slide.part.relate_to(part, "http://schemas.openxmlformats.org/x/diagramData")
    frame = slides.table(slide, ("x", "y"))._graphic_frame._element
    graphic = frame.find(f".//{{{A}}}graphicData")
    graphic.remove(graphic[0])
    spaces = f'xmlns:dgm="{DGM}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    graphic.append(parse_xml(f'<dgm:relIds {spaces} r:dm="{relation}"/>'))
    blocks = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX).blocks
    assert [(b.kind, b.text) for b in blocks[1:]] == [("list_item", "- Ask first")]


def test_frames_are_read_once_and_footers_never(tmp_path: Path) -> None:
    deck = slides.deck()
    for number in range(4):
        slide = slides.slide(deck, f"Part {number}")
        slides.box(slide, 8, 7, f"Example Works, internal, {number}")
        mark = slides.box(slide, 0, 7, "Footer")._element.find(f".//{{{P}}}nvPr")
        mark.append(parse_xml(f'<p:ph xmlns:p="{P}" type="ftr" idx="11"/>'))
    parsed = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX)
    texts = [block.text for block in parsed.blocks if block.kind != "heading"]
    assert texts == ["Example Works, internal, 0"]


def test_hidden_slides_are_read_and_told(tmp_path: Path) -> None:
    deck = slides.deck()
    slides.slide(deck, "Seen")
    slides.slide(deck, "Hidden")._element.set("show", "0")
    parsed = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX)
    assert parsed.warnings == (Notice("hidden-slides", 1, 2, "2"),)
    assert "Hidden" in parsed.text


def test_sections_stand_above_the_titles(tmp_path: Path) -> None:
    deck = slides.deck()
    for title in ("One", "Two"):
        slides.slide(deck, title)
    ids = [each.get("id") for each in deck.slides._sldIdLst]
    space = "http://schemas.microsoft.com/office/powerpoint/2010/main"
    sections = "".join(
        f'<p14:section name="{name}" id="{{{index}}}"><p14:sldIdLst><p14:sldId id="{each}"/>'
        "</p14:sldIdLst></p14:section>"
        for index, (name, each) in enumerate(zip(("Before", "After"), ids, strict=True))
    )
    listed = f'<p14:sectionLst xmlns:p14="{space}">{sections}</p14:sectionLst>'
    deck.element.append(
        parse_xml(f'<p:extLst xmlns:p="{P}"><p:ext uri="x">{listed}</p:ext></p:extLst>')
    )
    parsed = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX)
    found = [(block.level, block.text) for block in parsed.blocks]
    assert found == [(1, "Before"), (2, "One"), (1, "After"), (2, "Two")]


def test_descriptions_of_pictures_that_a_person_wrote(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    deck = slides.deck()
    slide = slides.slide(deck, "Pictures")
    for text in (
        "The way from the gate to the canteen",
        "holiday pictures from last year.jpg",
        "A picture containing text Description automatically generated",
        "Badge Tick1 with solid fill",
    ):
        picture = slide.shapes.add_picture(str(tmp_path / "a.png"), 0, 0)
        picture._element.nvPicPr.cNvPr.set("descr", text)
    blocks = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX).blocks
    captions = [block.text for block in blocks if block.kind == "caption"]
    assert captions == ["The way from the gate to the canteen"]


def test_of_alternatives_one_is_read_and_hidden_shapes_are_not(tmp_path: Path) -> None:
    deck = slides.deck()
    slide = slides.slide(deck, "Formula")
    for text, tag in (("new", "Choice"), ("old", "Fallback")):
        box = slides.box(slide, 1, 1, text)._element
        wrapped = parse_xml(f'<mc:{tag} xmlns:mc="{MC}"/>')
        wrapped.append(box)
        known = slide._element.find(f".//{{{MC}}}AlternateContent")
        if known is None:
            known = parse_xml(f'<mc:AlternateContent xmlns:mc="{MC}"/>')
            slide.shapes._spTree.append(known)
        known.append(wrapped)
    slides.box(slide, 1, 3, "secret")._element.nvSpPr.cNvPr.set("hidden", "1")
    parsed = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX)
    assert [block.text for block in parsed.blocks] == ["Formula", "new"]


def test_comments_are_notes(tmp_path: Path) -> None:
    deck = slides.deck()
    slide = slides.slide(deck, "Draft")
    words = f'<p:cmLst xmlns:p="{P}"><p:cm><p:text>Is this right?</p:text></p:cm></p:cmLst>'
    part = Part(
        PackURI("/ppt/comments/comment1.xml"), "application/xml", deck.part.package, words.encode()
    )
    slide.part.relate_to(part, "http://schemas.openxmlformats.org/x/relationships/comments")
    blocks = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX).blocks
    assert [(b.kind, b.text) for b in blocks] == [("heading", "Draft"), ("note", "Is this right?")]


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.openxmlformats-officedocument.presentationml.template.main+xml",
        "application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml",
        "application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml",
        "application/vnd.ms-powerpoint.slideshow.macroEnabled.main+xml",
    ],
)
def test_templates_shows_and_files_with_macros(tmp_path: Path, kind: str) -> None:
    deck = slides.deck()
    slides.slide(deck, "Same")
    source = slides.saved(deck, tmp_path / "a.pptx")
    with zipfile.ZipFile(source) as archive:
        types = archive.read("[Content_Types].xml")
    usual = b"application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"
    changed = {"[Content_Types].xml": types.replace(usual, kind.encode())}
    other = files.repacked(source, tmp_path / "b.pptx", changed)
    assert files.parse(other, PPTX).text == "Same"


def test_metadata(tmp_path: Path) -> None:
    deck = slides.deck()
    slides.slide(deck, "Slide one")
    about = deck.core_properties
    about.title, about.author, about.keywords = "Travel rules", "A. Person", "travel, hotel"
    about.created = about.modified = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    parsed = files.parse(slides.saved(deck, tmp_path / "a.pptx"), PPTX)
    assert parsed.title == "Travel rules"
    assert parsed.metadata == {
        "author": "A. Person",
        "keywords": "travel, hotel",
        "created": "2024-05-06T07:08:09+00:00",
        "modified": "2024-05-06T07:08:09+00:00",
    }


def test_refusals(tmp_path: Path) -> None:
    deck = slides.deck()
    for _ in range(3):
        slides.slide(deck)
    source = slides.saved(deck, tmp_path / "a.pptx")
    assert files.code_of(files.parse, source, PPTX) == "no-text"
    assert files.code_of(files.parse, source, PPTX, max_pages=2) == "too-many-pages"
    broken = files.repacked(source, tmp_path / "b.pptx", {"ppt/presentation.xml": b"<p:"})
    assert files.code_of(files.parse, broken, PPTX) == "damaged"
    word = files.word(tmp_path / "c.docx")
    assert files.code_of(files.parse, word, PPTX) == "damaged"
    evil = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>'
    bad = files.repacked(source, tmp_path / "d.pptx", {"ppt/slides/slide1.xml": evil})
    assert files.code_of(files.parse, bad, PPTX) == "unsafe-file"


def test_in_the_sandbox_and_with_a_picture_that_shrinks_a_thousand_times(tmp_path: Path) -> None:
    deck = slides.deck()
    slides.slide(deck, "Read")
    source = slides.saved(deck, tmp_path / "a.pptx")
    large = files.repacked(source, tmp_path / "b.pptx", {"ppt/media/a.emf": bytes(3 << 20)})
    assert files.isolated(large, PPTX).text == "Read"
    bomb = files.repacked(source, tmp_path / "c.pptx", {"ppt/slides/slide1.xml": bytes(3 << 20)})
    assert files.code_of(files.isolated, bomb, PPTX) == "archive-too-large"
