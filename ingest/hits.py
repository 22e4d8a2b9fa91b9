"""What a search finds: ids and scores. The text is loaded later, through ingest.access."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from ingest.access import searchable
from ingest.models import Chunk


@dataclass(frozen=True, slots=True)
class Hit:
    """A found chunk. Scores are comparable within one search only; larger is better."""

    chunk: UUID
    score: float


def living(hits: Iterable[Hit]) -> list[Hit]:
    """Drop chunks that are gone, hidden or being erased: an index may lag behind."""
    found = list(hits)
    alive = set(
        Chunk.objects.filter(
            searchable("document__"),
            id__in=[hit.chunk for hit in found],
            document__collection__erasing=False,
        ).values_list("id", flat=True)
    )
    return [hit for hit in found if hit.chunk in alive]
