"""One chat model that is loaded, and how it comes to be."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from inference import fit as memory
from inference.errors import ModelError, PassingError
from inference.fit import Fit
from inference.generations import GenerationQueue, Timing
from inference.protocol import Engine, ManyModels, ModelInfo, ModelsUnavailable
from inference.speed import SpeedBook


@dataclass(frozen=True, slots=True)
class Source:
    """Where chat models come from. `load` and `fit` raise ModelError; `known`: those that are here."""

    load: Callable[[str], Engine]
    fit: Callable[[str, int], Fit]
    known: Callable[[], list[ModelInfo]]
    free: Callable[[], int] = memory.free
    #: The weights are on other servers: which of them is active is settled there.
    elsewhere: bool = False


@dataclass(eq=False)
class Chat:
    """A loaded chat model. `held`: bytes that it took; `needed`: that it was expected to take."""

    engine: Engine
    queue: GenerationQueue
    speeds: SpeedBook
    held: int = 0
    needed: int = 0
    leases: int = 0
    used: float = field(default_factory=time.monotonic)

    @property
    def info(self) -> ModelInfo:
        return replace(self.engine.info, speed=self.speeds.speed)

    @property
    def idle(self) -> bool:
        return not self.leases and not self.queue.length()

    def close(self) -> None:
        self.queue.close()
        self.engine.close()


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes chats of engines: a line before each, its speed known, its memory weighed."""

    source: Source | None
    speed_file: Path
    threads: int
    finished: Callable[[Timing], None]

    def made(self, load: Callable[[], Engine | None], name: str = "") -> Chat | None:
        """None where LOAD gives none. Raises what it raises."""
        before = memory.anonymous()
        engine = load()
        if engine is None:
            return None
        try:
            speeds = SpeedBook(self.speed_file, engine, self.threads)
            queue = GenerationQueue(engine, lambda timing: self._generated(speeds, timing))
        except Exception:
            engine.close()
            raise
        held = max(0, memory.anonymous() - before)
        needed = self._needed(name or engine.info.name)
        # Others may have taken memory meanwhile.
        return Chat(engine, queue, speeds, min(held, needed) if needed else held, needed)

    def _needed(self, name: str) -> int:
        try:
            return self.source.fit(name, 2**62).needed if self.source else 0
        except ModelError:
            return 0

    def _generated(self, speeds: SpeedBook, timing: Timing) -> None:
        speeds.learn(timing)
        self.finished(timing)


def broken(error: Exception) -> ModelError:
    """For a person, without what the message may hold."""
    if isinstance(error, ModelsUnavailable):
        return (ModelError if error.permanent else PassingError)(error.code, error.detail)
    detail = f"It could not be loaded ({type(error).__name__}); the log has the reason."
    return ModelError("model-not-loaded", detail)


def elsewhere(engine: ManyModels) -> Source:
    """Its models take no memory here."""
    return Source(
        load=engine.named,
        fit=lambda name, free: Fit(0, free),
        known=engine.models,
        free=lambda: 2**62,
        elsewhere=True,
    )
