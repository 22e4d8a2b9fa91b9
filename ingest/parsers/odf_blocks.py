"""Blocks of OpenDocument texts and slides: headings, lists, tables, frames, notes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.parsers import clean
from ingest.parsers.base import BlockKind, BlockWriter, Limits, ParseError
from ingest.parsers.odf import CONTENT, Package, qn
from ingest.parsers.odf_styles import Counter, Styles, number
from ingest.parsers.odf_tables import rows_of, table_rows
from ingest.parsers.odf_text import is_bold, is_short, note_text, text_of
from ingest.parsers.office import sentence

#: A lone bold line is a heading to its reader, whatever its style says.
BOLD_LEVEL = 6
_NOTES = (qn("text:note"), qn("office:annotation"))
_ITEMS = {qn("text:list-item"), qn("text:list-header")}
_SHAPES = {
    qn(f"draw:{name}")
    for name in ("custom-shape", "rect", "ellipse", "line", "polygon", "path", "connector")
}
#: A table of contents says the headings again.
_UNREAD = {
    qn(name)
    for name in (
        "text:tracked-changes", "text:table-of-content", "office:forms", "text:sequence-decls",
        "text:variable-decls", "text:user-field-decls", "office:annotation", "presentation:notes",
        "table:table-source", "office:event-listeners",
    )
}  # fmt: skip


@dataclass
class Reader:
    """Writes what stands in a container. `page` is that of its blocks."""

    writer: BlockWriter
    styles: Styles
    limits: Limits
    package: Package
    page: int | None = None
    title: str = ""
    #: Whether a block was written since this was last set to False.
    said: bool = False
    _lists: dict[str, Counter] = field(default_factory=dict)
    _headings: Counter | None = None
    _parts: int = 0

    def add(self, kind: BlockKind, text: str, **more: Any) -> None:
        self.said = self.said or bool(text.strip())
        self.writer.add(kind, text, page=self.page, **more)

    def read(self, container: Any) -> None:
        """All blocks below `container`, in their order; notes are left to `notes`."""
        for child in container:
            tag = child.tag
            if tag in _UNREAD or not isinstance(tag, str):
                continue
            if tag in (qn("text:p"), qn("text:h")):
                self._read_paragraph(child)
            elif tag == qn("text:list"):
                self._read_list(child, child.get(qn("text:style-name")) or "", 1)
            elif tag == qn("table:table"):
                self._read_table(child)
            elif tag == qn("draw:frame"):
                self.read_frame(child)
            elif not self._is_unseen(child):
                self.read(child)

    def notes(self, container: Any) -> None:
        """Footnotes, endnotes and comments below `container`."""
        for note in container.iter(*_NOTES):
            self.add("note", note_text(note, self.styles))

    def read_frame(self, frame: Any) -> None:
        """A text box, a table, an object; of several forms of one thing the first that says something."""
        alternative = frame.findtext(qn("svg:desc")) or frame.findtext(qn("svg:title")) or ""
        for child in frame:
            if child.tag == qn("draw:text-box"):
                self.read(child)
            elif child.tag == qn("table:table"):
                self._read_table(child)
                return  # what follows is its picture
            elif child.tag == qn("draw:object"):
                self._read_object(child)
            elif child.tag == qn("draw:image"):
                self.add("caption", sentence(alternative))
                alternative = ""

    def _is_unseen(self, element: Any) -> bool:
        return bool(element.get(qn("text:display")) == "none")

    def _read_paragraph(self, element: Any) -> None:
        style = element.get(qn("text:style-name")) or ""
        if self.styles.is_hidden(style):
            return
        text = text_of(element, self.styles)
        if text and self.styles.is_a(style, "title"):
            self.title = self.title or clean.one_line(text)
            self.add("heading", clean.one_line(text), level=1)
        elif element.tag == qn("text:h"):
            self._read_heading(element, text)
        elif text and self.styles.is_a(style, "caption"):
            self.add("caption", text)
        elif text and is_bold(element, self.styles) and is_short(text):
            self.add("heading", clean.one_line(text), level=BOLD_LEVEL)
        else:
            self.add("paragraph", text)
        self._read_frames(element)

    def _read_heading(self, element: Any, text: str) -> None:
        self._headings = self._headings or Counter(self.styles, "")
        level = max(1, number(element.get(qn("text:outline-level")), 1))
        if text:
            style = element.get(qn("text:style-name")) or ""
            is_counted = element.get(qn("text:is-list-header")) != "true"
            is_counted = is_counted and self.styles.is_numbered(style)
            marker = self._headings.next(level) if is_counted else ""
            self.add("heading", clean.one_line(marker + text), level=min(6, level))

    def _read_frames(self, paragraph: Any) -> None:
        """Frames and shapes that are anchored in a paragraph, after it."""
        for each in _outermost(paragraph):
            if each.tag == qn("draw:frame"):
                self.read_frame(each)
            else:
                self.read(each)

    def _read_list(self, element: Any, style: str, level: int) -> None:
        counter = self._counter(element, style, level)
        for item in element:
            if item.tag not in _ITEMS:
                continue
            start = item.get(qn("text:start-value"))
            marked = item.tag == qn("text:list-header")
            for child in item:
                if child.tag == qn("text:list"):
                    inner = child.get(qn("text:style-name")) or style
                    self._read_list(child, inner, level + 1)
                elif child.tag in (qn("text:p"), qn("text:h")):
                    self._read_item(child, counter, level, None if marked else start, marked)
                    marked = True

    def _counter(self, element: Any, style: str, level: int) -> Counter:
        """That of the list's style: a list inside goes on with it, a list of its own begins anew."""
        goes_on = element.get(qn("text:continue-numbering")) == "true" or element.get(
            qn("text:continue-list")
        )
        if style not in self._lists or (level == 1 and not goes_on):
            self._lists[style] = Counter(self.styles, style or "none")
        return self._lists[style]

    def _read_item(
        self, element: Any, counter: Counter, level: int, start: str | None, marked: bool
    ) -> None:
        """The first paragraph of an item gets its marker."""
        text = text_of(element, self.styles)
        if element.tag == qn("text:h"):
            self._read_heading(element, text)
        elif text and not self.styles.is_hidden(element.get(qn("text:style-name")) or ""):
            first = number(start, 1) if start else None
            marker = "" if marked else counter.next(level, first)
            self.add("list_item", marker + text, level=level)
        self._read_frames(element)

    def _read_table(self, table: Any) -> None:
        rows, header_rows = rows_of(table, self.styles, self.limits)
        if rows and min(len(rows), len(rows[0])) == 1:
            # One column or one row lays out a page: its paragraphs are read as such.
            for row, _ in table_rows(table):
                for cell in row:
                    self.read(cell)
        elif rows:
            self.add("table", clean.table_text(rows), rows=rows, header_rows=header_rows)

    def _read_object(self, element: Any) -> None:
        """A formula or a chart in the same file."""
        name = (element.get(qn("xlink:href")) or "").removeprefix("./")
        self._parts += 1
        if not name or self._parts > self.limits.max_parts:
            return
        try:
            root = self.package.tree(f"{name}/{CONTENT}")
        except ParseError:
            return
        if root is None:
            return
        if root.tag == qn("math:math"):
            source = root.findtext(f".//{qn('math:annotation')}")
            self.add("paragraph", clean.one_line(source or " ".join(root.itertext())))
        for chart in root.iter(qn("chart:chart")):
            title = chart.find(qn("chart:title"))
            self.add("caption", "" if title is None else text_of(title, self.styles))
            for table in chart.iter(qn("table:table")):
                rows, header_rows = rows_of(table, self.styles, self.limits)
                self.add("table", clean.table_text(rows), rows=rows, header_rows=header_rows)


def _outermost(paragraph: Any) -> Iterator[Any]:
    """Frames and shapes below it that lie in no other of them, in no note and in no deleted text."""
    for child in paragraph:
        if child.tag == qn("draw:frame") or child.tag in _SHAPES:
            yield child
        elif child.tag not in _NOTES and child.tag not in _UNREAD:
            yield from _outermost(child)
