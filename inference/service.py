"""What the models process holds: an encoder, perhaps an engine, their queues, and how they are."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from inference.embedders import Embedders
from inference.errors import ModelError
from inference.generations import GenerationQueue, Timing
from inference.jobs import EmbeddingQueue
from inference.protocol import EmbedderInfo, Encoder, Engine, Reranker
from inference.reranking import RerankQueue
from inference.slots import Slot, State
from inference.speed import SpeedBook

log = structlog.get_logger(__name__)

_EMBEDDER_SECONDS = 120.0
_NO_RERANKER = ("no-reranker", "There is no reranker here: passages keep the order of the search.")


def _no_reranker() -> Reranker | None:
    return None


class Service:
    """Loads its models in threads of their own, so that the socket answers from the first moment.

    One that cannot be loaded leaves the others at work.
    """

    def __init__(
        self,
        load_encoder: Callable[[], Encoder],
        load_engine: Callable[[], Engine | None],
        *,
        speed_file: Path,
        threads: int,
        others: Embedders | None = None,
        load_reranker: Callable[[], Reranker | None] = _no_reranker,
    ) -> None:
        self._load_encoder, self._load_engine = load_encoder, load_engine
        self._load_reranker = load_reranker
        self._speed_file, self._threads = speed_file, threads
        self._finished: Callable[[Timing], None] = lambda timing: None
        self.chat, self.embedder, self.reranker = Slot(), Slot(), Slot(_NO_RERANKER)
        #: Embedders by name; that of the settings has a place of its own.
        self.others = others or Embedders()
        self.engine: Engine | None = None
        self.encoder: Encoder | None = None
        self.speeds: SpeedBook | None = None
        self.generations: GenerationQueue | None = None
        self.embeddings: EmbeddingQueue | None = None
        self.cross_encoder: Reranker | None = None
        self.rerankings: RerankQueue | None = None

    def start(self, on_generated: Callable[[Timing], None] | None = None) -> None:
        self._finished = on_generated or self._finished
        self.others.step_back = lambda: self.queue_length() > 0
        for slot, load in (
            (self.embedder, self._start_encoder),
            (self.reranker, self._start_reranker),
            (self.chat, self._start_engine),
        ):
            threading.Thread(target=self._settle, args=(slot, load), daemon=True).start()

    def queue_length(self) -> int:
        return self.generations.length() if self.generations else 0

    def health(self) -> dict[str, object]:
        """`status` is ready when nothing is loading any more and the embedder is there."""
        states = (self.chat.state, self.embedder.state)
        # A reranker that is loaded yet holds nobody up; a broken one is to be mended.
        loading = "loading" in states
        broken = "unavailable" in (*states, self.reranker.state)
        return {
            "status": "loading" if loading else "degraded" if broken else "ready",
            "chat": self.chat.describe() | self._about_chat(),
            "embedder": self.embedder.describe() | self._about_embedder(),
            "reranker": self.reranker.describe() | self._about_reranker(),
            "models": [self.engine.info.name] if self.engine else [],
            "queue": self.queue_length(),
            "seats": self.generations.seats if self.generations else 0,
            "threads": self._threads,
        }

    def models(self) -> list[dict[str, Any]]:
        """The chat models in OpenAI's list form, with what our client wants to know beside it."""
        if self.engine is None:
            return []
        info = self.engine.info
        fields = ("engine", "context", "family", "sha256", "licence", "bytes")
        about = {field: getattr(info, field) for field in fields}
        return [
            {"id": info.name, "object": "model", "owned_by": "sovereign"} | about | self._speed()
        ]

    def is_default(self, name: str) -> bool:
        """Whether the embedder of the settings is meant; its name is known before it is loaded."""
        loaded = self.encoder.name if self.encoder else ""
        return name in ("", loaded) or (name == self.others.default and not loaded)

    def embedders(self) -> list[dict[str, Any]]:
        """Those that can be asked for by name, in a list of OpenAI's form."""
        found = {each.name: each for each in self.others.infos()}
        if encoder := self.encoder:
            own = EmbedderInfo(encoder.name, encoder.dimension, encoder.max_tokens)
            found[encoder.name] = own
        return [
            {"id": each.name, "object": "model", "owned_by": "sovereign"}
            | {"dimension": each.dimension, "max_tokens": each.max_tokens, "state": each.state}
            for each in found.values()
        ]

    def close(self) -> None:
        if self.engine:
            self.engine.close()

    def _settle(self, slot: Slot, load: Callable[[], State]) -> None:
        try:
            slot.settle(load())
        except ModelError as error:
            log.warning("model_not_loaded", code=error.code)
            slot.settle("unavailable", error.code, error.detail)
        except Exception as error:
            log.exception("model_not_loaded", code="model-not-loaded")
            detail = f"It could not be loaded ({type(error).__name__}); the log has the reason."
            slot.settle("unavailable", "model-not-loaded", detail)

    def _start_encoder(self) -> State:
        self.encoder = self._load_encoder()
        self.embeddings = EmbeddingQueue(self.encoder, lambda: self.queue_length() > 0)
        log.info("embedder_ready", model=self.encoder.name)
        return "ready"

    def _start_reranker(self) -> State:
        # Not two at once: libraries of both are imported for the first time.
        self.embedder.settled.wait(_EMBEDDER_SECONDS)
        self.cross_encoder = self._load_reranker()
        if self.cross_encoder is None:
            return "none"
        self.rerankings = RerankQueue(self.cross_encoder)
        log.info("reranker_ready", model=self.cross_encoder.name)
        return "ready"

    def _start_engine(self) -> State:
        engine = self._load_engine()
        if engine is None:
            return "none"
        # Beside others that are being loaded the machine would look several times slower.
        self.reranker.settled.wait(_EMBEDDER_SECONDS)
        self.speeds = SpeedBook(self._speed_file, engine, self._threads)
        self.engine = engine
        self.generations = GenerationQueue(engine, self._generated)
        log.info("chat_ready", model=engine.info.name, engine=engine.info.engine)
        return "ready"

    def _generated(self, timing: Timing) -> None:
        if self.speeds:
            self.speeds.learn(timing)
        self._finished(timing)

    def _speed(self) -> dict[str, Any]:
        if self.speeds is None:
            return {}
        speed = self.speeds.speed
        return {
            "speed": {"prompt": round(speed.prompt, 1), "completion": round(speed.completion, 1)}
        }

    def _about_chat(self) -> dict[str, object]:
        if self.engine is None:
            return {}
        info = self.engine.info
        about = {"model": info.name, "engine": info.engine, "context": info.context}
        return about | self._speed()

    def _about_embedder(self) -> dict[str, object]:
        if self.encoder is None:
            return {}
        return {
            "name": self.encoder.name,
            "dimension": self.encoder.dimension,
            "max_tokens": self.encoder.max_tokens,
        }

    def _about_reranker(self) -> dict[str, object]:
        found = self.cross_encoder
        return {"name": found.name, "max_tokens": found.max_tokens} if found else {}
