"""What a reader calls a place in a document: "page iv", "slide 3", "sheet Budget", "picture 2"."""

from django.utils.translation import gettext as _

from ingest.models import Document
from ingest.parsers.registry import (
    CSV,
    JPEG,
    ODP,
    ODS,
    PNG,
    PPT,
    PPTX,
    TIFF,
    XLS,
    XLSX,
)

_SLIDES = frozenset({PPTX, PPT, ODP})
_SHEETS = frozenset({XLSX, XLS, ODS, CSV})
_IMAGES = frozenset({PNG, JPEG, TIFF})


def place(document: Document, page: int | None) -> str:
    """The place with its noun, in the language of the interface; "" where there are no pages.

    A label is what the file says: it is text, never markup.
    """
    if page is None:
        return ""
    return _pattern(document.media_type) % {"name": label(document, page)}


def label(document: Document, page: int) -> str:
    """What the file calls its page of that number (from 1): its number where it says nothing."""
    labels = document.page_labels
    named = labels[page - 1] if 0 < page <= len(labels) else ""
    return str(named).strip() or str(page)


def _pattern(media_type: str) -> str:
    if media_type in _SLIDES:
        return _("slide %(name)s")
    if media_type in _SHEETS:
        return _("sheet %(name)s")
    return _("picture %(name)s") if media_type in _IMAGES else _("page %(name)s")
