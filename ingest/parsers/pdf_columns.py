"""Columns of prose whose lines a PDF draws from left to right, across the columns.

Most programs draw one column after the other, and pdfium follows them. Some draw line by line: then
each line of the page holds a line of every column, which looks like a table of sentences.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from ingest.parsers.pdf_lines import CELL_GAP, Cell, Line, grouped

#: Lines with text on both sides that make columns; fewer are a table, or chance.
MIN_LINES = 6
#: Words of a line on either side: columns of tables are shorter.
MIN_WORDS = 4.0
#: Share of lines that go on in the middle of a sentence: cells of tables begin with a capital.
RUNNING = 0.4
#: Share of a side's lines that have text: cells of a table differ in length.
FILLED = 0.7
#: A gap of this many line heights may be a narrow gutter; only one above CELL_GAP makes one known.
NARROW = 0.45
#: Lines of a page that are looked at together: a hostile page has many thousands.
MAX_LINES = 300


@dataclass(frozen=True, slots=True)
class _Gutter:
    """The empty strip between two columns, in points from the left."""

    left: float
    right: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2

    def narrowed(self, other: "_Gutter") -> "_Gutter | None":
        left, right = max(self.left, other.left), min(self.right, other.right)
        return _Gutter(left, right) if left < right else None


def in_reading_order(lines: list[Line]) -> list[Line]:
    """The lines of one page, those of columns column by column, all others where they were.

    Their `words` are dropped: they have served.
    """
    return [replace(line, words=()) if line.words else line for line in _ordered(lines)]


def _ordered(lines: list[Line]) -> Iterator[Line]:
    place = 0
    while place < len(lines):
        end, gutter = _run(lines, place)
        if gutter is not None and _is_prose(lines[place:end], gutter):
            for side in _sides(lines[place:end], gutter):
                yield from _ordered(side)
            place = end
        else:
            yield lines[place]
            place += 1


def _run(lines: list[Line], start: int) -> tuple[int, _Gutter | None]:
    """Where the lines end that share an empty strip with line `start`, and the strip.

    Of a line's gaps the widest is tried: in justified text others are as wide as a gutter.
    """
    gaps = _gaps(lines[start], CELL_GAP)
    gutter = max(gaps, key=lambda gap: gap.right - gap.left, default=None)
    end = start + 1
    while gutter is not None and end < min(len(lines), start + MAX_LINES):
        narrower = _common(lines[end], gutter)
        if narrower is None or lines[end].bottom >= lines[end - 1].top:
            break
        gutter, end = narrower, end + 1
    return end, gutter


def _gaps(line: Line, least: float) -> Iterator[_Gutter]:
    """Gaps between the words of a line, wider than `least` times its height."""
    for one, following in pairwise(line.words):
        if following.left - one.right > least * line.height:
            yield _Gutter(one.right, following.left)


def _common(line: Line, gutter: _Gutter) -> _Gutter | None:
    """The strip that this line leaves empty as well: a gap, or all that lies beside its text."""
    if not line.words:
        return None
    beside = [_Gutter(0.0, line.words[0].left), _Gutter(line.words[-1].right, 1e6)]
    strips = (gutter.narrowed(gap) for gap in (*beside, *_gaps(line, NARROW)))
    found = [strip for strip in strips if strip]
    return max(found, key=lambda each: each.right - each.left, default=None)


def _is_prose(lines: list[Line], gutter: _Gutter) -> bool:
    both = sum(line.left < gutter.middle < line.right for line in lines)
    if both < MIN_LINES or both < FILLED * len(lines):
        return False
    return all(_runs_on(side) for side in _sides(lines, gutter))


def _runs_on(side: list[Line]) -> bool:
    """Whether these lines are sentences that go on from line to line."""
    words = sum(len(line.words) for line in side) / len(side)
    going_on = sum(line.text[:1].islower() for line in side) / len(side)
    return words >= MIN_WORDS and going_on >= RUNNING


def _sides(lines: list[Line], gutter: _Gutter) -> tuple[list[Line], list[Line]]:
    left: list[Line] = []
    right: list[Line] = []
    for line in lines:
        before = tuple(word for word in line.words if word.left < gutter.middle)
        after = tuple(word for word in line.words if word.left >= gutter.middle)
        left += [_part(line, before)] if before else []
        right += [_part(line, after)] if after else []
    return left, right


def _part(line: Line, words: tuple[Cell, ...]) -> Line:
    """The line with some of its words alone."""
    cells = grouped(words, line.height)
    text = " ".join(cell.text for cell in cells)
    return replace(
        line,
        text=text,
        left=words[0].left,
        right=words[-1].right,
        cells=cells,
        words=words,
        hyphen=text.endswith(("-", "\u2010")),
    )
