"""Which passages a database proposes for scoring: a bounded number, however many hold a word. Pure."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, combinations, islice

from ingest.lexical_terms import Scope

#: Rows of rare words that are read for one question; of those of the others only the ones that have a
#: rare word, too, or most of the common ones.
ROWS = 3_000
#: Of so many other words it is asked which of these rows have them; the commonest decide nothing.
COMMON = 5
#: Ways to leave out one of them.
COMBINATIONS = 3
#: Words of so many documents are few: all their rows are read.
FEW_DOCUMENTS = 100


def split(chosen: Mapping[str, int], scope: Scope, most: int) -> tuple[list[str], list[str]]:
    """The rarest terms, as long as they are in few rows, and the others; rarest first.

    `chosen`: in how many rows each is. `most`: how many rows are wanted.
    """
    order = sorted(chosen, key=lambda term: (chosen[term], term))
    if scope.documents is not None and len(scope.documents) <= FEW_DOCUMENTS:
        return order, []
    rows = list(accumulate(chosen[term] for term in order))
    cut = bisect_right(rows, max(ROWS, 2 * most))
    return order[:cut], order[cut : cut + COMMON]


def together(common: Sequence[str]) -> Iterator[Sequence[str]]:
    """All, all but one, then ever fewer of the rarest; in the end the rarest alone."""
    for size in range(len(common), 0, -1):
        several = COMBINATIONS if size == len(common) - 1 > 1 else 1
        yield from islice(combinations(common, size), several)
