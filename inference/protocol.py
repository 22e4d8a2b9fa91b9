"""What an engine and an encoder give to the models process, and what its client gives to others."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from inference.energy import Known

Vectors = NDArray[np.float32]

#: Passages that an encoder embeds together where it does not say otherwise.
PASSAGE_BATCH = 4


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to write. `seed` makes a temperature above 0 repeatable.

    `top_logprobs`: how many of the likeliest first tokens to tell (Piece.top); 0 for none.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    seed: int = 7
    top_logprobs: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one generation: read, of which reused from the cache, and written.

    `guessed`: by looking up the prompt, of which `kept` were what the model drew.
    """

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    guessed: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """What a generation took so far: seconds that it waited, read, wrote; joules, and how they are known.

    `joules` None: nothing tells them.
    """

    waiting: float = 0.0
    reading: float = 0.0
    writing: float = 0.0
    joules: float | None = None
    known: Known = "none"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a generation. The last has `finish` set: "stop", "length" or "cancelled".

    `top`, where it was asked for and the engine tells it, stands with the first token: the
    likeliest tokens and the natural logarithm of their probabilities.
    """

    text: str = ""
    finish: Literal["stop", "length", "cancelled"] | None = None
    usage: Usage | None = None
    top: tuple[tuple[str, float], ...] = ()
    #: With the last, and now and then before it.
    spent: Spent | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second on this machine, measured when the models process started. 0: unknown."""

    prompt: float = 0.0
    completion: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that can be asked now."""

    name: str
    engine: Literal["llama-cpp-python", "xllamacpp", "openai", "extractive", "fake"]
    context: int
    family: str = ""
    sha256: str = ""
    licence: str = ""
    bytes: int = 0
    speed: Speed = field(default_factory=Speed)


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """An embedder that can be asked for by name. `available`: it is loaded when it is asked for."""

    name: str
    dimension: int
    max_tokens: int = 0
    state: Literal["ready", "loading", "unavailable", "available"] = "ready"


class Engine(Protocol):
    """A chat model in this process; jobs.py holds the queue.

    `parallel`: by how many threads `chat` may be used at a time.
    """

    info: ModelInfo
    parallel: int

    def count(self, text: str) -> int:
        """Tokens of `text` by the model's own tokenizer, without special tokens."""
        ...

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        """Yield pieces as they are written. Closing the iterator stops the generation."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class ManyModels(Engine, Protocol):
    """An engine whose weights are on other servers, with more than one model perhaps."""

    def models(self) -> list[ModelInfo]:
        """Those that can be asked for now. Empty: all servers are away."""
        ...

    def named(self, model: str) -> Engine:
        """The same servers, asked for that model."""
        ...

    def describe(self) -> list[dict[str, object]]:
        """Each server: its name, state, models and what goes on there."""
        ...


class Interrupted(Exception):
    """Passages were being embedded and made way; nothing of them is kept."""


class Encoder(Protocol):
    """A text embedder. Vectors are float32 of shape (texts, dimension), L2-normalised.

    One may have `interrupt()`, which any thread may call: passages that are being embedded are given
    up within milliseconds with Interrupted, nothing happens where none are. `at_once`: passages that
    are best embedded together.
    """

    name: str
    dimension: int
    max_tokens: int

    def count(self, text: str) -> int: ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors: ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors: ...


class Reranker(Protocol):
    """A cross-encoder: reads a question and a text together. Used by one thread at a time."""

    name: str
    max_tokens: int

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score for each text: higher is better, no bounds."""
        ...


class ModelsUnavailable(Exception):
    """The models process (or the model behind it) cannot answer now. `permanent` False: try again."""

    def __init__(self, code: str, detail: str, *, permanent: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.permanent = permanent


class ModelsClient(Protocol):
    """The models process as web and workers see it (inference/client.py). Thread-safe."""

    def health(self) -> dict[str, object]: ...

    def models(self) -> list[ModelInfo]:
        """Chat models that can be asked; empty where only the extractive answerer is there."""
        ...

    def embed_queries(self, texts: Sequence[str], *, embedder: str = "") -> Vectors:
        """By the embedder of that name (default: that of the settings)."""
        ...

    def embed_passages(self, texts: Sequence[str], *, embedder: str = "") -> Vectors: ...

    def embedder(self) -> str:
        """The name of the embedder of the settings."""
        ...

    def embedders(self) -> list[EmbedderInfo]:
        """All that can be asked for."""
        ...

    def rerank(self, query: str, texts: Sequence[str], *, seconds: float) -> list[float] | None:
        """One score for each text: higher is better, no bounds.

        None: there is no reranker, it is not ready, or it would take longer than `seconds`.
        """
        ...

    def reranker(self) -> str:
        """The name of the reranker that is ready; empty where there is none."""
        ...

    def count(self, texts: Sequence[str], *, model: str = "") -> list[int]:
        """Tokens of each text by that chat model's tokenizer (default: the active one's)."""
        ...

    def waiting(self) -> int:
        """How many generations must end before a new one begins; 0 while a seat is free."""
        ...

    def chat(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        *,
        model: str = "",
        asker: str = "",
        seconds: float = 0.0,
    ) -> Generator[Piece, None, None]:
        """Stream a generation. Closing the iterator cancels it in the models process.

        `asker`: an opaque id of the person; turns are shared out between askers. `seconds`: after
        that, waiting counted, it ends with `generation-late` (0: never).

        Raises ModelsUnavailable before the first piece, or in the middle when the process dies.
        """
        ...
