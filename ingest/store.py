"""The only writer and searcher of vectors: exact for small sets, Chroma for large ones.

Chroma is an index that the database can rebuild. It holds ids, vectors and document ids, no text:
one of its collections for each collection of documents and index.
"""

import heapq
from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
import structlog
from django.conf import settings

from inference.protocol import Vectors
from ingest import chroma, exact
from ingest.chroma import StoreUnavailable
from ingest.embed import from_bytes, normalised, to_bytes
from ingest.hits import Hit, living
from ingest.models import Chunk, Document, Index

__all__ = [
    "Hit",
    "StoreUnavailable",
    "health",
    "indexed",
    "remove_collection",
    "remove_document",
    "remove_index",
    "search",
    "upsert",
]

log = structlog.get_logger(__name__)

#: Documents that Chroma is given to choose from; of more, what it finds is chosen from here.
MOST_NAMED = 300


# --- searching ----------------------------------------------------------------------------------


def search(
    vector: Vectors,
    collection_ids: Iterable[UUID],
    limit: int,
    *,
    index: Index,
    documents: frozenset[UUID] | None = None,
) -> list[Hit]:
    """The nearest chunks of findable documents in these collections, by cosine, best first.

    A document counts from when its last vector is there; in collections that Chroma searches, its
    first vectors may count before. `documents`: of these alone.

    `vector` has shape (dimensions,); the index's embedder made it. Raises StoreUnavailable only where
    more than EXACT_SEARCH_CHUNKS chunks are searched and Chroma is away.
    """
    if documents is not None and not documents:
        return []
    query = normalised(np.asarray(vector, np.float32).reshape(-1))
    stamps = exact.stamps(collection_ids, index)
    small = _small(stamps)
    hits: list[Hit] = []
    for collection, stamp in stamps.items():
        if collection in small:
            hits += exact.search(query, collection, index, stamp, limit, documents)
        else:
            hits += _approximate(query, collection, index, limit, documents)
    return heapq.nlargest(limit, hits, key=lambda hit: hit.score)


def _small(stamps: dict[UUID, exact.Stamp]) -> set[UUID]:
    """As many collections as together stay within the bound of exact search, smallest first."""
    room = settings.EXACT_SEARCH_CHUNKS
    chosen = set()
    for collection, stamp in sorted(stamps.items(), key=lambda item: item[1].chunks):
        room -= stamp.chunks
        if room < 0:
            break
        chosen.add(collection)
    return chosen


def _approximate(
    vector: Vectors,
    collection: UUID,
    index: Index,
    limit: int,
    documents: frozenset[UUID] | None,
) -> list[Hit]:
    """Over-fetch, then keep what the database still has: the index may lag behind an erasure, and a
    chunk is found once for each of its vectors. What is left is scored anew by its rows' vectors."""
    name = chroma.name_of(collection, index.pk)
    named = None if documents is None or len(documents) > MOST_NAMED else sorted(documents)
    for wanted in (3 * limit + 20, 10 * limit + 200, 40 * limit + 1_000):
        found = chroma.query(name, vector, wanted, named)
        alive = living(_grouped(found), documents)
        if len(alive) >= limit or len(found) < wanted:
            break
    else:
        if named is None and documents is not None:
            alive = _in_parts(name, vector, _those_of(collection, documents), limit)
    ids = [hit.chunk for hit in alive[: limit + 20]]
    rows = Chunk.objects.filter(id__in=ids).values_list("id", "document_id", "vector")
    return exact.nearest(exact.matrix(rows, vector.shape[0]), vector, limit)


def _in_parts(name: str, vector: Vectors, documents: Sequence[UUID], limit: int) -> list[Hit]:
    """Among many documents of which few are near: so many at a time as one query can name."""
    found: list[Hit] = []
    for start in range(0, len(documents), MOST_NAMED):
        part = documents[start : start + MOST_NAMED]
        hits = chroma.query(name, vector, 3 * limit + 20, part)
        found = heapq.nlargest(limit + 20, found + living(_grouped(hits), frozenset(part)), _score)
    return found


def _score(hit: Hit) -> float:
    return hit.score


def _those_of(collection: UUID, documents: frozenset[UUID]) -> list[UUID]:
    there = Document.objects.filter(collection=collection).order_by().values_list("pk", flat=True)
    return sorted(documents.intersection(there.iterator(chunk_size=2_000)))


def _grouped(hits: Iterable[Hit]) -> list[Hit]:
    """Of each chunk the nearest vector, in the order of the hits."""
    best: dict[UUID, Hit] = {}
    for hit in hits:
        best.setdefault(hit.chunk, hit)
    return list(best.values())


def indexed(
    vector: Vectors,
    collection_id: UUID,
    index: Index,
    limit: int,
    *,
    document: UUID | None = None,
) -> list[Hit]:
    """What Chroma's index itself holds next to `vector`, hidden and dead chunks included; of one
    `document` alone, where it is given.

    For the check of what was written (ingest/probe.py); never to be shown. Raises StoreUnavailable.
    """
    name, only = chroma.name_of(collection_id, index.pk), [document] if document else None
    for wanted in (limit, 4 * limit, 16 * limit):
        found = chroma.query(name, normalised(vector), wanted, only)
        hits = _grouped(found)
        if len(hits) >= limit or len(found) < wanted:
            break
    return hits[:limit]


# --- writing ------------------------------------------------------------------------------------


def upsert(
    document: Document, index: Index, ids: Sequence[UUID], vectors: Sequence[Vectors]
) -> None:
    """Write the vectors of chunks of one document: for each of `ids` shape (1 + pieces, dimensions).

    The same ids again: the same, to the bit, as the rows have them: what is made anew from those is what
    was there, and its bytes can be looked for.
    """
    kept = [_as_kept(each) for each in vectors]
    chroma.upsert(chroma.name_of(document.collection_id, index.pk), document.id, ids, kept)


def _as_kept(vectors: Vectors) -> Vectors:
    return from_bytes([to_bytes(vectors)], vectors.shape[1])


def remove_document(collection_id: UUID, document_id: UUID) -> None:
    """Take a document's vectors out of every index of its collection."""
    for name in chroma.names(starts=f"{collection_id.hex}-"):
        chroma.remove_document(name, document_id)


def remove_collection(collection_id: UUID) -> None:
    chroma.remove(chroma.names(starts=f"{collection_id.hex}-"))


def remove_index(index_id: UUID) -> None:
    """Take all vectors of an index away."""
    ours = f"-{index_id.hex}"
    chroma.remove([name for name in chroma.names() if chroma.base_of(name).endswith(ours)])


def health() -> dict[str, object]:
    """Raises StoreUnavailable when Chroma does not answer."""
    with chroma.client() as client:
        client.heartbeat()
        return {"url": settings.CHROMA_URL, "indexes": client.count_collections()}
