"""What a PDF says of itself: title, author, dates, the numbers printed on its pages."""

from collections.abc import Callable
from datetime import datetime

from pypdf import PdfReader
from pypdf.errors import DeprecationError, PyPdfError

from ingest.parsers import clean

#: What pypdf raises on damage beside its own errors: it trusts the types that a file declares.
BROKEN: tuple[type[Exception], ...] = (
    PyPdfError, DeprecationError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError,
    AssertionError, RecursionError, OverflowError, ZeroDivisionError, NotImplementedError,
)  # fmt: skip
#: Titles that a program put there, not a person.
_BY_PROGRAM = ("microsoft word", "untitled", "slide ", "powerpoint")
_FILE_NAMES = (".doc", ".docx", ".indd", ".pdf", ".qxd", ".pptx", ".xlsx")


def title(reader: PdfReader | None) -> str:
    """The title of the file's properties, "" where a program filled it with a file name."""
    found = _property(reader, "/Title")
    lower = found.lower()
    if " " not in found or lower.startswith(_BY_PROGRAM) or lower.endswith(_FILE_NAMES):
        return ""
    return found


def metadata(reader: PdfReader | None) -> dict[str, str]:
    """Author, subject, keywords, dates, each only where the file says it (base.METADATA)."""
    found = {
        "author": _property(reader, "/Author"),
        "subject": _property(reader, "/Subject"),
        "keywords": _property(reader, "/Keywords"),
        "created": _date(lambda: reader and reader.metadata and reader.metadata.creation_date),
        "modified": _date(lambda: reader and reader.metadata and reader.metadata.modification_date),
    }
    return {key: value for key, value in found.items() if value}


def page_labels(reader: PdfReader | None, pages: int) -> tuple[str, ...]:
    """What is printed on the pages ("iv", "A-3"); () where that is their number."""
    if reader is None:
        return ()
    try:
        if "/PageLabels" not in reader.root_object:
            return ()
        labels = [clean.one_line(str(label)) for label in reader.page_labels]
    except BROKEN:
        return ()
    if len(labels) != pages or labels == [str(number + 1) for number in range(pages)]:
        return ()
    return tuple(labels)


def _property(reader: PdfReader | None, key: str) -> str:
    try:
        about = reader.metadata if reader else None
        return clean.one_line(str(about.get(key) or "")) if about else ""
    except BROKEN:
        return ""


def _date(read: Callable[[], object]) -> str:
    try:
        found = read()
    except BROKEN:
        return ""
    return found.isoformat() if isinstance(found, datetime) else ""
