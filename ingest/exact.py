"""Exact search by numpy over the vectors in the database, for sets that fit in memory.

A matrix is kept per collection and embedder for as long as the collection's stamp stays the same,
so that a question does not read thousands of rows again.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db.models import Count, Max, Sum

from inference.protocol import Vectors
from ingest.access import searchable
from ingest.embed import from_bytes
from ingest.hits import Hit
from ingest.models import Chunk, Document


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
    ids: list[UUID]
    rows: Vectors


class Matrices:
    """The matrices of this process, the least used dropped first. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[UUID, str], tuple[Stamp, Matrix]] = OrderedDict()

    def get(self, collection: UUID, embedder: str, stamp: Stamp) -> Matrix:
        key = (collection, embedder)
        with self._lock:
            kept = self._kept.get(key)
            if kept and kept[0] == stamp:
                self._kept.move_to_end(key)
                return kept[1]
        matrix = load(collection, embedder)
        with self._lock:
            self._kept[key] = (stamp, matrix)
            self._kept.move_to_end(key)
            self._shrink()
        return matrix

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def _shrink(self) -> None:
        most = 4 * max(settings.EXACT_SEARCH_CHUNKS, 1)
        while len(self._kept) > 1 and sum(len(m.ids) for _, m in self._kept.values()) > most:
            self._kept.popitem(last=False)


matrices = Matrices()


def stamps(collection_ids: Iterable[UUID]) -> dict[UUID, Stamp]:
    """The stamp of each collection that has something to search, in one query."""
    rows = (
        Document.objects.filter(
            searchable(),
            collection_id__in=list(collection_ids),
            collection__erasing=False,
            ready_at__isnull=False,
        )
        .order_by()
        .values("collection_id")
        .annotate(
            count=Count("id"),
            pieces=Sum("chunk_count"),
            versions=Sum("version"),
            last=Max("ready_at"),
        )
    )
    return {
        row["collection_id"]: Stamp(row["count"], row["pieces"], row["versions"], row["last"])
        for row in rows
        if row["pieces"]
    }


def load(collection: UUID, embedder: str) -> Matrix:
    """The vectors that `embedder` made of one collection's documents: those that have all of theirs."""
    rows = Chunk.objects.filter(
        searchable("document__"),
        document__collection_id=collection,
        document__ready_at__isnull=False,
        embedder=embedder,
        vector__isnull=False,
    ).values_list("id", "vector")
    ids: list[UUID] = []
    blobs: list[bytes] = []
    for pk, vector in rows.order_by().iterator(chunk_size=2_000):
        ids.append(pk)
        blobs.append(bytes(vector or b""))
    if not ids:
        return Matrix([], np.zeros((0, 0), np.float32))
    return Matrix(ids, from_bytes(blobs))


def search(vector: Vectors, collection: UUID, embedder: str, stamp: Stamp, limit: int) -> list[Hit]:
    """The `limit` nearest chunks of one collection by cosine, best first."""
    matrix = matrices.get(collection, embedder, stamp)
    if not matrix.ids or matrix.rows.shape[1] != vector.shape[0]:
        return []
    scores = matrix.rows @ vector
    count = min(limit, len(scores))
    best = np.argpartition(-scores, count - 1)[:count]
    best = best[np.argsort(-scores[best])]
    return [Hit(matrix.ids[i], float(scores[i])) for i in best]
