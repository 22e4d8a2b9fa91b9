"""What a container is: ZIP packages by their parts, OLE files by the streams at their root. Pure."""

import codecs
import re
import zipfile
import zlib
from typing import Any, BinaryIO

import olefile

from ingest.parsers.archive import check_archive, directory
from ingest.parsers.base import ParseError
from ingest.parsers.registry import (
    DOC,
    DOCX,
    EPUB,
    MSG,
    ODP,
    ODS,
    ODT,
    PPT,
    PPTX,
    XLS,
    XLSX,
    ZIP,
    accepted,
)  # fmt: skip

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04")
OLE_START = bytes.fromhex("d0cf11e0a1b11ae1")

#: Entries at the root of an OLE file. A message has one for each recipient. Cannot see what lies
#: deeper, which is not read here: it says nothing of what the file is.
MAX_ENTRIES = 10_000
#: Bytes of a part that says what a package is.
_MAX_PART = 1 << 20

#: The content type of a package's main part, without what comes before and after these words.
_OFFICE_MAIN = {
    "ms-excel.sheet.binary.macroEnabled.main": "an Excel binary workbook (XLSB)",
    "wordprocessingml.document.main": DOCX,
    "wordprocessingml.template.main": DOCX,
    "ms-word.document.macroEnabled.main": DOCX,
    "ms-word.template.macroEnabledTemplate.main": DOCX,
    "spreadsheetml.sheet.main": XLSX,
    "spreadsheetml.template.main": XLSX,
    "ms-excel.sheet.macroEnabled.main": XLSX,
    "ms-excel.template.macroEnabled.main": XLSX,
    "ms-excel.addin.macroEnabled.main": XLSX,
    "presentationml.presentation.main": PPTX,
    "presentationml.template.main": PPTX,
    "presentationml.slideshow.main": PPTX,
    "ms-powerpoint.presentation.macroEnabled.main": PPTX,
    "ms-powerpoint.template.macroEnabled.main": PPTX,
    "ms-powerpoint.slideshow.macroEnabled.main": PPTX,
    "ms-visio": "a Visio drawing (VSDX)",
}
#: Where the types are missing or wrong: their usual places.
_OFFICE_PARTS = {
    "word/document.xml": DOCX,
    "xl/workbook.xml": XLSX,
    "ppt/presentation.xml": PPTX,
    "xl/workbook.bin": "an Excel binary workbook (XLSB)",
    "visio/document.xml": "a Visio drawing (VSDX)",
}
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_OPEN_KINDS = {
    "text": ODT,
    "text-template": ODT,
    "text-master": ODT,
    "text-web": ODT,
    "spreadsheet": ODS,
    "spreadsheet-template": ODS,
    "presentation": ODP,
    "presentation-template": ODP,
}
_MANIFEST_TYPE = re.compile(r"""media-type\s*=\s*["']([\w./+-]{1,100})""")
#: ZIP files that are no folders of documents.
_PROGRAMS = {
    "META-INF/MANIFEST.MF": "a Java program",
    "AndroidManifest.xml": "an Android program",
    "Index/Document.iwa": "a Pages, Numbers or Keynote file",
}
#: Streams at the root, the first that is there: media type, or the name of what is not read.
_OLE_KINDS = {
    "encryptedpackage": "encrypted",
    "worddocument": DOC,
    "powerpoint document": PPT,
    "workbook": XLS,
    "book": XLS,
    "__properties_version1.0": MSG,
    "visiodocument": "an old Visio drawing (VSD)",
    "quill": "a Publisher document (PUB)",
    "fileheader": "a Hangul document (HWP)",
}
_OLE_BROKEN = (
    OSError,
    ValueError,
    TypeError,
    IndexError,
    OverflowError,
    RecursionError,
    MemoryError,
)


def unsupported(what: str) -> ParseError:
    """The error for a file of a kind that is not read: "a RAR archive"."""
    return ParseError("unsupported-format", f"This is {what}. {accepted()}")


def zip_kind(file: BinaryIO) -> str:
    """The media type of a ZIP file: a document's, or ZIP for a folder.

    The bounds of a document (archive.check_archive) are checked here; those of a folder are where
    it is unpacked. Raises ParseError `unsupported-format`, `empty-file`, `encrypted`, `damaged`,
    `archive-too-large`.
    """
    names = {member.filename for member in directory(file)}
    if not names:
        raise ParseError("empty-file", "The archive holds no files.")
    kind = _package_kind(file, names)
    if kind != ZIP:
        check_archive(file)
    if "/" not in kind:
        raise unsupported(kind)
    return kind


