"""Presentations (PPTX and its kin): each slide a page, with its tables, charts, diagrams and notes."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.parsers import clean, progress
from ingest.parsers.base import BlockKind, BlockWriter, Limits, Notice, ParsedDocument, ParseError
from ingest.parsers.docx_package import tree
from ingest.parsers.office import core_metadata, core_title, qn, slide_numbers
from ingest.parsers.pptx_graphics import chart_rows, chart_title, diagram_items, table_rows
from ingest.parsers.pptx_package import open_presentation, related
from ingest.parsers.pptx_shapes import description, heading_of, is_title, place, shapes
from ingest.parsers.pptx_text import Bullets, plain, text_of

#: A short text that stands at one place of this many slides is their frame.
REPEATS = 3
FRAME_WORDS = 20
TITLE_WORDS = 40

_SECTION = "{http://schemas.microsoft.com/office/powerpoint/2010/main}"
_NUMBER = re.compile(r"\d+")


class PptxParser:
    media_types = ("application/vnd.openxmlformats-officedocument.presentationml.presentation",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `damaged`, `no-text`, `too-many-pages`, `unsafe-file`,
        `archive-too-large`."""
        presentation = open_presentation(path)
        slides = _slides(presentation)
        if len(slides) > limits.max_pages:
            raise ParseError(
                "too-many-pages",
                f"The presentation has more than {limits.max_pages:,} slides. Split it.",
            )
        writer = BlockWriter(limits)
        reader = _Reader(writer, _frame(slides), _sections(presentation), _height(presentation))
        for number, (slide_id, slide) in enumerate(slides, start=1):
            reader.read(slide, slide_id, number)
            progress.report(number, len(slides))
        parsed = writer.document(
            title=core_title(presentation) or reader.title,
            pages=len(slides),
            warnings=_hidden(slides),
            metadata=core_metadata(presentation),
            blank=tuple(reader.blank),
        )
        if not parsed.blocks:
            raise ParseError("no-text", "The presentation holds no text.")
        return parsed


def _height(presentation: Any) -> int:
    """Of a slide, 0 where the file does not say it."""
    try:
        return int(presentation.slide_height or 0)
    except (ValueError, TypeError, AttributeError):
        return 0


def _slides(presentation: Any) -> list[tuple[str, Any]]:
    """Identifier and slide, in the order in which they are shown; references to nothing left out."""
    found: list[tuple[str, Any]] = []
    for item in presentation.element.iter(qn("p:sldId")):
        try:
            slide = presentation.part.related_part(item.get(qn("r:id"))).slide
        except (KeyError, AttributeError):
            continue
        found.append((item.get("id") or "", slide))
    return found


def _hidden(slides: list[tuple[str, Any]]) -> tuple[Notice, ...]:
    hidden = [
        number
        for number, (_, slide) in enumerate(slides, start=1)
        if slide._element.get("show") in ("0", "false")
    ]
    return (
        (Notice("hidden-slides", len(hidden), len(slides), slide_numbers(hidden)),)
        if hidden
        else ()
    )


def _sections(presentation: Any) -> dict[str, str]:
    """Name of the section that begins with a slide; one section alone says nothing."""
    names: dict[str, str] = {}
    sections = list(presentation.element.iter(f"{_SECTION}section"))
    for section in sections if len(sections) > 1 else ():
        first = section.find(f".//{_SECTION}sldId")
        name = clean.one_line(section.get("name") or "")
        if first is not None and name:
            names[first.get("id") or ""] = name
    return names


def _key(shape: Any) -> tuple[str, tuple[int, int]]:
    """A shape by its place and its text without numbers; its text is "" where it is no frame."""
    text = clean.one_line(plain(shape)) if shape.tag == qn("p:sp") and not is_title(shape) else ""
    return _NUMBER.sub("#", text) if len(text.split()) <= FRAME_WORDS else "", place(shape)


def _frame(slides: list[tuple[str, Any]]) -> set[tuple[str, tuple[int, int]]]:
    """What stands on many slides at the same place: the name of a firm, a sign of secrecy."""
    seen: Counter[tuple[str, tuple[int, int]]] = Counter()
    for _, slide in slides:
        seen.update({_key(shape) for shape in shapes(slide._element)})
    return {key for key, count in seen.items() if count >= REPEATS and key[0] and any(key[1])}


