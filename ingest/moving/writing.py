"""A collection as an archive, streamed: of no document more than its passages is in memory at once."""

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import rfc8785
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db.models import F

from accounts.models import User
from audit import keys
from inference.errors import ModelError
from inference.registry import Registry
from ingest import indexes
from ingest.files import open_original
from ingest.models import Chunk, Collection, Document, Extract, Index, Transfer
from ingest.moving import archive
from ingest.moving.archive import (
    About,
    ArchiveError,
    Counts,
    DocumentLine,
    Embedder,
    Manifest,
    Member,
    PassageLine,
    Recognised,
)
from ingest.moving.parts import parts
from ingest.vault import Unreadable

PART = 1 << 20
#: Before 1980 there is no ZIP; the real times would make two exports of the same differ.
_TIME = (1980, 1, 1, 0, 0, 0)
#: What compresses no further.
_STORED = ("vectors", "extract")
Told = Callable[[int, int], None]


class Target(Protocol):
    def write(self, data: bytes, /) -> object: ...


class Hashed:
    """Passes bytes on, counts and hashes them."""

    def __init__(self, target: Target) -> None:
        self._target, self._digest, self.bytes = target, hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self._target.write(data)
        self._digest.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        pass

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Written:
    """What an archive holds: `documents` by id, and the manifest's counts."""

    def __init__(self) -> None:
        self.documents: list[UUID] = []
        self.passages = self.originals = 0


def write(user: User | None, collection: Collection, target: Target, told: Told) -> Written:
    """Write the archive of `collection` as `user` may have it (None: whoever runs the machine).

    `told` is called after each document and may raise. Raises ArchiveError `archive-incomplete` where an
    original cannot be read.
    """
    index, made = indexes.active(), Written()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as file:  # type: ignore[call-overload]
        members = _Members(file)
        _documents(members, collection, index, made, told)
        for name, part in sorted(parts.items()):
            if lines := list(part.give(user, collection)):
                members.put(f"parts/{name}.jsonl", (line + b"\n" for line in lines))
        manifest = _manifest(collection, index, made, members.made)
        with file.open(_info(archive.MANIFEST), "w") as opened:
            opened.write(_signed(manifest))
    return made


class _Members:
    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self.made: dict[str, Member] = {}

    def put(self, name: str, content: Iterable[bytes]) -> Member:
        with self._file.open(_info(name), "w", force_zip64=True) as opened:
            hashed = Hashed(opened)
            for part in content:
                hashed.write(part)
        self.made[name] = Member(sha256=hashed.sha256, bytes=hashed.bytes)
        return self.made[name]


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIME)
    stored = name.rpartition("/")[2] in _STORED
    info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


def _documents(
    members: _Members, collection: Collection, index: Index, made: Written, told: Told
) -> None:
    rows = collection.documents.exclude(status=Document.Status.ERASING)
    ids = list(rows.order_by(F("words_at").asc(nulls_last=True), "pk").values_list("pk", flat=True))
    lines, number = list[bytes](), 0
    numbers = {pk: place for place, pk in enumerate(ids)}
    for place, pk in enumerate(ids):
        document = rows.filter(pk=pk).first()
        if document is not None:
            line = _document(members, document, index, made, numbers)
            lines.append(line.model_dump_json().encode() + b"\n")
            number += 1
        told(place + 1, len(ids))
    members.put(archive.DOCUMENTS, lines)


def _document(
    members: _Members, document: Document, index: Index, made: Written, numbers: dict[UUID, int]
) -> DocumentLine:
    number = numbers[document.pk]
    made.documents.append(document.pk)
    if document.original_removed_at is None:
        members.put(archive.member(number, "original"), _original(document))
        made.originals += 1
    extract = Extract.objects.filter(pk=document.pk).values_list("data", flat=True).first()
    if extract is not None:
        members.put(archive.member(number, "extract"), [bytes(extract)])
    count = _passages(members, document, index, number)
    made.passages += count
    return _line(document, number, count, numbers.get(document.container_id or document.pk))


def _original(document: Document) -> Iterator[bytes]:
    try:
        with open_original(document) as file:
            while part := file.read(PART):
                yield part
    except Unreadable as error:
        raise ArchiveError("archive-incomplete") from error


def _passages(members: _Members, document: Document, index: Index, number: int) -> int:
    rows = document.chunks.filter(index=index).order_by("ordinal")
    chunks = list(rows) if document.words_at else []
    if not chunks:
        return 0
    size = 2 * (index.dimension or 1)
    held = [bytes(chunk.vector or b"") for chunk in chunks]
    lines = (
        _passage(chunk, len(vectors) // size).model_dump_json().encode() + b"\n"
        for chunk, vectors in zip(chunks, held, strict=True)
    )
    members.put(archive.member(number, "passages.jsonl"), lines)
    members.put(archive.member(number, "vectors"), held)
    return len(chunks)


def _passage(chunk: Chunk, vectors: int) -> PassageLine:
    same = ("ordinal", "text", "context", "heading_path", "page", "start", "end", "language")
    return PassageLine(
        **{name: getattr(chunk, name) for name in same},
        boxes=[[float(number) for number in box] for box in chunk.boxes],
        confidence=chunk.confidence,
        vectors=vectors,
    )


def _line(document: Document, number: int, passages: int, container: int | None) -> DocumentLine:
    known = {Document.Status.READY: "ready", Document.Status.FAILED: "failed"}
    status: Any = known.get(Document.Status(document.status), "queued")
    ocr = document.reading.get("ocr")
    same = ("name", "path", "sha256", "bytes", "media_type", "visible", "error_code", "language")
    return DocumentLine(
        number=number,
        **{name: getattr(document, name) for name in same},
        status=status,
        dated=document.dated.isoformat() if document.dated else None,
        container=container if document.container_id else None,
        version=document.version,
        passages=passages,
        ocr=Recognised(**ocr) if ocr else None,
    )


def embedder_of(index: Index) -> Embedder:
    """What made the vectors of an index: its name, and the hashes of its files."""
    try:
        files = dict(Registry(settings.MODELS_DIR).get(index.embedder).files)
    except ModelError:
        files = {}
    return Embedder(name=index.embedder, dimension=index.dimension, files=files)


def _manifest(
    collection: Collection, index: Index, made: Written, members: dict[str, Member]
) -> Manifest:
    counts = Counts(documents=len(made.documents), passages=made.passages, originals=made.originals)
    return Manifest(
        format="sovereign-collection",
        version=1,
        product=settings.VERSION,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        collection=About(
            name=collection.name,
            description=collection.description,
            origins=[*_origins(collection), str(collection.pk)],
        ),
        embedder=embedder_of(index),
        chunking=index.chunking,
        counts=counts,
        members=members,
    )


def _origins(collection: Collection) -> list[str]:
    """Where it was imported from itself."""
    came = Transfer.objects.filter(collection=collection, kind=Transfer.Kind.IMPORT).first()
    known: list[str] = came.counts.get("origins", []) if came else []
    return known[-50:]


def _signed(manifest: Manifest) -> bytes:
    sealed = archive.sealed(manifest)
    public = keys.public_key(keys.public_pem())
    signature = {
        "algorithm": "Ed25519",
        "fingerprint": keys.fingerprint(),
        "key": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "value": keys.sign(archive.CONTEXT + sealed.canonical).hex(),
    }
    whole: dict[str, Any] = {
        "manifest": manifest.model_dump(),
        "sha256": sealed.sha256,
        "signature": signature,
    }
    return rfc8785.dumps(whole)
