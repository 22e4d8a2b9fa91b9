"""A question -> the best passages: condense -> filter -> retrieve -> rank -> reread -> load.

Answers, the search page, the API, evaluation and measurements all go through here.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from accounts.models import User
from chat.condense import Turn, condense
from chat.named import named
from chat.names import Named
from chat.passages import Passage, distinct, load, newest_first
from chat.rank import Ranked, blended, preferred, rank
from chat.reread import is_wanted, read_again
from chat.retrieve import Asked, Mode, Scope, Timing, retrieve
from inference.protocol import Vectors
from ingest.filters import EVERYTHING, Filters, matching
from ingest.indexes import active
from ingest.models import Index


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and where. `index`: None is the one in use.

    `by_name`: whether documents that the question names come first.
    """

    question: str
    collections: Sequence[UUID]
    history: Sequence[Turn] = ()
    filters: Filters = EVERYTHING
    mode: Mode = "hybrid"
    index: Index | None = None
    by_name: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """`searched` is the question, after its last turns where it leans on them; `ms` by stage.

    `documents` (None: all) were looked at; `named` are those that came first because of their names.
    """

    searched: str
    passages: list[Passage]
    ms: dict[str, int]
    documents: frozenset[UUID] | None = None
    named: list[Named] = field(default_factory=list)
    #: That of `searched`; None where words alone were asked.
    vector: Vectors | None = None


def find(user: User, query: Query, k: int) -> Finding:
    """The best `k` passages that `user` may read, the best first.

    Raises ModelsUnavailable when the question cannot be embedded, StoreUnavailable when vectors
    cannot be searched.
    """
    timing = Timing()
    clock = time.perf_counter()
    searched = condense(query.question, query.history)
    documents = matching(user, query.filters, query.collections)
    clock = timing.since("filter", clock)
    names = _names(query, documents)
    timing.since("named", clock)
    scope = Scope(user, query.collections, query.index or active(), documents, query.mode)
    asked = Asked()
    ranked = _ranked(scope, query, searched, timing, asked)
    ranked = preferred(ranked, {each.document for each in names})
    if query.mode == "hybrid" and is_wanted():
        clock = time.perf_counter()
        ranked = read_again(user, searched, ranked)
        timing.since("rerank", clock)
    clock = time.perf_counter()
    passages = newest_first(distinct(load(user, ranked[: 2 * k]), k))
    timing.since("load", clock)
    vector = asked.vectors[0] if len(asked.vectors) else None
    return Finding(searched, passages, timing.ms, documents, names, vector)


def _names(query: Query, documents: frozenset[UUID] | None) -> list[Named]:
    if not query.by_name:
        return []
    return [each for each in named(query.question, query.collections, documents) if each.strong]


def _ranked(
    scope: Scope, query: Query, searched: str, timing: Timing, asked: Asked
) -> list[Ranked]:
    """A follow-up is searched in both forms: with what went before it, and as it was typed."""
    forms = list(dict.fromkeys([searched, query.question]))
    found = retrieve(scope, forms, timing=timing, asked=asked)
    clock = time.perf_counter()
    full, *plain = [rank(candidates) for candidates in found]
    ranked = blended(full, plain[0]) if plain else full
    timing.since("rank", clock)
    return ranked
