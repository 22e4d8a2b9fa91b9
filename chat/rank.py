"""Candidates -> best passages, in order, with a score between 0 and 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chat.retrieve import Candidate
from ingest.models import Chunk
from ingest.places import place

#: Share of the dense leg in the fused score (docs/architecture.md, "Finding").
DENSE_WEIGHT = 0.5


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage as it is shown, given to the model, and cited. `page_label`: "page iv", "slide 3"."""

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


def rank(
    candidates: Sequence[Candidate], k: int, *, dense_weight: float = DENSE_WEIGHT
) -> list[Passage]:
    """Fuse the legs by min-max normalised scores and return the best `k`.

    A leg that did not find a chunk counts as its lowest score. With one leg alone, that leg's
    order stands.
    """
    dense = _normalised([candidate.dense for candidate in candidates])
    words = _normalised([candidate.lexical for candidate in candidates])
    weight = _weight(candidates, dense_weight)
    scored = [
        (weight * d + (1 - weight) * w, candidate)
        for d, w, candidate in zip(dense, words, candidates, strict=True)
    ]
    scored.sort(key=lambda pair: (-pair[0], str(pair[1].chunk.pk)))
    return [passage_of(candidate.chunk, score) for score, candidate in scored[:k]]


def passage_of(chunk: Chunk, score: float) -> Passage:
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
    )


def _normalised(scores: Sequence[float | None]) -> list[float]:
    known = [score for score in scores if score is not None]
    if not known:
        return [0.0] * len(scores)
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    return [0.0 if score is None else (score - low) / span for score in scores]


def _weight(candidates: Sequence[Candidate], dense_weight: float) -> float:
    if all(candidate.lexical is None for candidate in candidates):
        return 1.0
    if all(candidate.dense is None for candidate in candidates):
        return 0.0
    return dense_weight
