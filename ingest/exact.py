"""Exact search by numpy over the vectors in the database, for sets that fit in memory.

A matrix is kept per collection and index for as long as their stamp stays the same, so that a question
does not read thousands of rows again.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db.models import Count, Max, QuerySet, Sum

from inference.protocol import Vectors
from ingest.access import searchable
from ingest.embed import from_bytes
from ingest.hits import Hit
from ingest.models import Chunk, Document, Index, IndexedDocument

#: Vectors that are kept for each passage up to which a search is exact: of four collections as large, with
#: four vectors a passage.
MOST_VECTORS = 16

Numbers = npt.NDArray[np.int64]
#: Chunk, document, and vectors as the database keeps them.
Row = tuple[UUID, UUID, bytes | memoryview | None]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Changes whenever a collection gains, loses or replaces a document with all its vectors.

    One whose vectors are still being made does not count: each batch would load the matrix anew.
    """

    documents: int
    chunks: int
    versions: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Matrix:
    """Vectors of chunks: those of `ids[i]` are the rows from `starts[i]` on, the whole passage first.

    `owners[i]` is the number of its document in `documents`.
    """

    ids: list[UUID]
    rows: Vectors
    starts: Numbers
    owners: Numbers
    documents: dict[UUID, int]


class Matrices:
    """The matrices of this process, the least used dropped first. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[UUID, UUID], tuple[Stamp, Matrix]] = OrderedDict()

    def get(self, collection: UUID, index: Index, dimension: int, stamp: Stamp) -> Matrix:
        key = (collection, index.pk)
        with self._lock:
            kept = self._kept.get(key)
            if kept and kept[0] == stamp:
                self._kept.move_to_end(key)
                return kept[1]
        found = load(collection, index, dimension)
        with self._lock:
            self._kept[key] = (stamp, found)
            self._kept.move_to_end(key)
            self._shrink()
        return found

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def forget(self, collections: frozenset[UUID]) -> None:
        """Let go of those of some collections."""
        with self._lock:
            for key in [key for key in self._kept if key[0] in collections]:
                del self._kept[key]

    def _shrink(self) -> None:
        """By vectors, which are what takes memory: a passage has several."""
        most = MOST_VECTORS * max(settings.EXACT_SEARCH_CHUNKS, 1)
        while len(self._kept) > 1 and sum(len(m.rows) for _, m in self._kept.values()) > most:
            self._kept.popitem(last=False)


matrices = Matrices()


def stamps(collection_ids: Iterable[UUID], index: Index) -> dict[UUID, Stamp]:
    """The stamp of each collection that has something to search in `index`, in one query."""
    found: QuerySet[Any]
    if index.state == Index.State.ACTIVE:
        found, to, last = Document.objects.filter(ready_at__isnull=False), "", "ready_at"
    else:
        found, to, last = IndexedDocument.objects.filter(index=index), "document__", "made_at"
    collection = f"{to}collection"
    rows = (
        found.filter(
            searchable(to),
            **{f"{collection}__in": list(collection_ids), f"{collection}__erasing": False},
        )
        .order_by()
        .values_list(collection)
        .annotate(Count("id"), Sum("chunk_count"), Sum(f"{to}version"), Max(last))
    )
    return {pk: Stamp(*numbers) for pk, *numbers in rows if numbers[1]}


def load(collection: UUID, index: Index, dimension: int) -> Matrix:
    """The vectors of one collection's documents in `index`: of those that have all of theirs."""
    rows = Chunk.objects.filter(
        searchable("document__"),
        document__collection_id=collection,
        document__ready_at__isnull=False,
        index=index,
        vector__isnull=False,
    ).values_list("id", "document_id", "vector")
    return matrix(rows.order_by().iterator(chunk_size=2_000), dimension)


def matrix(rows: Iterable[Row], dimension: int) -> Matrix:
    """Rows of another length are left out."""
    ids: list[UUID] = []
    blobs: list[bytes] = []
    owners: list[int] = []
    documents: dict[UUID, int] = {}
    for pk, document, vectors in rows:
        blob = bytes(vectors or b"")
        if blob and len(blob) % (2 * dimension) == 0:
            ids.append(pk)
            blobs.append(blob)
            owners.append(documents.setdefault(document, len(documents)))
    counts = np.array([len(blob) // (2 * dimension) for blob in blobs], np.int64)
    starts = np.cumsum(counts) - counts
    return Matrix(ids, from_bytes(blobs, dimension), starts, np.array(owners, np.int64), documents)


def nearest(
    among: Matrix, vector: Vectors, limit: int, documents: Collection[UUID] | None = None
) -> list[Hit]:
    """The `limit` chunks with the nearest vectors by cosine, best first; of `documents` alone."""
    if not among.ids:
        return []
    scores = among.rows @ vector
    best = np.maximum.reduceat(scores, among.starts)
    room = len(best)
    if documents is not None:
        wanted = [among.documents[pk] for pk in documents if pk in among.documents]
        allowed = np.isin(among.owners, wanted)
        best, room = np.where(allowed, best, -np.inf), int(allowed.sum())
    if (count := min(limit, room)) < 1:
        return []
    found = np.argpartition(-best, count - 1)[:count]
    found = found[np.argsort(-best[found], kind="stable")]
    ends = np.append(among.starts[1:], len(scores))
    return [
        Hit(
            among.ids[i],
            float(best[i]),
            int(np.argmax(scores[among.starts[i] : ends[i]])),
            float(scores[among.starts[i]]),
        )
        for i in found
    ]


def search(
    vector: Vectors,
    collection: UUID,
    index: Index,
    stamp: Stamp,
    limit: int,
    documents: Collection[UUID] | None = None,
) -> list[Hit]:
    """The `limit` nearest chunks of one collection by cosine, best first."""
    dimension = vector.shape[0]
    if index.dimension not in (0, dimension):
        return []
    among = matrices.get(collection, index, dimension, stamp)
    return nearest(among, vector, limit, documents)
