"""Word documents (DOCX), in document order: headings, lists, tables, text boxes, footnotes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import qn

from ingest.parsers import clean
from ingest.parsers.archive import check_archive, check_entities
from ingest.parsers.base import BlockWriter, Limits, ParsedDocument, ParseError
from ingest.parsers.docx_numbering import Numbering

#: A lone bold line up to this long is a heading to its reader, whatever its style says.
BOLD_HEADING_WORDS = 12
BOLD_HEADING_LEVEL = 6
MAX_SPAN = 50

#: A drawing's twin for readers that do not know drawings: the same text again.
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SKIPPED = {
    _FALLBACK,
    *(qn(name) for name in ("w:del", "w:moveFrom", "w:txbxContent", "w:instrText")),
}
_TEXT, _TAB, _BREAKS = qn("w:t"), qn("w:tab"), {qn("w:br"), qn("w:cr")}
_HYPHENS = {qn("w:noBreakHyphen"): "-", qn("w:softHyphen"): ""}
_PARAGRAPH, _TABLE = qn("w:p"), qn("w:tbl")
_NOTES = ("footnotes", "endnotes")


class DocxParser:
    media_types = ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `damaged`, `no-text`, `archive-too-large`, `unsafe-file`."""
        check_archive(path)
        check_entities(path)
        document = _open(path)
        writer = BlockWriter(limits)
        reader = _Reader(writer, _Styles.of(document), Numbering.of(document))
        reader.read(document.element.body)
        for note in _notes(document):
            writer.add("note", clean.lines(_text(note)))
        parsed = writer.document(title=reader.title or _property_title(document))
        if not parsed.blocks:
            raise ParseError("no-text", "The document holds no text.")
        return parsed


def _open(path: Path) -> Any:
    # The library answers damage with whatever the damaged part led to: KeyError, XMLSyntaxError,
    # BadZipFile, AttributeError ... Only running out of memory means something else.
    try:
        document = docx.Document(str(path))
        if document.element.body is None:
            raise ValueError("no body")
    except MemoryError:
        raise
    except Exception as error:
        raise ParseError(
            "damaged", "The Word file is damaged. Open it in a word processor and save it anew."
        ) from error
    return document


def _property_title(document: Any) -> str:
    try:
        title = clean.one_line(document.core_properties.title or "")
    except (KeyError, ValueError, AttributeError):
        return ""
    return "" if title.lower().startswith(("microsoft word", "untitled", "document")) else title


def _notes(document: Any) -> Iterator[Any]:
    """Footnotes and endnotes; separators have a type and are none."""
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.rsplit("/", 1)[-1] in _NOTES:
            for note in parse_xml(relation.target_part.blob):
                if note.get(qn("w:type")) is None:
                    yield note


@dataclass
class _Styles:
    """What the styles of a document say of a paragraph, looked up once a style."""

    levels: dict[str, int] = field(default_factory=dict)
    numbered: dict[str, Any] = field(default_factory=dict)
    titles: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, document: Any) -> "_Styles":
        styles = cls()
        try:
            elements = {
                e.get(qn("w:styleId"), ""): e for e in document.styles.element.iter(qn("w:style"))
            }
        except (KeyError, AttributeError):
            return styles
        for style_id, element in elements.items():
            for ancestor in _chain(element, elements):
                styles._note(style_id, ancestor)
        return styles

    def _note(self, style_id: str, element: Any) -> None:
        name = _value(element.find(qn("w:name"))).lower()
        if name == "title":
            self.titles.add(style_id)
        if name.startswith("heading ") and name[8:].isdigit():
            self.levels.setdefault(style_id, min(6, int(name[8:])))
        properties = element.find(qn("w:pPr"))
        if properties is None:
            return
        outline = _value(properties.find(qn("w:outlineLvl")))
        if outline.isdigit() and int(outline) < 9:
            self.levels.setdefault(style_id, min(6, int(outline) + 1))
        if properties.find(qn("w:numPr")) is not None:
            self.numbered.setdefault(style_id, properties.find(qn("w:numPr")))


def _chain(element: Any, elements: dict[str, Any]) -> Iterator[Any]:
    """A style and those it is based on; a loop ends at its first repeat."""
    seen: set[int] = set()
    while element is not None and id(element) not in seen:
        seen.add(id(element))
        yield element
        element = elements.get(_value(element.find(qn("w:basedOn"))))


