"""Text recognition of pages that are pictures: Tesseract, in this process, by tesserocr."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any

from ingest.parsers import ocr_clean, ocr_lines, ocr_words
from ingest.parsers.base import (
    Block,
    BlockWriter,
    Box,
    Limits,
    ParsedDocument,
    ParseError,
    Recognition,
)
from ingest.parsers.ocr_lines import Row, SeenLine
from ingest.parsers.ocr_picture import Picture
from ingest.parsers.pdf_layout import write_blocks

#: Data that tells which way up a page is.
ORIENTATION = "osd"
#: How sure Tesseract must be of an orientation to be believed at once.
SURE_OF_TURN = 2.0
#: Mean confidence of a page below which other turns are tried.
DOUBTFUL = 0.7
#: Heights of lines within these are that of the body: the same font differs by so much in pictures.
SAME_HEIGHT = 0.82, 1.22
UNAVAILABLE = (
    "Text recognition is not available on this server, and pages of this file are pictures. "
    "Ask an administrator, or upload a version with a text layer."
)


class Recogniser:
    """Tesseract with the data of some languages, for many pages. A context manager."""

    def __init__(self, how: Recognition, limits: Limits) -> None:
        """Raises ParseError `ocr-unavailable` where the library or the data is missing."""
        self._tess = _library()
        self._limits, self._letters = limits, 0
        self._seconds = how.page_seconds
        self._text = self._engine(how.tessdata, _ordered(how.languages), "AUTO", "LSTM_ONLY")
        self._turn: Any = None
        with contextlib.suppress(ParseError):  # without it, turns are found by trying
            self._turn = self._engine(how.tessdata, ORIENTATION, "OSD_ONLY", "TESSERACT_ONLY")

    def __enter__(self) -> "Recogniser":
        return self

    def __exit__(self, *_: TracebackType | type[BaseException] | BaseException | None) -> None:
        for engine in (self._text, self._turn):
            if engine is not None:
                engine.End()

    def read(self, picture: Picture, page: int) -> list[SeenLine]:
        """The lines of a page in reading order, upright and level; none where it holds no text.

        Raises ParseError `too-much-text` where all pages together have more than is allowed.
        """
        best: list[SeenLine] = []
        if ocr_clean.is_static(picture.image):
            return best
        started = time.process_time()
        first = self._orientation(picture)
        for turn in (first, *(each for each in (0, 180, 90, 270) if each != first)):
            upright = picture.turned(turn).levelled()
            rows = self._rows(upright)
            lines = list(ocr_lines.seen(rows, page, upright.image.height, upright.place))
            best = max(best, lines, key=_letters_read)
            slow = time.process_time() - started > self._seconds / 4
            if not lines or slow or _certainty(lines) >= DOUBTFUL:
                break
        self._letters += sum(len(each.line.text) for each in best)
        if self._letters > self._limits.max_chars:
            raise self._limits.too_much_text()
        return best

    def line_heights(self, picture: Picture) -> list[float]:
        """Heights in pixels of what seem to be lines, as the page is turned."""
        _show(self._text, picture)
        iterator = self._text.AnalyseLayout()
        line, heights = self._tess.RIL.TEXTLINE, []
        while iterator is not None:
            if box := iterator.BoundingBox(line):
                heights.append(float(min(box[3] - box[1], box[2] - box[0])))
            if not iterator.Next(line):
                break
        return heights

    def _engine(self, folder: str, languages: str, mode: str, kind: str) -> Any:
        tess = self._tess
        try:
            return tess.PyTessBaseAPI(
                path=folder,
                lang=languages,
                psm=getattr(tess.PSM, mode),
                oem=getattr(tess.OEM, kind),
            )
        except RuntimeError as error:
            raise ParseError("ocr-unavailable", UNAVAILABLE) from error

    def _orientation(self, picture: Picture) -> int:
        """By how many degrees the page must be turned against the clock; 0 where that is not sure."""
        if self._turn is None:
            return 0
        small = picture.scaled(0.5) if min(picture.image.size) > 1200 else picture
        _show(self._turn, small)
        found = self._turn.DetectOrientationScript()
        if not found or found["orient_conf"] < SURE_OF_TURN:
            return 0
        return int(found["orient_deg"]) % 360

    def _rows(self, picture: Picture) -> list[Row]:
        _show(self._text, picture)
        try:
            # By the clock of the wall, on a machine that may be busy: the CPU limit is the strict one.
            if not self._text.Recognize(4_000 * self._seconds):
                return []
            found = ocr_lines.areas(self._text.GetIterator(), self._tess.RIL)
        finally:
            self._text.Clear()
        return ocr_lines.in_rows(found)


def _ordered(languages: Iterable[str]) -> str:
    """English last: its letters are among those of the others, which it reads without their marks
    ("Prufung") and is sure of that; the others read English as well as it does."""
    return "+".join(sorted(languages, key=lambda language: language == "eng"))


def _library() -> Any:
    try:
        import tesserocr
    except ImportError as error:
        raise ParseError("ocr-unavailable", UNAVAILABLE) from error
    return tesserocr


def _show(engine: Any, picture: Picture) -> None:
    image = picture.image
    engine.SetImageBytes(image.tobytes(), image.width, image.height, 1, image.width)
    engine.SetSourceResolution(300)


def _certainty(lines: list[SeenLine]) -> float:
    letters = sum(len(each.line.text) for each in lines)
    return sum(len(each.line.text) * each.confidence for each in lines) / letters if letters else 0


def _letters_read(lines: list[SeenLine]) -> float:
    return sum(len(each.line.text) * each.confidence**2 for each in lines)


def document(
    lines: list[SeenLine], how: Recognition, limits: Limits, *, pages: int, held: Iterable[int] = ()
) -> ParsedDocument:
    """Blocks of all recognised lines. `blank` are the pages of `how` without any, but for `held`."""
    lines = _settled(lines)
    writer = BlockWriter(limits)
    write_blocks([each.line for each in lines], pages, writer)
    found = writer.document(pages=pages)
    where = {(each.line.page, each.line.box): each for each in lines}
    blocks = tuple(_placed(block, where) for block in found.blocks)
    full = {block.page for block in blocks} | set(held)
    return replace(
        found, blocks=blocks, blank=tuple(page for page in how.pages if page not in full)
    )


def _settled(lines: list[SeenLine]) -> list[SeenLine]:
    """With heights in steps: a height that is measured in a picture makes no heading."""
    weights: Counter[float] = Counter()
    for each in lines:
        weights[round(each.line.height)] += len(each.line.text)
    body = _median(weights)
    return [
        replace(each, line=replace(each.line, height=_step(each.line.height, body)))
        for each in lines
    ]


def _median(weights: Counter[float]) -> float:
    total = passed = 0.0
    total = sum(weights.values()) / 2
    for value in sorted(weights):
        passed += weights[value]
        if passed >= total:
            return value
    return 0.0


def _step(height: float, body: float) -> float:
    if not body or SAME_HEIGHT[0] < height / body < SAME_HEIGHT[1]:
        return body or height
    return body * max(0.25, round(4 * height / body) / 4)


def _placed(block: Block, where: dict[tuple[int, Box], SeenLine]) -> Block:
    """The block with its boxes on the page, and how sure its words are."""
    of = [where[key] for box in block.boxes if (key := (block.page or 0, box)) in where]
    boxes = tuple(each.place for each in of)
    words = tuple(ocr_words.placed(block.text, (word for each in of for word in each.words)))
    sure = round(_certainty(of), 3) if of else None
    return replace(block, boxes=boxes, confidence=sure, words=words)
