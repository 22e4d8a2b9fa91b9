"""An archive that came from somewhere: all of it is checked before anything of it is used.

Names, sizes that are declared and sizes that come, hashes, signature, form. Nothing is unpacked to disk.
"""

import hashlib
import json
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import BinaryIO

from cryptography.exceptions import UnsupportedAlgorithm
from pydantic import ValidationError

from audit import keys
from ingest.moving import archive
from ingest.moving.archive import (
    ArchiveError,
    DocumentLine,
    Manifest,
    PassageLine,
    Signed,
)
from ingest.vault import Unreadable

PART = 1 << 20
_END, _END64, _LOCATOR = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_ENCRYPTED = 0x1
_LINK = 0o120000
#: Of the archive's index: what each member takes at most.
_ENTRY = 46 + 100 + 64
#: What a ZIP that cannot be read raises.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
    struct.error,
)
Told = Callable[[int, int], None]


class Archive:
    """An archive whose hashes were compared. `ours`: it bears this installation's signature."""

    def __init__(self, file: zipfile.ZipFile, signed: Signed, *, ours: bool) -> None:
        self._file = file
        self.manifest: Manifest = signed.manifest
        self.signed_by, self.ours = signed.signature.fingerprint, ours

    def has(self, name: str) -> bool:
        return name in self.manifest.members

    def open(self, name: str) -> BinaryIO:
        """The bytes of a member, from any place in it. Compare what they come to once more."""
        return self._file.open(name)  # type: ignore[return-value]

    def read(self, name: str, most: int) -> bytes:
        """A member as a whole. Raises ArchiveError."""
        if self.manifest.members[name].bytes > most:
            raise ArchiveError("archive-bounds")
        try:
            data = self._file.read(name)
        except _BROKEN as error:
            raise ArchiveError("archive-damaged") from error
        if hashlib.sha256(data).hexdigest() != self.manifest.members[name].sha256:
            raise ArchiveError("archive-damaged")
        return data

    def documents(self) -> Iterator[DocumentLine]:
        for line in self._lines(archive.DOCUMENTS):
            yield _document(line)

    def passages(self, number: int) -> Iterator[PassageLine]:
        name = archive.member(number, "passages.jsonl")
        for line in self._lines(name) if self.has(name) else ():
            yield _passage(line)

    def _lines(self, name: str) -> Iterator[bytes]:
        try:
            with self._file.open(name) as file:
                while line := file.readline(archive.MOST_LINE + 1):
                    if len(line) > archive.MOST_LINE:
                        raise ArchiveError("archive-bounds")
                    yield line
        except _BROKEN as error:
            raise ArchiveError("archive-damaged") from error


def _document(line: bytes) -> DocumentLine:
    try:
        return DocumentLine.model_validate_json(line)
    except ValidationError as error:
        raise ArchiveError("archive-content") from error


def _passage(line: bytes) -> PassageLine:
    try:
        return PassageLine.model_validate_json(line)
    except ValidationError as error:
        raise ArchiveError("archive-content") from error


def checked(file: BinaryIO, most: int, told: Told | None = None) -> Archive:
    """The archive in `file`, which can seek, of at most `most` bytes unpacked; all hashes compared.

    Raises ArchiveError `archive-not-ours`, `archive-version`, `archive-names`, `archive-bounds`,
    `archive-damaged`, `archive-signature`.
    """
    try:
        size = file.seek(0, 2)
        _require_index(file, size)
        opened = zipfile.ZipFile(file)
        _require_members(opened, size, most)
        signed = _manifest(opened)
        _require_listed(opened, signed.manifest)
        ours = _verified(signed)
        _compare(opened, signed.manifest, told)
    except (*_BROKEN, Unreadable) as error:
        raise ArchiveError("archive-damaged") from error
    return Archive(opened, signed, ours=ours)


