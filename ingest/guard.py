"""What a file is, by its content, and whether it is taken at all. Pure: no Django, no database."""

import contextlib
import re
import unicodedata
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ingest.kinds import OLE_START, ZIP_STARTS, ole_kind, unsupported, zip_kind
from ingest.kinds_text import text_kind
from ingest.parsers import decode
from ingest.parsers.base import ParseError
from ingest.parsers.registry import JPEG, PDF, PNG, RTF, TIFF, XLS

#: Bytes from the start that decide. Cannot see a file that is text up to there and binary after:
#: its parser then finds noise, and the noise is bounded as any text is.
HEAD_BYTES = 64 * 1024
#: Letters of a file name, as file systems and the document table allow. Cannot see bytes: 255
#: letters may be 1,020 bytes, which is why originals are stored under their id.
MAX_NAME = 255
#: Share of control characters above which bytes are not text. Cannot see text-like data such as
#: base64: that is text, and finds nothing.
MAX_CONTROL_SHARE = 0.02

_TAKEN = [
    # Before the test for text: pictures in it may be bytes.
    (b"{\\rtf", RTF),
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n", PNG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    # Sheets older than OLE: Excel 2, 3 and 4.
    (b"\x09\x00\x04\x00", XLS),
    (b"\x09\x02\x06\x00", XLS),
    (b"\x09\x04\x06\x00", XLS),
]
_MAGIC = [
    (b"GIF8", "a GIF picture"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\x1f\x8b", "a GZIP archive"),
    (b"BZh", "a BZIP2 archive"),
    (b"\xfd7zXZ\0", "an XZ archive"),
    (b"7z\xbc\xaf'\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a", "a RAR archive"),
    (b"%!PS", "a PostScript document"),
    (b"SQLite format 3\0", "a SQLite database"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
    (b"GGUF", "a model file (GGUF)"),
]

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")


def detect_media_type(source: Path | BinaryIO, name: str) -> str:
    """One of registry.SUPPORTED, by what the file holds: a path, or a file that can seek.

    `name` decides only between HTML, Markdown, CSV, e-mail and text, where the content leaves it open.
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
    if head.startswith(ZIP_STARTS):
        return zip_kind(file)
    if head.startswith(OLE_START):
        return ole_kind(file)
    if taken := next((kind for magic, kind in _TAKEN if head.startswith(magic)), ""):
        return taken
    if binary := _binary_kind(head):
        raise unsupported(binary)
    return text_kind(head, name)


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


def _is_pdf(head: bytes) -> bool:
    """The mark may come late: readers look through the first kilobyte. In a text it is a quote."""
    place = head[:1024].find(b"%PDF-")
    return place == 0 or (place > 0 and b"%%EOF" not in head[:place] and _mostly_binary(head))


def _mostly_binary(head: bytes) -> bool:
    return b"endobj" in head or b" obj" in head


def _binary_kind(head: bytes) -> str:
    """What the file is if it is no text, "" if it is."""
    for magic, kind in _MAGIC:
        if head.startswith(magic) and not (len(magic) < 4 and _is_text(head)):
            return kind
    if head[4:8] == b"ftyp":
        still = head[8:11] in (b"hei", b"hev", b"mif", b"msf", b"avi")
        return "a HEIC or AVIF picture" if still else "a video (MP4)"
    if head.startswith(b"RIFF"):
        return "a WebP picture" if head[8:12] == b"WEBP" else "a recording or a video (WAV, AVI)"
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
