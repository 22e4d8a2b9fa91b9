"""OpenDocument presentations (ODP): each slide a page."""

import re
from pathlib import Path
from typing import Any

from ingest.parsers import clean, progress
from ingest.parsers.base import BlockWriter, Limits, Notice, ParsedDocument, ParseError
from ingest.parsers.odf import STYLES, Package, qn
from ingest.parsers.odf_blocks import Reader
from ingest.parsers.odf_styles import Styles
from ingest.parsers.odf_text import text_of
from ingest.parsers.office import by_rows, slide_numbers

#: Shapes whose upper edges differ by less stand in one row (centimetres).
ROW = 0.6
_FRAME = ("header", "footer", "date-time", "page-number", "page")
_CLASS = qn("presentation:class")
_DRAW = qn("draw:")
_LENGTH = re.compile(r"(-?[0-9]{1,6}(?:\.[0-9]{1,6})?)(cm|mm|in|pt|pc)?")
_CENTIMETRES = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72, "pc": 2.54 / 6}


class OdpParser:
    media_types = ("application/vnd.oasis.opendocument.presentation",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError as OdtParser does, and `too-many-pages`."""
        with Package(path) as package:
            root, body = package.body("office:presentation")
            slides = body.findall(qn("draw:page"))
            if len(slides) > limits.max_pages:
                raise ParseError(
                    "too-many-pages",
                    f"The presentation has more than {limits.max_pages:,} slides. Split it.",
                )
            styles = Styles.of(root, package.tree(STYLES))
            writer = BlockWriter(limits)
            reader = Reader(writer, styles, limits, package)
            blank = _read(slides, reader)
            said, metadata = package.about()
        hidden = [n for n, each in enumerate(slides, start=1) if _is_hidden(each, styles)]
        parsed = writer.document(
            title=said or reader.title,
            pages=len(slides),
            warnings=_notices(hidden, len(slides)),
            metadata=metadata,
            blank=tuple(blank),
        )
        if not parsed.blocks:
            raise ParseError("no-text", "The presentation holds no text.")
        return parsed


def _read(slides: list[Any], reader: Reader) -> list[int]:
    """Write all slides; the numbers of those that say nothing."""
    blank: list[int] = []
    for number, slide in enumerate(slides, start=1):
        reader.page, reader.said = number, False
        for shape in _ordered(slide):
            _write(shape, reader)
        reader.notes(slide)
        for frame in slide.iterfind(f"{qn('presentation:notes')}/{qn('draw:frame')}"):
            if frame.get(_CLASS) == "notes":
                reader.add("note", _words(frame, reader.styles))
        if not reader.said:
            blank.append(number)
        progress.report(number, len(slides))
    return blank


def _write(shape: Any, reader: Reader) -> None:
    if shape.get(_CLASS) == "title":
        text = clean.one_line(_words(shape, reader.styles))
        reader.title = reader.title or (text if reader.page == 1 else "")
        reader.add("heading", text, level=1)
    elif shape.tag == qn("draw:g"):
        for each in _ordered(shape):
            _write(each, reader)
    elif shape.tag == qn("draw:frame"):
        reader.read_frame(shape)
    else:
        reader.read(shape)


def _ordered(slide: Any) -> list[Any]:
    """Title and outline as they come, then what lies free, row by row; groups are read as they lie."""
    shapes = [each for each in slide if isinstance(each.tag, str) and each.tag.startswith(_DRAW)]
    shapes = [
        each
        for each in shapes
        if each.get(_CLASS) not in _FRAME and each.get(qn("presentation:placeholder")) != "true"
    ]
    classed = [each for each in shapes if each.get(_CLASS)]
    classed.sort(key=lambda each: each.get(_CLASS) != "title")
    return classed + by_rows([each for each in shapes if not each.get(_CLASS)], _place, ROW)


def _place(shape: Any) -> tuple[float, float]:
    """Upper and left edge of a shape, or of the first in a group."""
    if shape.tag == qn("draw:g"):
        shape = next(shape.iter(qn("draw:frame"), qn("draw:custom-shape")), shape)
    return _length(shape.get(qn("svg:y"))), _length(shape.get(qn("svg:x")))


def _length(said: str | None) -> float:
    match = _LENGTH.fullmatch(said or "")
    return float(match[1]) * _CENTIMETRES[match[2] or "cm"] if match else 0.0


def _words(frame: Any, styles: Styles) -> str:
    box = frame.find(qn("draw:text-box"))
    return "" if box is None else text_of(box, styles)


def _is_hidden(slide: Any, styles: Styles) -> bool:
    return (slide.get(qn("draw:style-name")) or "") in styles.unseen


def _notices(hidden: list[int], total: int) -> tuple[Notice, ...]:
    return (Notice("hidden-slides", len(hidden), total, slide_numbers(hidden)),) if hidden else ()
