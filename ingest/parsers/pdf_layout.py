"""Lines of a PDF to headings, paragraphs, lists and tables."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from ingest.parsers.base import BlockKind, BlockWriter
from ingest.parsers.clean import table_text
from ingest.parsers.pdf_lines import Line
from ingest.parsers.pdf_tables import Table, table_at

#: A line in the margin that stands on this many pages is a running title.
REPEATS = 3
#: A heading is higher than the body by this, or as high and bolder.
HIGHER = 1.12
BOLDER = 40
HEADING_WORDS = 24
HEADING_LINES = 4
LEVELS = 5
#: Lines further apart than this many usual distances are two paragraphs.
PARAGRAPH_GAP = 1.2

_NUMBER = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"\W*(?:page|seite|p\.|pg\.?)?\s*\d{1,4}(?:\s*(?:of|von|sur|de|/|\|)\s*\d{1,4})?\W*", re.I
)
_BULLET = re.compile(
    r"(?:[\u2022\u2023\u25aa\u25ab\u25cf\u25cb\u25e6\u2043\u00b7\uf0b7\uf0a7\u2713\u2714\u27a2]|[-*\u2013o](?=\s))\s*"
)
_NUMBERED = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,5})[.)]\s+\S")
_ENDS = (".", "!", "?", ":", ";", "\u3002", "\u201d", '."')


def write_blocks(lines: list[Line], pages: int, writer: BlockWriter) -> None:
    """Write the blocks of a document. `lines` come in the order of the content."""
    lines = _without_furniture(lines, pages)
    style = _Style.of(lines)
    # Marks of footnotes stand on lines of their own in a content stream: numbers out of place.
    lines = [
        line
        for line in lines
        if not (line.text.replace(" ", "").isdigit() and style.is_small(line))
    ]
    joiner = _Joiner(
        Counter(word.strip(".,;:()").lower() for line in lines for word in line.text.split())
    )
    writing = _Writing(writer, style, joiner)
    place = 0
    while place < len(lines):
        table = table_at(lines, place) if len(lines[place].cells) > 1 else None
        if table is not None:
            writing.table(table)
            place += len(table.lines)
        else:
            writing.line(lines[place])
            place += 1
    writing.flush()


def _without_furniture(lines: list[Line], pages: int) -> list[Line]:
    """Drop page numbers, and running titles but for the first time that they stand there."""
    seen: dict[str, set[int]] = defaultdict(set)
    for line in lines:
        if line.margin:
            seen[_key(line)].add(line.page)
    kept: list[Line] = []
    written: set[str] = set()
    for line in lines:
        if line.margin:
            key = _key(line)
            if pages > 1 and _PAGE_NUMBER.fullmatch(line.text):
                continue
            if len(seen[key]) >= REPEATS and key in written:
                continue
            written.add(key)
        kept.append(line)
    return kept


def _key(line: Line) -> str:
    return _NUMBER.sub("#", line.text.lower())


@dataclass(frozen=True, slots=True)
class _Style:
    """What is usual in a document: font height and weight of its body, distance of its lines."""

    height: float
    weight: int
    pitch: float
    #: Heights of headings, highest first.
    heights: tuple[float, ...]

    @classmethod
    def of(cls, lines: list[Line]) -> "_Style":
        heights: Counter[float] = Counter()
        weights: Counter[int] = Counter()
        for line in lines:
            heights[_step(line.height)] += len(line.text)
            weights[line.weight] += len(line.text)
        height = heights.most_common(1)[0][0] if heights else 0.0
        higher = {_step(line.height) for line in lines if height and line.height >= HIGHER * height}
        weight = weights.most_common(1)[0][0] if weights else 0
        return cls(height, weight, _pitch(lines, height), tuple(sorted(higher, reverse=True)))

    def is_small(self, line: Line) -> bool:
        return 0 < line.height < 0.75 * self.height

    def level(self, line: Line) -> int:
        """1 to 6 for a line in the style of a heading, else 0."""
        if not self.height or not line.height:
            return 0
        if line.height >= HIGHER * self.height:
            return min(LEVELS, self.heights.index(_step(line.height)) + 1)
        bold = line.weight >= self.weight + BOLDER and line.height >= 0.95 * self.height
        return min(LEVELS, len(self.heights)) + 1 if bold else 0


def _step(height: float) -> float:
    return round(height * 2) / 2


def _pitch(lines: list[Line], height: float) -> float:
    """The usual distance of the body's lines."""
    distances: Counter[float] = Counter()
    for above, below in pairwise(lines):
        distance = above.bottom - below.bottom
        if above.page == below.page and 0 < distance < 3 * height and _step(below.height) == height:
            distances[_step(distance)] += 1
    return distances.most_common(1)[0][0] if distances else 1.2 * height


