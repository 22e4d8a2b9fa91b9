"""Embedders beside the one of the settings: loaded when one is asked for by name, dropped when unused.

While an index is built by another embedder, both are needed: one for what people ask, one for passages.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog

from inference.errors import ModelError
from inference.jobs import EmbeddingQueue
from inference.protocol import EmbedderInfo, Encoder, ModelsUnavailable
from inference.slots import Slot

log = structlog.get_logger(__name__)

#: Whoever asks while it is loaded waits this long, then is told to come back.
LOAD_SECONDS = 60.0
#: One that nobody asked for this long is dropped: it holds hundreds of megabytes.
IDLE_SECONDS = 900.0
#: One that could not be loaded is tried again after this: its files may have been mended.
RETRY_SECONDS = 60.0


@dataclass(eq=False)
class _Loaded:
    slot: Slot = field(default_factory=Slot)
    queue: EmbeddingQueue | None = None
    used: float = field(default_factory=time.monotonic)


def _nobody() -> Sequence[EmbedderInfo]:
    return ()


def _nothing(name: str) -> Encoder:
    raise ModelError("model-unknown", f"There is no embedder named {name!r} here.")


class Embedders:
    """Loads by `load`, which raises ModelError, what `known` lists. Thread-safe.

    `step_back` says whether passages should wait, because somebody's answer is written. `default` is
    the embedder of the settings, which is none of these.
    """

    def __init__(
        self,
        load: Callable[[str], Encoder] = _nothing,
        known: Callable[[], Sequence[EmbedderInfo]] = _nobody,
        *,
        default: str = "",
        idle: float = IDLE_SECONDS,
    ) -> None:
        self._load, self._known, self._idle = load, known, idle
        self.default = default
        self.step_back: Callable[[], bool] = lambda: False
        self._lock = threading.Lock()
        self._loaded: dict[str, _Loaded] = {}

    def queue(self, name: str) -> EmbeddingQueue:
        """The queue of the embedder of that name. Blocks while it is loaded.

        Raises ModelsUnavailable: `embedder-unknown`, `models-loading`, or why it cannot be loaded.
        """
        if name not in {each.name for each in self._known()}:
            raise _unknown(name)
        found = self._begun(name)
        found.slot.wait(LOAD_SECONDS)
        assert found.queue is not None  # noqa: S101 - the slot is ready
        return found.queue

    def infos(self) -> list[EmbedderInfo]:
        """All that are known, and how each is."""
        self._drop_unused()
        with self._lock:
            states = {name: each.slot.state for name, each in self._loaded.items()}
        return [
            replace(each, state=state)
            if (state := states.get(each.name, "none")) != "none"
            else each
            for each in self._known()
        ]

    def _begun(self, name: str) -> _Loaded:
        self._drop_unused()
        with self._lock:
            found = self._loaded.get(name)
            if found and not self._worn(found):
                found.used = time.monotonic()
                return found
            found = self._loaded[name] = _Loaded()
        threading.Thread(target=self._fill, args=(name, found), daemon=True).start()
        return found

    def queues(self) -> list[EmbeddingQueue]:
        """Of those that are loaded."""
        with self._lock:
            return [each.queue for each in self._loaded.values() if each.queue]

    def _worn(self, found: _Loaded) -> bool:
        rested = time.monotonic() - found.used > RETRY_SECONDS
        return found.slot.state == "unavailable" and rested

    def _fill(self, name: str, found: _Loaded) -> None:
        try:
            encoder = self._load(name)
        except ModelError as error:
            log.warning("embedder_not_loaded", model=name, code=error.code)
            found.slot.settle("unavailable", error.code, error.detail)
        except Exception as error:
            log.exception("embedder_not_loaded", model=name)
            detail = f"It could not be loaded ({type(error).__name__}); the log has the reason."
            found.slot.settle("unavailable", "model-not-loaded", detail)
        else:
            found.queue = EmbeddingQueue(encoder, lambda: self.step_back())
            found.slot.settle("ready")
            log.info("embedder_ready", model=name)

    def _drop_unused(self) -> None:
        before = time.monotonic() - self._idle
        with self._lock:
            unused = [
                name
                for name, each in self._loaded.items()
                if each.queue and each.used < before and not each.queue.length()
            ]
            dropped = [(name, self._loaded.pop(name)) for name in unused]
        for name, each in dropped:
            if each.queue:
                each.queue.close()
            log.info("embedder_dropped", model=name)


def _unknown(name: str) -> ModelsUnavailable:
    return ModelsUnavailable(
        "embedder-unknown",
        f"There is no embedder named {name[:100]!r} here. `manage.py models list` shows the names; "
        "`manage.py models add FOLDER` adds one of yours.",
        permanent=True,
    )
