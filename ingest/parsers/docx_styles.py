"""What the styles of a Word document say of a paragraph, looked up once a style."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from docx.oxml.ns import qn

#: Styles are based on each other; a longer chain is a loop, or takes the square of its length.
MAX_CHAIN = 20


@dataclass
class Styles:
    levels: dict[str, int] = field(default_factory=dict)
    numbered: dict[str, Any] = field(default_factory=dict)
    titles: set[str] = field(default_factory=set)
    captions: set[str] = field(default_factory=set)
    #: Styles of a table of contents, which says the headings again.
    contents: set[str] = field(default_factory=set)
    #: Styles whose text nobody sees.
    hidden: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, document: Any) -> "Styles":
        """Those of a python-docx document; a damaged part of styles says nothing."""
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
            styles._note_hidden(style_id, element, elements)
        return styles

    def _note(self, style_id: str, element: Any) -> None:
        name = value(element.find(qn("w:name"))).lower()
        if name == "title":
            self.titles.add(style_id)
        if name.startswith("toc "):
            self.contents.add(style_id)
        if name == "caption":
            self.captions.add(style_id)
        if name.startswith("heading ") and is_number(name[8:]):
            self.levels.setdefault(style_id, min(6, int(name[8:])))
        properties = element.find(qn("w:pPr"))
        if properties is None:
            return
        outline = value(properties.find(qn("w:outlineLvl")))
        if is_number(outline) and int(outline) < 9:
            self.levels.setdefault(style_id, min(6, int(outline) + 1))
        if properties.find(qn("w:numPr")) is not None:
            self.numbered.setdefault(style_id, properties.find(qn("w:numPr")))

    def _note_hidden(self, style_id: str, element: Any, elements: dict[str, Any]) -> None:
        """By the nearest style that says anything of it."""
        for ancestor in _chain(element, elements):
            vanish = ancestor.find(f"{qn('w:rPr')}/{qn('w:vanish')}")
            if vanish is not None:
                if is_on(vanish):
                    self.hidden.add(style_id)
                return


def style_of(paragraph: Any) -> str:
    return value(paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}"))


def value(element: Any) -> str:
    """The w:val of an element, "" without one."""
    return "" if element is None else element.get(qn("w:val")) or ""


def is_number(text: str) -> bool:
    """Whether `int` takes it, and it is short."""
    return text.isascii() and text.isdigit() and len(text) < 5


def is_on(element: Any) -> bool:
    """Whether a switch is there, and not turned off."""
    return element is not None and value(element) not in ("0", "false", "off")


def _chain(element: Any, elements: dict[str, Any]) -> Iterator[Any]:
    """A style and those it is based on, MAX_CHAIN at most."""
    for _ in range(MAX_CHAIN):
        if element is None:
            return
        yield element
        element = elements.get(value(element.find(qn("w:basedOn"))))
