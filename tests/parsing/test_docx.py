"""Word documents."""

import zipfile
from pathlib import Path

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from ingest.parsers.archive import check_archive
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


def test_an_empty_document(tmp_path: Path) -> None:
    docx.Document().save(str(tmp_path / "a.docx"))
    assert files.code_of(files.parse, tmp_path / "a.docx", DOCX) == "no-text"
