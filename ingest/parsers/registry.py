"""Which parser reads which media type. Parsers are imported when they are first asked for."""

from importlib import import_module
from typing import cast

from ingest.parsers.base import ParseError, Parser

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"

#: Media type -> what a person calls it. The guard accepts these and no others.
SUPPORTED: dict[str, str] = {
    PDF: "PDF",
    DOCX: "Word (DOCX)",
    HTML: "HTML",
    MARKDOWN: "Markdown",
    TEXT: "text",
}

#: Media type -> another reader for a file that broke the process of the first one.
FALLBACKS: dict[str, str] = {PDF: "application/pdf; plain"}

#: Media type -> module and class.
_PARSERS: dict[str, tuple[str, str]] = {
    PDF: ("ingest.parsers.pdf", "PdfParser"),
    FALLBACKS[PDF]: ("ingest.parsers.pdf", "PlainPdfParser"),
    DOCX: ("ingest.parsers.docx", "DocxParser"),
    HTML: ("ingest.parsers.html", "HtmlParser"),
    MARKDOWN: ("ingest.parsers.markdown", "MarkdownParser"),
    TEXT: ("ingest.parsers.text", "TextParser"),
}


def parser_for(media_type: str) -> Parser:
    """The parser of a media type. Raises ParseError `unsupported-format`."""
    if media_type not in _PARSERS:
        raise ParseError("unsupported-format", f"This kind of file cannot be read. {accepted()}")
    module, name = _PARSERS[media_type]
    return cast(Parser, getattr(import_module(module), name)())


def accepted() -> str:
    """One sentence that names the formats that are read."""
    names = list(SUPPORTED.values())
    return f"Accepted are {', '.join(names[:-1])} and {names[-1]} files."
