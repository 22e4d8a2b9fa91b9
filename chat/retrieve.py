"""(user, collections, question) -> candidates: dense and lexical. Asks ingest.access first and last."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import structlog

from accounts.models import User
from audit import actions
from audit.record import record
from inference.client import get_client
from ingest import lexical, store
from ingest.access import chunks_for, readable_ids, searchable
from ingest.indexes import active
from ingest.models import Chunk

log = structlog.get_logger(__name__)

Mode = Literal["hybrid", "dense", "lexical"]
DEPTH = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that one of the legs found. A leg that did not find it has None."""

    chunk: Chunk
    dense: float | None = None
    lexical: float | None = None


@dataclass(slots=True)
class Timing:
    """Milliseconds by stage."""

    ms: dict[str, int] = field(default_factory=dict)

    def since(self, stage: str, start: float) -> float:
        now = time.perf_counter()
        self.ms[stage] = round((now - start) * 1000)
        return now


def retrieve(
    user: User,
    collections: Sequence[UUID],
    question: str,
    *,
    mode: Mode = "hybrid",
    documents: frozenset[UUID] | None = None,
    depth: int = DEPTH,
    timing: Timing | None = None,
) -> list[Candidate]:
    """Find up to `depth` chunks a leg, in no order; of `documents` alone, where they are given.

    Collections that `user` may not read are left out, and what comes back is loaded through
    `chunks_for(user)`: an index never decides what a person sees. Raises ModelsUnavailable when
    the question cannot be embedded, store.StoreUnavailable when vectors cannot be searched.
    """
    timing = timing or Timing()
    allowed = sorted(set(collections) & set(readable_ids(user, None)))
    if not allowed:
        return []
    index = active()
    dense: dict[UUID, float] = {}
    words: dict[UUID, float] = {}
    clock = time.perf_counter()
    if mode != "lexical":
        vector = get_client().embed_queries([question])[0]
        clock = timing.since("embed", clock)
        near = store.search(vector, allowed, depth, index=index, documents=documents)
        dense = {hit.chunk: hit.score for hit in near}
        clock = timing.since("dense", clock)
    if mode != "dense":
        said = lexical.search(question, allowed, depth, index=index.pk, documents=documents)
        words = {hit.chunk: hit.score for hit in said}
        clock = timing.since("lexical", clock)
    chunks = _load(user, dense.keys() | words.keys())
    timing.since("load", clock)
    return [Candidate(chunk, dense.get(chunk.pk), words.get(chunk.pk)) for chunk in chunks]


def _load(user: User, wanted: Iterable[UUID]) -> list[Chunk]:
    ids = set(wanted)
    chunks = list(
        chunks_for(user).filter(pk__in=ids).select_related("document__collection").defer("vector")
    )
    _count_faults(user, ids - {chunk.pk for chunk in chunks})
    return chunks


def _count_faults(user: User, missing: set[UUID]) -> None:
    """A chunk that an index still holds but that is gone is stale; one that exists is a fault."""
    refused = (
        Chunk.objects.filter(searchable("document__"), pk__in=missing).count() if missing else 0
    )
    if refused:
        log.error("retrieval_returned_forbidden_chunks", count=refused)
        record(actions.PERMISSION_FAULT, actor=user, data={"chunks": refused})
