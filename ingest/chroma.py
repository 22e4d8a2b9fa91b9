"""Chroma's HTTP client, its collections by name, and vectors by the number of their piece.

Nothing here reads a collection's `configuration`: the library would build an embedding function
from what the server says. Deleted vectors stay in Chroma's files until the collection is made anew.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

import numpy as np
import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from inference.protocol import Vectors
from ingest.hits import Hit

if TYPE_CHECKING:
    from chromadb import Collection, QueryResult, Where
    from chromadb.api import ClientAPI

log = structlog.get_logger(__name__)

#: Vectors of one request; the server refuses more than 5,461.
BATCH = 1_000
#: By how much each component of a vector is moved before it is indexed: see _apart.
HAIR = 1e-3
TIMEOUT_SECONDS = 30.0
PAGE = 500
#: What is built beside a collection, and what is about to go.
NEW, OLD = ".new", ".old"
SWAP_TRIES, SWAP_SECONDS = 3, 0.05


class StoreUnavailable(Exception):
    """Chroma does not answer. Trying again later helps. `detail` says so to a person."""

    code = "vectors-unavailable"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.detail = _("The search index does not answer. Try again in a minute.")


def name_of(collection_id: UUID, index_id: UUID) -> str:
    return f"{collection_id.hex}-{index_id.hex}"


def names(*, starts: str = "", ends: str = "") -> list[str]:
    """The collections of Chroma with such names."""
    found: list[str] = []
    with client() as chroma:
        for offset in range(0, chroma.count_collections(), PAGE):
            listed = chroma.list_collections(limit=PAGE, offset=offset)
            found += [collection.name for collection in listed]
    return [name for name in found if name.startswith(starts) and name.endswith(ends)]


def query(
    name: str, vector: Vectors, limit: int, documents: Iterable[UUID] | None = None
) -> list[Hit]:
    """The `limit` nearest vectors, of these documents alone; a chunk comes once for each of its own."""
    from chromadb.errors import NotFoundError

    with client() as chroma:
        try:
            answer = _asked(chroma, name, vector, limit, documents)
        except NotFoundError:
            log.warning("vectors.index.missing", index=name)
            return []
    ids, distances = answer["ids"][0], (answer["distances"] or [[]])[0]
    return [_hit(key, 1.0 - distance) for key, distance in zip(ids, distances, strict=True)]


def ids(name: str) -> Iterator[list[str]]:
    """All keys of a collection of Chroma, a page at a time: chunks, and their pieces."""
    with client() as chroma:
        collection = chroma.get_collection(name, embedding_function=None)
        for offset in range(0, collection.count(), BATCH):
            yield collection.get(limit=BATCH, offset=offset, include=[])["ids"]


def make(name: str) -> None:
    """An empty collection, where there is none."""
    with client() as chroma:
        _made(chroma, name)


def _made(chroma: "ClientAPI", name: str) -> "Collection":
    return chroma.get_or_create_collection(
        name, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
    )


def remove_keys(name: str, keys: Sequence[str]) -> None:
    with client() as chroma:
        collection = chroma.get_collection(name, embedding_function=None)
        for start in range(0, len(keys), BATCH):
            collection.delete(ids=list(keys[start : start + BATCH]))


def swap(name: str) -> None:
    """Put what was built as `name` + NEW in the place of `name`, which goes. Whoever asks in between is
    asked to wait a moment: see _found. Ended in the middle, mend() finishes it."""
    with client() as chroma:
        old = chroma.get_collection(name, embedding_function=None)
        new = chroma.get_collection(name + NEW, embedding_function=None)
        old.modify(name=name + OLD)
        _take_name(chroma, new, name)
        chroma.delete_collection(name + OLD)


def _take_name(chroma: "ClientAPI", new: "Collection", name: str) -> None:
    """A worker that writes just then makes a collection of that name, with a few vectors: it gives way.
    What it wrote follows from its rows (ingest/refill.py)."""
    from chromadb.errors import ChromaError

    for _try in range(SWAP_TRIES):
        try:
            new.modify(name=name)
            return
        except ChromaError:
            if chroma.get_collection(name, embedding_function=None).id == new.id:
                return
            chroma.delete_collection(name)
    new.modify(name=name)


def mend() -> None:
    """After a rebuild that was killed: one collection of each name, the complete one."""
    every = set(names())
    with client() as chroma:
        for name in sorted(every):
            if name.endswith(OLD) and (base := name.removesuffix(OLD)) not in every:
                chroma.get_collection(name, embedding_function=None).modify(name=base)
    remove([name for name in names() if name.endswith((OLD, NEW))])


def base_of(name: str) -> str:
    return name.removesuffix(NEW).removesuffix(OLD)


def _found(chroma: "ClientAPI", name: str) -> "Collection":
    """The collection; where it is not there, a moment later: another may take its place just now."""
    from chromadb.errors import NotFoundError

    for _try in range(SWAP_TRIES):
        try:
            return chroma.get_collection(name, embedding_function=None)
        except NotFoundError:
            time.sleep(SWAP_SECONDS)
    return chroma.get_collection(name, embedding_function=None)


def _asked(
    chroma: "ClientAPI",
    name: str,
    vector: Vectors,
    limit: int,
    documents: Iterable[UUID] | None,
) -> "QueryResult":
    """Asked again where another took the place of the collection between the name and the question. Of one
    that is just going Chroma says that it is not found, or that parts of it are missing."""
    from chromadb.errors import ChromaError

    wanted: dict[str, Any] = {
        "query_embeddings": [vector],
        "n_results": limit,
        "where": _where(documents),
        "include": ["distances"],
    }
    try:
        return _found(chroma, name).query(**wanted)
    except ChromaError:
        return _found(chroma, name).query(**wanted)


def _where(documents: Iterable[UUID] | None) -> "Where | None":
    return None if documents is None else {"document": {"$in": [pk.hex for pk in documents]}}


def _hit(key: str, score: float) -> Hit:
    chunk, _slash, piece = key.partition("/")
    return Hit(UUID(chunk), score, int(piece or 0))


def upsert(name: str, document: UUID, ids: Sequence[UUID], vectors: Sequence[Vectors]) -> None:
    """Write the vectors of some chunks of one document: rows for each, the whole passage first."""
    keys = [
        f"{pk.hex}/{number}" if number else pk.hex
        for pk, rows in zip(ids, vectors, strict=True)
        for number in range(len(rows))
    ]
    if not keys:
        return
    rows = np.concatenate([_apart(pk, each) for pk, each in zip(ids, vectors, strict=True)])
    with client() as chroma:
        collection = _made(chroma, name)
        for start in range(0, len(keys), BATCH):
            part = keys[start : start + BATCH]
            collection.upsert(
                ids=part,
                embeddings=rows[start : start + BATCH],
                metadatas=[{"document": document.hex}] * len(part),
            )


def _apart(chunk: UUID, vectors: Vectors) -> Vectors:
    """The vectors, each moved by a hair that follows from its id; cosines change by about 2e-4.

    HNSW links each point to its nearest ones: 40 equal vectors (one sentence in 40 files) link to each
    other alone, and what comes later is no longer reached: of 100 points after 40 equal ones 49 were
    not found, of 100 after 300 none; with the hair 0 and 1. The database keeps them as they are.
    """
    noise = np.random.default_rng(chunk.int).standard_normal(vectors.shape, np.float32)
    moved: Vectors = (vectors + HAIR * noise).astype(np.float32)
    return moved


def stored_forms(chunk: UUID, vectors: Vectors) -> list[Vectors]:
    """The first of a chunk's vectors as it lies in Chroma's files: as it was given, in its log, and of
    length 1, in its index. Chroma divides as written here, so that each bit is the same."""
    given = _apart(chunk, vectors)[0]
    squares = np.multiply(given, given, dtype=np.float32)
    # One after the other: a sum by pairs ends in another last bit.
    length = np.sqrt(np.add.accumulate(squares, dtype=np.float32)[-1])
    index: Vectors = (given * (np.float32(1) / length)).astype(np.float32)
    return [given, index]


def remove_document(name: str, document: UUID) -> None:
    """What another process swapped or removed meanwhile is no error."""
    from chromadb.errors import NotFoundError

    with client() as chroma:
        try:
            _found(chroma, name).delete(where={"document": document.hex})
        except NotFoundError:
            return


def remove(found: Sequence[str]) -> None:
    """Delete collections of Chroma; those that are gone meanwhile are no error."""
    from chromadb.errors import NotFoundError

    with client() as chroma:
        for name in found:
            try:
                chroma.delete_collection(name)
            except NotFoundError:
                continue


def count(name: str) -> int:
    """How many vectors; 0 where there is no such collection."""
    from chromadb.errors import NotFoundError

    with client() as chroma:
        try:
            return int(chroma.get_collection(name, embedding_function=None).count())
        except NotFoundError:
            return 0


@contextmanager
def client() -> "Iterator[ClientAPI]":
    """Whatever goes wrong is StoreUnavailable."""
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
    made = chromadb.HttpClient(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 8000,
        ssl=parts.scheme == "https",
        # By argument, for it would take each of them from the environment and from a file `.env`.
        settings=Settings(
            _env_file=None, anonymized_telemetry=False, chroma_otel_collection_endpoint=""
        ),
    )
    # The library waits for ever by default, and a worker would hang with its server.
    made._server._session.timeout = TIMEOUT_SECONDS
    return made
