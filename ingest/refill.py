"""Makes Chroma's index anew from the rows of the database, whole or where something is missing."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone

from ingest import chroma
from ingest.access import searchable
from ingest.embed import from_bytes
from ingest.models import Chunk, Document, Index
from ingest.renewing import renewing
from ingest.store import remove_document

log = structlog.get_logger(__name__)

#: Collections of Chroma that are ours, of releases with one index an embedder, too.
OURS = re.compile(r"[0-9a-f]{32}-")
#: Told the collection of Chroma ("" where it is filled as it is) and the document that is in it now.
Told = Callable[[str, UUID], None]


@dataclass(frozen=True, slots=True)
class Going:
    """How a rebuild is followed, and where an interrupted one goes on: behind the document `after` of the
    collection `name` of Chroma. `began`: the first time. `told`: name and document, after each."""

    began: datetime
    name: str = ""
    after: UUID | None = None
    told: Told | None = None


def rebuild(collection_id: UUID, going: Going | None = None) -> int:
    """Make a collection's indexes anew from the database, while people search: ingest/renewing.py has the
    lock that it needs. Returns how many vectors were written.

    Each is built beside the one in use, takes its place, and what was written meanwhile follows.
    """
    going = going or Going(timezone.now())
    written, began = 0, going.began
    ours = chroma.names(starts=f"{collection_id.hex}-")
    if any(name.endswith(chroma.OLD) for name in ours):
        # Killed between two names: nothing is found until it has its own again.
        chroma.mend()
        ours = chroma.names(starts=f"{collection_id.hex}-")
    for name in ours:
        if chroma.base_of(name) == name:
            written += _built_beside(collection_id, name, going, ours)
            chroma.swap(name)
    lately = Q(status=Document.Status.PROCESSING) | Q(words_at__gte=began) | Q(ready_at__gte=began)
    for document in _kept().filter(lately, collection_id=collection_id).iterator():
        written += _refill_document(document)
    return written + _filled_where_missing(collection_id, going)


def documents(collection_id: UUID) -> QuerySet[Document]:
    """What a rebuild goes through, in its order."""
    return _kept().filter(collection_id=collection_id).order_by("pk")


def _built_beside(collection_id: UUID, name: str, going: Going, there: list[str]) -> int:
    beside, index = name + chroma.NEW, Index.objects.filter(pk=name.rpartition("-")[2]).first()
    wanted = documents(collection_id)
    if going.name == name and going.after and beside in there:
        wanted = wanted.filter(pk__gt=going.after)
    else:
        chroma.remove([beside])
        chroma.make(beside)
    if index is None:
        return 0
    written = 0
    for document in wanted.iterator():
        written += _written(beside, document, index)
        if going.told:
            going.told(name, document.pk)
    return written


def _filled_where_missing(collection_id: UUID, going: Going) -> int:
    """Of indexes that Chroma had nothing of."""
    short = [
        collection
        for collection, index, vectors in _expected()
        if collection == collection_id and chroma.count(chroma.name_of(collection, index)) < vectors
    ]
    return _refill(collection_id, going.told) if short else 0


def repair() -> list[UUID]:
    """Fill the indexes that hold fewer vectors than the database, and take those away that no index of
    the database has any more. Returns the collections that were filled."""
    chroma.remove(_strays())
    # What a killed rebuild left; not while one goes on.
    with renewing() as free:
        if free:
            chroma.mend()
    short = {
        collection
        for collection, index, vectors in _expected()
        if chroma.count(chroma.name_of(collection, index)) < vectors
    }
    for collection in short:
        log.warning("vectors.index.filled", collection=str(collection), vectors=_refill(collection))
    return sorted(short)


def _strays() -> list[str]:
    found = chroma.names()
    # Asked after that, or what another process begins just now would go.
    kept = {pk.hex for pk in Index.objects.values_list("pk", flat=True)}
    return [
        name
        for name in found
        if OURS.match(name) and chroma.base_of(name).rpartition("-")[2] not in kept
    ]


def _expected() -> list[tuple[UUID, UUID, int]]:
    """Collection, index, and how many vectors its documents that are ready have there."""
    ready = Chunk.objects.filter(
        searchable("document__"), document__ready_at__isnull=False, vector__isnull=False
    )
    counted = (
        ready.exclude(index__state=Index.State.RETIRED)
        .order_by()
        .values_list("document__collection_id", "index_id", "index__dimension")
        .annotate(bytes=Sum(Length("vector")))
    )
    return [
        (collection, index, size // (2 * dimension))
        for collection, index, dimension, size in counted
        if dimension
    ]


def _refill(collection_id: UUID, told: Told | None = None) -> int:
    """Write all vectors that the rows hold, of documents that are not complete yet, too: their
    workers go on after those. Nothing is removed: a worker may be writing as well.
    """
    written = 0
    for document in documents(collection_id).iterator():
        written += _refill_document(document)
        if told:
            told("", document.pk)
    return written


def _kept() -> QuerySet[Document]:
    return Document.objects.exclude(status=Document.Status.ERASING)


def _refill_document(document: Document) -> int:
    written = 0
    for index in Index.objects.filter(chunks__document=document).distinct():
        name = chroma.name_of(document.collection_id, index.pk)
        written += _written(name, document, index)
    return written


def _written(name: str, document: Document, index: Index) -> int:
    """Write what the rows hold of one document into a collection of Chroma."""
    chunks = document.chunks.filter(index=index, vector__isnull=False)
    rows = list(chunks.values_list("id", "vector"))
    vectors = [from_bytes([bytes(blob or b"")], index.dimension) for _, blob in rows]
    chroma.upsert(name, document.id, [pk for pk, _ in rows], vectors)
    if not _kept().filter(pk=document.pk).exists():
        # Erased meanwhile: what was just written must not stay.
        remove_document(document.collection_id, document.pk)
    return len(vectors)
