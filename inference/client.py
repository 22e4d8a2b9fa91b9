"""The models process as web and workers see it."""

from collections.abc import Generator, Sequence
from contextlib import closing
from functools import lru_cache
from typing import Any, get_args

import numpy as np
import structlog
from django.conf import settings

from inference.energy import Known
from inference.fake import FakeClient
from inference.protocol import (
    ChatMessage,
    EmbedderInfo,
    ModelInfo,
    ModelsClient,
    ModelsUnavailable,
    Piece,
    Sampling,
    Speed,
    Spent,
    Usage,
    Vectors,
)
from inference.wire import Wire, check_address

log = structlog.get_logger(__name__)

#: Texts a call: the server cuts them smaller, so that a query waits for one small batch at most.
BATCH = 32
_EMBED_SECONDS = 600.0
#: A batch that was begun in time is read to its end; beyond this it is not waited for.
_GRACE_SECONDS = 0.5


def get_client() -> ModelsClient:
    """The client of settings.MODELS_URL; one a process, safe in threads and after a fork."""
    return _client(settings.MODELS_URL, tuple(settings.ALLOWED_ADDRESSES))


@lru_cache(maxsize=8)
def _client(url: str, allowed: tuple[str, ...]) -> ModelsClient:
    if url == "fake:":
        return FakeClient()
    check_address(url, allowed)
    return HttpClient(Wire(url))


class HttpClient:
    """Speaks to inference/server.py. Every method raises ModelsUnavailable when it cannot answer."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._told = ""

    def health(self) -> dict[str, object]:
        return self._wire.get("/health")

    def models(self) -> list[ModelInfo]:
        return [_model(item) for item in self._wire.get("/v1/models", timeout=60.0)["data"]]

    def embed_queries(self, texts: Sequence[str], *, embedder: str = "") -> Vectors:
        return self._embed(texts, "query", embedder)

    def embed_passages(self, texts: Sequence[str], *, embedder: str = "") -> Vectors:
        return self._embed(texts, "passage", embedder)

    def embedder(self) -> str:
        found = self._wire.get("/health").get("embedder") or {}
        if found.get("name"):
            return str(found["name"])
        if found.get("code"):
            raise ModelsUnavailable(found["code"], str(found.get("detail")), permanent=True)
        raise ModelsUnavailable("models-loading", "The models are still being loaded. Try again.")

    def embedders(self) -> list[EmbedderInfo]:
        listed = self._wire.get("/v1/embedders", timeout=60.0)["data"]
        return [
            EmbedderInfo(
                str(item["id"]),
                int(item.get("dimension") or 0),
                int(item.get("max_tokens") or 0),
                item.get("state", "available"),
            )
            for item in listed
        ]

    def rerank(self, query: str, texts: Sequence[str], *, seconds: float) -> list[float] | None:
        """See ModelsClient: this one never raises. Why there are no scores is logged, once."""
        body = {"query": query, "documents": list(texts), "seconds": seconds}
        try:
            answer = self._wire.hasty().post("/v1/rerank", body, timeout=seconds + _GRACE_SECONDS)
            scores = _scores(answer, len(texts))
        except ModelsUnavailable as error:
            if error.code != self._told:
                log.warning("rerank_skipped", code=error.code)
            self._told = error.code
            return None
        self._told = ""
        return scores

    def reranker(self) -> str:
        found = self.health().get("reranker")
        if not isinstance(found, dict) or found.get("state") != "ready":
            return ""
        return str(found.get("name") or "")

    def count(self, texts: Sequence[str], *, model: str = "") -> list[int]:
        body = {"input": list(texts), "model": model}
        counts = self._wire.post("/tokenize-count", body, timeout=60.0)["counts"]
        return [int(count) for count in counts]

    def waiting(self) -> int:
        health = self.health()
        queue, seats = health.get("queue"), health.get("seats")
        taken = queue if isinstance(queue, int) else 0
        free = seats if isinstance(seats, int) and seats > 0 else 1
        return max(0, taken - free + 1)

    def chat(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        *,
        model: str = "",
        asker: str = "",
        seconds: float = 0.0,
    ) -> Generator[Piece, None, None]:
        body = chat_body(messages, sampling, model)
        if asker:
            body["user"] = asker
        if seconds:
            body["seconds"] = seconds
        return read_pieces(self._wire.stream("/v1/chat/completions", body))

    def _embed(self, texts: Sequence[str], kind: str, embedder: str) -> Vectors:
        parts = [
            self._embed_some(texts[start : start + BATCH], kind, embedder)
            for start in range(0, len(texts), BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32)

    def _embed_some(self, texts: Sequence[str], kind: str, embedder: str) -> Vectors:
        body = {"input": list(texts), "input_type": kind, "model": embedder}
        data = self._wire.post("/v1/embeddings", body, timeout=_EMBED_SECONDS)["data"]
        return np.array([item["embedding"] for item in data], dtype=np.float32)


def chat_body(messages: Sequence[ChatMessage], sampling: Sampling, model: str) -> dict[str, Any]:
    """A request in OpenAI's form."""
    return {
        "model": model,
        "messages": [{"role": m.role, "content": m.content} for m in messages],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "stop": list(sampling.stop),
        "seed": sampling.seed,
        "stream": True,
        "stream_options": {"include_usage": True},
        **_wanted_logprobs(sampling),
    }


