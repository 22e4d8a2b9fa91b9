"""Paragraphs of a presentation's shapes: their text, bullets and numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.parsers import clean, office_math
from ingest.parsers.office import formatted, qn

LEVELS = 9
#: Fields that say where a reader is or what day it is, not what the slide says.
_FRAME_FIELDS = ("slidenum", "datetime")
#: Beginnings of PowerPoint's names of numbers, as Word calls them.
_STYLES = {
    "alphaLc": "lowerLetter", "alphaUc": "upperLetter",
    "romanLc": "lowerRoman", "romanUc": "upperRoman",
}  # fmt: skip
_BULLETS = {qn("a:buChar"): "-", qn("a:buBlip"): "-", qn("a:buNone"): ""}


def text_of(paragraph: Any) -> str:
    """What a person reads of an a:p: runs, line breaks, equations; no slide number and no date."""
    parts: list[str] = []
    for child in paragraph:
        if child.tag == qn("a:br"):
            parts.append("\n")
        elif child.tag != qn("a:fld") or not (child.get("type") or "").startswith(_FRAME_FIELDS):
            for each in child.iter(qn("a:t"), qn("m:oMath")):
                is_text = each.tag == qn("a:t")
                parts.append(each.text or "" if is_text else office_math.line(each))
    return clean.lines("".join(parts))


def plain(element: Any) -> str:
    """All paragraphs below an element, a line each."""
    texts = (text_of(paragraph) for paragraph in element.iter(qn("a:p")))
    return "\n".join(text for text in texts if text)


def placeholder(shape: Any) -> Any:
    """The p:ph of a shape, None for a free one."""
    return shape.find(f"*/{qn('p:nvPr')}/{qn('p:ph')}")


@dataclass
class Bullets:
    """Which paragraphs of a slide are list items: a shape inherits that from layout and master."""

    layout: Any = None
    master: Any = None

    @classmethod
    def of(cls, slide: Any) -> "Bullets":
        try:
            layout = slide.slide_layout
            return cls(layout._element, layout.slide_master._element)
        except (KeyError, AttributeError, ValueError):
            return cls()

    def items(self, shape: Any) -> Iterator[tuple[str, int, str]]:
        """Marker ("- ", "2. ", "" for none), level from 1 (0: no list item) and text of each line."""
        counts: dict[int, int] = {}
        styles = list(self._styles(shape))
        for paragraph in shape.iter(qn("a:p")):
            text = text_of(paragraph)
            if not text:
                continue
            own = paragraph.find(qn("a:pPr"))
            level = _level(own)
            bullet = _first([own, *(style.find(_level_tag(level)) for style in styles)])
            marker = _marker(bullet, level, counts)
            yield marker, level + 1 if marker else 0, text

    def _styles(self, shape: Any) -> Iterator[Any]:
        """The a:lstStyle and their like that apply to a shape, the nearest first."""
        body = shape.find(qn("p:txBody"))
        own = None if body is None else body.find(qn("a:lstStyle"))
        found = [own]
        mark = placeholder(shape)
        if mark is not None:
            found.append(_style_of(_twin(self.layout, mark, by_number=True)))
            found.append(_style_of(_twin(self.master, mark, by_number=False)))
            if self.master is not None:
                found.append(self.master.find(f"{qn('p:txStyles')}/{qn('p:bodyStyle')}"))
        yield from (each for each in found if each is not None)


def _first(properties: list[Any]) -> Any:
    """The bullet that the nearest of the properties sets."""
    for each in properties:
        for child in () if each is None else each:
            if child.tag in _BULLETS or child.tag == qn("a:buAutoNum"):
                return child
    return None


def _marker(bullet: Any, level: int, counts: dict[int, int]) -> str:
    for deeper in [each for each in counts if each > level]:
        del counts[deeper]
    if bullet is None or bullet.tag != qn("a:buAutoNum"):
        counts.pop(level, None)
        sign = "" if bullet is None else _BULLETS[bullet.tag]
        return f"{sign} " if sign else ""
    start = bullet.get("startAt") or "1"
    first = int(start) if start.isascii() and start.isdigit() and len(start) < 6 else 1
    counts[level] = counts.get(level, first - 1) + 1
    style = bullet.get("type") or "arabicPeriod"
    number = formatted(counts[level], _STYLES.get(style[:7], "decimal"))
    return f"({number}) " if "Both" in style else f"{number}{')' if 'ParenR' in style else '.'} "


def _level(properties: Any) -> int:
    said = "" if properties is None else properties.get("lvl") or ""
    return int(said) if said in tuple("012345678") and said else 0


def _level_tag(level: int) -> str:
    return qn(f"a:lvl{level + 1}pPr")


def _twin(page: Any, mark: Any, *, by_number: bool) -> Any:
    """The placeholder that `mark` continues: by its number in a layout, by its kind in a master."""
    if page is None:
        return None
    marks = list(page.iter(qn("p:ph")))
    index, kind = mark.get("idx") or "0", mark.get("type") or "obj"
    same = [each for each in marks if by_number and (each.get("idx") or "0") == index]
    alike = [each for each in marks if (each.get("type") or "obj") == kind]
    body = [each for each in marks if each.get("type") == "body"]
    found = next(iter(same or alike or body), None)
    return None if found is None else found.getparent().getparent().getparent()


def _style_of(shape: Any) -> Any:
    return None if shape is None else shape.find(f"{qn('p:txBody')}/{qn('a:lstStyle')}")
