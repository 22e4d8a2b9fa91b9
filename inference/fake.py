"""Deterministic twins of the models, for tests that are about something else.

The embedder hashes words, so texts that share words are near. The chat model reads the prompt that
chat/pack.py writes: passages as lines `[n] ...`, then a line `Question: ...`. It answers with the
sentence that shares most words with the question, and its number.
"""

import hashlib
import re
import time
import unicodedata
from collections.abc import Generator, Sequence

import numpy as np

from inference.errors import PromptTooLong
from inference.metering import meter, metered
from inference.protocol import ChatMessage, EmbedderInfo, ModelInfo, Piece, Sampling, Usage, Vectors
from inference.text import TextFilter

ABSTAINS = "The documents do not say."
DIMENSION = 384
NAME = "fake"
#: What it takes for a name of an embedder. Vectors of two cannot be compared, as of real ones; the first
#: two are one: what the settings name by default is the fake.
NAMES = (NAME, "e5-small-minilm", "multilingual-e5-small", "all-minilm-l6-v2")
_DEFAULT = ("", *NAMES[:2])

_WORD = re.compile(r"\w+")
_PASSAGE = re.compile(r"^\[(\d+)\] (.*)$")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_STOP_WORDS = frozenset(
    word
    for line in (
        "a an and are as at be by can der die das do does for from has have how i ich in is it le la",
        "les many me much my of on or our que the their there they this to und was we what when where",
        "which who why will with you your",
    )
    for word in line.split()
)


def words(text: str) -> list[str]:
    """Lower case, accents folded, a plural s cut: enough to meet what a person asked."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    return [
        word[:-1] if len(word) > 3 and word.endswith("s") else word for word in _WORD.findall(plain)
    ]


def content_words(text: str) -> set[str]:
    return {word for word in words(text) if word not in _STOP_WORDS and len(word) > 1}


class FakeEncoder:
    """Hashed bags of words: float32, (texts, 384), of length 1. `name` is part of the hash."""

    dimension = DIMENSION
    max_tokens = 512

    def __init__(self, name: str = NAME) -> None:
        self.name = name

    def count(self, text: str) -> int:
        return len(text.split())

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        key = b"" if self.name in _DEFAULT else self.name.encode()[:64]
        vectors = [_bag(text, key) for text in texts]
        return np.stack(vectors) if vectors else np.zeros((0, DIMENSION), np.float32)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self.embed_queries(texts)


class FakeReranker:
    """The share of the question's words that a text has."""

    name = NAME
    max_tokens = 512

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        asked = content_words(query)
        return [len(asked & content_words(text)) / max(len(asked), 1) for text in texts]


def _bag(text: str, key: bytes) -> Vectors:
    vector = np.zeros(DIMENSION, np.float32)
    for word in content_words(text) or {"\0"}:
        digest = hashlib.blake2b(word.encode(), digest_size=4, key=key).digest()
        vector[int.from_bytes(digest[:2], "big") % DIMENSION] += 1 if digest[2] % 2 else -1
    length = float(np.linalg.norm(vector))
    if not length:
        vector[0] = length = 1.0
    return (vector / length).astype(np.float32)


def answer(messages: Sequence[ChatMessage]) -> str:
    """What the fake says to MESSAGES."""
    prompt = next((m.content for m in reversed(messages) if m.role == "user"), "")
    passages, question = _read_prompt(prompt)
    asked = content_words(question)
    best, found = 0, ABSTAINS
    for number, passage in passages:
        for sentence in _SENTENCE.split(passage):
            shared = len(asked & content_words(sentence))
            if shared > max(best, 1):
                best, found = shared, f"{sentence.strip()} [{number}]"
    return found


def _sure(messages: Sequence[ChatMessage]) -> tuple[tuple[str, float], ...]:
    """Yes where it has an answer, no where it has none, as likeliest first tokens."""
    has_one = answer(messages) != ABSTAINS
    return (("yes", -0.1), ("no", -2.4)) if has_one else (("no", -0.1), ("yes", -2.4))


def _read_prompt(prompt: str) -> tuple[list[tuple[int, str]], str]:
    """Passages go on over the lines below their number, to an empty line or the question."""
    passages: list[tuple[int, str]] = []
    question, inside = "", False
    for line in prompt.splitlines():
        if match := _PASSAGE.match(line):
            passages.append((int(match[1]), match[2]))
            inside = True
        elif line.startswith("Question:"):
            question, inside = line.removeprefix("Question:"), False
        elif not line.strip():
            inside = False
        elif inside:
            passages[-1] = (passages[-1][0], f"{passages[-1][1]} {line}")
    return passages, question or prompt


class FakeEngine:
    """Writes the fake's answer word by word. `seconds`: how long it takes for each word."""

    def __init__(
        self,
        *,
        context: int = 4_096,
        seconds: float = 0.0,
        model: str = NAME,
        parallel: int = 1,
    ) -> None:
        self._seconds, self.parallel = seconds, parallel
        self.info = ModelInfo(name=model, engine="fake", context=context, family="plain")

    def count(self, text: str) -> int:
        return len(text.split())

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        read = sum(self.count(message.content) for message in messages)
        if read >= self.info.context:
            raise PromptTooLong(read, self.info.context)
        if sampling.top_logprobs:
            yield Piece(top=_sure(messages))
        text = TextFilter(sampling.stop)
        written, finish = 0, "length"
        parts = re.findall(r"\S+\s*", answer(messages))
        for part in parts[: sampling.max_tokens]:
            time.sleep(self._seconds)
            written += 1
            if shown := text.feed(part.encode()):
                yield Piece(shown)
            if text.stopped:
                break
        if text.stopped or written == len(parts):
            finish = "stop"
        usage = Usage(prompt=read, completion=written)
        yield Piece(text.flush(), "stop" if finish == "stop" else "length", usage)

    def close(self) -> None:
        """Nothing is held."""


class FakeClient:
    """A models process that is always ready (settings.MODELS_URL = "fake:")."""

    def __init__(self) -> None:
        self._engine = FakeEngine()

    def health(self) -> dict[str, object]:
        return {
            "status": "ready",
            "chat": {"state": "ready", "model": NAME},
            "embedder": {"state": "ready", "name": NAME, "dimension": DIMENSION},
            "queue": 0,
        }

    def models(self) -> list[ModelInfo]:
        return [self._engine.info]

    def embed_queries(self, texts: Sequence[str], *, embedder: str = "") -> Vectors:
        return FakeEncoder(embedder).embed_queries(texts)

    def embed_passages(self, texts: Sequence[str], *, embedder: str = "") -> Vectors:
        return FakeEncoder(embedder).embed_passages(texts)

    def embedder(self) -> str:
        return NAME

    def embedders(self) -> list[EmbedderInfo]:
        return [EmbedderInfo(name, DIMENSION, FakeEncoder.max_tokens) for name in NAMES]

    def rerank(self, query: str, texts: Sequence[str], *, seconds: float) -> list[float] | None:
        return FakeReranker().score(query, texts) if seconds > 0 and texts else None

    def reranker(self) -> str:
        return FakeReranker.name

    def count(self, texts: Sequence[str], *, model: str = "") -> list[int]:
        return [self._engine.count(text) for text in texts]

    def waiting(self) -> int:
        return 0

    def chat(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        *,
        model: str = "",
        asker: str = "",
        seconds: float = 0.0,
    ) -> Generator[Piece, None, None]:
        return metered(self._engine.chat(messages, sampling), meter())
