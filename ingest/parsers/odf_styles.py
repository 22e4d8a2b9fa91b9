"""What the styles of an OpenDocument file say of paragraphs, lists, tables and pages."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ingest.parsers.odf import qn
from ingest.parsers.office import formatted

LEVELS = 10
#: Styles are based on each other; a chain longer than this is a loop.
MAX_CHAIN = 20
_FORMATS = {
    "1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman",
}  # fmt: skip
_BULLETS = (qn("text:list-level-style-bullet"), qn("text:list-level-style-image"))


@dataclass(frozen=True, slots=True)
class Level:
    """A level of a list; `format` is "bullet", "" (shows nothing) or one of docx_numbering."""

    format: str = "bullet"
    prefix: str = ""
    suffix: str = ""
    start: int = 1
    shown: int = 1


@dataclass
class Styles:
    parents: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    bold: set[str] = field(default_factory=set)
    #: Tables and drawing pages that their author hid.
    unseen: set[str] = field(default_factory=set)
    lists: dict[tuple[str, int], Level] = field(default_factory=dict)
    #: Paragraph styles that take a heading out of the numbers of the outline.
    unnumbered: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, *roots: Any) -> "Styles":
        """From the trees of content.xml and styles.xml; None is skipped."""
        styles = cls()
        for root in roots:
            if root is not None:
                styles.add(root)
        return styles

    def add(self, root: Any) -> None:
        """Take in the styles below `root`."""
        for style in root.iter(qn("style:style")):
            self._note(style)
        for each in root.iter(qn("text:list-style")):
            self._note_list(each, each.get(qn("style:name")) or "")
        for each in root.iter(qn("text:outline-style")):
            self._note_list(each, "")

    def is_a(self, style: str, *names: str) -> bool:
        """Whether `style`, or one that it is based on, has one of these names."""
        return any(self.names.get(each, each).lower() in names for each in self._chain(style))

    def is_hidden(self, style: str) -> bool:
        return any(each in self.hidden for each in self._chain(style))

    def is_bold(self, style: str) -> bool:
        return any(each in self.bold for each in self._chain(style))

    def is_numbered(self, style: str) -> bool:
        return not any(each in self.unnumbered for each in self._chain(style))

    def _chain(self, style: str) -> Iterator[str]:
        for _ in range(MAX_CHAIN):
            if not style:
                return
            yield style
            style = self.parents.get(style, "")

    def _note(self, style: Any) -> None:
        name = style.get(qn("style:name")) or ""
        self.parents[name] = style.get(qn("style:parent-style-name")) or ""
        self.names[name] = (style.get(qn("style:display-name")) or name).replace("_20_", " ")
        if style.get(qn("style:list-style-name")) == "":
            self.unnumbered.add(name)
        for properties in style:
            if properties.get(qn("text:display")) == "none":
                self.hidden.add(name)
            if properties.get(qn("fo:font-weight")) in ("bold", "600", "700", "800", "900"):
                self.bold.add(name)
            table, page = qn("table:display"), qn("presentation:visibility")
            if properties.get(table) == "false" or properties.get(page) == "hidden":
                self.unseen.add(name)

    def _note_list(self, element: Any, name: str) -> None:
        for each in element:
            level = number(each.get(qn("text:level")), 0)
            if not 1 <= level <= LEVELS:
                continue
            sign = each.get(qn("style:num-format")) or ""
            self.lists[name, level] = Level(
                "bullet" if each.tag in _BULLETS else _FORMATS.get(sign, ""),
                (each.get(qn("style:num-prefix")) or "")[:20],
                (each.get(qn("style:num-suffix")) or "")[:20],
                number(each.get(qn("text:start-value")), 1),
                number(each.get(qn("text:display-levels")), 1),
            )


@dataclass
class Counter:
    """Counts the items of one list, or the headings of a text."""

    styles: Styles
    name: str
    counts: dict[int, int] = field(default_factory=dict)

    def next(self, level: int, start: int | None = None) -> str:
        """Marker of the next item with a space: "- ", "2.1 ", "" for none."""
        shape = self._level(level)
        if shape.format in ("bullet", ""):
            return "- " if shape.format == "bullet" else ""
        first = shape.start if start is None else start
        self.counts[level] = self.counts.get(level, first - 1) + 1 if start is None else start
        for deeper in [each for each in self.counts if each > level]:
            del self.counts[deeper]
        shown = range(max(1, level - min(LEVELS, shape.shown) + 1), level + 1)
        numbers = (self._number(each) for each in shown)
        text = ".".join(each for each in numbers if each)
        return f"{shape.prefix}{text}{shape.suffix}".strip() + " "

    def _number(self, level: int) -> str:
        shape = self._level(level)
        if shape.format in ("bullet", ""):
            return ""
        return formatted(self.counts.get(level, shape.start), shape.format)

    def _level(self, level: int) -> Level:
        # Headings without an outline style have no numbers, lists without a style have bullets.
        default = Level("") if not self.name else Level()
        return self.styles.lists.get((self.name, min(level, LEVELS)), default)


def number(text: str | None, default: int) -> int:
    """A small number that a file gives, else `default`."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else default
