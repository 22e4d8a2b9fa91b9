"""The vectors of a document's passages, batch by batch: into the index, then into their rows.

After a kill it goes on with the passages that have none. A new version of a long document repeats most
of the old one: the same text has the same vector, which is taken over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from inference.client import get_client
from inference.protocol import Vectors
from ingest import claims, keep, store
from ingest.claims import Claim
from ingest.embed import BATCH, from_bytes, normalised, to_bytes
from ingest.models import Chunk, Document
from ingest.stages import stage

#: More passages than these are slow work.
QUICK_PASSAGES = 400


@dataclass(frozen=True, slots=True)
class _Passage:
    id: UUID
    text: str


def embed(claim: Claim, document: Document) -> None:
    """Give every passage its vector.

    Raises LeaseLost, HandedOver, inference's ModelsUnavailable, StoreUnavailable.
    """
    embedder = get_client().embedder()
    waiting = _take_over(claim, document, _waiting(document, embedder), embedder)
    if len(waiting) > QUICK_PASSAGES and document.lane != Document.Lane.SLOW:
        claims.hand_over(claim, lane=Document.Lane.SLOW, stage=Document.Stage.EMBED)
    total = document.chunk_count
    with stage(claim, document, Document.Stage.EMBED, total):
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            claims.free_connection()
            vectors = get_client().embed_passages([passage.text for passage in batch])
            claim.check()
            done = total - len(waiting) + start + len(batch)
            _keep(claim, document, [p.id for p in batch], normalised(vectors), embedder, done)
            claims.yield_if_waited_for(claim)


def _waiting(document: Document, embedder: str) -> list[_Passage]:
    """The passages without a vector of `embedder`, in order of length: the less is padded."""
    rows = document.chunks.filter(Q(vector__isnull=True) | ~Q(embedder=embedder))
    texts = rows.order_by("ordinal").values_list("id", "context", "text")
    found = [_Passage(pk, _embedded(context, text)) for pk, context, text in texts]
    return sorted(found, key=lambda passage: len(passage.text))


def _embedded(context: str, text: str) -> str:
    return f"{context}\n{text}" if context else text


def _take_over(
    claim: Claim, document: Document, waiting: list[_Passage], embedder: str
) -> list[_Passage]:
    """Use the vectors of the same texts in the version before. Returns those that still wait."""
    known = _known(document, embedder) if waiting and document.version > 1 else {}
    same = [passage for passage in waiting if passage.text in known]
    left = [passage for passage in waiting if passage.text not in known]
    for part in keep.parts(len(same)):
        found = from_bytes([known[passage.text] for passage in same[part]])
        done = document.chunk_count - len(waiting) + min(part.stop, len(same))
        _keep(claim, document, [passage.id for passage in same[part]], found, embedder, done)
    return left


def _known(document: Document, embedder: str) -> dict[str, bytes]:
    """Text -> vector, of the newest older version of the file that has any."""
    older = keep.versions(document).filter(version__lt=document.version, ready_at__isnull=False)
    newest = older.exclude(status=Document.Status.ERASING).order_by("-version").first()
    if newest is None:
        return {}
    rows = newest.chunks.filter(embedder=embedder, vector__isnull=False)
    # In one query: it may be erased meanwhile.
    found = rows.values_list("context", "text", "vector")
    return {_embedded(context, text): bytes(blob or b"") for context, text, blob in found}


def _keep(
    claim: Claim,
    document: Document,
    ids: Sequence[UUID],
    vectors: Vectors,
    embedder: str,
    done: int,
) -> None:
    """Into the index first: what has a vector in its row is not embedded again."""
    store.upsert(document, ids, vectors, embedder)
    key = Chunk._meta.pk
    rows = [
        (to_bytes(vector), embedder, key.get_db_prep_value(pk, connection))
        for pk, vector in zip(ids, vectors, strict=True)
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        claim.kept(done, document.chunk_count)
        # Not bulk_update: its one statement of so many cases takes ten times as long.
        cursor.executemany("UPDATE ingest_chunk SET vector = %s, embedder = %s WHERE id = %s", rows)
