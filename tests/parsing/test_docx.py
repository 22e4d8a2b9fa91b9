"""Word documents."""

import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.opc.constants import CONTENT_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from lxml import etree
from PIL import Image

from ingest.parsers.archive import check_archive
from ingest.parsers.base import Notice, ParseError
from ingest.parsers.docx_text import Texts
from ingest.parsers.office import title
from ingest.parsers.registry import DOCX
from tests.parsing import files


def test_blocks_in_document_order(tmp_path: Path) -> None:
    parsed = files.parse(files.word(tmp_path / "a.docx"), DOCX)
    assert [(block.kind, block.level, block.text) for block in parsed.blocks] == [
        ("heading", 1, "Travel"),
        ("paragraph", 0, "Book early."),
        ("heading", 2, "Hotels"),
        ("list_item", 1, "- Ask for:"),
        ("list_item", 1, "- a receipt"),
        ("list_item", 1, "1. first"),
        ("list_item", 1, "2. second"),
        ("table", 0, "City | Rate\nBern | 150\nLyon | 120"),
        ("paragraph", 0, "After the table."),
    ]
    assert parsed.blocks[7].header_rows == 1


def test_deleted_text_is_gone_and_boxes_are_read(tmp_path: Path) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("kept ")
    paragraph._p.append(parse_xml(f"<w:del {nsdecls('w')}><w:r><w:t>deleted</w:t></w:r></w:del>"))
    paragraph._p.append(parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>inserted</w:t></w:r></w:ins>"))
    inner = "<w:p><w:r><w:t>in a box</w:t></w:r></w:p>"
    box = f"<w:r {nsdecls('w')}><w:pict><w:txbxContent>{inner}</w:txbxContent></w:pict></w:r>"
    document.add_paragraph("beside")._p.append(parse_xml(box))
    document.save(str(tmp_path / "a.docx"))
    assert files.parse(tmp_path / "a.docx", DOCX).text == "kept inserted\n\nbeside\n\nin a box"


def test_bold_lines_are_headings_and_merged_cells_repeat(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph().add_run("Who approves").bold = True
    document.add_paragraph("The director does.")
    table = document.add_table(rows=2, cols=2)
    merged = table.cell(0, 0).merge(table.cell(1, 0))
    merged.text = "Q1"
    table.cell(0, 1).text, table.cell(1, 1).text = "10", "20"
    document.save(str(tmp_path / "a.docx"))
    blocks = files.parse(tmp_path / "a.docx", DOCX).blocks
    assert (blocks[0].kind, blocks[0].text) == ("heading", "Who approves")
    assert blocks[2].rows == (("Q1", "10"), ("Q1", "20"))


def test_external_entities_are_refused(tmp_path: Path) -> None:
    source = files.word(tmp_path / "a.docx")
    with zipfile.ZipFile(source) as archive:
        xml = archive.read("word/document.xml")
    evil = xml.replace(
        b"<w:document", b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><w:document', 1
    )
    target = files.repacked(source, tmp_path / "b.docx", {"word/document.xml": evil})
    assert files.code_of(files.parse, target, DOCX) == "unsafe-file"


def test_damage(tmp_path: Path) -> None:
    source = files.word(tmp_path / "a.docx")
    broken = files.repacked(source, tmp_path / "b.docx", {"word/document.xml": b"<w:document>"})
    assert files.code_of(files.parse, broken, DOCX) == "damaged"
    cut = tmp_path / "c.docx"
    cut.write_bytes(source.read_bytes()[:-400])
    assert files.code_of(check_archive, cut) == "damaged"


def test_tables_in_tables(tmp_path: Path) -> None:
    def nested(depth: int) -> str:
        around = f"<w:tbl><w:tr><w:tc>{'{}'}</w:tc></w:tr></w:tbl>"
        inner = f"<w:p>{run('deep')}</w:p>"
        for _ in range(depth):
            inner = around.format(inner)
        return f"<w:document {nsdecls('w')}><w:body>{inner}</w:body></w:document>"

    source = files.word(tmp_path / "a.docx")
    for depth in (80, 3_000):
        changes = {"word/document.xml": nested(depth).encode()}
        files.repacked(source, tmp_path / f"{depth}.docx", changes)
    assert files.parse(tmp_path / "80.docx", DOCX).text == "deep"
    assert files.code_of(files.parse, tmp_path / "3000.docx", DOCX) == "nested-too-deep"


def test_an_empty_document(tmp_path: Path) -> None:
    docx.Document().save(str(tmp_path / "a.docx"))
    assert files.code_of(files.parse, tmp_path / "a.docx", DOCX) == "no-text"


# --- what else stands in Word files -----------------------------------------------------------------
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"
MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def paragraph(inner: str) -> Any:
    return parse_xml(f'<w:p {nsdecls("w", "r")} xmlns:m="{MATH}" xmlns:mc="{MC}">{inner}</w:p>')


def run(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def read(tmp_path: Path, *paragraphs: str, document: Any = None) -> list[tuple[str, str]]:
    document = document or docx.Document()
    for inner in paragraphs:
        document.element.body.insert_element_before(paragraph(inner), "w:sectPr")
    document.save(str(tmp_path / "a.docx"))
    return [(b.kind, b.text) for b in files.parse(tmp_path / "a.docx", DOCX).blocks]


def attached(document: Any, kind: str, xml: str) -> str:
    """Relate a part to the document; its relation."""
    name = PackURI(f"/word/{kind}.xml")
    part = Part(name, f"application/x-{kind}+xml", xml.encode(), document.part.package)
    return str(document.part.relate_to(part, f"http://schemas.openxmlformats.org/x/{kind}"))


def test_metadata(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("x")
    about = document.core_properties
    about.title, about.author, about.subject, about.keywords = (
        "Document retention",
        "A",
        "B",
        "c, d",
    )
    about.created = about.modified = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    document.save(str(tmp_path / "a.docx"))
    parsed = files.parse(tmp_path / "a.docx", DOCX)
    assert parsed.title == "Document retention"
    assert parsed.metadata == {
        "author": "A",
        "subject": "B",
        "keywords": "c, d",
        "created": "2024-05-06T07:08:09+00:00",
        "modified": "2024-05-06T07:08:09+00:00",
    }


@pytest.mark.parametrize(
    ("said", "kept"), [("Document 1", ""), ("a b.docx", ""), ("Slides", "Slides")]
)
def test_titles_that_a_program_put_there(said: str, kept: str) -> None:
    assert title(said) == kept


def test_hidden_text_is_not_read(tmp_path: Path) -> None:
    document = docx.Document()
    style = document.styles.add_style("Secret", WD_STYLE_TYPE.CHARACTER)
    style.font.hidden = True
    seen = run("shown", '<w:rStyle w:val="Secret"/><w:vanish w:val="0"/>')
    inner = (
        run("read ")
        + run("ignore ", "<w:vanish/>")
        + run("all ", '<w:rStyle w:val="Secret"/>')
        + seen
    )
    whole = document.styles.add_style("Hidden", WD_STYLE_TYPE.PARAGRAPH)
    whole.font.hidden = True
    named = '<w:pPr><w:pStyle w:val="Hidden"/></w:pPr>'
    second = named + run("not ") + run("but this", '<w:vanish w:val="0"/>')
    assert read(tmp_path, inner, second, named + run("gone"), document=document) == [
        ("paragraph", "read shown"),
        ("paragraph", "but this"),
    ]


def test_fields_show_their_results_and_boxes_their_text_once(tmp_path: Path) -> None:
    field = "<w:r><w:instrText>REF x</w:instrText></w:r>"
    field += f'<w:fldSimple w:instr="DATE">{run("May")}</w:fldSimple>'
    inner = "<w:p><w:r><w:t>inner</w:t></w:r></w:p>"
    nested = f"<w:r><w:pict><w:txbxContent>{inner}</w:txbxContent></w:pict></w:r>"
    outer = f"<w:p><w:r><w:t>outer</w:t></w:r>{nested}</w:p>"
    box = f"<w:pict><w:txbxContent>{outer}</w:txbxContent></w:pict>"
    twice = f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
    twice = f"<w:r><mc:AlternateContent>{twice}</mc:AlternateContent></w:r>"
    found = read(tmp_path, field, twice)
    assert [text for _, text in found] == ["May", "outer", "inner"]


def test_equations_are_read_as_text(tmp_path: Path) -> None:
    def text(said: str) -> str:
        return f"<m:r><m:t>{said}</m:t></m:r>"

    fraction = f"<m:f><m:num>{text('a+b')}</m:num><m:den>{text('2')}</m:den></m:f>"
    square = f"<m:sSup><m:e>{text('x')}</m:e><m:sup>{text('2')}</m:sup></m:sSup>"
    root = f"<m:rad><m:deg/><m:e>{text('y')}</m:e></m:rad>"
    total = (
        f'<m:nary><m:naryPr><m:chr m:val="\u2211"/></m:naryPr><m:sub>{text("i=1")}</m:sub><m:sup>'
        f"{text('n')}</m:sup><m:e>{text('i')}</m:e></m:nary>"
    )
    braces = f'<m:d><m:dPr><m:begChr m:val="{{"/></m:dPr><m:e>{text("p")}</m:e><m:e>{text("q")}</m:e></m:d>'
    inner = run("so ") + f"<m:oMath>{fraction}{text('=')}{square}{root}{total}{braces}</m:oMath>"
    expected = "so (a+b)/2=x^2\u221a(y)\u2211_(i=1)^n i{p, q)"
    assert read(tmp_path, inner) == [("paragraph", expected)]


def test_notes_comments_headers_and_footers(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("text")
    inner = f"<w:p>{run('{}')}</w:p>"
    space = nsdecls("w")
    notes = (
        f'<w:footnotes {space}><w:footnote w:type="separator">{inner.format("---")}</w:footnote>'
    )
    notes += f"<w:footnote>{inner.format('at the foot')}</w:footnote></w:footnotes>"
    attached(document, "footnotes", notes)
    comment = f"<w:comment>{inner.format('is this right?')}</w:comment>"
    attached(document, "comments", f"<w:comments {space}>{comment}</w:comments>")
    section = document.sections[0]
    section.header.paragraphs[0].text = "For internal use only"
    section.footer.paragraphs[0].text = "Page 1 of 3"
    section.different_first_page_header_footer = True
    section.first_page_header.paragraphs[0].text = "For internal use only"
    assert read(tmp_path, document=document) == [
        ("paragraph", "text"),
        ("note", "at the foot"),
        ("note", "is this right?"),
        ("note", "For internal use only"),
    ]


def test_captions_by_the_name_of_the_style_and_descriptions_of_pictures(tmp_path: Path) -> None:
    document = docx.Document()
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    document.add_picture(str(tmp_path / "a.png"))
    picture = document.element.body.find(f".//{qn('wp:docPr')}")
    picture.set("descr", "The way from the gate to the canteen")
    document.styles["Caption"].element.set(qn("w:styleId"), "Beschriftung")
    named = '<w:pPr><w:pStyle w:val="Beschriftung"/></w:pPr>'
    assert read(tmp_path, named + run("Figure 1: the way"), document=document) == [
        ("caption", "The way from the gate to the canteen"),
        ("caption", "Figure 1: the way"),
    ]


def test_rows_in_controls_deleted_rows_boxes_and_tables_in_cells(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=4, cols=2)
    for row, texts in zip(table.rows, ["ab", "cd", "ef", "gh"], strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    rows = [row._tr for row in table.rows]
    for row in rows:
        row.get_or_add_trPr().append(parse_xml(f"<w:tblHeader {nsdecls('w')}/>"))
    rows[1].trPr.append(parse_xml(f"<w:del {nsdecls('w')}/>"))
    control = parse_xml(f"<w:sdt {nsdecls('w')}><w:sdtContent/></w:sdt>")
    rows[2].addprevious(control)
    control[0].append(rows[2])
    table.cell(2, 1).add_table(1, 1).cell(0, 0).text = "nested"
    box = f"<w:pict><w:txbxContent><w:p>{run('boxed')}</w:p></w:txbxContent></w:pict>"
    box = f"<w:r {nsdecls('w')}>{box}</w:r>"
    rows[0].find(f".//{qn('w:p')}").append(parse_xml(box))
    assert read(tmp_path, document=document) == [
        ("table", "a | b\ne | f\ng | h nested"),
        ("paragraph", "boxed"),
    ]


def test_many_rows_that_are_marked_as_header_are_no_header(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=9, cols=2)
    for index, row in enumerate(table.rows):
        row.cells[0].text, row.cells[1].text = str(index), "x"
        row._tr.get_or_add_trPr().append(parse_xml(f"<w:tblHeader {nsdecls('w')}/>"))
    document.save(str(tmp_path / "a.docx"))
    assert files.parse(tmp_path / "a.docx", DOCX).blocks[0].header_rows == 1


def test_charts_are_read_from_their_cache(tmp_path: Path) -> None:
    document = docx.Document()
    space = "http://schemas.openxmlformats.org/drawingml/2006/chart"
    points = '<c:cat><c:strCache><c:pt idx="0"><c:v>2024</c:v></c:pt></c:strCache></c:cat>'
    values = '<c:formatCode>0%</c:formatCode><c:pt idx="0"><c:v>0.5</c:v></c:pt>'
    points += f"<c:val><c:numCache>{values}</c:numCache></c:val>"
    series = f"<c:ser><c:tx><c:v>Share</c:v></c:tx>{points}</c:ser>"
    relation = attached(
        document, "chart", f'<c:chartSpace xmlns:c="{space}">{series}</c:chartSpace>'
    )
    inner = f'<w:r><w:drawing><c:chart xmlns:c="{space}" r:id="{relation}"/></w:drawing></w:r>'
    assert read(tmp_path, inner, document=document) == [("table", "| Share\n2024 | 50%")]
    # In the child, too, where modules that are loaded late must still be readable.
    assert files.isolated(tmp_path / "a.docx", DOCX).text == "| Share\n2024 | 50%"


def test_a_table_of_contents_is_left_out(tmp_path: Path) -> None:
    document = docx.Document()
    document.styles.add_style("toc 1", WD_STYLE_TYPE.PARAGRAPH)
    document.add_paragraph("Travel\t7", style="toc 1")
    document.add_heading("Travel")
    assert read(tmp_path, document=document) == [("heading", "Travel")]


def test_html_that_word_takes_in_is_read_and_other_files_are_told(tmp_path: Path) -> None:
    document = docx.Document()
    for name, data in (("a.html", b"<p>taken in</p>"), ("b.rtf", b"{}")):
        part = Part(PackURI(f"/word/{name}"), "text/html", data, document.part.package)
        relation = document.part.relate_to(part, "http://schemas.openxmlformats.org/x/aFChunk")
        for _ in range(3):  # each is read once, or a small file becomes a large one
            chunk = parse_xml(f'<w:altChunk {nsdecls("w", "r")} r:id="{relation}"/>')
            document.element.body.insert_element_before(chunk, "w:sectPr")
    document.save(str(tmp_path / "a.docx"))
    parsed = files.parse(tmp_path / "a.docx", DOCX)
    assert parsed.text == "taken in"
    assert parsed.warnings == (Notice("parts-not-read", 1, 1, "b.rtf"),)


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
        "application/vnd.ms-word.document.macroEnabled.main+xml",
        "application/vnd.ms-word.template.macroEnabledTemplate.main+xml",
    ],
)
def test_templates_and_files_with_macros(tmp_path: Path, kind: str) -> None:
    source = files.word(tmp_path / "a.docx")
    with zipfile.ZipFile(source) as archive:
        types = archive.read("[Content_Types].xml")
    changed = types.replace(CONTENT_TYPE.WML_DOCUMENT_MAIN.encode(), kind.encode())
    other = files.repacked(source, tmp_path / "b.docm", {"[Content_Types].xml": changed})
    assert files.parse(other, DOCX).text.startswith("Travel")


def test_the_strict_form_of_the_standard(tmp_path: Path) -> None:
    source = files.word(tmp_path / "a.docx")
    usual = re.compile(rb"http://schemas\.openxmlformats\.org/(\w+)/2006/(\w+)")
    changes = {}
    with zipfile.ZipFile(source) as archive:
        for name in (
            "word/document.xml",
            "_rels/.rels",
            "word/_rels/document.xml.rels",
            "word/styles.xml",
        ):
            kept = archive.read(name).replace(b"openxmlformats.org/package", b"KEEP")
            changes[name] = usual.sub(rb"http://purl.oclc.org/ooxml/\1/\2", kept).replace(
                b"KEEP", b"openxmlformats.org/package"
            )
    assert b"purl.oclc.org" in changes["word/document.xml"]
    strict = files.repacked(source, tmp_path / "b.docx", changes)
    assert files.parse(strict, DOCX).text == files.parse(source, DOCX).text


def test_relations_to_nothing_and_damaged_notes(tmp_path: Path) -> None:
    source = files.word(tmp_path / "a.docx")
    name = "word/_rels/document.xml.rels"
    with zipfile.ZipFile(source) as archive:
        relations = archive.read(name)
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
    loose = b'<Relationship Id="r99" Type="%simage" Target="../NULL"/></Relationships>' % kind
    changed = {name: relations.replace(b"</Relationships>", loose)}
    assert files.parse(files.repacked(source, tmp_path / "b.docx", changed), DOCX).blocks
    notes = b'<Relationship Id="r99" Type="%sfootnotes" Target="n.xml"/></Relationships>' % kind
    changed = {name: relations.replace(b"</Relationships>", notes), "word/n.xml": b"<w:"}
    broken = files.repacked(source, tmp_path / "c.docx", changed)
    assert files.code_of(files.parse, broken, DOCX) == "damaged"


def test_an_entity_that_no_check_saw_loses_no_text_in_silence() -> None:
    parser = etree.XMLParser(resolve_entities=False)
    evil = f'<!DOCTYPE x [<!ENTITY e "y">]><w:p {nsdecls("w")}><w:r><w:t>a&e;b</w:t></w:r></w:p>'
    with pytest.raises(ParseError) as caught:
        Texts().of(etree.fromstring(evil, parser))
    assert caught.value.code == "unsafe-file"
