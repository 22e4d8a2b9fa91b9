"""Text of OpenDocument paragraphs as a person sees it."""

from typing import Any

from ingest.parsers import clean
from ingest.parsers.odf import qn
from ingest.parsers.odf_styles import Styles

PARAGRAPHS = {qn("text:p"), qn("text:h")}
#: Read on their own (frames, notes), shown nowhere (deletions), or not what the text says (numbers
#: of pages, which a list or heading gets from its style).
_SKIPPED = {
    qn(name)
    for name in (
        "text:note", "office:annotation", "text:tracked-changes", "draw:frame", "draw:g",
        "draw:custom-shape", "draw:rect", "draw:line", "draw:ellipse", "draw:polygon", "draw:path",
        "draw:connector", "draw:a", "text:ruby-text", "text:hidden-text", "text:hidden-paragraph",
        "text:page-number", "text:page-count", "text:number", "svg:title", "svg:desc",
        "office:event-listeners", "text:script", "text:meta-field", "presentation:notes",
    )
}  # fmt: skip
_SPACES = {qn("text:s"): " ", qn("text:tab"): " ", qn("text:line-break"): "\n"}
_SPAN, _STYLE = qn("text:span"), qn("text:style-name")
HEADING_WORDS = 12


def text_of(element: Any, styles: Styles) -> str:
    """Lines of a paragraph, or of all paragraphs below `element`."""
    parts: list[str] = []
    _collect(element, styles, parts)
    return clean.lines("".join(parts))


def note_text(note: Any, styles: Styles) -> str:
    """What a footnote or comment says, without its number, author and date."""
    return "\n".join(text_of(each, styles) for each in note.iter(*PARAGRAPHS))


def _collect(element: Any, styles: Styles, parts: list[str]) -> None:
    # Recursion ends: the XML reader refuses trees deeper than 256.
    parts.append(_flat(element.text))
    for child in element:
        tag = child.tag
        if tag in _SPACES:
            parts.append(_SPACES[tag])
        elif not isinstance(tag, str):
            # What an entity stood for is not known; that something stood here is.
            parts.append("\ufffd")
        elif tag not in _SKIPPED and not _is_hidden(child, styles):
            _collect(child, styles, parts)
            if tag in PARAGRAPHS:
                parts.append("\n")
        parts.append(_flat(child.tail))


def is_bold(paragraph: Any, styles: Styles) -> bool:
    """Whether there is text in it, and all of it is bold."""
    own = styles.is_bold(paragraph.get(_STYLE) or "")
    pieces = [(paragraph.text, own)]
    for child in paragraph:
        pieces += [
            (each.text, own or (each.tag == _SPAN and styles.is_bold(each.get(_STYLE) or "")))
            for each in child.iter(_SPAN, qn("text:a"))
        ]
        pieces.append((child.tail, own))
    said = [bold for text, bold in pieces if text and text.strip()]
    return bool(said) and all(said)


def is_short(text: str) -> bool:
    """A line that may be a heading: few words, no sentence."""
    if len(text.split()) > HEADING_WORDS or "\n" in text or text.endswith((".", ",", ";", ":")):
        return False
    return any(letter.isalpha() for letter in text)


def _is_hidden(element: Any, styles: Styles) -> bool:
    return element.tag == _SPAN and styles.is_hidden(element.get(qn("text:style-name")) or "")


def _flat(text: str | None) -> str:
    return text.replace("\n", " ").replace("\r", " ") if text else ""
