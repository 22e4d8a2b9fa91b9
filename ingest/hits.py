"""What a search finds: ids and scores. The text is loaded later, through ingest.access."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from ingest.access import searchable
from ingest.models import Chunk, Document

AnyHit = TypeVar("AnyHit", bound="Hit")


@dataclass(frozen=True, slots=True)
class Hit:
    """A found chunk. Scores are comparable within one search only; larger is better.

    By vectors: `score` is that of the nearest of the chunk's vectors, number `piece` (0: that of the
    whole passage), `whole` that of the whole.
    """

    chunk: UUID
    score: float
    piece: int = 0
    whole: float = 0.0


def living(hits: Iterable[AnyHit], documents: Collection[UUID] | None = None) -> list[AnyHit]:
    """Drop chunks that are gone, hidden or being erased: an index may lag behind.

    With `documents` those of other documents, too.
    """
    found = list(hits)
    # Joined in one query, SQLite may begin with all passages of all documents.
    of = dict(
        Chunk.objects.filter(id__in=[hit.chunk for hit in found]).values_list("id", "document_id")
    )
    there = set(
        Document.objects.filter(
            searchable(), id__in=set(of.values()), collection__erasing=False
        ).values_list("id", flat=True)
    )
    alive = {chunk: document for chunk, document in of.items() if document in there}
    return [
        hit
        for hit in found
        if hit.chunk in alive and (documents is None or alive[hit.chunk] in documents)
    ]
