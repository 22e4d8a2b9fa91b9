"""The only writer and searcher of vectors: exact for small sets, Chroma for large ones.

Chroma is an index that the database can rebuild. It holds ids, vectors and document ids, no text.
Nothing here reads a collection's `configuration`: the library would build an embedding function
from what the server says. Deleted vectors stay in Chroma's files until the index is rebuilt.
"""

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

import numpy as np
import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from inference.client import get_client
from inference.protocol import Vectors
from ingest import exact
from ingest.access import searchable
from ingest.embed import from_bytes, normalised
from ingest.hits import Hit, living
from ingest.models import Document

if TYPE_CHECKING:
    from chromadb import Where
    from chromadb.api import ClientAPI

__all__ = [
    "Hit",
    "StoreUnavailable",
    "health",
    "indexed",
    "rebuild",
    "remove_collection",
    "remove_document",
    "repair",
    "search",
    "upsert",
]

log = structlog.get_logger(__name__)

#: Vectors of one request; the server refuses more than 5,461.
BATCH = 1_000
#: By how much each component of a vector is moved before it is indexed: see _apart.
HAIR = 1e-3
TIMEOUT_SECONDS = 30.0
PAGE = 500


class StoreUnavailable(Exception):
    """Chroma does not answer. Trying again later helps. `detail` says so to a person."""

    code = "vectors-unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.detail = _("The search index does not answer. Try again in a minute.")


# --- searching ----------------------------------------------------------------------------------


def search(
    vector: Vectors, collection_ids: Iterable[UUID], limit: int, *, embedder: str = ""
) -> list[Hit]:
    """The nearest chunks of findable documents in these collections, by cosine, best first.

    A document counts from when its last vector is there; in collections that Chroma searches, its
    first vectors may count before.

    `vector` has shape (dimensions,); `embedder` made it (default: the one that is loaded). Raises
    StoreUnavailable only where more than EXACT_SEARCH_CHUNKS chunks are searched and Chroma is
    away.
    """
    query = normalised(np.asarray(vector, np.float32).reshape(-1))
    embedder = embedder or get_client().embedder()
    stamps = exact.stamps(collection_ids)
    small = _small(stamps)
    hits: list[Hit] = []
    for collection, stamp in stamps.items():
        if collection in small:
            hits += exact.search(query, collection, embedder, stamp, limit)
        else:
            hits += _approximate(query, collection, embedder, limit)
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


def _approximate(vector: Vectors, collection: UUID, embedder: str, limit: int) -> list[Hit]:
    """Over-fetch, then keep what the database still has: the index may lag behind an erasure."""
    for wanted in (limit + 20, 8 * limit + 200):
        found = _query(_name(collection, embedder), vector, wanted)
        alive = living(found)
        if len(alive) >= limit or len(found) < wanted:
            break
    return alive[:limit]


def indexed(
    vector: Vectors,
    collection_id: UUID,
    embedder: str,
    limit: int,
    *,
    document: UUID | None = None,
) -> list[Hit]:
    """What Chroma's index itself holds next to `vector`, hidden and dead chunks included; of one
    `document` alone, where it is given.

    For the check of what was written (ingest/probe.py); never to be shown. Raises StoreUnavailable.
    """
    where: Where | None = {"document": document.hex} if document else None
    return _query(_name(collection_id, embedder), normalised(vector), limit, where)


def _query(name: str, vector: Vectors, limit: int, where: "Where | None" = None) -> list[Hit]:
    from chromadb.errors import NotFoundError

    with _chroma() as client:
        try:
            index = client.get_collection(name, embedding_function=None)
        except NotFoundError:
            log.warning("vectors.index.missing", index=name)
            return []
        answer = index.query(
            query_embeddings=[vector], n_results=limit, where=where, include=["distances"]
        )
    ids, distances = answer["ids"][0], (answer["distances"] or [[]])[0]
    return [Hit(UUID(pk), 1.0 - distance) for pk, distance in zip(ids, distances, strict=True)]


# --- writing ------------------------------------------------------------------------------------


def upsert(document: Document, ids: Sequence[UUID], vectors: Vectors, embedder: str) -> None:
    """Write the vectors of one document, shape (len(ids), dimensions). The same ids again: the same."""
    _upsert(_name(document.collection_id, embedder), document.id, ids, vectors)


def _upsert(name: str, document: UUID, ids: Sequence[UUID], vectors: Vectors) -> None:
    with _chroma() as client:
        index = client.get_or_create_collection(
            name, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )
        for start in range(0, len(ids), BATCH):
            part = ids[start : start + BATCH]
            index.upsert(
                ids=[str(pk) for pk in part],
                embeddings=_apart(part, vectors[start : start + BATCH]),
                metadatas=[{"document": document.hex}] * len(part),
            )