@dataclass
class _Reader:
    writer: BlockWriter
    styles: _Styles
    numbering: Numbering
    title: str = ""

    def read(self, container: Any) -> None:
        for element in _blocks(container):
            if element.tag == _TABLE:
                self._write_table(element)
            else:
                self._write_paragraph(element)

    def _write_paragraph(self, element: Any) -> None:
        text = clean.lines(_text(element))
        style = _style(element)
        if text and style in self.styles.titles:
            self.title = self.title or clean.one_line(text)
            self.writer.add("heading", clean.one_line(text), level=1)
        elif text:
            self._write_styled(element, style, text)
        for box in element.iter(qn("w:txbxContent")):
            if not any(ancestor.tag == _FALLBACK for ancestor in box.iterancestors()):
                self.read(box)

    def _write_styled(self, element: Any, style: str, text: str) -> None:
        level = self._heading_level(element, style)
        number, depth = self.numbering.next(
            _number_properties(element), self.styles.numbered.get(style)
        )
        if level:
            self.writer.add(
                "heading", clean.one_line(number.removeprefix("- ") + text), level=level
            )
        elif depth:
            self.writer.add("list_item", number + text, level=depth)
        elif _is_bold_heading(element, text):
            self.writer.add("heading", clean.one_line(text), level=BOLD_HEADING_LEVEL)
        else:
            self.writer.add("caption" if style.lower() == "caption" else "paragraph", text)

    def _heading_level(self, element: Any, style: str) -> int:
        outline = _value(element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}"))
        if outline.isdigit():
            return min(6, int(outline) + 1) if int(outline) < 9 else 0
        return self.styles.levels.get(style, 0)

    def _write_table(self, table: Any) -> None:
        rows, header_rows = _rows(table)
        if rows and min(len(rows), len(rows[0])) == 1:
            # One column or one row lays out a page: its paragraphs are read as such.
            for cell in table.iter(qn("w:tc")):
                self.read(cell)
        elif rows:
            self.writer.add("table", clean.table_text(rows), rows=rows, header_rows=header_rows)


def _blocks(container: Any) -> Iterator[Any]:
    """Paragraphs and tables of a container, also those inside content controls and insertions."""
    for child in container:
        if child.tag in (_PARAGRAPH, _TABLE):
            yield child
        elif child.tag in (
            qn("w:sdt"),
            qn("w:sdtContent"),
            qn("w:ins"),
            qn("w:smartTag"),
            qn("w:customXml"),
        ):
            yield from _blocks(child)


def _text(element: Any) -> str:
    """Visible text; deleted text, field codes and text boxes (read on their own) are left out."""
    parts: list[str] = []
    for child in element:
        if child.tag in _SKIPPED:
            continue
        if child.tag == _TEXT:
            parts.append(child.text or "")
        elif child.tag == _TAB:
            parts.append(" ")
        elif child.tag in _BREAKS:
            parts.append("\n")
        elif child.tag in _HYPHENS:
            parts.append(_HYPHENS[child.tag])
        else:
            parts.append(_text(child))
            if child.tag == _PARAGRAPH:
                parts.append("\n")
    return "".join(parts)


def _style(element: Any) -> str:
    return _value(element.find(f"{qn('w:pPr')}/{qn('w:pStyle')}"))


def _number_properties(element: Any) -> Any:
    return element.find(f"{qn('w:pPr')}/{qn('w:numPr')}")


def _value(element: Any) -> str:
    return "" if element is None else element.get(qn("w:val")) or ""


def _is_bold_heading(element: Any, text: str) -> bool:
    if (
        len(text.split()) > BOLD_HEADING_WORDS
        or "\n" in text
        or text.endswith((".", ",", ";", ":"))
    ):
        return False
    return _is_all_bold(element) and any(c.isalpha() for c in text)


def _is_all_bold(element: Any) -> bool:
    """Whether there is visible text in it, and all of it is bold."""
    runs = [run for run in element.iter(qn("w:r")) if _text(run).strip()]
    return bool(runs) and all(_is_bold(run) for run in runs)


def _is_bold(run: Any) -> bool:
    bold = run.find(f"{qn('w:rPr')}/{qn('w:b')}")
    return bold is not None and _value(bold) not in ("0", "false", "off")


def _rows(table: Any) -> tuple[tuple[tuple[str, ...], ...], int]:
    """Cells of a table, a vertically merged one repeated, and how many rows are header."""
    rows: list[list[str]] = []
    header_rows = 0
    for row in table.iterchildren(qn("w:tr")):
        cells = _cells(row, rows[-1] if rows else [])
        if any(cells):
            header_rows += header_rows == len(rows) and _is_header(row, first=not rows)
            rows.append(cells)
    return clean.filled(rows), min(header_rows, max(0, len(rows) - 1))


def _cells(row: Any, above: list[str]) -> list[str]:
    cells: list[str] = []
    for cell in row.iter(qn("w:tc")):
        if cell.getparent() is not row and next(cell.iterancestors(qn("w:tr"))) is not row:
            continue
        properties = cell.find(qn("w:tcPr"))
        text = clean.one_line(_text(cell).replace("\n", " "))
        if _continues(properties) and len(cells) < len(above):
            text = above[len(cells)]
        cells.append(text)
        cells.extend([""] * (_grid_span(properties) - 1))
    return cells


def _continues(properties: Any) -> bool:
    merge = None if properties is None else properties.find(qn("w:vMerge"))
    return merge is not None and _value(merge) != "restart"


def _grid_span(properties: Any) -> int:
    value = "" if properties is None else _value(properties.find(qn("w:gridSpan")))
    return max(1, min(MAX_SPAN, int(value))) if value.isdigit() and len(value) < 5 else 1


def _is_header(row: Any, *, first: bool) -> bool:
    """Marked as repeated header, or a first row whose every cell is bold."""
    if row.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None:
        return True
    return first and _is_all_bold(row)
