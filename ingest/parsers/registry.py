"""Which parser reads which media type. Parsers are imported when they are first asked for."""

from importlib import import_module
from typing import cast

from ingest.parsers.base import ParseError, Parser, PictureParser

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML = "text/html"
MARKDOWN = "text/markdown"
TEXT = "text/plain"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
CSV = "text/csv"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
RTF = "application/rtf"
EPUB = "application/epub+zip"
EML = "message/rfc822"
MSG = "application/vnd.ms-outlook"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"
ZIP = "application/zip"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"

#: Media type -> what a person calls it. The guard accepts these and no others.
SUPPORTED: dict[str, str] = {
    PDF: "PDF",
    DOCX: "Word (DOCX)",
    PPTX: "PowerPoint (PPTX)",
    XLSX: "Excel (XLSX)",
    XLS: "Excel (XLS)",
    CSV: "CSV",
    ODT: "OpenDocument text (ODT)",
    ODS: "OpenDocument sheet (ODS)",
    ODP: "OpenDocument presentation (ODP)",
    RTF: "Rich Text (RTF)",
    HTML: "HTML",
    MARKDOWN: "Markdown",
    TEXT: "text",
    EML: "e-mail (EML)",
    MSG: "Outlook (MSG)",
    EPUB: "EPUB",
    PNG: "PNG",
    JPEG: "JPEG",
    TIFF: "TIFF",
    ZIP: "ZIP",
    DOC: "Word 97 (DOC)",
    PPT: "PowerPoint 97 (PPT)",
}

#: Old formats that LibreOffice, where it is there, turns into these first (ingest/convert.py).
CONVERTED: dict[str, str] = {DOC: DOCX, PPT: PPTX}
#: Each of their pages stands for itself: what has no title does not go under the one before.
APART = frozenset({PPTX, ODP, XLSX, XLS, ODS})
#: Read as folders: each file in it becomes a document (ingest/archives.py).
FOLDERS = frozenset({ZIP})
#: Formats whose pages may be pictures, which text recognition reads.
PICTURES = frozenset({PDF, PNG, JPEG, TIFF})

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
    PPTX: ("ingest.parsers.pptx", "PptxParser"),
    XLSX: ("ingest.parsers.xlsx", "XlsxParser"),
    XLS: ("ingest.parsers.xls", "XlsParser"),
    CSV: ("ingest.parsers.csv_table", "CsvParser"),
    ODT: ("ingest.parsers.odt", "OdtParser"),
    ODS: ("ingest.parsers.ods", "OdsParser"),
    ODP: ("ingest.parsers.odp", "OdpParser"),
    RTF: ("ingest.parsers.rtf", "RtfParser"),
    EPUB: ("ingest.parsers.epub", "EpubParser"),
    EML: ("ingest.parsers.eml", "EmlParser"),
    MSG: ("ingest.parsers.msg", "MsgParser"),
    PNG: ("ingest.parsers.image", "ImageParser"),
    JPEG: ("ingest.parsers.image", "ImageParser"),
    TIFF: ("ingest.parsers.image", "ImageParser"),
}


def parser_for(media_type: str) -> Parser:
    """The parser of a media type. Raises ParseError `unsupported-format`."""
    if media_type not in _PARSERS:
        raise ParseError("unsupported-format", f"This kind of file cannot be read. {accepted()}")
    module, name = _PARSERS[media_type]
    return cast(Parser, getattr(import_module(module), name)())


def picture_parser_for(media_type: str) -> PictureParser:
    """The parser that recognises text in a format's pages. Raises ParseError `unsupported-format`."""
    if media_type not in PICTURES:
        raise ParseError("unsupported-format", "This kind of file has no pages to recognise.")
    return cast(PictureParser, parser_for(media_type))


def accepted() -> str:
    """One sentence that names the formats that are read."""
    names = list(SUPPORTED.values())
    return f"Accepted are {', '.join(names[:-1])} and {names[-1]} files."
