"""Documents of a checked archive become documents here, one after the other, seen by nobody as yet.

The ids follow from the import and the number, so one that was interrupted goes on. With the same embedder
and rules, passages and vectors are taken as they are; with other rules or another embedder, what is known is
kept, and the document goes through the queue from there.
"""

import itertools
import math
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
from django.core.files.base import File
from django.db import transaction

from accounts.models import User
from audit.problems import Problem
from inference.client import get_client
from inference.protocol import ModelsUnavailable
from ingest import extracts, indexes, keep, lexical, notices, store, upload
from ingest.embed import digest, from_bytes, texts
from ingest.files import remove_original
from ingest.guard import safe_name
from ingest.incoming import disk, key_errors, received
from ingest.models import Chunk, Collection, Document, Extract, Index, Receipt, original_path
from ingest.moving.archive import ArchiveError, DocumentLine, PassageLine, member
from ingest.moving.reading import Archive
from ingest.moving.writing import embedder_of
from ingest.parsers import wire
from ingest.parsers.base import ParsedDocument, ParseError
from ingest.versions import require_living

#: Of one extract, and of all passages and all vectors of one document.
MOST_EXTRACT, MOST_PASSAGES, MOST_VECTORS = 200_000_000, 200_000_000, 2_000_000_000
#: How far from 1 the length of a vector may be: float16 rounds.
LENGTH_OFF = 0.02
_TEXT_BYTES = 12


@dataclass(slots=True)
class Taking:
    """One import. `again`: documents that are to be embedded or cut here. `known`: ids by number;
    `inside`: the number of the archive that a document was unpacked from."""

    pk: UUID
    user: User | None
    archive: Archive
    collection: Collection
    index: Index
    began: datetime
    known: dict[int, UUID] = field(default_factory=dict)
    visible: list[UUID] = field(default_factory=list)
    again: list[UUID] = field(default_factory=list)
    inside: dict[UUID, int] = field(default_factory=dict)

    @property
    def same_rules(self) -> bool:
        return self.archive.manifest.chunking == self.index.chunking

    @property
    def same_embedder(self) -> bool:
        theirs, ours = self.archive.manifest.embedder, embedder_of(self.index)
        same = (theirs.name, theirs.files) == (ours.name, ours.files)
        return same and bool(theirs.dimension) and ours.dimension == theirs.dimension


def measure(index: Index, said: int) -> None:
    """An index that has no vectors yet learns their length of its embedder, never of an archive: with a
    wrong one nobody's documents could be embedded any more."""
    if index.dimension or not said:
        return
    with suppress(ModelsUnavailable):
        known = {each.name: each.dimension for each in get_client().embedders()}
        if known.get(index.embedder) == said:
            indexes.measured(index, said)


def take(taking: Taking, line: DocumentLine, place: int) -> None:
    """Take one document, unless it is here already. Raises ArchiveError, UploadRefused, StoreUnavailable."""
    pk = uuid5(taking.pk, str(line.number))
    if line.number in taking.known:
        raise ArchiveError("archive-content")
    made = _Document(taking, line, pk, place)
    made.note()
    erased = Receipt.objects.filter(document_id=pk)
    if not Document.objects.filter(pk=pk).exists() and not erased.exists():
        made.take()