def _package_kind(file: BinaryIO, names: set[str]) -> str:
    with zipfile.ZipFile(file) as archive:
        if "mimetype" in names and (kind := _named_kind(archive, names)):
            return kind
        if "[Content_Types].xml" in names and (kind := _office_kind(archive)):
            return kind
        if {"META-INF/manifest.xml", "content.xml"} <= names:
            return _open_kind(archive, _manifest_type(archive))
    for part, kind in (*_OFFICE_PARTS.items(), *_PROGRAMS.items()):
        if part in names:
            return kind
    return "an Office file of another kind" if "[Content_Types].xml" in names else ZIP


def _named_kind(archive: zipfile.ZipFile, names: set[str]) -> str:
    """By the part `mimetype`; "" where it says nothing of use, for it may be anybody's file."""
    said = _part(archive, "mimetype").strip()
    if said == EPUB or (said.startswith("application/epub") and "META-INF/container.xml" in names):
        return EPUB
    if said.startswith(_OPEN_DOCUMENT):
        return _open_kind(archive, said)
    return "an old OpenOffice document" if said.startswith("application/vnd.sun.xml") else ""


def _open_kind(archive: zipfile.ZipFile, media_type: str) -> str:
    kind = _OPEN_KINDS.get(media_type.removeprefix(_OPEN_DOCUMENT))
    if kind is None:
        return "an OpenDocument file of another kind (a drawing, a formula, a database)"
    if "META-INF/manifest.xml" in archive.namelist() and (
        "encryption-data" in _part(archive, "META-INF/manifest.xml")
    ):
        raise _encrypted()
    return kind


def _manifest_type(archive: zipfile.ZipFile) -> str:
    found = _MANIFEST_TYPE.search(_part(archive, "META-INF/manifest.xml"))
    return found[1] if found else ""


def _office_kind(archive: zipfile.ZipFile) -> str:
    types = _part(archive, "[Content_Types].xml")
    return next((kind for mark, kind in _OFFICE_MAIN.items() if mark in types), "")


def _part(archive: zipfile.ZipFile, name: str) -> str:
    """The beginning of a member. Raises ParseError `damaged`, `encrypted`."""
    if archive.getinfo(name).flag_bits & 0x1:
        raise _encrypted()
    try:
        with archive.open(name) as file:
            data = file.read(_MAX_PART)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        raise damaged() from error
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8", "replace")


def damaged() -> ParseError:
    """The error for a container that cannot be opened."""
    return ParseError(
        "damaged",
        "The file is damaged or cut off. Open it in the program that made it and save it anew.",
    )


def _encrypted() -> ParseError:
    return ParseError("encrypted", "The file is protected with a password. Save a copy without it.")


class _Root(olefile.OleFileIO):  # type: ignore[misc]
    """Reads the root's own entries and nothing below: the library checks each entry against all
    others, which takes minutes for a file that is made for it."""

    _entries = 0

    def _load_direntry(self, sid: int) -> Any:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise OSError("too many entries")
        entry = super()._load_direntry(sid)
        if sid:
            entry.sid_child = olefile.NOSTREAM
        return entry


def ole_kind(file: BinaryIO) -> str:
    """The media type of an OLE file: an old Office format or MSG.

    Raises ParseError `unsupported-format`, `encrypted`, `damaged`.
    """
    try:
        _check_header(file)
        reader = _Root(file)
        streams = {entry.name.lower(): entry for entry in reader.root.kids}
    except _OLE_BROKEN as error:
        raise damaged() from error
    kind = next(
        (kind for name, kind in _OLE_KINDS.items() if name in streams), "an old Office file"
    )
    if kind == "encrypted" or (kind == PPT and "encryptedsummary" in streams):
        raise _encrypted()
    if kind == DOC and _word_is_encrypted(file, reader, streams["worddocument"]):
        raise _encrypted()
    if "/" not in kind:
        raise unsupported(kind)
    return kind


def _word_is_encrypted(file: BinaryIO, reader: _Root, stream: Any) -> bool:
    """By a flag near the stream's start. The sector is read in place: the library would load all."""
    if stream.size < reader.minisectorcutoff:
        return False
    file.seek((stream.isectStart + 1) * reader.sectorsize)
    start = file.read(12)
    return len(start) == 12 and bool(start[11] & 0x01)


def _check_header(file: BinaryIO) -> None:
    """Tables that the file has no room for are not loaded: a chain of them may go in a circle."""
    size = file.seek(0, 2)
    file.seek(0)
    header = file.read(80)
    shift = int.from_bytes(header[30:32], "little")
    tables, chained = (int.from_bytes(header[at : at + 4], "little") for at in (44, 72))
    if shift not in (9, 12) or len(header) < 80:
        raise ValueError("no sectors")
    sectors = (size >> shift) + 1
    # A table names 128 sectors (1,024 of the large ones), a chained one 127 tables.
    if tables > sectors // 64 + 16 or chained > tables // 100 + 1:
        raise ValueError("more tables than sectors")
