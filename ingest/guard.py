"""What a file is, by its content, and whether it is taken at all. Pure: no Django, no database."""

import contextlib
import re
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ingest.parsers import decode
from ingest.parsers.archive import check_archive
from ingest.parsers.base import ParseError
from ingest.parsers.registry import DOCX, HTML, MARKDOWN, PDF, TEXT, accepted

#: Bytes from the start that decide. Cannot see a file that is text up to there and binary after:
#: its parser then finds noise, and the noise is bounded as any text is.
HEAD_BYTES = 64 * 1024
#: Letters of a file name, as file systems and the document table allow. Cannot see bytes: 255
#: letters may be 1,020 bytes, which is why originals are stored under their id.
MAX_NAME = 255
#: Share of control characters above which bytes are not text. Cannot see text-like data such as
#: base64: that is text, and finds nothing.
MAX_CONTROL_SHARE = 0.02

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
#: Streams of old Office files: the name of the stream in UTF-16, and what the file is.
_OLE_KINDS = [
    ("EncryptedPackage", ""),
    ("WordDocument", "an old Word document (DOC)"),
    ("PowerPoint Document", "an old PowerPoint presentation (PPT)"),
    ("Workbook", "an old Excel workbook (XLS)"),
    ("Book", "an old Excel workbook (XLS)"),
    ("__properties_version1.0", "an Outlook message (MSG)"),
]
_OFFICE_KINDS = [
    ("wordprocessingml.template", "a Word template (DOTX)"),
    ("ms-word.document.macroEnabled", "a Word document with macros (DOCM)"),
    ("spreadsheetml.sheet.main", "an Excel workbook (XLSX)"),
    ("ms-excel", "an Excel workbook with macros (XLSM)"),
    ("presentationml.presentation.main", "a PowerPoint presentation (PPTX)"),
    ("presentationml", "a PowerPoint file"),
]
_OPEN_DOCUMENT = {
    b"application/vnd.oasis.opendocument.text": "an OpenDocument text (ODT)",
    b"application/vnd.oasis.opendocument.spreadsheet": "an OpenDocument sheet (ODS)",
    b"application/vnd.oasis.opendocument.presentation": "an OpenDocument presentation (ODP)",
    b"application/epub+zip": "an EPUB book",
}
_MAGIC = [
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\x1f\x8b", "a GZIP archive"),
    (b"BZh", "a BZIP2 archive"),
    (b"\xfd7zXZ\0", "an XZ archive"),
    (b"7z\xbc\xaf'\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a", "a RAR archive"),
    (b"{\\rtf", "a Rich Text document (RTF)"),
    (b"%!PS", "a PostScript document"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
    (b"GGUF", "a model file (GGUF)"),
]

_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_HTML_END_TAG = re.compile(r"</(?:p|div|table|tr|td|ul|ol|li|body|h[1-6]|span|a)\s*>", re.I)
_MARKDOWN_SIGNS = [
    re.compile(r"^#{1,6} \S", re.M),
    re.compile(r"^(?:```|~~~)", re.M),
    re.compile(r"\[[^\]\n]{1,200}\]\([^)\n]{1,500}\)"),
    re.compile(r"^\|?[ :]*-{3,}[ :]*\|[-| :]*$", re.M),
    re.compile(r"\A---[ \t]*\n[\w-]+:", re.M),
    re.compile(r"\*\*\S[^*\n]{0,200}\*\*"),
]
_MAIL_HEADER = re.compile(
    r"^(?:received|from|to|date|subject|message-id|mime-version|return-path):", re.I | re.M
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_TEXT_NAMES = {
    ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".md": MARKDOWN, ".markdown": MARKDOWN, ".mdown": MARKDOWN
}  # fmt: skip


def detect_media_type(source: Path | BinaryIO, name: str) -> str:
    """One of registry.SUPPORTED, by what the file holds: a path, or a file that can seek.

    `name` decides only between HTML, Markdown and text, where the content leaves it open.
    Raises ParseError `empty-file`, `unsupported-format`, `encrypted`, `damaged`, `archive-too-large`.
    """
    with source.open("rb") if isinstance(source, Path) else contextlib.nullcontext(source) as file:
        return _kind(file, name)


def _kind(file: BinaryIO, name: str) -> str:
    head = file.read(HEAD_BYTES)
    if not head.strip(b"\0 \t\r\n\f"):
        raise ParseError("empty-file", "The file is empty.")
    if _is_pdf(head):
        return PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(file)
    if head.startswith(_OLE):
        raise _ole_refusal(file)
    if binary := _binary_kind(head):
        raise _unsupported(binary)
    return _text_kind(head, name)


def safe_name(name: str) -> str:
    """A file name that is safe to show, store and offer for download.

    Its last path part in NFC, without control, format and reserved characters, its extension kept,
    at most MAX_NAME letters, never empty. Cannot see a name that lies about its content: that is
    what detect_media_type is for.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name.replace("\0", "")))
    kept = "".join(_safe_letter(letter) for letter in _last_part(last))
    kept = " ".join(kept.split()).strip(". ") or "document"
    # Windows opens a device, not a file, under these names, whatever the extension.
    if re.match(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", kept, re.I):
        kept = f"_{kept}"
    return _shortened(kept)


def _last_part(parts: list[str]) -> str:
    return next((part for part in reversed(parts) if part.strip(". ")), "")


def _safe_letter(letter: str) -> str:
    """Line breaks and tabs become spaces; other controls, bidi overrides and surrogates vanish."""
    if letter.isspace():
        return " "
    if letter in '<>:"|?*':
        return "_"
    # ZWNJ and ZWJ are format characters too, but words of Persian and Hindi need them.
    if letter in "\u200c\u200d":
        return letter
    return "" if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn") else letter


def _shortened(name: str) -> str:
    if len(name) <= MAX_NAME:
        return name
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix) <= 20 else ""
    return name[: MAX_NAME - len(suffix)].rstrip(". ") + suffix


def _unsupported(what: str) -> ParseError:
    return ParseError("unsupported-format", f"This is {what}. {accepted()}")


def _is_pdf(head: bytes) -> bool:
    """The mark may come late: readers look through the first kilobyte. In a text it is a quote."""
    place = head[:1024].find(b"%PDF-")
    return place == 0 or (place > 0 and b"%%EOF" not in head[:place] and _mostly_binary(head))


def _mostly_binary(head: bytes) -> bool:
    return b"endobj" in head or b" obj" in head


def _zip_kind(file: BinaryIO) -> str:
    check_archive(file)
    with zipfile.ZipFile(file) as archive:
        names = set(archive.namelist())
        if "mimetype" in names:
            raise _unsupported(
                _OPEN_DOCUMENT.get(_beginning(archive, "mimetype").strip(), "a ZIP archive")
            )
        types = (
            _beginning(archive, "[Content_Types].xml") if "[Content_Types].xml" in names else b""
        )
    if b"wordprocessingml.document.main" in types or (types and "word/document.xml" in names):
        return DOCX
    for mark, kind in _OFFICE_KINDS:
        if mark.encode() in types:
            raise _unsupported(kind)
    raise _unsupported("a ZIP archive")


def _beginning(archive: zipfile.ZipFile, member: str) -> bytes:
    """Up to a megabyte of a member. Raises ParseError `damaged`."""
    try:
        with archive.open(member) as file:
            return file.read(1 << 20)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise ParseError(
            "damaged",
            "The file is damaged or cut off. Open it in the program that made it and save it anew.",
        ) from error


def _ole_refusal(file: BinaryIO) -> ParseError:
    """Names the old Office format. Streams are named in UTF-16 somewhere in the first megabytes."""
    file.seek(0)
    data = file.read(8 << 20)
    for stream, kind in _OLE_KINDS:
        if stream.encode("utf-16-le") in data:
            if not kind:
                return ParseError(
                    "encrypted", "The file is protected with a password. Save a copy without it."
                )
            return _unsupported(kind)
    return _unsupported("an old Office file")


def _binary_kind(head: bytes) -> str:
    """What the file is if it is no text, "" if it is."""
    for magic, kind in _MAGIC:
        if head.startswith(magic) and not (len(magic) < 4 and _is_text(head)):
            return kind
    if head[4:8] == b"ftyp":
        return "a video or a picture (MP4, HEIC)"
    if head.startswith(b"RIFF"):
        return "a recording or a picture (RIFF)"
    return "" if _is_text(head) else _puremagic_name(head)


def _puremagic_name(head: bytes) -> str:
    import puremagic

    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        found = []
    best = next((match.name for match in found if match.confidence >= 0.7 and match.name), "")
    return f"a file of another kind ({best})" if best else "a file that holds no text"


def _is_text(head: bytes) -> bool:
    if decode.by_bom(head) or decode.wide(head):
        return True
    controls = len(_CONTROL.findall(head.decode("latin-1")))
    return controls <= MAX_CONTROL_SHARE * len(head) + 1 or (len(head) < 64 and controls <= 4)


def _text_kind(head: bytes, name: str) -> str:
    text = decode.decode(head, html=True).replace("\r\n", "\n").lstrip("\ufeff")
    by_name = _TEXT_NAMES.get(PurePosixPath(name.lower()).suffix, TEXT)
    if (
        name.lower().endswith((".eml", ".mht", ".mhtml"))
        and len(_MAIL_HEADER.findall(text[:4096])) >= 2
    ):
        raise _unsupported("an e-mail message (EML)")
    if _HTML_START.match(text):
        return HTML
    end_tags = len(_HTML_END_TAG.findall(text))
    if by_name == HTML:
        return HTML if end_tags else TEXT
    signs = sum(bool(sign.search(text)) for sign in _MARKDOWN_SIGNS)
    if by_name == MARKDOWN or signs >= 3:
        return MARKDOWN
    return HTML if end_tags >= 20 and text.lstrip().startswith("<") else TEXT
