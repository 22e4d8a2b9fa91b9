"""Documents in bulk into the product's own tables and indexes, without uploads and workers.

The rows, words and vectors are made and written by the functions that workers call (chunking, terms,
float16, Chroma); what is left out are files, leases, stages, probes and the record. A document is there
with all its passages or not at all, and the same one again is the same: a run can go on where it ended.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from bench.vectors import Vectors

if TYPE_CHECKING:
    from ingest.models import Chunk, Collection, Document, Index

#: Documents of one transaction.
DOCUMENTS = 64
#: Requests to Chroma at once: workers send theirs side by side, too.
THREADS = 2


@dataclass(frozen=True, slots=True)
class Source:
    """A text to be written as a document called `name`, which is unique in its collection."""

    name: str
    title: str
    text: str


@dataclass
class Spent:
    """Seconds by stage, by the clock and of this process."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall[name] = self.wall.get(name, 0.0) + time.perf_counter() - wall
        self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu


#: For each of some passages: the vector of the whole of it, then those of its pieces, shape (n, dimensions).
VectorsOf = Callable[[Sequence["Chunk"]], list[Vectors]]


class Filler:
    """Writes documents into one collection and the index in use."""

    def __init__(self, user: Any, name: str, vectors_of: VectorsOf) -> None:
        from ingest.indexes import active

        self.collection = collection(user, name)
        self.index: Index = active()
        self.spent = Spent()
        self.chunks = self.vectors = 0
        self._vectors_of = vectors_of

    def document_id(self, name: str) -> UUID:
        return uuid5(self.collection.pk, name)

    def write(self, sources: Iterable[Source]) -> Iterator[int]:
        """Write what is not there yet; yields after each transaction how many passages it had."""
        waiting = iter(sources)
        while batch := list(islice(waiting, DOCUMENTS)):
            missing = self._missing(batch)
            if missing:
                yield self._write(missing)

    def _missing(self, batch: Sequence[Source]) -> list[Source]:
        from ingest.models import Document

        ids = {self.document_id(source.name): source for source in batch}
        there = set(Document.objects.filter(pk__in=ids).values_list("pk", flat=True))
        return [source for pk, source in ids.items() if pk not in there]

    def _write(self, batch: Sequence[Source]) -> int:
        with self.spent.stage("chunking"):
            made = [self._made(source) for source in batch]
        with self.spent.stage("making vectors"):
            vectors = [self._with_vectors(chunks) for _, chunks in made]
        self._measure(vectors)
        with ThreadPoolExecutor(THREADS) as pool:
            sent = [
                pool.submit(self._upsert, document, chunks, found)
                for (document, chunks), found in zip(made, vectors, strict=True)
            ]
            self._save(made, sent)
        count = sum(len(chunks) for _, chunks in made)
        self.chunks += count
        self.vectors += sum(len(rows) for found in vectors for rows in found)
        return count

    def _made(self, source: Source) -> tuple["Document", list["Chunk"]]:
        from ingest import keep
        from ingest.chunk import chunk_document
        from ingest.parsers.base import Limits
        from ingest.parsers.text import parse_text

        parsed = parse_text(source.text, Limits())
        drafts = chunk_document(parsed, title=source.title)
        document = self._document(source, parsed.text, len(drafts))
        return document, keep.rows(self.index, document, parsed, drafts)

    def _document(self, source: Source, text: str, chunks: int) -> "Document":
        from django.utils import timezone

        from inference.language import detect_language
        from ingest.models import Document

        now = timezone.now()
        return Document(
            id=self.document_id(source.name),
            collection=self.collection,
            name=source.name,
            title=source.title[:500],
            bytes=len(source.text.encode()),
            sha256=hashlib.sha256(f"{source.name}\0{source.text}".encode()).hexdigest(),
            media_type="text/plain",
            status=Document.Status.READY,
            progress=1,
            visible=chunks > 0,
            language=detect_language(text[:20_000]),
            dated=now.date(),
            chunk_count=chunks,
            words_at=now,
            ready_at=now,
        )

    def _measure(self, vectors: Sequence[list[Vectors]]) -> None:
        """The index keeps how long its vectors are (ingest/indexes.py)."""
        from ingest import indexes

        for found in vectors:
            if found and not indexes.measured(self.index, found[0].shape[1]):
                raise SystemExit("The index has vectors of another length: take another folder.")

    def _with_vectors(self, chunks: Sequence["Chunk"]) -> list[Vectors]:
        from ingest.embed import to_bytes

        found = self._vectors_of(chunks)
        for chunk, rows in zip(chunks, found, strict=True):
            chunk.vector = to_bytes(rows)
        return found

    def _upsert(
        self, document: "Document", chunks: Sequence["Chunk"], found: list[Vectors]
    ) -> None:
        from ingest import store

        if chunks:
            store.upsert(document, self.index, [chunk.pk for chunk in chunks], found)

    def _save(
        self, made: Sequence[tuple["Document", list["Chunk"]]], sent: Sequence[Future[None]]
    ) -> None:
        """Rows and words while Chroma takes the vectors; nothing is there before all of it is."""
        from django.db import transaction

        from ingest import lexical
        from ingest.models import Chunk, Document

        with transaction.atomic():
            with self.spent.stage("rows"):
                Document.objects.bulk_create(document for document, _ in made)
                Chunk.objects.bulk_create(chunk for _, chunks in made for chunk in chunks)
            with self.spent.stage("words"):
                for document, chunks in made:
                    lexical.index(document, chunks)
            with self.spent.stage("waiting for chroma"):
                for each in sent:
                    each.result()


def collection(user: Any, name: str) -> "Collection":
    """The collection of that name, made where it is not there."""
    from ingest.collections import create_collection
    from ingest.models import Collection

    return Collection.objects.filter(name=name).first() or create_collection(user, name=name)
