"""What Tesseract saw to lines in reading order, without noise, tables in rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ingest.parsers import clean
from ingest.parsers.base import Box
from ingest.parsers.ocr_picture import Placement
from ingest.parsers.pdf_lines import Cell, Line, grouped

#: Points of a pixel: pictures are brought to about 300 pixels an inch.
POINTS = 72 / 300
#: A line below this is noise; one below SURE is, unless it has a word that was read surely.
LEAST, SURE = 0.3, 0.65
#: Words of a line on average: the columns of a table have fewer, those of prose more.
CELL_WORDS = 4.0
#: Blocks side by side are rows of one table where this share of the shorter one's lines meet.
MEETING = 0.6
#: Only marks: rules of tables, edges of the paper.
_MARKS = frozenset("|_~—–-=.:,;'`\"°¦[]{}()<>«»*+/\\‘’“”^")
#: Marks that begin an item of a list.
_BULLETS = frozenset("-–—*•·°«»e+o")
_TABLE = 6


@dataclass(slots=True)
class Word:
    """A word with its box in pixels and how sure it is, 0 to 1."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float

    @property
    def is_real(self) -> bool:
        """Three letters or digits in a row that were read surely: noise is not."""
        inner = self.text.strip("".join(_MARKS))
        return self.confidence >= 0.75 and len(inner) >= 3 and inner.isalnum()


@dataclass(slots=True)
class Row:
    """Words of one line; `height` is that of its font in pixels."""

    words: list[Word]
    height: float

    @property
    def middle(self) -> float:
        return (min(w.top for w in self.words) + max(w.bottom for w in self.words)) / 2

    @property
    def confidence(self) -> float:
        letters = sum(len(word.text) for word in self.words)
        return sum(len(word.text) * word.confidence for word in self.words) / letters

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(slots=True)
class Area:
    """Lines that Tesseract holds together: a block of its layout."""

    rows: list[Row]
    is_table: bool

    @property
    def top(self) -> float:
        return min(word.top for row in self.rows for word in row.words)

    @property
    def bottom(self) -> float:
        return max(word.bottom for row in self.rows for word in row.words)

    @property
    def left(self) -> float:
        return min(row.words[0].left for row in self.rows)

    @property
    def right(self) -> float:
        return max(row.words[-1].right for row in self.rows)


def areas(iterator: Any, level: Any) -> list[Area]:
    """The areas of a page from a result iterator of tesserocr, in reading order; `level` is its RIL."""
    found: list[Area] = []
    while iterator is not None:
        if iterator.IsAtBeginningOf(level.BLOCK) or not found:
            found.append(Area([], iterator.BlockType() == _TABLE))
        if not iterator.Empty(level.WORD):
            if iterator.IsAtBeginningOf(level.TEXTLINE) or not found[-1].rows:
                found[-1].rows.append(Row([], iterator.RowAttributes()["row_height"]))
            if word := _word(iterator, level):
                found[-1].rows[-1].words.append(word)
        if not iterator.Next(level.WORD):
            break
    return _without_noise(found)


def _word(iterator: Any, level: Any) -> Word | None:
    text = clean.one_line(iterator.GetUTF8Text(level.WORD) or "")
    box = iterator.BoundingBox(level.WORD)
    if not text or box is None:
        return None
    left, top, right, bottom = box
    return Word(text, left, top, right, bottom, iterator.Confidence(level.WORD) / 100)


def _without_noise(found: Iterable[Area]) -> list[Area]:
    kept: list[Area] = []
    for area in found:
        for row in area.rows:
            row.words = _without_marks(row.words)
        rows = [row for row in area.rows if _is_text(row)]
        if rows:
            kept.append(Area(rows, area.is_table))
    return kept


def _without_marks(words: list[Word]) -> list[Word]:
    """Without what rules and edges were read as; a bullet may begin a line."""
    first = words[:1] if words and words[0].text in _BULLETS else []
    rest = words[len(first) :]
    return first + [
        word for word in rest if word.confidence >= 0.6 or not _MARKS.issuperset(word.text)
    ]


def _is_text(row: Row) -> bool:
    if not any(letter.isalnum() for word in row.words for letter in word.text):
        return False
    sure = row.confidence
    return sure >= SURE or (sure >= LEAST and any(word.is_real for word in row.words))


def in_rows(found: list[Area]) -> list[Row]:
    """All rows in reading order. Columns of a table, which Tesseract reads one after the other, are
    joined where their lines stand side by side."""
    rows: list[Row] = []
    left = list(found)
    while left:
        area = left.pop(0)
        for other in [each for each in left if _beside(area, each)]:
            area = _joined(area, other)
            left = [each for each in left if each is not other]
        rows += area.rows
    return rows


def _beside(one: Area, other: Area) -> bool:
    """Whether two areas are columns of one table."""
    if not (one.right <= other.left or other.right <= one.left):
        return False
    if not all(area.is_table or _is_narrow(area) for area in (one, other)):
        return False
    fewer, more = sorted((one, other), key=lambda area: len(area.rows))
    met = sum(_partner(row, more.rows) is not None for row in fewer.rows)
    return len(more.rows) > 1 and met >= MEETING * len(fewer.rows)


def _is_narrow(area: Area) -> bool:
    return sum(len(row.words) for row in area.rows) < CELL_WORDS * len(area.rows)


def _partner(row: Row, rows: list[Row]) -> Row | None:
    """The row at the same height."""
    nearest = min(rows, key=lambda each: abs(each.middle - row.middle))
    near = abs(nearest.middle - row.middle) < 0.4 * max(row.height, nearest.height)
    return nearest if near else None


def _joined(one: Area, other: Area) -> Area:
    rows = list(one.rows)
    for row in other.rows:
        if partner := _partner(row, one.rows):
            partner.words = sorted(partner.words + row.words, key=lambda word: word.left)
        else:
            rows.append(row)
    return Area(sorted(rows, key=lambda row: row.middle), is_table=True)


@dataclass(frozen=True, slots=True)
class SeenLine:
    """A line as the layout takes it, how sure it is, and where it lies on its page, and its words."""

    line: Line
    confidence: float
    place: Box
    words: tuple[tuple[str, Box], ...] = ()


def seen(rows: Iterable[Row], page: int, height: int, place: Placement) -> Iterator[SeenLine]:
    """Rows of the picture of a page, `height` pixels high, as lines in points of that picture."""
    for row in rows:
        top = min(word.top for word in row.words)
        bottom = max(word.bottom for word in row.words)
        size = max(row.height, 1.0) * POINTS
        words = tuple(
            Cell(word.left * POINTS, word.right * POINTS, word.text) for word in row.words
        )
        text = row.text
        line = Line(
            text=text,
            page=page,
            left=words[0].left,
            bottom=(height - bottom) * POINTS,
            right=words[-1].right,
            top=(height - top) * POINTS,
            height=size,
            cells=grouped(words, size),
            hyphen=text.endswith(("-", "\u2010")),
            margin=bottom < 0.1 * height or top > 0.9 * height,
        )
        yield SeenLine(
            line,
            row.confidence,
            place.box(row.words[0].left, top, row.words[-1].right, bottom),
            tuple((w.text, place.box(w.left, w.top, w.right, w.bottom)) for w in row.words),
        )
