"""What an Office file (DOCX, PPTX) says of itself in its core properties."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ingest.parsers import clean

#: Titles that a program put there, not a person.
_BY_PROGRAM = ("microsoft word", "untitled", "document", "powerpoint pr", "slide ", "presentation")
_FILE_NAMES = (".doc", ".docx", ".dotx", ".docm", ".ppt", ".pptx", ".potx", ".odt", ".odp", ".ods")


def title(said: str) -> str:
    """A title on one line; "" where a program put it there, or it is the name of a file."""
    found = clean.one_line(said)
    lower = found.lower()
    return "" if lower.startswith(_BY_PROGRAM) or lower.endswith(_FILE_NAMES) else found


def core_title(document: Any) -> str:
    """The title of a python-docx or python-pptx document."""
    return title(_text(lambda: document.core_properties.title))


def core_metadata(document: Any) -> dict[str, str]:
    """Author, subject, keywords, dates of it, each only where the file says it (base.METADATA)."""
    found = {
        name: _text(partial(_property, document, name))
        for name in ("author", "subject", "keywords")
    }
    found |= {name: _date(partial(_property, document, name)) for name in ("created", "modified")}
    return {key: value for key, value in found.items() if value}


def _property(document: Any, name: str) -> object:
    return getattr(document.core_properties, name)


def _text(read: Callable[[], object]) -> str:
    # Both libraries read a property when it is asked for, and fail as its part is damaged.
    try:
        return clean.one_line(str(read() or ""))
    except (KeyError, ValueError, AttributeError, TypeError):
        return ""


def _date(read: Callable[[], object]) -> str:
    try:
        found = read()
    except (KeyError, ValueError, AttributeError, TypeError, OverflowError):
        return ""
    if not isinstance(found, datetime):
        return ""
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()
