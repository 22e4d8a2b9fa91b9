"""(user, collections, question) -> candidates: dense and lexical. Asks ingest.access first and last."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal
from uuid import UUID

import structlog

from accounts.models import User
from audit import actions
from audit.record import record
from chat.candidates import Candidate
from inference.client import get_client
from inference.protocol import Vectors
from ingest import lexical, store
from ingest.access import documents_for, readable_ids, searchable
from ingest.claims import free_connection
from ingest.lexical_scores import LexicalHit
from ingest.models import Chunk, Index

log = structlog.get_logger(__name__)

#: "hybrid" is how people search; the others are parts of it: without a reranker, and each leg alone.
Mode = Literal["hybrid", "fused", "dense", "lexical"]
DEPTH = 100

_Near = dict[UUID, store.Hit]
_Said = dict[UUID, LexicalHit]


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


@dataclass(slots=True)
class Asked:
    """What became of the forms of a question on the way: their vectors, where they were embedded."""

    vectors: Sequence[Vectors] = ()


def retrieve(
    scope: Scope,
    questions: Sequence[str],
    *,
    depth: int = DEPTH,
    timing: Timing | None = None,
    asked: Asked | None = None,
) -> list[list[Candidate]]:
    """Find up to `depth` chunks a leg for each of `questions` (forms of one), in no order.

    Collections that the person may not read are left out, and what comes back is looked up among the
    documents that she may read: an index never decides what a person sees. Raises ModelsUnavailable
    when a question cannot be embedded, store.StoreUnavailable when vectors cannot be searched.
    """
    timing = timing or Timing()
    allowed = sorted(set(scope.collections) & set(readable_ids(scope.user, None)))
    if not allowed:
        return [[] for _ in questions]
    near, said = [_Near() for _ in questions], [_Said() for _ in questions]
    if scope.mode != "lexical":
        near = _near(scope, questions, allowed, depth, timing, asked or Asked())
    if scope.mode != "dense":
        said = _said(scope, questions, allowed, depth, timing)
    clock = time.perf_counter()
    readable = _readable(scope.user, chain(*near, *said))
    timing.since("access", clock)
    return [
        [
            _candidate(pk, readable[pk], by_meaning.get(pk), by_words.get(pk))
            for pk in by_meaning.keys() | by_words.keys()
            if pk in readable
        ]
        for by_meaning, by_words in zip(near, said, strict=True)
    ]


def _near(
    scope: Scope,
    questions: Sequence[str],
    allowed: Sequence[UUID],
    depth: int,
    timing: Timing,
    asked: Asked,
) -> list[_Near]:
    free_connection()
    clock = time.perf_counter()
    vectors = get_client().embed_queries(questions, embedder=scope.index.embedder)
    asked.vectors = list(vectors)
    clock = timing.since("embed", clock)
    hits = [
        store.search(vector, allowed, depth, index=scope.index, documents=scope.documents)
        for vector in vectors
    ]
    timing.since("dense", clock)
    return [{hit.chunk: hit for hit in found} for found in hits]


def _said(
    scope: Scope, questions: Sequence[str], allowed: Sequence[UUID], depth: int, timing: Timing
) -> list[_Said]:
    clock = time.perf_counter()
    hits = [
        lexical.search(question, allowed, depth, index=scope.index.pk, documents=scope.documents)
        for question in questions
    ]
    timing.since("lexical", clock)
    return [{hit.chunk: hit for hit in found} for found in hits]


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
