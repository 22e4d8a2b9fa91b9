"""Candidates -> the best, in order, with a score between 0 and 1 and what it is made of. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from chat.candidates import Candidate

#: The version of these rules, for whoever compares what two of them found.
RULES = "4"
#: Share of each leg in the fused score (docs/measuring.md has the sweep).
WEIGHTS: Mapping[str, float] = {"dense": 0.4, "piece": 0.4, "lexical": 0.2}
#: Share of the question as it was typed, where it was searched with what went before it, too.
PLAIN = 0.35
#: What a passage gains whose document the question names.
NAMED = 0.15
#: Share of a reranker's score, which read question and passage together. The rest stays with the
#: search: an identifier or a name that the question gives is what small cross-encoders miss.
REREAD = 0.7

_LEGS: Mapping[str, Callable[[Candidate], float | None]] = {
    "dense": lambda candidate: candidate.dense,
    "piece": lambda candidate: candidate.piece,
    "lexical": lambda candidate: candidate.lexical,
}


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate with its score and the parts of it, each 0 to 1."""

    chunk: UUID
    document: UUID
    score: float
    scores: Mapping[str, float]


def rank(
    candidates: Sequence[Candidate], *, weights: Mapping[str, float] = WEIGHTS
) -> list[Ranked]:
    """All candidates, the best first, by the weighted mean of min-max normalised scores.

    A leg that did not find a chunk counts as its lowest score; one that found nothing at all is left
    out, so that the order of the others stands. Convex fusion: Bruch et al., arXiv 2210.11934.
    """
    legs = {name: _normalised([leg(each) for each in candidates]) for name, leg in _LEGS.items()}
    found = {name: scores for name, scores in legs.items() if scores and weights.get(name)}
    total = sum(weights[name] for name in found)
    ranked = [
        Ranked(
            each.chunk,
            each.document,
            sum(weights[name] * scores[place] for name, scores in found.items()) / total,
            {name: round(scores[place], 4) for name, scores in found.items()} | _covered(each),
        )
        for place, each in enumerate(candidates)
        if total
    ]
    return in_order(ranked)


def blended(full: Sequence[Ranked], plain: Sequence[Ranked]) -> list[Ranked]:
    """Two searches of one question as one: after what went before it, and as it was typed."""
    typed = {each.chunk: each for each in plain}
    both = [
        replace(
            each,
            score=(1 - PLAIN) * each.score
            + (PLAIN * typed.pop(each.chunk).score if each.chunk in typed else 0),
        )
        for each in full
    ]
    alone = [replace(each, score=PLAIN * each.score) for each in typed.values()]
    return in_order(both + alone)


def preferred(ranked: Sequence[Ranked], documents: Collection[UUID]) -> list[Ranked]:
    """Passages of `documents`, which the question names, before others that are about as good."""
    if not documents:
        return list(ranked)
    return in_order(
        replace(each, score=min(1.0, each.score + NAMED), scores={**each.scores, "named": 1.0})
        if each.document in documents
        else each
        for each in ranked
    )


def reread(ranked: Sequence[Ranked], told: Mapping[UUID, float]) -> list[Ranked]:
    """Those that a reranker tells a score of, in a new order; the others after them in the old one.

    What a passage gains by its document's name is kept whole. Scores of a reranker have no bounds.
    """
    read = [each for each in ranked if each.chunk in told]
    near = _normalised([told[each.chunk] for each in read])
    first = in_order(map(_reread, read, near))
    lowest = first[-1].score if first else 1.0
    rest = [each for each in ranked if each.chunk not in told]
    return [*first, *(replace(each, score=min(each.score, lowest)) for each in rest)]


def _reread(each: Ranked, near: float) -> Ranked:
    named = NAMED if "named" in each.scores else 0.0
    score = REREAD * near + (1 - REREAD) * (each.score - named) + named
    return replace(each, score=min(1.0, score), scores={**each.scores, "rerank": round(near, 4)})


def in_order(ranked: Iterable[Ranked]) -> list[Ranked]:
    """The best first; equal ones in an order that stays."""
    return sorted(ranked, key=lambda each: (-each.score, each.chunk))


def _covered(candidate: Candidate) -> dict[str, float]:
    return {} if candidate.coverage is None else {"coverage": round(candidate.coverage, 4)}


def _normalised(scores: Sequence[float | None]) -> list[float]:
    """Each between 0 and 1; empty where none is known."""
    known = [score for score in scores if score is not None]
    if not known:
        return []
    low, high = min(known), max(known)
    span = high - low
    if not span:
        return [0.0 if score is None else 1.0 for score in scores]
    return [0.0 if score is None else (score - low) / span for score in scores]
