"""What the readers of Office and OpenDocument files share. Loads no library."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ingest.parsers import clean
from ingest.parsers.base import ParseError

_NAMESPACES = {
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "dgm": "http://schemas.openxmlformats.org/drawingml/2006/diagram",
    "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
    "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    "p": "http://schemas.openxmlformats.org/presentationml/2006/main",
    "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
}
#: Titles that a program put there, not a person.
_BY_PROGRAM = re.compile(
    r"microsoft (?:word|powerpoint)\b|power\s?point[ -]pr|untitled|(?:unbenannt|sans nom)\b"
    r"|(?:document|dokument|presentation|pr\u00e4sentation|pr\u00e9sentation|slide|folie)\s*\d*$",
    re.IGNORECASE,
)
_FILE_NAMES = (".doc", ".docx", ".dotx", ".docm", ".ppt", ".pptx", ".potx", ".odt", ".odp", ".ods")
#: An alternative text of fewer words is a name.
SENTENCE_WORDS = 4
_GUESSED = re.compile(
    r"automatically generated|AI-generated|automatisch generiert|(?:with solid fill| outline)$",
    re.I,
)
_FILE = re.compile(r"\.\w{3,4}$|://|\\")
#: Numbers of slides that a notice names.
NAMED = 12
_ROMAN = [(10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")]


def qn(name: str) -> str:
    """ "a:p" as lxml writes it."""
    prefix, _, local = name.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


def refusal(error: Exception, damaged: str) -> ParseError:
    """What an error of an XML or ZIP reader means: `nested-too-deep`, or `damaged` with that sentence."""
    if "Excessive depth" in str(error):
        return ParseError(
            "nested-too-deep",
            "The file nests its tables or lists too deeply. Copy its text into a new file.",
        )
    return ParseError("damaged", damaged)


# --- what a file says of itself ---------------------------------------------------------------------
def title(said: str) -> str:
    """A title on one line; "" where a program put it there, or it is the name of a file."""
    found = clean.one_line(said)
    return "" if _BY_PROGRAM.match(found) or found.lower().endswith(_FILE_NAMES) else found


def core_title(document: Any) -> str:
    """The title of a python-docx or python-pptx document."""
    return title(_text(partial(_property, document, "title")))


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


# --- lists ------------------------------------------------------------------------------------------
def formatted(count: int, style: str) -> str:
    """A number as Word writes it in a style ("lowerRoman"); digits for a style that is not known."""
    if style.endswith("Letter") and 1 <= count <= 26:
        letter = chr(ord("a") + count - 1)
        return letter.upper() if style.startswith("upper") else letter
    if style.endswith("Roman") and 1 <= count < 40:
        roman = _roman(count)
        return roman.upper() if style.startswith("upper") else roman
    return str(count)


def _roman(count: int) -> str:
    text = ""
    for value, sign in _ROMAN:
        while count >= value:
            text, count = text + sign, count - value
    return text


# --- pages with shapes ------------------------------------------------------------------------------
def sentence(said: str) -> str:
    """An alternative text that says something; "" for a file's name or what a program guessed."""
    text = clean.one_line(said)
    if len(text.split()) < SENTENCE_WORDS or _FILE.search(text) or _GUESSED.search(text):
        return ""
    return text


def says_something(text: str) -> bool:
    """Whether a header or footer holds three words at least: a page number or a name says nothing."""
    return sum(word.isalpha() for word in text.split()) >= 3


def slide_numbers(slides: list[int]) -> str:
    """The first few numbers of slides, as a notice names them."""
    return ", ".join(map(str, slides[:NAMED])) + (", \u2026" if len(slides) > NAMED else "")


def by_rows(
    free: list[Any], place: Callable[[Any], tuple[float, float]], row_height: float
) -> list[Any]:
    """Shapes by their upper edges, those of one row from left to right."""
    ordered: list[Any] = []
    row: list[Any] = []
    for shape in sorted(free, key=place):
        if row and place(shape)[0] - place(row[0])[0] > row_height:
            ordered += sorted(row, key=lambda each: place(each)[1])
            row = []
        row.append(shape)
    return ordered + sorted(row, key=lambda each: place(each)[1])
