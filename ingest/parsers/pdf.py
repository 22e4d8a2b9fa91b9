"""PDF: pypdf opens every file first, pdfium reads its lines, pypdf reads what pdfium cannot."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError

from ingest.parsers import pdf_about, pdf_pictures, progress
from ingest.parsers.base import (
    BlockWriter,
    Limits,
    Notice,
    ParsedDocument,
    ParseError,
    Recognition,
)
from ingest.parsers.pdf_about import BROKEN
from ingest.parsers.pdf_columns import in_reading_order
from ingest.parsers.pdf_layout import write_blocks
from ingest.parsers.pdf_lines import Line, PdfiumFailed, page_lines, plain_lines

#: pypdf tells of every flaw that it mended, one line each; a damaged file has thousands.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

_DAMAGED = "The PDF is damaged or cut off. Open it in a PDF program and save it anew."
_ENCRYPTED = "The PDF is protected with a password. Save a copy without it and upload that."
_WITHOUT_LAYOUT = Notice("pdf-without-layout")


class PdfParser:
    media_types = ("application/pdf",)
    #: Whether pdfium is tried; without it text comes without layout.
    layout = True

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `encrypted`, `damaged`, `too-many-pages`.

        Pages without text, or with a few words on a picture, are named in `blank`; a file of
        nothing else has no blocks.
        """
        reader, pages = _open(path, limits)
        lines, empty, notes = _read(path, reader, pages, limits, layout=self.layout)
        if self.layout:
            lines, empty = pdf_pictures.without_text(path, lines, empty)
        writer = BlockWriter(limits)
        write_blocks(lines, pages, writer)
        document = writer.document(
            pages=pages,
            warnings=notes,
            blank=tuple(empty),
            metadata=pdf_about.metadata(reader),
            page_labels=pdf_about.page_labels(reader, pages),
        )
        return replace(document, title=pdf_about.title(reader) or _first_heading(document))

    def recognise(self, path: Path, limits: Limits, how: Recognition) -> ParsedDocument:
        """Read the pages of `how` from what they show. Raises ParseError `ocr-unavailable`, `damaged`."""
        from ingest.parsers import ocr_pdf  # late: it loads Tesseract

        return ocr_pdf.recognise(path, limits, how)


class PlainPdfParser(PdfParser):
    """The second try, after pdfium broke the first one's process."""

    media_types = ("application/pdf; plain",)
    layout = False


def _open(path: Path, limits: Limits) -> tuple[PdfReader | None, int]:
    """The gate: encryption, page tree, number of pages, before native code sees the file."""
    try:
        reader = PdfReader(path, strict=False)
        if reader.is_encrypted and not _opens_without_password(reader):
            raise ParseError("encrypted", _ENCRYPTED)
        return reader, _within(len(reader.pages), limits)
    except FileNotDecryptedError as error:
        raise ParseError("encrypted", _ENCRYPTED) from error
    except DependencyError:
        return None, _count_with_pdfium(path, limits)
    except BROKEN as error:
        raise ParseError("damaged", _DAMAGED) from error


def _opens_without_password(reader: PdfReader) -> bool:
    """Whether the empty password opens it. DependencyError: a cipher that only pdfium knows."""
    return bool(reader.decrypt(""))


def _count_with_pdfium(path: Path, limits: Limits) -> int:
    import pypdfium2

    try:
        with path.open("rb") as file, pypdfium2.PdfDocument(file) as document:
            return _within(len(document), limits)
    except pypdfium2.PdfiumError as error:
        encrypted = "password" in str(error).lower()
        raise ParseError(
            "encrypted" if encrypted else "damaged", _ENCRYPTED if encrypted else _DAMAGED
        ) from error


def _within(pages: int, limits: Limits) -> int:
    if pages < 1:
        raise ParseError("damaged", _DAMAGED)
    if pages > limits.max_pages:
        raise ParseError(
            "too-many-pages",
            f"The PDF has {pages:,} pages; {limits.max_pages:,} are allowed. Split it into parts.",
        )
    return pages


def _read(
    path: Path, reader: PdfReader | None, pages: int, limits: Limits, *, layout: bool
) -> tuple[list[Line], list[int], tuple[Notice, ...]]:
    """Lines of all pages, numbers of the pages without text, what a person should know."""
    if layout:
        try:
            lines, empty = _collected(page_lines(path, pages), pages, limits)
            if lines or reader is None:
                return lines, empty, ()
        except PdfiumFailed:
            pass
    if reader is None:
        raise ParseError("damaged", _DAMAGED)
    lines, empty = _collected(_pypdf_pages(reader, pages), pages, limits)
    return lines, empty, (_WITHOUT_LAYOUT,) if lines else ()


def _collected(
    source: Iterator[list[Line]], pages: int, limits: Limits
) -> tuple[list[Line], list[int]]:
    lines: list[Line] = []
    empty: list[int] = []
    length = 0
    for number, found in enumerate(source, 1):
        length += sum(len(line.text) for line in found)
        if length > 2 * limits.max_chars:
            raise limits.too_much_text()
        lines += in_reading_order(found)
        if not found:
            empty.append(number)
        progress.report(number, pages)
    return lines, empty


def _pypdf_pages(reader: PdfReader, pages: int) -> Iterator[list[Line]]:
    for number in range(pages):
        try:
            text = reader.pages[number].extract_text()
        except BROKEN:
            text = ""
        yield plain_lines(text, number + 1)


def _first_heading(document: ParsedDocument) -> str:
    """The highest heading of the first page, the first of them."""
    headings = [block for block in document.blocks if block.kind == "heading" and block.page == 1]
    return min(headings, key=lambda block: block.level).text if headings else ""