@dataclass(frozen=True, slots=True)
class _Joiner:
    """Joins lines, and words that a line's end cut: with the hyphen where both parts are words."""

    words: Counter[str]

    def join(self, lines: list[Line]) -> str:
        text = lines[0].text
        for above, line in pairwise(lines):
            if not above.hyphen or not text.endswith(("-", "\u2010")):
                text = f"{text} {line.text}"
            elif self._keeps_hyphen(text, line.text):
                text += line.text
            else:
                text = text[:-1] + line.text
        return text

    def _keeps_hyphen(self, before: str, after: str) -> bool:
        first = before[:-1].rsplit(maxsplit=1)[-1:] or [""]
        head, tail = (
            first[0].lower(),
            after.split(maxsplit=1)[0].strip(".,;:()").lower() if after else "",
        )
        if not head.isalpha() or not after[:1].islower():
            return True
        if self.words[head + tail]:
            return False
        return bool(self.words[f"{head}-{tail}"] or (self.words[head] and self.words[tail]))


@dataclass(slots=True)
class _Writing:
    writer: BlockWriter
    style: _Style
    joiner: _Joiner
    lines: list[Line] = field(default_factory=list)
    kind: BlockKind = "paragraph"
    level: int = 0

    def line(self, line: Line) -> None:
        kind, level = self._kind(line)
        if self.lines and not self._continues(line, kind, level):
            self.flush()
        if not self.lines:
            self.kind, self.level = kind, level
        self.lines.append(line)

    def table(self, table: Table) -> None:
        self.flush()
        self.writer.add(
            "table",
            table_text(table.rows),
            page=table.lines[0].page,
            rows=table.rows,
            header_rows=table.header_rows,
            boxes=tuple(line.box for line in table.lines),
        )

    def flush(self) -> None:
        """Write the open block; a heading too long for one is a paragraph."""
        if not self.lines:
            return
        text = self.joiner.join(self.lines)
        kind, level = self.kind, self.level
        if kind == "heading" and not self._is_heading(text):
            kind, level = "paragraph", 0
        if kind == "list_item":
            bullet = _BULLET.match(text)  # not sub(): it would find an "o " further on
            text = f"- {text[bullet.end() :]}" if bullet else text
        boxes = tuple(line.box for line in self.lines if line.height)
        self.writer.add(kind, text, level=level, page=self.lines[0].page, boxes=boxes)
        self.lines = []

    def _is_heading(self, text: str) -> bool:
        words = len(text.split())
        letters = sum(c.isalpha() for c in text)
        if not letters or words > HEADING_WORDS or len(self.lines) > HEADING_LINES:
            return False
        return (
            letters >= 3
            and not text.endswith((",", ";"))
            and not (text.endswith(".") and words > 8)
        )

    def _kind(self, line: Line) -> tuple[BlockKind, int]:
        if level := self.style.level(line):
            return "heading", level
        if _BULLET.match(line.text) or _NUMBERED.match(line.text):
            return "list_item", 1
        return "paragraph", 0

    def _continues(self, line: Line, kind: BlockKind, level: int) -> bool:
        above = self.lines[-1]
        if self.kind == "heading" or kind == "heading":
            near = line.page == above.page and 0 < above.bottom - line.bottom < 1.6 * line.height
            return kind == self.kind and level == self.level and near
        if kind == "list_item":
            return False
        if not line.height:
            return not above.text.endswith(_ENDS)
        if line.page != above.page or line.bottom > above.bottom:
            return _runs_on(above, line)
        return self._same_paragraph(above, line)

    def _same_paragraph(self, above: Line, line: Line) -> bool:
        if above.bottom - line.bottom > PARAGRAPH_GAP * max(self.style.pitch, 0.8 * line.height):
            return False
        if self.kind == "list_item" and line.left > self.lines[0].left + 2:
            return True  # below the item's text, not below its mark
        if not 0.85 < line.height / max(above.height, 0.1) < 1.18:
            return False
        ended = above.text.endswith(_ENDS)
        right = max(item.right for item in self.lines)
        short = above.right < right - 0.15 * max(1.0, right - self.lines[0].left)
        indented = self.kind == "paragraph" and line.left > above.left + 0.8 * line.height
        return not (ended and (short or indented))


def _runs_on(above: Line, line: Line) -> bool:
    """Over a page's or a column's end: a sentence that is open, and goes on in lower case."""
    return above.hyphen or (not above.text.endswith(_ENDS) and line.text[:1].islower())
