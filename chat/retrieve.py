"""(user, collections, question) -> candidates: dense and lexical. Asks ingest.access first and last."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import structlog

from accounts.models import User
from audit import actions
from audit.record import record
from inference.client import get_client
from ingest import lexical, store
from ingest.access import documents_for, readable_ids, searchable
from ingest.lexical_scores import LexicalHit
from ingest.models import Chunk, Index

log = structlog.get_logger(__name__)

Mode = Literal["hybrid", "dense", "lexical"]
DEPTH = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that one of the legs found. A leg that did not find it has None.

    `dense` is the cosine of the whole passage's vector, `piece` that of the nearest of its vectors;
    `coverage` and `proximity` (0 to 1) come with `lexical`.
    """

    chunk: UUID
    document: UUID
    dense: float | None = None
    piece: float | None = None
    lexical: float | None = None
    coverage: float | None = None
    proximity: float | None = None


@dataclass(slots=True)
class Timing:
    """Milliseconds by stage; a stage that comes twice is added up."""

    ms: dict[str, int] = field(default_factory=dict)

    def since(self, stage: str, start: float) -> float:
        now = time.perf_counter()
        self.ms[stage] = self.ms.get(stage, 0) + round((now - start) * 1000)
        return now


@dataclass(frozen=True, slots=True)
class Scope:
    """Where one question is looked for: all legs see the same index.

    `documents`: of these alone (None: of all).
    """

    user: User
    collections: Sequence[UUID]
    index: Index
    documents: frozenset[UUID] | None = None
    mode: Mode = "hybrid"


def retrieve(
    scope: Scope, question: str, *, depth: int = DEPTH, timing: Timing | None = None
) -> list[Candidate]:
    """Find up to `depth` chunks a leg, in no order.

    Collections that the person may not read are left out, and what comes back is looked up among the
    documents that she may read: an index never decides what a person sees. Raises ModelsUnavailable
    when the question cannot be embedded, store.StoreUnavailable when vectors cannot be searched.
    """
    timing = timing or Timing()
    allowed = sorted(set(scope.collections) & set(readable_ids(scope.user, None)))
    if not allowed:
        return []
    near: dict[UUID, store.Hit] = {}
    said: dict[UUID, LexicalHit] = {}
    if scope.mode != "lexical":
        near = _near(scope, question, allowed, depth, timing)
    if scope.mode != "dense":
        clock = time.perf_counter()
        hits = lexical.search(
            question, allowed, depth, index=scope.index.pk, documents=scope.documents
        )
        said = {hit.chunk: hit for hit in hits}
        timing.since("lexical", clock)
    clock = time.perf_counter()
    readable = _readable(scope.user, near.keys() | said.keys())
    timing.since("access", clock)
    return [_candidate(pk, of, near.get(pk), said.get(pk)) for pk, of in readable.items()]


def _near(
    scope: Scope, question: str, allowed: Sequence[UUID], depth: int, timing: Timing
) -> dict[UUID, store.Hit]:
    clock = time.perf_counter()
    vector = get_client().embed_queries([question], embedder=scope.index.embedder)[0]
    clock = timing.since("embed", clock)
    found = store.search(vector, allowed, depth, index=scope.index, documents=scope.documents)
    timing.since("dense", clock)
    return {hit.chunk: hit for hit in found}


def _candidate(
    chunk: UUID, document: UUID, near: store.Hit | None, said: LexicalHit | None
) -> Candidate:
    return Candidate(
        chunk,
        document,
        near.whole if near else None,
        near.score if near else None,
        said.score if said else None,
        said.coverage if said else None,
        said.proximity if said else None,
    )


def _readable(user: User, wanted: Iterable[UUID]) -> Mapping[UUID, UUID]:
    """Chunk -> document, of those that `user` may be shown.

    Two plain queries: joined in one, SQLite begins with all passages of the collection.
    """
    ids = set(wanted)
    of = dict(Chunk.objects.filter(pk__in=ids).order_by().values_list("pk", "document_id"))
    there = documents_for(user).filter(searchable(), pk__in=set(of.values()))
    allowed = set(there.order_by().values_list("pk", flat=True))
    readable = {chunk: document for chunk, document in of.items() if document in allowed}
    _count_faults(user, ids - readable.keys())
    return readable


def _count_faults(user: User, missing: set[UUID]) -> None:
    """A chunk that an index still holds but that is gone is stale; one that exists is a fault."""
    refused = (
        Chunk.objects.filter(searchable("document__"), pk__in=missing).count() if missing else 0
    )
    if refused:
        log.error("retrieval_returned_forbidden_chunks", count=refused)
        record(actions.PERMISSION_FAULT, actor=user, data={"chunks": refused})
