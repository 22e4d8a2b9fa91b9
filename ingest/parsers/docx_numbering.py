"""Numbers of a Word document's lists and headings: they are computed by the reader, not stored."""

from dataclasses import dataclass, field
from typing import Any

from docx.oxml.ns import qn

from ingest.parsers.office import formatted

#: Word itself has nine levels.
LEVELS = 9


@dataclass
class _Level:
    format: str = "bullet"
    text: str = ""
    start: int = 1


@dataclass
class Numbering:
    """Counts through a document; ask it once for each paragraph, in order."""

    lists: dict[str, str] = field(default_factory=dict)
    levels: dict[tuple[str, int], _Level] = field(default_factory=dict)
    counts: dict[tuple[str, int], int] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any) -> "Numbering":
        """The definitions of a python-docx document; empty where it has none."""
        numbering = cls()
        part = next(
            (
                r.target_part
                for r in document.part.rels.values()
                if not r.is_external and r.reltype.endswith("/numbering")
            ),
            None,
        )
        root = getattr(part, "element", None)
        if root is None:
            return numbering
        for abstract in root.iterchildren(qn("w:abstractNum")):
            name = abstract.get(qn("w:abstractNumId"), "")
            for level in abstract.iterchildren(qn("w:lvl")):
                numbering.levels[name, _number(level.get(qn("w:ilvl")))] = _level(level)
        for item in root.iterchildren(qn("w:num")):
            numbering.lists[item.get(qn("w:numId"), "")] = _value(item, "w:abstractNumId")
        return numbering

    def next(self, own: Any, from_style: Any) -> tuple[str, int]:
        """Marker with a space ("- ", "2.1 ", "" for none) and depth from 1 (0: no list item)."""
        properties = own if own is not None else from_style
        if properties is None:
            return "", 0
        number = _value(properties, "w:numId") or (
            _value(from_style, "w:numId") if from_style is not None else ""
        )
        # numId 0 takes a paragraph out of the list of its style.
        if number in ("", "0") or number not in self.lists:
            return "", 0
        depth = min(LEVELS - 1, _number(_value(properties, "w:ilvl")))
        name = self.lists[number]
        level = self.levels.get((name, depth), _Level())
        if level.format in ("bullet", "none"):
            return ("- " if level.format == "bullet" else ""), depth + 1
        return self._count(name, depth), depth + 1

    def _count(self, name: str, depth: int) -> str:
        start = self.levels[name, depth].start
        self.counts[name, depth] = self.counts.get((name, depth), start - 1) + 1
        for deeper in range(depth + 1, LEVELS):
            self.counts.pop((name, deeper), None)
        text = self.levels[name, depth].text or f"%{depth + 1}."
        for index in range(depth + 1):
            level = self.levels.get((name, index), _Level("decimal"))
            count = self.counts.get((name, index), level.start)
            text = text.replace(f"%{index + 1}", formatted(count, level.format))
        return f"{text.strip()} " if text.strip() else ""


def _level(element: Any) -> _Level:
    start = _value(element, "w:start")
    return _Level(
        _value(element, "w:numFmt") or "decimal",
        _value(element, "w:lvlText")[:40],
        _number(start, 1),
    )


def _value(element: Any, name: str) -> str:
    child = element.find(qn(name))
    return "" if child is None else child.get(qn("w:val")) or ""


def _number(text: str | None, default: int = 0) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else default
