"""Blocks of a Word document in their order, with what is anchored in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from docx.oxml.ns import qn

from ingest.parsers import clean, decode
from ingest.parsers.base import BlockWriter
from ingest.parsers.docx_numbering import Numbering
from ingest.parsers.docx_package import tree as tree_of
from ingest.parsers.docx_styles import Styles, is_number, style_of, value
from ingest.parsers.docx_tables import WRAPPERS, rows_of
from ingest.parsers.docx_text import FALLBACK, Texts
from ingest.parsers.office import qn as office_qn
from ingest.parsers.office import sentence

BOLD_HEADING_LEVEL = 6

_PARAGRAPH, _TABLE, _CHUNK = qn("w:p"), qn("w:tbl"), qn("w:altChunk")
_BOX, _CHART, _DIAGRAM = qn("w:txbxContent"), office_qn("c:chart"), office_qn("dgm:relIds")
_ABOUT = qn("wp:docPr")


@dataclass
class Reader:
    writer: BlockWriter
    styles: Styles
    numbering: Numbering
    #: The part of the document, whose relations lead to charts and diagrams.
    part: Any
    title: str = ""
    #: Files inside that stand for a part of the text and were not read.
    unread: list[str] = field(default_factory=list)
    #: Parts that were taken in already.
    taken_in: set[str] = field(default_factory=set)
    texts: Texts = field(init=False)

    def __post_init__(self) -> None:
        self.texts = Texts(self.styles.hidden)

    def read(self, container: Any) -> None:
        """All blocks below `container`."""
        for element in _blocks(container):
            if element.tag == _TABLE:
                self._write_table(element)
            elif element.tag == _CHUNK:
                self._write_chunk(element)
            elif style_of(element) not in self.styles.contents:
                self._write_paragraph(element)

    def _write_paragraph(self, element: Any) -> None:
        text = clean.lines(self.texts.of(element))
        style = style_of(element)
        if text and style in self.styles.titles:
            self.title = self.title or clean.one_line(text)
            self.writer.add("heading", clean.one_line(text), level=1)
        elif text:
            self._write_styled(element, style, text)
        self._write_anchored(element)

    def _write_styled(self, element: Any, style: str, text: str) -> None:
        level = self._heading_level(element, style)
        number, depth = self.numbering.next(
            element.find(f"{qn('w:pPr')}/{qn('w:numPr')}"), self.styles.numbered.get(style)
        )
        if level:
            self.writer.add(
                "heading", clean.one_line(number.removeprefix("- ") + text), level=level
            )
        elif style in self.styles.captions:
            self.writer.add("caption", text)
        elif depth:
            self.writer.add("list_item", number + text, level=depth)
        elif self.texts.is_bold_heading(element, text):
            self.writer.add("heading", clean.one_line(text), level=BOLD_HEADING_LEVEL)
        else:
            self.writer.add("paragraph", text)

    def _heading_level(self, element: Any, style: str) -> int:
        outline = value(element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}"))
        if is_number(outline):
            return min(6, int(outline) + 1) if int(outline) < 9 else 0
        return self.styles.levels.get(style, 0)

    def _write_anchored(self, element: Any) -> None:
        """Text boxes, charts, diagrams and descriptions of pictures that hang on an element."""
        for each in element.iter(_BOX, _CHART, _DIAGRAM, _ABOUT):
            if any(a.tag in (FALLBACK, _BOX) for a in _ancestors(each, element)):
                continue
            if each.tag == _BOX:
                self.read(each)
            elif each.tag == _ABOUT:
                self.writer.add("caption", sentence(each.get("descr") or ""))
            else:
                self._write_graphic(each)

    def _write_graphic(self, element: Any) -> None:
        from ingest.parsers.pptx_graphics import chart_rows, chart_title, diagram_items

        name = "r:id" if element.tag == _CHART else "r:dm"
        part = self._related(element.get(qn(name)))
        tree = None if part is None else tree_of(part)
        if tree is None:
            return
        if element.tag == _CHART:
            self.writer.add("caption", chart_title(tree))
            rows, header_rows = chart_rows(tree)
            self.writer.add("table", clean.table_text(rows), rows=rows, header_rows=header_rows)
        else:
            for level, text in diagram_items(tree):
                self.writer.add("list_item", f"- {text}", level=level)

    def _write_table(self, table: Any) -> None:
        rows, header_rows = rows_of(table, self.texts)
        if rows and min(len(rows), len(rows[0])) == 1:
            # One column or one row lays out a page: its paragraphs are read as such.
            for cell in _cells(table):
                self.read(cell)
            return
        if rows:
            self.writer.add("table", clean.table_text(rows), rows=rows, header_rows=header_rows)
        self._write_anchored(table)

    def _write_chunk(self, element: Any) -> None:
        """Another file that Word takes in when it opens this one: HTML is read, others are told.

        Each once: 200 elements that name the same one would write it 200 times.
        """
        from ingest.parsers.html import write_fragment

        part = self._related(element.get(qn("r:id")))
        name = "" if part is None else str(part.partname)
        if name in self.taken_in:
            return
        self.taken_in.add(name)
        if name.lower().endswith((".htm", ".html", ".xhtml")):
            write_fragment(decode.decode(part.blob, html=True), self.writer)
        else:
            self.unread.append(name.rpartition("/")[2])

    def _related(self, relation: str | None) -> Any:
        try:
            return self.part.related_parts[relation]
        except KeyError:
            return None


def _blocks(container: Any) -> Iterator[Any]:
    """Paragraphs and tables of a container, also those inside content controls and insertions."""
    for child in container:
        if child.tag in (_PARAGRAPH, _TABLE, _CHUNK):
            yield child
        elif child.tag in WRAPPERS:
            yield from _blocks(child)


def _cells(table: Any) -> Iterator[Any]:
    """The table's own cells; tables inside them are read with them."""
    for cell in table.iter(qn("w:tc")):
        if next(cell.iterancestors(_TABLE)) is table:
            yield cell


def _ancestors(element: Any, top: Any) -> Iterator[Any]:
    for ancestor in element.iterancestors():
        if ancestor is top:
            return
        yield ancestor
