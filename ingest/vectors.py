"""The vectors of a document's passages, batch by batch: into the index, then into their rows.

After a kill it goes on with the passages that have none. The same text has the same vectors: what the
same embedder made of it is taken over, of a document that whoever uploaded this one may read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from inference.client import get_client
from inference.protocol import ModelsUnavailable, Vectors
from ingest import claims, indexes, store
from ingest.access import collections_for
from ingest.claims import Claim, Work
from ingest.embed import BATCH, digest, from_bytes, normalised, texts, to_bytes
from ingest.models import Chunk, Document, Index
from ingest.stages import stage

#: More passages than these are slow work.
QUICK_PASSAGES = 400
#: Texts of one batch, unless one passage has more: a passage is kept with all its vectors.
MOST_TEXTS = 4 * BATCH
#: Passages that are looked for at once among what has vectors, and rows that are read for each: a form
#: may stand in thousands of files.
LOOKUP, COPIES = 200, 20


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage that has no vectors yet. `texts`: all of it first, then its pieces."""

    id: UUID
    texts: tuple[str, ...]

    @property
    def digest(self) -> str:
        return digest(self.texts)


def embed(claim: Claim, document: Document) -> None:
    """Give every passage its vectors.

    Raises LeaseLost, HandedOver, inference's ModelsUnavailable, StoreUnavailable.
    """
    waiting = take_over(claim, document)
    if len(waiting) > QUICK_PASSAGES and document.lane != Document.Lane.SLOW:
        claims.hand_over(claim, lane=Document.Lane.SLOW, stage=Document.Stage.EMBED)
    with stage(claim, document, Document.Stage.EMBED, document.chunk_count):
        for _batch in fill(claim, document, waiting, document.chunk_count):
            claims.yield_if_waited_for(claim)


def take_over(work: Work, document: Document) -> list[Passage]:
    """Use the vectors that the same texts have already. Returns the passages that still wait, in order
    of length: the less is padded. Raises LeaseLost, StoreUnavailable."""
    waiting, left = _waiting(work.index, document), list[Passage]()
    total = document.chunks.filter(index=work.index).count()
    missing = len(waiting)
    for start in range(0, len(waiting), LOOKUP):
        part = waiting[start : start + LOOKUP]
        known = _known(document, work.index, [passage.digest for passage in part])
        same = [passage for passage in part if passage.digest in known]
        left += [passage for passage in part if passage.digest not in known]
        missing -= len(same)
        if same:
            found = [known[passage.digest] for passage in same]
            _keep(work, document, same, found, (total - missing, total))
    return left


def fill(
    work: Work, document: Document, waiting: Sequence[Passage], total: int
) -> Iterator[Sequence[Passage]]:
    """Embed and keep passages, of `total` in all; yields after each batch that is kept."""
    done = total - len(waiting)
    for batch in _batches(waiting):
        claims.free_connection()
        vectors = _embedded(work.index, batch)
        work.check()
        done += len(batch)
        _keep(work, document, batch, vectors, (done, total))
        yield batch


def _waiting(index: Index, document: Document) -> list[Passage]:
    rows = document.chunks.filter(index=index, vector__isnull=True).order_by("ordinal")
    found = [
        Passage(pk, texts(context, text))
        for pk, context, text in rows.values_list("id", "context", "text")
    ]
    return sorted(found, key=lambda passage: len(passage.texts[0]))


def _batches(waiting: Sequence[Passage]) -> Iterator[list[Passage]]:
    batch: list[Passage] = []
    for passage in waiting:
        count = sum(len(each.texts) for each in batch) + len(passage.texts)
        if batch and (len(batch) == BATCH or count > MOST_TEXTS):
            yield batch
            batch = []
        batch.append(passage)
    if batch:
        yield batch


def _embedded(index: Index, batch: Sequence[Passage]) -> list[Vectors]:
    """The vectors of each passage; a text that stands twice in the batch is embedded once."""
    wanted = list(dict.fromkeys(text for passage in batch for text in passage.texts))
    made = normalised(get_client().embed_passages(wanted, embedder=index.embedder))
    if not indexes.measured(index, made.shape[1]):
        raise ModelsUnavailable(
            "embedder-changed",
            _("The embedder makes vectors of another length than before. Build a new index."),
            permanent=True,
        )
    place = {text: number for number, text in enumerate(wanted)}
    return [made[[place[text] for text in passage.texts]] for passage in batch]


def _known(document: Document, index: Index, digests: Sequence[str]) -> dict[str, Vectors]:
    """Digest -> vectors, of passages that the uploader may read and that nobody erases."""
    rows = _readable(document).filter(
        digest__in=set(digests), index__embedder=index.embedder, vector__isnull=False
    )
    # In one query: it may be erased meanwhile.
    found = rows.order_by().values_list("digest", "vector", "index__dimension")
    return {
        known: from_bytes([bytes(blob or b"")], dimension)
        for known, blob, dimension in found[: COPIES * LOOKUP]
        if dimension and indexes.measured(index, dimension)
    }


def _readable(document: Document) -> QuerySet[Chunk]:
    where = Q(document__collection=document.collection_id)
    if document.uploaded_by is not None:
        where |= Q(document__collection__in=collections_for(document.uploaded_by))
    living = Chunk.objects.filter(where, document__collection__erasing=False)
    return living.exclude(document__status=Document.Status.ERASING)


def _keep(
    work: Work,
    document: Document,
    batch: Sequence[Passage],
    vectors: Sequence[Vectors],
    progress: tuple[int, int],
) -> None:
    """Into the index first: what has a vector in its row is not embedded again."""
    store.upsert(document, work.index, [passage.id for passage in batch], vectors)
    key = Chunk._meta.pk
    rows = [
        (to_bytes(rows), passage.digest, key.get_db_prep_value(passage.id, connection))
        for passage, rows in zip(batch, vectors, strict=True)
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        work.kept(*progress)
        # Not bulk_update: its one statement of so many cases takes ten times as long.
        cursor.executemany("UPDATE ingest_chunk SET vector = %s, digest = %s WHERE id = %s", rows)
