"""A page as a picture, and where words stand on it. Runs in the child that reads a hostile file."""

import contextlib
import ctypes
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pypdfium2
import pypdfium2.raw as raw
from PIL import Image

from ingest.parsers import image, letters, pdf_pictures
from ingest.parsers.base import Box, Limits, ParseError
from ingest.parsers.registry import PDF

#: Characters of one page that are looked at, and boxes that are told.
MOST_CHARACTERS, MOST_BOXES = 200_000, 400
#: Pixels of the longer side: WebP takes 16,383.
MOST_SIDE = 8_000
#: pdfium places a point in whole pixels: of a page of this size.
FINE = 1 << 20
#: A gap in a line above this many heights parts two boxes.
GAP = 1.5
_DAMAGED = "The PDF is damaged or cut off. Open it in a PDF program and save it anew."
_MISSING = "The document has no such page."
_DIFFER = (
    "LibreOffice draws another number of slides than the file holds, so which is which is not sure."
)

#: Left, top, right, bottom as shares of a page as it is shown, from its upper left corner.
Share = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Look:
    """What is asked of a document.

    `pages` (from 1): where the words may stand, in reading order; the first is shown where they are not
    found. `seen`: boxes of them that text recognition kept, with their pages, in its measure. `width`
    pixels of the picture (0: none is made), of `pixels` at most. `of`: the pages that the document must
    have, 0 for any.
    """

    pages: tuple[int, ...]
    words: tuple[str, str, str] = ("", "", "")
    seen: tuple[tuple[int, Box], ...] = ()
    width: int = 0
    pixels: int = 4_000_000
    of: int = 0


@dataclass(slots=True)
class Seen:
    """What was found: a page's boxes by its number, its size as it is shown; the picture of `page`."""

    page: int
    boxes: dict[int, list[Share]]
    sizes: dict[int, tuple[float, float]]
    picture: Image.Image | None = None

    def pack(self) -> bytes:
        """A line of JSON, then the picture's pixels, three bytes each."""
        size = self.picture.size if self.picture else (0, 0)
        boxes = {page: found[:MOST_BOXES] for page, found in self.boxes.items()}
        told = {"page": self.page, "boxes": boxes, "sizes": self.sizes, "picture": size}
        return json.dumps(told).encode() + b"\n" + (self.picture.tobytes() if self.picture else b"")


def answer(path: Path, limits: Limits, media_type: str, asked: dict[str, Any]) -> bytes:
    """Raises ParseError `damaged`, `page-missing`, and what image.shown() raises."""
    look = Look(
        pages=tuple(asked["pages"]),
        words=tuple(asked["words"]),
        seen=tuple((page, tuple(box)) for page, box in asked["seen"]),
        width=asked["width"],
        pixels=asked["pixels"],
        of=asked["of"],
    )
    if media_type != PDF:
        return _of_picture(path, limits, look).pack()
    try:
        with pdf_pictures.opened(path) as document:
            return _of_pdf(document, look).pack()
    except (pypdfium2.PdfiumError, ctypes.ArgumentError) as error:
        raise ParseError("damaged", _DAMAGED) from error


# --- pictures -----------------------------------------------------------------------------------
def _of_picture(path: Path, limits: Limits, look: Look) -> Seen:
    page = look.seen[0][0] if look.seen else look.pages[0]
    picture = image.shown(path, page, limits)
    width, height = picture.size
    boxes = [
        _within((left / width, 1 - top / height, right / width, 1 - bottom / height))
        for number, (left, bottom, right, top) in look.seen
        if number == page
    ]
    seen = Seen(page, {page: [box for box in boxes if box]}, {page: (width, height)})
    if look.width:
        scale = _scale(width, height, look)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        seen.picture = picture.resize(size, reducing_gap=2.0) if scale < 1 else picture
    return seen


def _scale(width: float, height: float, look: Look) -> float:
    """Pixels a unit, so that the picture is as wide as asked, within its bounds."""
    width, height = max(width, 1e-3), max(height, 1e-3)
    within = (look.pixels / (width * height)) ** 0.5
    return float(min(look.width / width, within, MOST_SIDE / max(width, height)))


# --- PDF ----------------------------------------------------------------------------------------
def _of_pdf(document: pypdfium2.PdfDocument, look: Look) -> Seen:
    if look.of and len(document) != look.of:
        raise ParseError("slides-differ", _DIFFER)
    wanted = [page for page in look.pages if 0 < page <= len(document)]
    if not wanted:
        raise ParseError("page-missing", _MISSING)
    with contextlib.suppress(pypdfium2.PdfiumError):
        document.init_forms()  # what was filled in is part of the page
    most = MOST_CHARACTERS if look.words[0] else 0
    pages = [_Page(document, number, most) for number in wanted]
    try:
        boxes = _found(pages, look)
        page = min(boxes) if boxes else wanted[0]
        sizes = {each.number: each.size for each in pages if each.number in {*boxes, page}}
        seen = Seen(page, boxes, sizes)
        if look.width:
            seen.picture = next(each for each in pages if each.number == page).drawn(look)
        return seen
    finally:
        for each in pages:
            each.close()


