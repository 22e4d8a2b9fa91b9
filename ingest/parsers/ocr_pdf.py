"""Text recognition of the pages of a PDF."""

from pathlib import Path

import pypdfium2

from ingest.parsers import ocr, pdf_pictures, progress
from ingest.parsers.base import Limits, ParsedDocument, ParseError, Recognition
from ingest.parsers.ocr_clean import is_flat
from ingest.parsers.ocr_lines import SeenLine
from ingest.parsers.ocr_picture import Picture

_DAMAGED = "The PDF is damaged or cut off. Open it in a PDF program and save it anew."


def recognise(path: Path, limits: Limits, how: Recognition) -> ParsedDocument:
    """Read the pages of `how`. Words of a page's text layer are not read again.

    Raises ParseError `ocr-unavailable`, `damaged`, `too-much-text`.
    """
    lines: list[SeenLine] = []
    held: set[int] = set()
    try:
        with ocr.Recogniser(how, limits) as recogniser, pdf_pictures.opened(path) as document:
            pages = len(document)
            for done, number in enumerate(how.pages, 1):
                found, has_text = _page(recogniser, document, number)
                lines += found
                held |= {number} if has_text else set()
                progress.report(done, len(how.pages))
    except pypdfium2.PdfiumError as error:
        raise ParseError("damaged", _DAMAGED) from error
    return ocr.document(lines, how, limits, pages=pages, held=held)


def _page(
    recogniser: ocr.Recogniser, document: pypdfium2.PdfDocument, number: int
) -> tuple[list[SeenLine], bool]:
    """What was recognised on a page, and whether it has words of its own."""
    page = pdf_pictures.shown(document, number)
    if page is None:
        return [], False
    image, place, layer = page
    if is_flat(image):
        return [], bool(layer)
    found = recogniser.read(Picture.of(image, place), number)
    new = [each for each in found if not pdf_pictures.stand_in(each.line.text, layer)]
    return new, bool(layer)
