"""What stands on a slide, in the order in which it is read."""

import re
from collections.abc import Iterator
from typing import Any

from ingest.parsers.office import by_rows, qn, sentence
from ingest.parsers.pptx_text import placeholder, plain

#: Groups in groups deeper than this are read as one.
MAX_DEPTH = 20
#: Shapes whose upper edges differ by less stand in one row (English Metric Units; a quarter inch).
ROW = 228_600
#: Share of a slide in which its title stands.
UPPER = 0.3
HEADING_WORDS = 12

_SHAPES = {qn(f"p:{name}") for name in ("sp", "grpSp", "graphicFrame", "pic", "cxnSp")}
_FRAME = ("dt", "ftr", "sldNum", "hdr", "sldImg")


def shapes(slide: Any) -> list[Any]:
    """Leaves of a slide's tree: placeholders as they come, then what lies free, row by row."""
    tree = slide.find(f"{qn('p:cSld')}/{qn('p:spTree')}")
    return [] if tree is None else list(_ordered(tree, 0))


def is_title(shape: Any) -> bool:
    mark = placeholder(shape)
    return mark is not None and mark.get("type") in ("title", "ctrTitle")


def heading_of(found: list[Any], height: int) -> Any:
    """The shape that a reader takes for the title of a slide without one: a short line that stands
    alone in the upper part, above other text. None where there is none."""
    said = [each for each in found if each.tag == qn("p:sp") and plain(each)]
    if len(said) < 2 or any(is_title(each) for each in said) or placeholder(said[0]) is not None:
        return None
    text, upper = plain(said[0]), place(said[0])[0]
    alone = all(place(each)[0] - upper > ROW for each in found if each is not said[0])
    is_line = "\n" not in text and len(text.split()) <= HEADING_WORDS and text[-1] not in ".,;:"
    has_words = any(letter.isalpha() for letter in text)
    return said[0] if alone and is_line and has_words and upper < height * UPPER else None


def place(shape: Any) -> tuple[int, int]:
    """Upper and left edge; (0, 0) where the layout says them."""
    offset = shape.find(f".//{qn('a:off')}")
    return (0, 0) if offset is None else (_number(offset.get("y")), _number(offset.get("x")))


def description(shape: Any) -> str:
    """The alternative text of a picture where a person wrote a sentence; "" for names of files."""
    properties = shape.find(f"*/{qn('p:cNvPr')}")
    return sentence("" if properties is None else properties.get("descr") or "")


def _ordered(tree: Any, depth: int) -> Iterator[Any]:
    children = [each for each in _children(tree) if not _is_dropped(each)]
    fixed = [each for each in children if placeholder(each) is not None]
    free = [each for each in children if placeholder(each) is None]
    for shape in sorted(fixed, key=lambda each: not is_title(each)) + by_rows(free, place, ROW):
        if shape.tag == qn("p:grpSp") and depth < MAX_DEPTH:
            yield from _ordered(shape, depth + 1)
        else:
            yield shape


def _children(tree: Any) -> Iterator[Any]:
    """Shapes directly below; of alternatives the first, which newer programs show."""
    for child in tree:
        if child.tag in _SHAPES:
            yield child
        elif child.tag == qn("mc:AlternateContent"):
            choice = child.find(qn("mc:Choice"))
            if choice is not None:
                yield from (each for each in choice if each.tag in _SHAPES)


def _is_dropped(shape: Any) -> bool:
    """Footers, dates, slide numbers, and what its author hid."""
    mark = placeholder(shape)
    properties = shape.find(f"*/{qn('p:cNvPr')}")
    hidden = properties is not None and properties.get("hidden") in ("1", "true")
    return hidden or (mark is not None and mark.get("type") in _FRAME)


def _number(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"-?[0-9]{1,12}", text) else 0
