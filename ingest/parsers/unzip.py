"""Files of a ZIP archive, one after the other, bounded. Runs in the child (child.py)."""

import re
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ingest.parsers.archive import MAX_RATIO, UNREADABLE, directory
from ingest.parsers.base import ParseError
from ingest.parsers.progress import report

#: Bytes of one piece of a member.
PIECE = 1 << 18
#: Letters of a name. Longer ones are cut: what counts is their end.
MAX_NAME = 2_000
#: Why a member is not unpacked, or not whole. "" is a whole one.
CODES = frozenset(
    {"", "encrypted", "damaged", "file-too-large", "archive-too-large", "link", "method"}
)
#: How a member may be packed.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}

_ENCRYPTED, _UTF8 = 0x1, 0x800
_UNIX = 3
_ALONGSIDE = re.compile(
    r"(?:^|/)(?:__MACOSX/|\.DS_Store$|\._[^/]*$|Thumbs\.db$|desktop\.ini$|~\$[^/]*$)", re.I
)
#: Letters of western languages: what a name in the wrong code page is not made of.
_LETTERS = re.compile(r"[\x20-\x7eÀ-ÖØ-öø-ÿŒœŠšŽž€’–]*")

Send = Callable[[str, bytes], None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Files of an archive, bytes of one of them and of all. Above the first nothing is unpacked; what is
    above the others is left out, and said."""

    max_files: int
    max_bytes: int
    max_total: int


def unpack(path: Path, bounds: Bounds, send: Send) -> None:
    """Send each file inside by `send` (frames N, D, Z: wire.py).

    Folders and what systems leave behind (.DS_Store, Thumbs.db, lock files) are not mentioned. Raises
    ParseError `damaged`, `archive-too-large`, `too-many-files`.
    """
    with path.open("rb") as file:
        members = [each for each in directory(file) if not _is_alongside(each)]
        if len(members) > bounds.max_files:
            raise too_many(bounds.max_files)
        left = bounds.max_total
        with zipfile.ZipFile(file) as archive:
            for number, member in enumerate(members):
                report(number, len(members))
                send("N", name_of(member)[-MAX_NAME:].encode("utf-8", "replace"))
                code = _refusal(member, bounds, left) or _send_data(archive, member, send)
                left -= member.file_size if code in ("", "damaged") else 0
                send("Z", code.encode())


def too_many(most: int) -> ParseError:
    """The error for an archive of more than `most` files."""
    return ParseError(
        "too-many-files", f"The archive holds more than {most:,} files. Split it into parts."
    )


def _is_alongside(member: zipfile.ZipInfo) -> bool:
    name = member.filename.replace("\\", "/")
    return name.endswith("/") or bool(_ALONGSIDE.search(name))


def _refusal(member: zipfile.ZipInfo, bounds: Bounds, left: int) -> str:
    """Why it is not even tried, by what the directory says: the reader stops at the size given there."""
    mode = member.external_attr >> 16
    if member.create_system == _UNIX and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "link"
    if member.flag_bits & _ENCRYPTED:
        return "encrypted"
    if member.compress_type not in _METHODS:
        return "method"
    if member.file_size > bounds.max_bytes:
        return "file-too-large"
    grown = member.file_size > MAX_RATIO * max(1, member.compress_size)
    if member.file_size > left or (member.file_size > 1 << 20 and grown):
        return "archive-too-large"
    return ""


def _send_data(archive: zipfile.ZipFile, member: zipfile.ZipInfo, send: Send) -> str:
    """Its bytes in pieces; the checksum is compared at the end."""
    try:
        with archive.open(member) as file:
            while piece := file.read(PIECE):
                send("D", piece)
    except UNREADABLE:
        return "damaged"
    except MemoryError:  # LZMA asks for as much as the member says
        return "archive-too-large"
    return ""


def name_of(member: zipfile.ZipInfo) -> str:
    """Its name as whoever packed it read it.

    Programs that do not say UTF-8 wrote it, or the code page of their system: DOS's (437) by the
    standard, Windows' (1252) by habit. Cannot see which of two is right where both give letters.
    """
    if member.flag_bits & _UTF8:
        return member.filename
    try:
        raw = member.filename.encode("cp437")
    except UnicodeEncodeError:
        return member.filename
    for encoding in ("utf-8", "cp437", "cp1252"):
        try:
            name = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or _LETTERS.fullmatch(name):
            return name
    return member.filename