def _found(pages: Sequence["_Page"], look: Look) -> dict[int, list[Share]]:
    """Boxes by page: of the page's own words, else of those that were recognised on it."""
    words = letters.Words(*look.words)
    every = [(page, place) for page in pages for place in range(len(page.text))]
    text = letters.letters([page.text[place] for page, place in every])
    boxes: dict[int, list[Share]] = {}
    for start, end in letters.find(words, text):
        for page in pages:
            span = [place for of, place in every[start:end] if of is page]
            if span and (found := page.boxes(span)):
                boxes.setdefault(page.number, []).extend(found)
    if boxes:
        return boxes
    for number, box in look.seen:
        for page in pages:
            if page.number == number and (share := page.share(box)):
                boxes.setdefault(number, []).append(page.part(share))
    return boxes


class _Page:
    """One page: its characters by pdfium's numbers, and where they stand as it is shown."""

    def __init__(self, document: pypdfium2.PdfDocument, number: int, most: int) -> None:
        self.number = number
        self._page = document[number - 1]
        self._text = self._page.get_textpage()
        self.size: tuple[float, float] = self._page.get_size()
        count = min(self._text.count_chars(), most)
        self.text = [_character(raw.FPDFText_GetUnicode(self._text.raw, i)) for i in range(count)]

    def close(self) -> None:
        self._text.close()
        self._page.close()

    def drawn(self, look: Look) -> Image.Image:
        scale = _scale(*self.size, look)
        picture = self._page.render(scale=scale, rev_byteorder=True).to_pil()
        shown: Image.Image = picture.convert("RGB")
        return shown

    def boxes(self, places: Sequence[int]) -> list[Share]:
        """Boxes around the characters at these places, one for each piece of a line."""
        found = [box for place in places if (box := self._box(place))]
        return [self.part(line) for line in _lines(found)]

    def _box(self, place: int) -> Share | None:
        """In points from the upper left, as the page is shown; None for what cannot be seen."""
        if not self.text[place].strip():
            return None
        rect = raw.FS_RECTF()
        if not raw.FPDFText_GetLooseCharBox(self._text.raw, place, rect):
            return None
        return self.share((rect.left, rect.bottom, rect.right, rect.top))

    def share(self, box: Box) -> Share | None:
        left, bottom, right, top = box
        corners = [self._shown(x, y) for x in (left, right) for y in (bottom, top)]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        found = _within((min(xs), min(ys), max(xs), max(ys)))
        width, height = self.size
        return (
            (found[0] * width, found[1] * height, found[2] * width, found[3] * height)
            if found
            else None
        )

    def _shown(self, x: float, y: float) -> tuple[float, float]:
        across, down = ctypes.c_int(), ctypes.c_int()
        raw.FPDF_PageToDevice(self._page.raw, 0, 0, FINE, FINE, 0, x, y, across, down)
        return across.value / FINE, down.value / FINE

    def part(self, box: Share) -> Share:
        """Points as shares of the page."""
        width, height = self.size
        left, top, right, bottom = box
        return left / width, top / height, right / width, bottom / height


def _character(code: int) -> str:
    """Halves of a pair, and what is no character, count as nothing."""
    return chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else " "


def _within(box: Share) -> Share | None:
    """The part of a box that lies on the page."""
    left, top, right, bottom = (min(1.0, max(0.0, side)) for side in box)
    return (left, top, right, bottom) if right > left and bottom > top else None


def _lines(boxes: Sequence[Share]) -> Iterator[Share]:
    """Neighbours on one line put together."""
    flipped = _runs_down(boxes)
    held: Share | None = None
    for box in map(_flipped, boxes) if flipped else boxes:
        if held is not None and _continues(held, box):
            held = (
                min(held[0], box[0]),
                min(held[1], box[1]),
                max(held[2], box[2]),
                max(held[3], box[3]),
            )
            continue
        if held is not None:
            yield _flipped(held) if flipped else held
        held = box
    if held is not None:
        yield _flipped(held) if flipped else held


def _flipped(box: Share) -> Share:
    return box[1], box[0], box[3], box[2]


def _runs_down(boxes: Sequence[Share]) -> bool:
    """Whether the letters stand below each other, as on a page that is shown on its side."""
    steps = [(abs(b[0] - a[0]), abs(b[1] - a[1])) for a, b in pairwise(boxes)]
    return bool(steps) and median(down for _, down in steps) > median(across for across, _ in steps)


def _continues(held: Share, box: Share) -> bool:
    height = min(held[3] - held[1], box[3] - box[1])
    overlap = min(held[3], box[3]) - max(held[1], box[1])
    gap = max(held[0], box[0]) - min(held[2], box[2])
    return overlap >= 0.5 * height and gap <= GAP * height
