"""What made the scores of a run, so that two runs can be told apart: no text, names and numbers."""

import hashlib
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from accounts.models import User
from chat import pack, parts, rank
from chat.answer import PASSAGES
from chat.choice import EXTRACTIVE, chosen_model
from chat.models import Assistant
from evaluation.assisted import told
from evaluation.measures import K
from evaluation.models import QuestionSet, Run
from inference.client import get_client
from ingest.access import documents_for, searchable
from ingest.models import Chunk, Index

Config = dict[str, Any]


def config_of(
    user: User,
    found: QuestionSet,
    kind: str,
    index: Index,
    model: str,
    mode: str,
    assistant: Assistant | None = None,
) -> Config:
    """Raises ModelsUnavailable where the model is not known or cannot be asked."""
    config = {
        "version": settings.VERSION,
        "embedder": index.embedder,
        "chunking": index.chunking,
        "ranking": rank.RULES,
        "index": str(index.pk),
        **_corpus(user, found, index),
        "questions": _sha256(found.questions.filter(state="accepted").values_list("digest")),
    }
    config |= _reranking() if mode == Run.Mode.HYBRID else {}
    if kind != Run.Kind.ANSWERS:
        return config | {"k": K, "mode": mode}
    model = model or (assistant.model if assistant else "")
    return config | _answering(model) | told(assistant)


def _reranking() -> Config:
    """Nothing where no reranker is at work."""
    if not settings.RERANKER or not (name := get_client().reranker()):
        return {}
    return {
        "reranker": name,
        "rerank_depth": settings.RERANK_DEPTH,
        "rerank_seconds": settings.RERANK_SECONDS,
    }


def _corpus(user: User, found: QuestionSet, index: Index) -> Config:
    documents = documents_for(user).filter(searchable(), collection__in=found.collections.all())
    chunks = Chunk.objects.filter(index=index, document__in=documents)
    return {
        "collections": sorted(str(pk) for pk in found.collections.values_list("pk", flat=True)),
        "documents": documents.count(),
        "passages": chunks.count(),
        "documents_sha256": _sha256(documents.values_list("sha256")),
    }


def _answering(wanted: str) -> Config:
    model = chosen_model(get_client(), wanted)
    return {
        "k": PASSAGES,
        "reading": parts.RULES,
        "model": model.name if model else EXTRACTIVE,
        "model_sha256": model.sha256 if model else "",
        "prompt_sha256": pack.version() if model else "",
        "answer_tokens": settings.MAX_ANSWER_TOKENS,
        "passage_tokens": settings.PASSAGE_TOKENS,
        "context_tokens": settings.CONTEXT_TOKENS,
        "abstain_below": settings.ABSTAIN_BELOW,
    }


def _sha256(rows: Iterable[tuple[str, ...]]) -> str:
    """Of the values in whatever order they come."""
    values = "\n".join(sorted(value for (value,) in rows))
    return hashlib.sha256(values.encode()).hexdigest()