def _wanted_logprobs(sampling: Sampling) -> dict[str, Any]:
    wanted = sampling.top_logprobs
    return {"logprobs": True, "top_logprobs": wanted} if wanted else {}


def read_pieces(chunks: Generator[dict[str, Any], None, None]) -> Generator[Piece, None, None]:
    """Pieces from the chunks of a chat stream; the last one carries the reason and the usage.

    A chunk without text gives an empty piece: while the prompt is read, the reader may want to stop.
    """
    finish: str | None = None
    usage: Usage | None = None
    spent: Spent | None = None
    # Closed explicitly, so that an abandoned answer stops now and not at some garbage collection.
    with closing(chunks):
        for chunk in chunks:
            usage = _usage(chunk.get("usage")) or usage
            spent = _spent(chunk.get("spent")) or spent
            text = ""
            top: tuple[tuple[str, float], ...] = ()
            for choice in chunk.get("choices") or []:
                top = _top(choice) or top
                finish = choice.get("finish_reason") or finish
                text += str((choice.get("delta") or {}).get("content") or "")
            yield Piece(text, top=top, spent=spent)
    if finish is None:
        raise ModelsUnavailable(
            "models-lost", "The models process ended in the middle of an answer. Try again."
        )
    yield Piece("", "length" if finish == "length" else "stop", usage or Usage(), spent=spent)


def _top(choice: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """The likeliest tokens at the first place that the chunk tells of."""
    content = (choice.get("logprobs") or {}).get("content") or [{}]
    listed = content[0].get("top_logprobs") or []
    return tuple((str(item.get("token", "")), float(item.get("logprob", 0.0))) for item in listed)


def _usage(data: Any) -> Usage | None:
    if not isinstance(data, dict):
        return None
    details = data.get("prompt_tokens_details") or {}
    return Usage(
        prompt=int(data.get("prompt_tokens") or 0),
        cached=int(details.get("cached_tokens") or 0),
        completion=int(data.get("completion_tokens") or 0),
    )


def _spent(data: Any) -> Spent | None:
    """None where the other side tells none, or none of a right form."""
    if not isinstance(data, dict) or data.get("known") not in get_args(Known):
        return None
    try:
        waiting, reading, writing = (
            float(data[name]) for name in ("waiting", "reading", "writing")
        )
        joules = None if data["joules"] is None else float(data["joules"])
        return Spent(waiting, reading, writing, joules, data["known"])
    except (KeyError, TypeError, ValueError):
        return None


def _scores(answer: dict[str, Any], count: int) -> list[float]:
    """In the order of the texts. Raises ModelsUnavailable(`models-odd`) unless each has one."""
    try:
        found = {int(each["index"]): float(each["relevance_score"]) for each in answer["results"]}
        return [found[place] for place in range(count)]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelsUnavailable("models-odd", "Not every text came back with a score.") from error


def _model(item: dict[str, Any]) -> ModelInfo:
    speed = item.get("speed") or {}
    return ModelInfo(
        name=str(item["id"]),
        engine=item.get("engine", "openai"),
        context=int(item.get("context") or 0),
        family=str(item.get("family") or ""),
        sha256=str(item.get("sha256") or ""),
        licence=str(item.get("licence") or ""),
        bytes=int(item.get("bytes") or 0),
        speed=Speed(float(speed.get("prompt") or 0), float(speed.get("completion") or 0)),
    )
