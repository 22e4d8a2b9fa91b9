"""Requests in OpenAI's form, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inference.protocol import ChatMessage, Sampling

MAX_MESSAGES = 200
MAX_TEXTS = 256
MAX_TOKENS = 32_768
MAX_SECONDS = 600.0
MAX_NAME = 200
_ROLES = ("system", "user", "assistant")


class BadRequest(Exception):
    """Refused: an HTTP status, a stable code, and a sentence that says what to do."""

    def __init__(self, code: str, detail: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.detail, self.status = code, detail, status


@dataclass(frozen=True, slots=True)
class ChatRequest:
    messages: tuple[ChatMessage, ...]
    sampling: Sampling
    model: str
    stream: bool
    #: Whoever asks, as an opaque id (OpenAI's `user`); turns are shared out between them.
    asker: str = ""
    #: After which it is given up, waiting counted; 0: never.
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    texts: tuple[str, ...]
    query: bool
    #: The name of an embedder; "": that of the settings.
    model: str = ""


@dataclass(frozen=True, slots=True)
class RerankRequest:
    query: str
    texts: tuple[str, ...]
    seconds: float
    #: The name of a reranker; "": the one that is there.
    model: str = ""


def read_chat(body: Mapping[str, Any]) -> ChatRequest:
    messages = body.get("messages")
    if not isinstance(messages, list) or not 0 < len(messages) <= MAX_MESSAGES:
        raise BadRequest("bad-messages", f"`messages` must be a list of 1 to {MAX_MESSAGES}.")
    return ChatRequest(
        messages=tuple(_message(message) for message in messages),
        sampling=_sampling(body),
        model=str(body.get("model") or ""),
        stream=body.get("stream") is True,
        asker=_asker(body),
        seconds=_number("seconds", body.get("seconds"), 0.0, 0.0, MAX_SECONDS),
    )


def read_embedding(body: Mapping[str, Any]) -> EmbeddingRequest:
    kind = body.get("input_type", "passage")
    if kind not in ("query", "passage"):
        raise BadRequest("bad-input-type", "`input_type` must be query or passage.")
    return EmbeddingRequest(read_texts(body), kind == "query", read_model(body))


def read_model(body: Mapping[str, Any]) -> str:
    """The name of a model; empty where none is named."""
    model = body.get("model") or ""
    if not isinstance(model, str):
        raise BadRequest("bad-model", "`model` must be the name of a model.")
    return model


def read_rerank(body: Mapping[str, Any]) -> RerankRequest:
    query, texts, model = body.get("query"), body.get("documents"), body.get("model") or ""
    if not isinstance(query, str) or not query.strip():
        raise BadRequest("bad-query", "`query` must be a text that is not empty.")
    if not isinstance(texts, list) or not 0 < len(texts) <= MAX_TEXTS:
        raise BadRequest("bad-documents", f"`documents` must be a list of 1 to {MAX_TEXTS} texts.")
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest("bad-documents", "`documents` must hold texts alone.")
    if not isinstance(model, str):
        raise BadRequest("bad-model", "`model` must be the name of a reranker.")
    seconds = _number("seconds", body.get("seconds"), 10.0, 0.0, MAX_SECONDS)
    return RerankRequest(_clean(query), tuple(_clean(text) for text in texts), seconds, model)


def read_texts(body: Mapping[str, Any]) -> tuple[str, ...]:
    """`input`: a text or a list of texts."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or len(texts) > MAX_TEXTS:
        raise BadRequest("bad-input", f"`input` must be a text or a list of up to {MAX_TEXTS}.")
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest("bad-input", "`input` must hold texts alone.")
    return tuple(_clean(text) for text in texts)


def _asker(body: Mapping[str, Any]) -> str:
    asker = body.get("user") or ""
    if not isinstance(asker, str) or len(asker) > MAX_NAME:
        raise BadRequest("bad-user", f"`user` must be a text of up to {MAX_NAME} characters.")
    return asker


def _clean(text: str) -> str:
    """JSON can carry half a surrogate pair, which no tokenizer can encode."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _message(data: Any) -> ChatMessage:
    role = data.get("role") if isinstance(data, dict) else None
    if role not in _ROLES:
        raise BadRequest("bad-messages", "Each message needs a role: system, user or assistant.")
    content = data.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str):
        raise BadRequest("bad-messages", "Each message needs a content of text.")
    return ChatMessage(role, _clean(content))


def _sampling(body: Mapping[str, Any]) -> Sampling:
    stop = body.get("stop") or ()
    stops = (stop,) if isinstance(stop, str) else stop
    if not isinstance(stops, list | tuple) or len(stops) > 16:
        raise BadRequest("bad-stop", "`stop` must be a text or a list of up to 16.")
    if not all(isinstance(text, str) for text in stops):
        raise BadRequest("bad-stop", "`stop` must hold texts alone.")
    tokens = body.get("max_completion_tokens") or body.get("max_tokens")
    return Sampling(
        max_tokens=int(_number("max_tokens", tokens, 256, 1, MAX_TOKENS)),
        temperature=_number("temperature", body.get("temperature"), 0.0, 0.0, 2.0),
        stop=tuple(stops),
        seed=int(_number("seed", body.get("seed"), 7, 0, 2**31 - 1)),
        top_logprobs=_top_logprobs(body),
    )


def _top_logprobs(body: Mapping[str, Any]) -> int:
    """As OpenAI has it: `logprobs` switches them on, `top_logprobs` says how many."""
    wanted = int(_number("top_logprobs", body.get("top_logprobs"), 0, 0, 20))
    return wanted if body.get("logprobs") is True else 0


def _number(name: str, value: Any, default: float, least: float, most: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadRequest(
            f"bad-{name.replace('_', '-')}", f"`{name}` must be {least:g} to {most:g}."
        )
    return float(value)
