"""What the models process holds: an encoder, perhaps chat models, their queues, and how they are."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from inference.chat import Source
from inference.chats import Chats, Say
from inference.embedders import Embedders
from inference.errors import ModelError, PassingError
from inference.generations import GenerationQueue, Timing
from inference.jobs import EmbeddingQueue
from inference.protocol import EmbedderInfo, Encoder, Engine, ManyModels, ModelInfo, Reranker
from inference.reranking import RerankQueue
from inference.slots import Slot, State

log = structlog.get_logger(__name__)

_EMBEDDER_SECONDS = 120.0
_AGAIN_SECONDS = 5.0
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
        source: Source | None = None,
    ) -> None:
        self._load_encoder, self._load_engine = load_encoder, load_engine
        self._load_reranker = load_reranker
        self._threads = threads
        self._finished: Callable[[Timing], None] = lambda timing: None
        self.chat, self.embedder, self.reranker = Slot(), Slot(), Slot(_NO_RERANKER)
        #: Embedders by name; that of the settings has a place of its own.
        self.others = others or Embedders()
        self.chats = Chats(
            source, speed_file=speed_file, threads=threads, finished=lambda t: self._finished(t)
        )
        self.encoder: Encoder | None = None
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

    @property
    def engine(self) -> Engine | None:
        """Of the active chat model."""
        return self.chats.active.engine if self.chats.active else None

    @property
    def generations(self) -> GenerationQueue | None:
        """Those of the active chat model."""
        return self.chats.active.queue if self.chats.active else None

    def make_way(self) -> None:
        """A person waits for an answer: passages that are being embedded step back at once."""
        for queue in (self.embeddings, *self.others.queues()):
            if queue:
                queue.make_way()

    def queue_length(self) -> int:
        return self.chats.length()

    def switch(self, name: str, say: Say) -> ModelInfo:
        """Make NAME the active chat model (chats.py). Raises ModelError; the old one goes on."""
        self.chat.settled.wait(_EMBEDDER_SECONDS)
        try:
            info = self.chats.switch(name, say)
        except ModelError as error:
            if self.chats.active is None and self.chat.state == "ready":
                self.chat.settle("unavailable", error.code, error.detail)
            raise
        self.chat.settle("ready")
        log.info("chat_ready", model=info.name, engine=info.engine)
        return info

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
            "models": [chat.info.name for chat in self.chats.loaded()],
            "queue": self.queue_length(),
            "seats": self.generations.seats if self.generations else 0,
            "threads": self._threads,
            "replicas": self.replicas(),
        }

    def replicas(self) -> list[dict[str, object]]:
        """The servers that answers come from; none where the weights are here."""
        engine = self.engine
        return engine.describe() if isinstance(engine, ManyModels) else []

    def models(self) -> list[dict[str, Any]]:
        """The chat models in OpenAI's list form, with what our client wants to know beside it."""
        return [_listed(info) for info in self.chats.infos()]

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
        self.chats.close()

    def _settle(self, slot: Slot, load: Callable[[], State]) -> None:
        while self._tried(slot, load):
            time.sleep(_AGAIN_SECONDS)

    def _tried(self, slot: Slot, load: Callable[[], State]) -> bool:
        """Whether it is worth another try by itself."""
        try:
            slot.settle(load())
        except PassingError as error:
            if slot.code != error.code:
                log.warning("model_not_loaded", code=error.code)
            slot.settle("unavailable", error.code, error.detail, passing=True)
            return True
        except ModelError as error:
            log.warning("model_not_loaded", code=error.code)
            slot.settle("unavailable", error.code, error.detail)
        except Exception as error:
            log.exception("model_not_loaded", code="model-not-loaded")
            detail = f"It could not be loaded ({type(error).__name__}); the log has the reason."
            slot.settle("unavailable", "model-not-loaded", detail)
        return False

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
        chat = self.chats.start(self._engine_alone)
        if chat is None:
            return "none"
        log.info("chat_ready", model=chat.info.name, engine=chat.info.engine)
        return "ready"

    def _engine_alone(self) -> Engine | None:
        engine = self._load_engine()
        if engine is not None:
            # Beside others that are being loaded the machine would look several times slower.
            self.reranker.settled.wait(_EMBEDDER_SECONDS)
        return engine

    def _about_chat(self) -> dict[str, object]:
        if self.chats.active is None:
            return {}
        info = self.chats.active.info
        about = {"model": info.name, "engine": info.engine, "context": info.context}
        return about | _speed(info)

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


def _listed(info: ModelInfo) -> dict[str, Any]:
    fields = ("engine", "context", "family", "sha256", "licence", "bytes")
    about = {field: getattr(info, field) for field in fields}
    return {"id": info.name, "object": "model", "owned_by": "sovereign"} | about | _speed(info)


def _speed(info: ModelInfo) -> dict[str, Any]:
    speed = info.speed
    return {"speed": {"prompt": round(speed.prompt, 1), "completion": round(speed.completion, 1)}}
