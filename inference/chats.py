"""The chat models that are loaded: one active, others beside it where memory allows.

Whoever generates holds a lease, so that no model is freed under an answer. A switch loads the new
model beside the old where both fit. Where they do not, new requests wait, the answers that are being
written end, and only then the old one is freed; if the new one cannot be loaded, the old one is back.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from inference import fit as memory
from inference.chat import Chat, Maker, Source, broken, elsewhere
from inference.errors import ModelError, PassingError
from inference.fit import Fit
from inference.generations import Timing
from inference.protocol import Engine, ManyModels, ModelInfo, ModelsUnavailable

log = structlog.get_logger(__name__)

#: A switch without room for both models waits so long for the answers that are being written.
DRAIN_SECONDS = 120.0
#: A model beside the active one that nobody asked for this long is dropped.
IDLE_SECONDS = 900.0
#: One that could not be loaded is tried again after this.
RETRY_SECONDS = 10.0

Say = Callable[[str], None]


class Chats:
    """Loads by SOURCE, of which there is none where another server owns the weights. Thread-safe."""

    def __init__(
        self,
        source: Source | None,
        *,
        speed_file: Path,
        threads: int,
        finished: Callable[[Timing], None],
        drain: float = DRAIN_SECONDS,
        idle: float = IDLE_SECONDS,
    ) -> None:
        self.source = source
        self._maker = Maker(source, speed_file, threads, finished)
        self._drain, self._idle = drain, idle
        self.active: Chat | None = None
        self._beside: dict[str, Chat] = {}
        self._begun: set[str] = set()
        self._refused: dict[str, tuple[ModelError, float]] = {}
        self._closed = False
        self._lock = threading.Lock()
        #: One model is loaded at a time.
        self._loading = threading.Lock()

    def start(self, load: Callable[[], Engine | None]) -> Chat | None:
        """Load the first one; None where there is none by choice. Raises ModelError."""
        with self._loading:
            self.active = self._made(load)
        if self.active and isinstance(self.active.engine, ManyModels):
            self.source = elsewhere(self.active.engine)
        return self.active

    def loaded(self) -> list[Chat]:
        """The active one first."""
        with self._lock:
            return [*([self.active] if self.active else []), *self._beside.values()]

    def length(self) -> int:
        """Generations that wait or run."""
        return sum(chat.queue.length() for chat in self.loaded())

    def infos(self) -> list[ModelInfo]:
        """All that can be asked: the active one, those beside it, and those that would be loaded."""
        found = {chat.info.name: chat.info for chat in self.loaded()}
        if not (self.source and self.active):
            return list(found.values())
        known = {each.name: each for each in self.source.known()}
        if self.source.elsewhere:
            return [found.get(name, info) for name, info in known.items()]
        found = known | found
        return [found.pop(self.active.info.name), *found.values()]

    def has(self, name: str) -> bool:
        """Whether a model of that name can be asked (empty: the active one; all servers away: any)."""
        elsewhere = self.source is not None and self.source.elsewhere
        if not name or (not elsewhere and self._find(name)):
            return True
        names = {each.name for each in self.infos()}
        return name in names or (elsewhere and not names)

    def take(self, name: str) -> Chat | None:
        """A lease on the model of that name (empty: the active one); give it back with `release`.

        None: ask again in a moment, it is being loaded. Raises ModelsUnavailable with the reason
        why it cannot be.
        """
        with self._lock:
            chat = self._find(name)
            if chat is None:
                self._begin(name)
                return None
            if chat is self.active and self._closed:
                return None
            chat.leases += 1
            chat.used = time.monotonic()
            return chat

    def release(self, chat: Chat) -> None:
        with self._lock:
            chat.leases -= 1
            chat.used = time.monotonic()

    def fit(self, name: str) -> Fit:
        """Whether that model could take the place of all that are loaded. Raises ModelError."""
        source = self._own()
        return source.fit(name, source.free() + self._held())

    def switch(self, name: str, say: Say) -> ModelInfo:
        """Make NAME the active model. Returns when it serves. Raises ModelError; the old one goes on.

        `say` is told what goes on: loading, draining.
        """
        source = self._own()
        with self._loading:
            old = self.active
            if old and old.info.name == name:
                return old.info
            memory.check(source.fit(name, source.free() + self._held()))
            say("loading")
            if not self._room_beside(name):
                return self._swap(name, say)
            chat = self._beside.get(name) or self._made(lambda: source.load(name), name)
            assert chat is not None  # noqa: S101 - a source loads or raises
            self._serve(chat)
            return chat.info

    def drop(self, name: str) -> bool:
        """Free a model beside the active one; False while it is used."""
        with self._lock:
            chat = self._beside.get(name)
            if chat is None or not chat.idle:
                return chat is None and name not in self._begun
            del self._beside[name]
        chat.close()
        return True

    def drop_unused(self) -> None:
        """Free what nobody has asked for a while."""
        before = time.monotonic() - self._idle
        for chat in self.loaded()[1:]:
            if chat.used < before:
                self.drop(chat.info.name)

    def close(self) -> None:
        for chat in self.loaded():
            chat.close()

    def _own(self) -> Source:
        """The weights of this process. Raises ModelError(`models-elsewhere`)."""
        if self.source is None or self.source.elsewhere:
            raise ModelError(
                "models-elsewhere",
                "Chat models are not loaded here: SOVEREIGN_ENGINE or SOVEREIGN_OPENAI_URL says where "
                "answers come from. Change the model there.",
            )
        return self.source

    def _source(self) -> Source:
        return self.source or self._own()

    def _find(self, name: str) -> Chat | None:
        if self.active and name in ("", self.active.info.name):
            return self.active
        return self._beside.get(name)

    def _begin(self, name: str) -> None:
        error, since = self._refused.get(name, (None, 0.0))
        if error and time.monotonic() - since < RETRY_SECONDS:
            raise ModelsUnavailable(
                error.code, error.detail, permanent=not isinstance(error, PassingError)
            )
        if not name or name in self._begun:
            return
        self._begun.add(name)
        threading.Thread(target=self._fill, args=(name,), daemon=True).start()

    def _fill(self, name: str) -> None:
        try:
            with self._loading:
                self._load_beside(name)
        except ModelError as error:
            log.warning("chat_not_loaded", model=name, code=error.code)
            self._refused[name] = (error, time.monotonic())
        except Exception as error:
            log.exception("chat_not_loaded", model=name)
            self._refused[name] = (broken(error), time.monotonic())
        finally:
            with self._lock:
                self._begun.discard(name)

    def _load_beside(self, name: str) -> None:
        """Unless it was loaded meanwhile."""
        if self._find(name):
            return
        source = self._source()
        if not self._room_beside(name):
            needed = source.fit(name, self._free_beside())
            raise ModelError(
                "model-no-room",
                f"There is no room for {name} beside the models that are loaded: it needs "
                f"{memory.gigabytes(needed.needed)} GB. Activate it instead, or ask later.",
            )
        chat = self._made(lambda: source.load(name), name)
        if chat:
            with self._lock:
                self._beside[name] = chat
            log.info("chat_beside", model=name)

    def _held(self) -> int:
        return sum(chat.held for chat in self.loaded())

    def _free_beside(self) -> int:
        """Weights that are mapped from a file count as free for the kernel: they are needed, though."""
        mapped = sum(max(0, chat.needed - chat.held) for chat in self.loaded())
        return self._source().free() - mapped

    def _room_beside(self, name: str) -> bool:
        """Whether NAME is loaded or fits beside the active one, once others that are idle have gone."""
        while name not in self._beside:
            if self._source().fit(name, self._free_beside()).fits:
                return True
            idle = [chat for chat in self.loaded()[1 if self.active else 0 :] if chat.idle]
            if not idle:
                return False
            self.drop(min(idle, key=lambda chat: chat.used).info.name)
        return True

    def _made(self, load: Callable[[], Engine | None], name: str = "") -> Chat | None:
        return self._maker.made(load, name)

    def _serve(self, chat: Chat) -> None:
        """From now on; who holds a lease on the old one goes on with it."""
        with self._lock:
            old, self.active = self.active, chat
            self._beside.pop(chat.info.name, None)
            if old:
                old.used = time.monotonic()
                self._beside[old.info.name] = old

    def _swap(self, name: str, say: Say) -> ModelInfo:
        """One after the other. Raises ModelError, the old one at work again."""
        old = self.active
        self._close(True)
        try:
            say("draining")
            self._wait_until_idle()
            say("loading")
            if old:
                old.close()
            new = self._tried(name)
            if isinstance(new, Chat):
                self.active = new
                return new.info
            back = self._tried(old.info.name) if old else None
            self.active = back if isinstance(back, Chat) else None
            raise new
        finally:
            self._close(False)

    def _close(self, closed: bool) -> None:
        with self._lock:
            self._closed = closed

    def _tried(self, name: str) -> Chat | ModelError:
        try:
            chat = self._made(lambda: self._source().load(name), name)
        except ModelError as error:
            log.warning("chat_not_loaded", model=name, code=error.code)
            return error
        except Exception as error:
            log.exception("chat_not_loaded", model=name)
            return broken(error)
        return chat or ModelError("no-chat-model", "There is no chat model here.")

    def _wait_until_idle(self) -> None:
        deadline = time.monotonic() + self._drain
        while any(not chat.idle for chat in self.loaded()):
            if time.monotonic() > deadline:
                raise ModelError(
                    "switch-busy",
                    "Answers are still being written, and both models do not fit into the memory at "
                    "once. The old model goes on. Try again when less goes on.",
                )
            time.sleep(0.05)
        for chat in self.loaded()[1:]:
            self.drop(chat.info.name)
