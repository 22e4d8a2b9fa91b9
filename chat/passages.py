"""Passages as they are shown, given to the model, and cited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from accounts.models import User
from chat.rank import Ranked
from ingest.access import chunks_for
from ingest.models import Chunk
from ingest.places import place


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage. `page_label`: "page iv", "slide 3". `scores` tells why it was found, each 0 to 1."""

    chunk: UUID
    text: str
    heading: str
    page: int | None
    score: float
    document: UUID
    document_name: str
    collection: UUID
    language: str = ""
    title: str = ""
    page_label: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)


def load(user: User, ranked: Sequence[Ranked]) -> list[Passage]:
    """The passages of `ranked` that `user` may be shown, in that order."""
    ids = [each.chunk for each in ranked]
    rows = chunks_for(user).filter(pk__in=ids).select_related("document__collection")
    found = {chunk.pk: chunk for chunk in rows.defer("vector")}
    return [
        passage_of(found[each.chunk], each.score, each.scores)
        for each in ranked
        if each.chunk in found
    ]


def passage_of(chunk: Chunk, score: float, scores: Mapping[str, float] | None = None) -> Passage:
    document = chunk.document
    return Passage(
        chunk=chunk.pk,
        text=chunk.text,
        heading=" › ".join(chunk.heading_path),
        page=chunk.page,
        score=round(score, 4),
        document=document.pk,
        document_name=document.name,
        collection=document.collection_id,
        language=chunk.language or document.language,
        title=document.title,
        page_label=place(document, chunk.page),
        scores=scores or {},
    )
