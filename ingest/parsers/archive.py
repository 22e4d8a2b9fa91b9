"""Bounds of ZIP containers (DOCX and its kin), checked before anything is unpacked. Stdlib only."""

import contextlib
import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from ingest.parsers.base import ParseError

#: Members of one archive. A book with a thousand pictures has about 1,100.
MAX_MEMBERS = 5_000
#: Bytes of the directory at the archive's end: what a reader loads before it can count members.
MAX_DIRECTORY = 2 << 20
#: Bytes of all members unpacked.
MAX_UNPACKED = 512 << 20
#: Bytes of one XML part unpacked: its tree takes about ten times as much.
MAX_XML = 64 << 20
#: Times that an XML part above a megabyte may grow. Text shrinks 5 to 20 times, repetitive XML 100.
MAX_RATIO = 250
#: Up to here any other member may grow as it likes: a picture of one colour shrinks a thousand times.
MAX_PICTURE = 32 << 20

_END = b"PK\x05\x06"
_END64_LOCATOR = b"PK\x06\x07"
_END64 = b"PK\x06\x06"
_DECLARATION = re.compile(
    b"|".join(
        [
            b"<!(?:DOCTYPE|ENTITY)",
            *(re.escape("<!DOCTYPE".encode(code)) for code in ("utf-16-le", "utf-16-be")),
        ]
    ),
    re.IGNORECASE,
)

# What zipfile raises on damage: by member, by method of compression, by encryption.
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    OSError, EOFError, ValueError, NotImplementedError, RuntimeError,
)  # fmt: skip

_TOO_LARGE = (
    "The file unpacks to more than is allowed. Save it anew, with fewer or smaller pictures."
)
_DAMAGED = "The file is damaged or cut off. Open it in the program that made it and save it anew."


def check_archive(source: Path | BinaryIO) -> None:
    """Of a path, or of a file that can seek. Raises ParseError `archive-too-large`, `damaged` or `encrypted`.

    Sees what the directory declares. Cannot see a member that unpacks to more than it declares
    (the reader stops at the declared size and fails on the checksum), members that share bytes
    (their declared sizes still add up), or what XML becomes once it is a tree: the memory limit of
    the child process bounds that.
    """
    with source.open("rb") if isinstance(source, Path) else contextlib.nullcontext(source) as file:
        members = directory(file)
    if len(members) > MAX_MEMBERS or sum(m.file_size for m in members) > MAX_UNPACKED:
        raise ParseError("archive-too-large", _TOO_LARGE)
    for member in members:
        _check_member(member)


def directory(file: BinaryIO) -> list[zipfile.ZipInfo]:
    """What a ZIP file says that it holds, bounded by MAX_DIRECTORY. Nothing is unpacked.

    Raises ParseError `archive-too-large`, `damaged`.
    """
    if _directory_size(file) > MAX_DIRECTORY:
        raise ParseError("archive-too-large", _TOO_LARGE)
    return _members(file)


def check_entities(path: Path, parts: Collection[str] | None = None) -> None:
    """Refuse document type declarations: office formats have none, bombs and file thefts do.

    Raises ParseError `unsafe-file`. Reads each XML part once (or those of `parts`); cannot see a
    declaration in an encoding other than UTF-8, UTF-16 or an ASCII superset (the XML reader
    resolves no entities).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                read = _is_xml(member.filename) if parts is None else member.filename in parts
                if read and _DECLARATION.search(archive.read(member)):
                    raise ParseError(
                        "unsafe-file",
                        "The file declares XML entities, which office programs never do.",
                    )
    except UNREADABLE as error:
        raise ParseError("damaged", _DAMAGED) from error


def _directory_size(file: BinaryIO) -> int:
    """Bytes of the central directory as the end record says. Raises ParseError `damaged`."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557 - 76))
    tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < 22:
        raise ParseError("damaged", _DAMAGED)
    declared: int = struct.unpack_from("<I", tail, place + 12)[0]
    if place >= 20 and tail[place - 20 : place - 16] == _END64_LOCATOR:
        start = tail.rfind(_END64, 0, place)
        if start < 0 or len(tail) - start < 56:
            raise ParseError("damaged", _DAMAGED)
        declared = struct.unpack_from("<Q", tail, start + 40)[0]
    return declared


def _members(file: BinaryIO) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.infolist()
    except UNREADABLE as error:
        raise ParseError("damaged", _DAMAGED) from error


def _check_member(member: zipfile.ZipInfo) -> None:
    if member.flag_bits & 0x1:
        raise ParseError(
            "encrypted", "The file is protected with a password. Save a copy without it."
        )
    if _is_xml(member.filename) and member.file_size > MAX_XML:
        raise ParseError("archive-too-large", _TOO_LARGE)
    judged = 1 << 20 if _is_xml(member.filename) else MAX_PICTURE
    if member.file_size > judged and member.file_size > MAX_RATIO * max(1, member.compress_size):
        raise ParseError("archive-too-large", _TOO_LARGE)


def _is_xml(name: str) -> bool:
    return name.lower().endswith((".xml", ".rels"))