@dataclass
class _Reader:
    """Writes one slide after the other."""

    writer: BlockWriter
    frame: set[tuple[str, tuple[int, int]]]
    sections: dict[str, str]
    #: Of a slide.
    height: int
    title: str = ""
    blank: list[int] = field(default_factory=list)
    page: int = 0
    _framed: set[tuple[str, tuple[int, int]]] = field(default_factory=set)
    _said: bool = False

    def read(self, slide: Any, slide_id: str, number: int) -> None:
        self.page, self._said = number, False
        section = self.sections.get(slide_id, "")
        if section:
            self.writer.add("heading", section, level=1, page=number)
        bullets = Bullets.of(slide)
        found = [shape for shape in shapes(slide._element) if not self._is_frame(shape)]
        heading = heading_of(found, self.height)
        for shape in found:
            if is_title(shape) or shape is heading:
                self._write_title(shape)
            else:
                self._write(shape, slide, bullets)
        for note in (*related(slide.part, "notesSlide"), *related(slide.part, "comments")):
            self._write_note(note)
        if not self._said:
            self.blank.append(number)

    def _add(self, kind: BlockKind, text: str, **more: Any) -> None:
        self._said = self._said or bool(text.strip())
        self.writer.add(kind, text, page=self.page, **more)

    def _is_frame(self, shape: Any) -> bool:
        """Whether it repeats what an earlier slide showed at the same place."""
        key = _key(shape)
        if key not in self.frame:
            return False
        known = key in self._framed
        self._framed.add(key)
        return known

    def _write(self, shape: Any, slide: Any, bullets: Bullets) -> None:
        if shape.tag == qn("p:graphicFrame"):
            self._write_graphic(shape, slide)
        elif shape.tag == qn("p:pic"):
            self._add("caption", description(shape))
        else:
            for marker, level, line in bullets.items(shape):
                self._add("list_item" if level else "paragraph", marker + line, level=level)

    def _write_title(self, shape: Any) -> None:
        text = clean.one_line(plain(shape))
        if len(text.split()) > TITLE_WORDS:
            self._add("paragraph", plain(shape))
            return
        if self.page == 1 and not self.title:
            lines = (clean.one_line(text_of(paragraph)) for paragraph in shape.iter(qn("a:p")))
            self.title = next((line for line in lines if line), "")
        self._add("heading", text, level=2 if self.sections else 1)

    def _write_graphic(self, shape: Any, slide: Any) -> None:
        for table in shape.iter(qn("a:tbl")):
            rows, header_rows = table_rows(table)
            self._write_rows(rows, header_rows)
        for chart in shape.iter(qn("c:chart")):
            part = _part(slide, chart.get(qn("r:id")))
            if part is not None:
                self._add("caption", chart_title(part._element))
                self._write_rows(*chart_rows(part._element))
        for diagram in shape.iter(qn("dgm:relIds")):
            part = _part(slide, diagram.get(qn("r:dm")))
            data = None if part is None else tree(part)
            for level, text in () if data is None else diagram_items(data):
                self._add("list_item", f"- {text}", level=level)

    def _write_rows(self, rows: tuple[tuple[str, ...], ...], header_rows: int) -> None:
        if rows and min(len(rows), len(rows[0])) == 1:
            # One column or one row lays out a slide.
            for cell in (cell for row in rows for cell in row):
                self._add("paragraph", cell)
        elif rows:
            self._add("table", clean.table_text(rows), rows=rows, header_rows=header_rows)

    def _write_note(self, part: Any) -> None:
        """Speaker's notes, and comments in their older and their newer form."""
        element = part._element if hasattr(part, "_element") else tree(part)
        if element is None:
            return
        if element.tag == qn("p:notes"):
            said = [plain(shape) for shape in shapes(element)]
        else:
            said = [t.text or "" for t in element.iter(qn("p:text"))] or [plain(element)]
        for text in said:
            self._add("note", clean.lines(text))


def _part(slide: Any, relation: str | None) -> Any:
    try:
        return slide.part.related_part(relation)
    except (KeyError, AttributeError):
        return None
