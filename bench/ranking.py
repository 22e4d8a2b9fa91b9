"""What public sets count: nDCG, recall, recall and precision of characters, rank fusion. Pure."""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

#: How little the first ranks of a list outweigh later ones (Cormack and others 2009).
RRF_K = 60

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Span:
    """Characters from `start` up to `end` of one file."""

    file: str
    start: int
    end: int


def dcg(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def ndcg_at(ranked: Sequence[Key], gains: Mapping[Key, float], k: int) -> float:
    """Discounted gain of the first k against that of the best order; 0 where nothing is relevant."""
    best = dcg(sorted(gains.values(), reverse=True)[:k])
    return dcg([gains.get(key, 0.0) for key in ranked[:k]]) / best if best else 0.0


def recall_at(ranked: Sequence[Key], relevant: Iterable[Key], k: int) -> float:
    """Share of what is relevant that is among the first k; 0 where nothing is."""
    wanted = set(relevant)
    return len(wanted.intersection(ranked[:k])) / len(wanted) if wanted else 0.0


def fused_by_rank(rankings: Iterable[Sequence[Key]], k: int = RRF_K) -> list[Key]:
    """Reciprocal rank fusion. Of equal sums the one that was seen first comes first."""
    sums: dict[Key, float] = defaultdict(float)
    for ranking in rankings:
        for place, key in enumerate(ranking, start=1):
            sums[key] += 1.0 / (k + place)
    return sorted(sums, key=lambda key: -sums[key])


def firsts(keys: Iterable[Key]) -> list[Key]:
    """Each once, where it came first: passages to the documents that they are of."""
    return list(dict.fromkeys(keys))


def characters(found: Sequence[Span], wanted: Sequence[Span]) -> tuple[float, float]:
    """Recall and precision of characters; what two spans share counts once."""
    have, need = _merged(found), _merged(wanted)
    common = sum(_common(have.get(file, ()), spans) for file, spans in need.items())
    return _share(common, _length(need)), _share(common, _length(have))


_Ranges = list[tuple[int, int]]


def _merged(spans: Iterable[Span]) -> dict[str, _Ranges]:
    merged: dict[str, _Ranges] = defaultdict(list)
    for span in sorted(spans, key=lambda span: (span.file, span.start)):
        ranges = merged[span.file]
        if ranges and span.start <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], span.end))
        else:
            ranges.append((span.start, span.end))
    return merged


def _common(have: Iterable[tuple[int, int]], need: _Ranges) -> int:
    return sum(
        max(0, min(end, until) - max(start, since)) for start, end in have for since, until in need
    )


def _length(merged: Mapping[str, _Ranges]) -> int:
    return sum(end - start for ranges in merged.values() for start, end in ranges)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def gain(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """By how much `first` is above `second`, pair by pair, and the standard error of that."""
    differences = [a - b for a, b in zip(first, second, strict=True)]
    middle = mean(differences)
    spread = sum((each - middle) ** 2 for each in differences)
    count = len(differences)
    return middle, math.sqrt(spread / (count - 1) / count) if count > 1 else 0.0
