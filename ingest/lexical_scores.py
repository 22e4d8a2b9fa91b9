"""BM25 of passages that a database proposed, and how the question's words stand in them. Pure."""

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain, pairwise
from uuid import UUID

from ingest.hits import Hit

K1, B = 1.2, 0.75
#: A word in a title or heading says more than one in running text.
CONTEXT_WEIGHT = 1.5
#: Two words within so many places of each other are near, in any order. Windows and weights are those of
#: the sequential dependence model: Metzler & Croft, A Markov random field model for term dependencies,
#: SIGIR 2005 (ordered #1, unordered #uw8).
WINDOW = 8
UNORDERED = 0.5

#: Terms that mean the same word, one for each language that may have stemmed it.
Word = frozenset[str]


@dataclass(frozen=True, slots=True)
class LexicalHit(Hit):
    """A passage with some of the question's words.

    `coverage`: which share of the words it has, rare ones counting more, 0 to 1. `proximity`: how many
    neighbours of the question are neighbours here, 0 to 1.
    """

    coverage: float = 0.0
    proximity: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A passage: its length, and the terms of its context line and text in their order. Those that the
    question has not may be anything else.
    """

    chunk: UUID
    length: int
    context: Sequence[str]
    text: Sequence[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """The words of a question in its order, and the weights of those terms that count."""

    words: Sequence[Word]
    rarity: Mapping[str, float]
    weights: Mapping[Word, float]
    mean: float


def rarity(passages: int, frequency: int) -> float:
    """BM25's weight of a term that is in `frequency` of `passages`; never below 0."""
    return math.log(1 + (passages - frequency + 0.5) / (frequency + 0.5))


def asked(words: Sequence[Word], chosen: Mapping[str, int], passages: int, mean: float) -> Asked:
    """`chosen`: the terms that count, each with its frequency."""
    weights = {
        word: rarity(passages, min(passages, sum(chosen.get(term, 0) for term in word)))
        for word in words
    }
    terms = {term: rarity(passages, frequency) for term, frequency in chosen.items()}
    return Asked(words, terms, weights, mean)


def best(question: Asked, proposed: Iterable[Found], limit: int) -> list[LexicalHit]:
    """The `limit` best by BM25."""
    scored = [(score(question, found), found) for found in proposed]
    first = heapq.nsmallest(limit, scored, key=lambda pair: (-pair[0], pair[1].chunk))
    return [_hit(question, found, number) for number, found in first]


def score(question: Asked, found: Found) -> float:
    counts: dict[str, float] = {}
    asked_for = question.rarity.__contains__
    for weight, part in ((CONTEXT_WEIGHT, found.context), (1.0, found.text)):
        for term in filter(asked_for, part):
            counts[term] = counts.get(term, 0.0) + weight
    norm = K1 * (1 - B + B * found.length / question.mean)
    # In the order of the question: all databases add the same numbers in the same order.
    return sum(
        weight * counts[term] * (K1 + 1) / (counts[term] + norm)
        for term, weight in question.rarity.items()
        if term in counts
    )


def _hit(question: Asked, found: Found, number: float) -> LexicalHit:
    places: dict[str, list[int]] = {}
    for place, term in enumerate(chain(found.context, found.text)):
        if term in question.rarity:
            places.setdefault(term, []).append(place)
    return LexicalHit(
        found.chunk,
        number,
        coverage=_coverage(question, places.keys()),
        proximity=_proximity(question, places),
    )


def _coverage(question: Asked, terms: Set[str]) -> float:
    total = sum(question.weights.values())
    there = sum(w for word, w in question.weights.items() if not word.isdisjoint(terms))
    return there / total if total else 0.0


def _proximity(question: Asked, places: Mapping[str, Sequence[int]]) -> float:
    found = total = 0.0
    for first, second in pairwise(question.words):
        weight = min(question.weights[first], question.weights[second])
        total += weight
        here = [place for term in first for place in places.get(term, ())]
        there = [place for term in second for place in places.get(term, ())]
        if here and there:
            found += weight * _nearness(here, there)
    return found / total if total else 0.0


def _nearness(first: Sequence[int], second: Sequence[int]) -> float:
    """1 where the second follows the first, less where both are in a window, else 0."""
    distances = {b - a for a in first for b in second}
    if 1 in distances:
        return 1.0
    return UNORDERED if any(0 < abs(d) < WINDOW for d in distances) else 0.0
