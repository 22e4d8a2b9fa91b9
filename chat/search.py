"""Search without a model: the passages that an answer would be written from."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from audit import actions
from audit.record import record
from chat.rank import Passage, rank
from chat.retrieve import Mode, Timing, retrieve
from chat.witness import distinct
from ingest.access import readable_ids


@dataclass(frozen=True, slots=True)
class SearchResult:
    passages: list[Passage]
    ms: dict[str, int]


def search(
    user: User,
    query: str,
    collections: Sequence[UUID] | None = None,
    k: int = 10,
    mode: Mode = "hybrid",
) -> SearchResult:
    """Return the best `k` passages of the collections (None: all readable) and the time by stage.

    Raises Http404 for a collection that `user` may not read.
    """
    timing = Timing()
    chosen = readable_ids(user, collections)
    candidates = retrieve(user, chosen, query, mode=mode, timing=timing)
    clock = time.perf_counter()
    passages = rank(candidates, k)
    timing.since("rerank", clock)
    record(
        actions.SEARCHED,
        actor=user,
        data={
            "collections": [str(pk) for pk in chosen],
            "documents": distinct(passage.document for passage in passages),
            "chunks": [str(passage.chunk) for passage in passages],
            "mode": mode,
        },
    )
    return SearchResult(passages, timing.ms)