def _require_index(file: BinaryIO, size: int) -> None:
    """Before the library reads the index of the archive into memory: it has as many members as it says,
    and a bounded length. Ours have no comment."""
    file.seek(max(0, size - 42))
    tail = file.read(42)
    if len(tail) < 22 or tail[-22:-18] != _END or tail[-2:] != b"\0\0":
        file.seek(0)
        raise ArchiveError("archive-damaged" if file.read(2) == b"PK" else "archive-not-ours")
    count, length = struct.unpack("<HI", tail[-12:-6])
    if len(tail) == 42 and tail[:4] == _LOCATOR:
        # The library takes the record that lies right before the locator, wherever that points to.
        place = file.seek(size - 42 - 56)
        record = file.read(56)
        if struct.unpack("<Q", tail[8:16])[0] != place or record[:4] != _END64:
            raise ArchiveError("archive-damaged")
        count, length = struct.unpack("<QQ", record[32:48])
    if count > archive.MOST_MANIFEST // 100 or length > count * _ENTRY:
        raise ArchiveError("archive-bounds")


def _require_members(opened: zipfile.ZipFile, size: int, most: int) -> None:
    infos = sorted(opened.infolist(), key=lambda info: info.header_offset)
    names = Counter(info.filename for info in infos)
    if any(count > 1 for count in names.values()):
        raise ArchiveError("archive-names")
    for info in infos:
        mode = info.external_attr >> 16
        if not archive.NAME.fullmatch(info.filename) or mode & 0o170000 == _LINK:
            raise ArchiveError("archive-names" if archive.MANIFEST in names else "archive-not-ours")
        if info.flag_bits & _ENCRYPTED:
            raise ArchiveError("archive-damaged")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ArchiveError("archive-damaged")
    if sum(info.file_size for info in infos) > most:
        raise ArchiveError("archive-bounds")
    _require_apart(infos, size)


def _require_apart(infos: list[zipfile.ZipInfo], size: int) -> None:
    """No two members share bytes: a small file would unpack to any number of large ones."""
    ends = [info.header_offset for info in infos[1:]] + [size]
    for info, end in zip(infos, ends, strict=True):
        if info.header_offset + 30 + len(info.filename) + info.compress_size > end:
            raise ArchiveError("archive-bounds")


def _manifest(opened: zipfile.ZipFile) -> Signed:
    try:
        info = opened.getinfo(archive.MANIFEST)
    except KeyError:
        raise ArchiveError("archive-not-ours") from None
    if info.file_size > archive.MOST_MANIFEST:
        raise ArchiveError("archive-bounds")
    data = opened.read(info)
    _require_version(data)
    try:
        return Signed.model_validate_json(data)
    except ValidationError as error:
        raise ArchiveError("archive-content") from error


def _require_version(data: bytes) -> None:
    try:
        said = json.loads(data)
        made, version = said["manifest"]["format"], said["manifest"]["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ArchiveError("archive-not-ours") from None
    if made != archive.FORMAT:
        raise ArchiveError("archive-not-ours")
    if version != archive.VERSION:
        raise ArchiveError("archive-version")


def _require_listed(opened: zipfile.ZipFile, manifest: Manifest) -> None:
    """Neither more nor less than the manifest lists, and of the sizes that it says."""
    there = {info.filename: info.file_size for info in opened.infolist()}
    del there[archive.MANIFEST]
    if there.keys() != manifest.members.keys() or archive.DOCUMENTS not in there:
        raise ArchiveError("archive-names")
    if any(there[name] != member.bytes for name, member in manifest.members.items()):
        raise ArchiveError("archive-damaged")


def _verified(signed: Signed) -> bool:
    """Whether the signature is this installation's. Raises ArchiveError where it is nobody's."""
    sealed, signature = archive.sealed(signed.manifest), signed.signature
    if sealed.sha256 != signed.sha256:
        raise ArchiveError("archive-damaged")
    message = archive.CONTEXT + sealed.canonical
    try:
        fits = keys.fingerprint(signature.key) == signature.fingerprint
        good = keys.verify(message, bytes.fromhex(signature.value), signature.key)
    except (keys.KeyUnusable, UnsupportedAlgorithm) as error:
        raise ArchiveError("archive-signature") from error
    if not (fits and good):
        raise ArchiveError("archive-signature")
    return signature.fingerprint == keys.fingerprint()


def _compare(opened: zipfile.ZipFile, manifest: Manifest, told: Told | None) -> None:
    total = len(manifest.members)
    for done, (name, expected) in enumerate(manifest.members.items(), 1):
        digest, size = hashlib.sha256(), 0
        with opened.open(name) as file:
            while part := file.read(PART):
                digest.update(part)
                size += len(part)
        if size != expected.bytes or digest.hexdigest() != expected.sha256:
            raise ArchiveError("archive-damaged")
        if told:
            told(done, total)
