"""Pages of a PDF that are pictures: which they are, and what they show."""

import ctypes
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pypdfium2
import pypdfium2.raw as raw
from PIL import Image

from ingest.parsers.ocr_picture import MAX_PIXELS, Placement
from ingest.parsers.pdf_lines import Line

#: A page with no more letters than these, in its margins or anywhere, may be a scan with a stamp, a
#: fax's head or a number on it. Titles over a picture stand in the middle, and are longer.
MARGIN_LETTERS, STAMP_LETTERS = 120, 12
#: Share of a page that its pictures cover where it is one of them.
COVERED = 0.5
#: Share of letters without a meaning that makes a text garbage.
GARBAGE = 0.4
#: Objects of a page that are looked at, and how deep they may lie in forms.
MAX_OBJECTS, MAX_DEPTH = 500, 3
#: Pixels a point (300 an inch), and inches of the shorter side of paper.
SCALE = 300 / 72
PAPER = 3.0, 18.0
#: Pixels of the shorter side of a page of another size: A4 at 300 dpi.
SHORTER_SIDE = 2480
#: Categories of characters that say nothing: private, unassigned, control.
_MEANINGLESS = frozenset({"Co", "Cn", "Cc"})
_WORD = re.compile(r"\w+")
_BROKEN = (pypdfium2.PdfiumError, ctypes.ArgumentError, ValueError, OSError)


def without_text(path: Path, lines: list[Line], empty: list[int]) -> tuple[list[Line], list[int]]:
    """The lines without garbage, and the pages whose text is in pictures, if they have any.

    Those are the `empty` ones, those of glyphs without a meaning, and those with a few words on a
    picture: a scan with a stamp. The words of a stamp stay.
    """
    by_page: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        by_page[line.page].append(line)
    texts = {page: "".join(line.text for line in found) for page, found in by_page.items()}
    garbage = {page for page, text in texts.items() if _is_garbage(text)}
    stamped = [page for page, found in by_page.items() if _is_stamp(found)]
    covered = set(_covered(path, [page for page in stamped if page not in garbage]))
    kept = [line for line in lines if line.page not in garbage]
    return kept, sorted({*empty, *garbage, *covered})


def _is_stamp(lines: list[Line]) -> bool:
    letters = sum(letter.isalnum() for line in lines for letter in line.text)
    in_margin = all(line.margin for line in lines)
    return letters <= (MARGIN_LETTERS if in_margin else STAMP_LETTERS)


def _is_garbage(text: str) -> bool:
    letters = [letter for letter in text if not letter.isspace()]
    meaningless = sum(
        letter == "\ufffd" or unicodedata.category(letter) in _MEANINGLESS for letter in letters
    )
    return meaningless > GARBAGE * len(letters)


def _covered(path: Path, pages: list[int]) -> Iterator[int]:
    """Those of `pages` that pictures cover, as far as pdfium can tell."""
    if not pages:
        return
    try:
        with opened(path) as document:
            for number in pages:
                if number <= len(document) and _is_covered(document, number):
                    yield number
    except _BROKEN:
        return


@contextmanager
def opened(path: Path) -> Iterator[pypdfium2.PdfDocument]:
    """The document. Raises pypdfium2.PdfiumError."""
    # Not by its path: see pdf_lines.page_lines.
    with path.open("rb") as file, pypdfium2.PdfDocument(file) as document:
        yield document


def _is_covered(document: pypdfium2.PdfDocument, number: int) -> bool:
    page = document[number - 1]
    try:
        left, bottom, right, top = page.get_bbox()
        area = 0.0
        for x0, y0, x1, y1 in _pictures(page):
            width, height = min(x1, right) - max(x0, left), min(y1, top) - max(y0, bottom)
            area += max(0.0, width) * max(0.0, height)
        return bool(area >= COVERED * (right - left) * (top - bottom))
    finally:
        page.close()


def _pictures(page: pypdfium2.PdfPage) -> Iterator[tuple[float, float, float, float]]:
    """Where the pictures of a page lie."""
    objects = page.get_objects(max_depth=MAX_DEPTH)
    for each in islice(objects, MAX_OBJECTS):
        if each.type == raw.FPDF_PAGEOBJ_IMAGE:
            yield each.get_bounds()


def shown(
    document: pypdfium2.PdfDocument, number: int
) -> tuple[Image.Image, Placement, set[str]] | None:
    """What page `number` shows, in grey, where its pixels lie on it, and the words of its text layer.

    None where pdfium cannot show it.
    """
    if number > len(document):
        return None
    try:
        page = document[number - 1]
    except pypdfium2.PdfiumError:
        return None
    try:
        bitmap = page.render(scale=_scale(*page.get_size()), grayscale=True, may_draw_forms=False)
        image = bitmap.to_pil().convert("L")
        return image.copy(), _placement(bitmap, page), _words(page)
    except _BROKEN:
        return None
    finally:
        page.close()


def _scale(width: float, height: float) -> float:
    """Pixels a point: 300 an inch on paper, other sizes as if they were A4, within MAX_PIXELS."""
    shorter, area = max(min(width, height), 1e-3), max(width * height, 1e-3)
    on_paper = PAPER[0] <= shorter / 72 <= PAPER[1]
    wanted = SCALE if on_paper else SHORTER_SIDE / shorter
    return float(min(wanted, (MAX_PIXELS / area) ** 0.5))


def _placement(bitmap: pypdfium2.PdfBitmap, page: pypdfium2.PdfPage) -> Placement:
    """From three corners, as pdfium places them: a page may be turned and cut."""
    turn = bitmap.get_posconv(page)
    width, height = bitmap.width, bitmap.height
    (x, y), (x1, y1), (x2, y2) = (
        turn.to_page(*corner) for corner in ((0, 0), (width, 0), (0, height))
    )
    return Placement((x1 - x) / width, (x2 - x) / height, x, (y1 - y) / width, (y2 - y) / height, y)


def _words(page: pypdfium2.PdfPage) -> set[str]:
    text_page = page.get_textpage()
    try:
        return words(text_page.get_text_range())
    finally:
        text_page.close()


def words(text: str) -> set[str]:
    """The words of a text, folded."""
    return set(_WORD.findall(text.casefold()))


def stand_in(text: str, layer: Iterable[str]) -> bool:
    """Whether all words of `text` are among those of a text layer."""
    found = words(text)
    return bool(found) and found.issubset(layer)