class _Document:
    def __init__(self, taking: Taking, line: DocumentLine, pk: UUID, place: int) -> None:
        self._taking, self._line, self._place = taking, line, place
        self._archive, self._index = taking.archive, taking.index
        self.document = Document(
            id=pk,
            collection=taking.collection,
            name=line.name,
            path=line.path,
            bytes=line.bytes,
            sha256=line.sha256,
            media_type=line.media_type,
            uploaded_by=taking.user,
            version=line.version,
            language=line.language,
            error_code=line.error_code if line.status == "failed" else "",
        )
        self.document.file.name = original_path(self.document, "")

    @property
    def _comes_whole(self) -> bool:
        """Nothing is left to be done here."""
        if self._line.status == "failed":
            return True
        if self._line.status != "ready":
            return False
        same = self._taking.same_rules and self._taking.same_embedder
        return same or not self._line.passages

    def note(self) -> None:
        line, pk = self._line, self.document.pk
        self._taking.known[line.number] = pk
        if line.container is not None:
            self._taking.inside[pk] = line.container
        if line.status == "ready" and line.visible and self._comes_whole:
            self._taking.visible.append(pk)
        if not self._comes_whole:
            self._taking.again.append(pk)

    def take(self) -> None:
        self._require_names()
        parsed, data = self._extract()
        chunks = self._chunks()
        self._describe(parsed, len(chunks))
        if self._archive.has(member(self._line.number, "original")):
            self._with_original(parsed, data, chunks)
        else:
            self.document.original_removed_at = self._taking.began
            self._write(data, chunks)

    def _require_names(self) -> None:
        line = self._line
        try:
            good = safe_name(line.name) == line.name and upload.folder(line.path) == line.path
        except upload.UploadRefused:
            good = False
        if not good:
            raise ArchiveError("archive-content")

    # --- what was read --------------------------------------------------------------------------

    def _extract(self) -> tuple[ParsedDocument | None, bytes]:
        """As the database keeps it; one that this release cannot read is left out, and read anew."""
        name = member(self._line.number, "extract")
        if not self._archive.has(name):
            return None, b""
        data = self._archive.read(name, MOST_EXTRACT)
        most = min(MOST_EXTRACT, _TEXT_BYTES * extracts.limits().max_chars)
        try:
            opened = zlib.decompressobj()
            plain = opened.decompress(data, most)
            if opened.unconsumed_tail:
                raise ArchiveError("archive-bounds")
            return wire.unpack(plain, extracts.limits()), data
        except (ValueError, zlib.error, ParseError):
            return None, b""

    def _chunks(self) -> list[Chunk]:
        """Passages as the index here has them; none where its rules are others."""
        line = self._line
        if not (line.passages and self._taking.same_rules and line.status == "ready"):
            return []
        name = member(line.number, "passages.jsonl")
        if self._archive.has(name) and self._archive.manifest.members[name].bytes > MOST_PASSAGES:
            raise ArchiveError("archive-bounds")
        found = list(itertools.islice(self._archive.passages(line.number), line.passages + 1))
        if [each.ordinal for each in found] != list(range(len(found))):
            raise ArchiveError("archive-content")
        if len(found) != line.passages:
            raise ArchiveError("archive-content")
        vectors = self._vectors(found)
        return [self._chunk(*each) for each in zip(found, vectors, strict=True)]

    def _vectors(self, found: Sequence[PassageLine]) -> list[bytes | None]:
        if not self._taking.same_embedder:
            return [None] * len(found)
        name = member(self._line.number, "vectors")
        data = self._archive.read(name, MOST_VECTORS) if self._archive.has(name) else b""
        size = 2 * self._archive.manifest.embedder.dimension
        if any(not each.vectors for each in found) or len(data) != size * sum(
            each.vectors for each in found
        ):
            raise ArchiveError("archive-content")
        lengths = np.linalg.norm(from_bytes([data], size // 2), axis=1)
        # NaN is no length, either.
        if not bool(np.all((np.abs(lengths - 1) < LENGTH_OFF) | (lengths == 0))):
            raise ArchiveError("archive-content")
        ends = np.cumsum([0, *(each.vectors * size for each in found)]).tolist()
        return [data[start:end] for start, end in itertools.pairwise(ends)]

    def _chunk(self, line: PassageLine, vector: bytes | None) -> Chunk:
        if any(len(box) != 4 or not all(map(math.isfinite, box)) for box in line.boxes):
            raise ArchiveError("archive-content")
        same = line.model_dump(exclude={"vectors"})
        # Of another installation's vectors nobody knows that they are of these words: they are used
        # here, and never taken over for the same words elsewhere (ingest/vectors.py).
        trusted = vector is None or self._archive.ours
        return Chunk(
            id=keep.chunk_id(self._index, self.document, line.ordinal),
            index=self._index,
            document=self.document,
            vector=vector,
            digest=digest(texts(line.context, line.text)) if trusted else "",
            **same,
        )

    def _describe(self, parsed: ParsedDocument | None, chunks: int) -> None:
        document, line = self.document, self._line
        document.status = (
            Document.Status.FAILED if line.status == "failed" else Document.Status.READY
        )
        document.chunk_count = chunks
        if parsed is not None:
            document.title = keep.title_of(document, parsed)
            document.pages, document.page_labels = parsed.pages, list(parsed.page_labels)
            document.metadata = dict(parsed.metadata)
            document.warnings = notices.stored(parsed.warnings)
        document.dated = _day(line.dated)
        document.reading = {"ocr": line.ocr.model_dump()} if line.ocr else {}
        if chunks:
            # Equals are found in the order of these.
            document.words_at = self._taking.began + timedelta(microseconds=self._place)
        if self._comes_whole and line.status == "ready":
            document.ready_at = self._taking.began

    # --- keeping --------------------------------------------------------------------------------

    def _with_original(
        self, parsed: ParsedDocument | None, data: bytes, chunks: Sequence[Chunk]
    ) -> None:
        """Its kind is what it holds, and a scanner looks at it, as at every upload."""
        document, taking = self.document, self._taking
        name = member(self._line.number, "original")
        with self._archive.open(name) as opened:
            file = File(opened, document.name)
            file.size = self._archive.manifest.members[name].bytes
            with received(file, document.pk) as incoming:
                if (incoming.sha256, incoming.size) != (document.sha256, document.bytes):
                    raise ArchiveError("archive-content")
                upload.require_clean(incoming, document.pk, taking.user, taking.collection)
                document.media_type = self._kind(incoming)
                try:
                    self._write(data, chunks, incoming)
                except BaseException:
                    remove_original(document)
                    raise

    def _kind(self, incoming: upload.Incoming) -> str:
        try:
            return upload.kind_of(incoming, self.document.pk, self.document.name)
        except Problem:
            # One that failed here may be of no kind that is read.
            if self._line.status == "failed":
                return "application/octet-stream"
            raise

    def _write(
        self, data: bytes, chunks: Sequence[Chunk], incoming: upload.Incoming | None = None
    ) -> None:
        """The vector store first: what has a row is whole."""
        document = self.document
        with_vectors = [chunk for chunk in chunks if chunk.vector]
        if with_vectors:
            size = self._archive.manifest.embedder.dimension
            vectors = [from_bytes([bytes(chunk.vector or b"")], size) for chunk in with_vectors]
            store.upsert(document, self._index, [chunk.pk for chunk in with_vectors], vectors)
        with transaction.atomic():
            require_living(document.collection_id)
            document.save(force_insert=True)
            if data:
                Extract.objects.create(document=document, data=data)
            Chunk.objects.bulk_create(chunks, batch_size=500)
            lexical.index(document, chunks)
            if incoming is not None:
                with disk(), key_errors():
                    upload.keep_file(document.id, incoming, Path(document.file.path))


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ArchiveError("archive-content") from error
