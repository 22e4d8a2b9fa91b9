"""Lines of a PDF's pages with their places, by pdfium."""

import ctypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pypdfium2.raw as raw

from ingest.parsers import clean
from ingest.parsers.base import Box

#: A gap between words wider than this many line heights parts two columns or cells.
CELL_GAP = 1.1
#: pdfium's sign for a hyphen at the end of a line, and the line's end with it.
_HYPHEN = "\ufffe"
_LINE = re.compile(rf"[^\r\n{_HYPHEN}\x02]+[{_HYPHEN}\x02]?")
_WORD = re.compile(r"\S+")


class PdfiumFailed(Exception):
    """pdfium cannot read the file or a page of it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Words of a line without a wide gap between them."""

    left: float
    right: float
    text: str


@dataclass(slots=True)
class Line:
    """One line as it stands on a page, in points. `height` is that of the font, 0 if unknown."""

    text: str
    page: int
    left: float = 0.0
    bottom: float = 0.0
    right: float = 0.0
    top: float = 0.0
    height: float = 0.0
    weight: int = 0
    cells: tuple[Cell, ...] = ()
    #: Each word for itself, until the columns of its page are known (pdf_columns.py).
    words: tuple[Cell, ...] = ()
    #: Ends in a hyphen that the line's end may have made.
    hyphen: bool = False
    #: Lies in the upper or lower margin, where running titles stand.
    margin: bool = False

    @property
    def box(self) -> Box:
        return round(self.left, 1), round(self.bottom, 1), round(self.right, 1), round(self.top, 1)


def page_lines(path: Path, pages: int) -> Iterator[list[Line]]:
    """The lines of each page from the first, in the order of the content. Raises PdfiumFailed."""
    try:
        # Not by its path: pypdfium2 asks what the path stands for, and a memory file has no name.
        with path.open("rb") as file, pypdfium2.PdfDocument(file) as document:
            if len(document) == 0:
                raise PdfiumFailed
            for number in range(pages):
                yield _lines_of(document, number) if number < len(document) else []
    except (pypdfium2.PdfiumError, ctypes.ArgumentError) as error:
        raise PdfiumFailed from error


def plain_lines(text: str, page: int) -> list[Line]:
    """Lines without places, of text that another reader found."""
    return [Line(line, page) for line in clean.lines(text).split("\n") if line]


def _lines_of(document: pypdfium2.PdfDocument, number: int) -> list[Line]:
    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return []
    text_page = page.get_textpage()
    try:
        return _Reader(text_page, number + 1, page.get_height()).lines()
    finally:
        text_page.close()
        page.close()


class _Reader:
    """Calls pdfium a few times a word, not several times a character: a page has thousands."""

    def __init__(self, text_page: pypdfium2.PdfTextPage, page: int, height: float) -> None:
        self._raw = text_page.raw
        self._page = page
        self._margin = 0.1 * height, 0.9 * height
        self._text = text_page.get_text_range()
        self._same = len(self._text) == text_page.count_chars()
        self._rect = raw.FS_RECTF()

    def lines(self) -> list[Line]:
        found = (self._line(match) for match in _LINE.finditer(self._text) if match[0].strip())
        return [line for line in found if line is not None and line.text]

    def _box(self, index: int) -> Box:
        """The loose box of the character at `index` of the text: as high as its font."""
        place = index if self._same else raw.FPDFText_GetCharIndexFromTextIndex(self._raw, index)
        raw.FPDFText_GetLooseCharBox(self._raw, place, self._rect)
        rect = self._rect
        return rect.left, rect.bottom, rect.right, rect.top

    def _weight(self, index: int) -> int:
        place = index if self._same else raw.FPDFText_GetCharIndexFromTextIndex(self._raw, index)
        weight: int = raw.FPDFText_GetFontWeight(self._raw, place)
        return max(0, weight)

    def _line(self, match: re.Match[str]) -> Line | None:
        hyphen = match[0][-1] in (_HYPHEN, "\x02")
        words = [
            (word[0], self._box(word.start()), self._box(word.end() - 1))
            for word in _WORD.finditer(self._text, match.start(), match.end() - hyphen)
        ]
        if not words:
            return None
        boxes = [box for _, first, last in words for box in (first, last)]
        height = max(first[3] - first[1] for _, first, _ in words)
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        end = match.start() + len(match[0][: len(match[0]) - hyphen].rstrip()) - 1
        bottom, top = min(box[1] for box in boxes), max(box[3] for box in boxes)
        words[-1] = (words[-1][0] + ("-" if hyphen else ""), *words[-1][1:])
        placed = tuple(Cell(first[0], last[2], word) for word, first, last in words)
        return Line(
            text=clean.one_line(" ".join(word for word, _, _ in words)),
            page=self._page,
            left=boxes[0][0],
            bottom=bottom,
            right=boxes[-1][2],
            top=top,
            height=round(height, 1),
            weight=min(self._weight(start), self._weight(end)),
            cells=grouped(placed, height),
            words=placed,
            hyphen=hyphen or words[-1][0].endswith(("-", "\u2010")),
            margin=top < self._margin[0] or bottom > self._margin[1],
        )


def grouped(words: Sequence[Cell], height: float) -> tuple[Cell, ...]:
    """Words of one line to cells: a gap wider than CELL_GAP line heights parts two."""
    cells: list[Cell] = []
    first = 0
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else None
        if following is None or following.left - word.right > CELL_GAP * height:
            text = clean.one_line(" ".join(each.text for each in words[first : index + 1]))
            cells.append(Cell(words[first].left, word.right, text))
            first = index + 1
    return tuple(cells)