def _apart(ids: Sequence[UUID], vectors: Vectors) -> Vectors:
    """The vectors, each moved by a hair that follows from its id; cosines change by about 2e-4.

    HNSW links each point to its nearest ones: 40 equal vectors (one sentence in 40 files) link to each
    other alone, and what comes later is no longer reached: of 100 points after 40 equal ones 49 were
    not found, of 100 after 300 none; with the hair 0 and 1. The database keeps them as they are.
    """
    noise = [
        np.random.default_rng(pk.int).standard_normal(vectors.shape[1], np.float32) for pk in ids
    ]
    return (vectors + HAIR * np.stack(noise)).astype(np.float32)


def remove_document(collection_id: UUID, document_id: UUID) -> None:
    """Take a document's vectors out of every index of its collection."""
    with _chroma() as client:
        for name in _names(client, collection_id):
            index = client.get_collection(name, embedding_function=None)
            index.delete(where={"document": document_id.hex})


def remove_collection(collection_id: UUID) -> None:
    with _chroma() as client:
        for name in _names(client, collection_id):
            client.delete_collection(name)


def rebuild(collection_id: UUID) -> int:
    """Make a collection's indexes anew from the database. Returns how many vectors were written."""
    remove_collection(collection_id)
    return _refill(collection_id)


def repair() -> list[UUID]:
    """Fill the indexes that hold fewer vectors than the database. Returns their collections."""
    wanted = exact.stamps(
        Document.objects.filter(searchable(), ready_at__isnull=False)
        .order_by()
        .values_list("collection_id", flat=True)
        .distinct()
    )
    short = [pk for pk, stamp in wanted.items() if _count(pk) < stamp.chunks]
    for collection in short:
        log.warning("vectors.index.filled", collection=str(collection), vectors=_refill(collection))
    return short


def _refill(collection_id: UUID) -> int:
    """Write all vectors that the rows hold, of documents that are not complete yet, too: their
    workers go on after those. Nothing is removed: a worker may be writing as well.
    """
    found = _kept().filter(collection_id=collection_id)
    return sum(_refill_document(document) for document in found.iterator())


def _kept() -> QuerySet[Document]:
    return Document.objects.exclude(status=Document.Status.ERASING)


def _refill_document(document: Document) -> int:
    written = 0
    for embedder in _embedders(document):
        chunks = document.chunks.filter(embedder=embedder, vector__isnull=False)
        rows = list(chunks.values_list("id", "vector"))
        if not rows:
            continue
        vectors = from_bytes([bytes(vector or b"") for _, vector in rows])
        upsert(document, [pk for pk, _ in rows], vectors, embedder)
        written += len(rows)
    if not _kept().filter(pk=document.pk).exists():
        # Erased meanwhile: what was just written must not stay.
        remove_document(document.collection_id, document.pk)
    return written


def health() -> dict[str, object]:
    """Raises StoreUnavailable when Chroma does not answer."""
    with _chroma() as client:
        client.heartbeat()
        return {"url": settings.CHROMA_URL, "indexes": client.count_collections()}


# --- Chroma -------------------------------------------------------------------------------------


def _name(collection_id: UUID, embedder: str) -> str:
    return f"{collection_id.hex}-{re.sub(r'[^a-z0-9]+', '-', embedder.lower()).strip('-')}"


def _names(client: "ClientAPI", collection_id: UUID) -> list[str]:
    prefix = f"{collection_id.hex}-"
    names: list[str] = []
    for offset in range(0, client.count_collections(), PAGE):
        names += [index.name for index in client.list_collections(limit=PAGE, offset=offset)]
    return [name for name in names if name.startswith(prefix)]


def _embedders(document: Document) -> list[str]:
    values = document.chunks.order_by().values_list("embedder", flat=True).distinct()
    return [name for name in values if name]


def _count(collection_id: UUID) -> int:
    with _chroma() as client:
        return sum(
            client.get_collection(name, embedding_function=None).count()
            for name in _names(client, collection_id)
        )


@contextmanager
def _chroma() -> "Iterator[ClientAPI]":
    try:
        yield _client(settings.CHROMA_URL)
    except StoreUnavailable:
        raise
    except Exception as error:  # the library lets whatever its HTTP client raises through
        log.warning("vectors.unavailable", error=type(error).__name__)
        raise StoreUnavailable(type(error).__name__) from error


@lru_cache(maxsize=4)
def _client(url: str) -> "ClientAPI":
    # Here, for it takes a second of every command that never asks for vectors.
    import chromadb
    from chromadb.config import Settings

    parts = urlsplit(url)
    client = chromadb.HttpClient(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 8000,
        ssl=parts.scheme == "https",
        # By argument, for it would take each of them from the environment and from a file `.env`.
        settings=Settings(
            _env_file=None, anonymized_telemetry=False, chroma_otel_collection_endpoint=""
        ),
    )
    # The library waits for ever by default, and a worker would hang with its server.
    client._server._session.timeout = TIMEOUT_SECONDS
    return client
