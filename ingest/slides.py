"""Slides as a PDF whose pages are drawn: made by LibreOffice in its cage, kept in memory alone.

Once for each file that is looked at, and for as long as it is: originals lie encrypted on the disk, and
what comes of them does not lie beside them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings

from ingest import convert
from ingest.models import Document
from ingest.parsers.base import ParseError
from ingest.parsers.registry import ODP, PPT, PPTX
from ingest.shelf import Shelf

log = structlog.get_logger(__name__)

KINDS = frozenset({PPTX, PPT, ODP})
#: All in this process, one of them, and for how long.
KEPT_BYTES, MOST_BYTES, KEPT_SECONDS = 128 << 20, 64 << 20, 1_800
_SMALL = 1_000
#: What another try may do better: LibreOffice had a slow moment.
RETRIED_SECONDS = 120

shelf = Shelf(KEPT_BYTES, KEPT_SECONDS)

_MISSING = "Slides are drawn by LibreOffice, which is not installed on this server."
_SLOW = "Drawing the slides takes longer than is allowed on this server."
_FAILED = "LibreOffice cannot draw these slides."


def draws(document: Document) -> bool:
    """Whether it is slides, and they are meant to be drawn here."""
    return document.media_type in KINDS and settings.SLIDES_SECONDS > 0


def kept(document: Document) -> bytes | ParseError | None:
    """Its PDF, or why there is none; None where that was not tried yet."""
    if convert.program() is None:
        return ParseError("slides-need-libreoffice", _MISSING)
    found = shelf.get((document.sha256, document.media_type))
    return found if isinstance(found, bytes | ParseError) else None


def made(document: Document, source: int) -> bytes | ParseError:
    """Make the PDF of `source`, a descriptor of the original, and keep it."""
    try:
        with convert.drawn(source, document.media_type, settings.SLIDES_SECONDS) as descriptor:
            found: bytes | ParseError = _whole(descriptor)
    except ParseError as error:
        log.warning("slides.undrawn", document=str(document.pk), code=error.code)
        found = _said(error)
    size = len(found) if isinstance(found, bytes) else _SMALL
    slow = isinstance(found, ParseError) and found.code == "slides-too-slow"
    seconds = RETRIED_SECONDS if slow else None
    shelf.put((document.sha256, document.media_type), found, size, seconds)
    return found


@contextmanager
def opened(pdf: bytes) -> Iterator[int]:
    """A descriptor of a file in memory that holds `pdf`."""
    with os.fdopen(os.memfd_create("slides", os.MFD_CLOEXEC), "w+b") as file:
        file.write(pdf)
        file.flush()
        yield file.fileno()


def _whole(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    if size > MOST_BYTES:
        raise ParseError("convert-failed", _FAILED)
    return os.pread(descriptor, size, 0)


def _said(error: ParseError) -> ParseError:
    if error.code == "needs-libreoffice":
        return ParseError("slides-need-libreoffice", _MISSING)
    if error.code == "parse-timeout":
        return ParseError("slides-too-slow", _SLOW)
    return ParseError("slides-undrawn", _FAILED)
