"""Generations: as many at once as the engine takes, the others in a line that is fair to askers."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from inference.errors import ModelError
from inference.line import Line
from inference.metering import meter, metered
from inference.protocol import ChatMessage, Engine, ModelsUnavailable, Piece, Sampling, Usage

log = structlog.get_logger(__name__)

#: About so many characters of a prompt are read in the time that a token is written in.
_CHARACTERS_A_TOKEN = 12

Deliver = Callable[[Piece | Exception], None]


@dataclass(eq=False)
class Generation:
    """One request for text. Results are given to `deliver`, in a thread of the queue.

    `asker`: an opaque id; turns are shared out between askers.
    """

    messages: Sequence[ChatMessage]
    sampling: Sampling
    deliver: Deliver
    asker: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    #: Whether no other one ran beside it.
    alone: bool = True
    #: When it was asked for.
    since: float = field(default_factory=time.monotonic)

    @property
    def cost(self) -> float:
        read = sum(len(message.content) for message in self.messages) / _CHARACTERS_A_TOKEN
        return read + self.sampling.max_tokens


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds to the first text and after it, of a generation that ended by itself."""

    usage: Usage
    first: float
    rest: float
    alone: bool = True


class GenerationQueue:
    """Runs up to `engine.parallel` generations at once, each in a thread."""

    def __init__(self, engine: Engine, on_done: Callable[[Timing], None]) -> None:
        self._engine = engine
        self.seats = engine.parallel
        self._on_done = on_done
        self._waiting: Line[Generation] = Line()
        self._running: set[Generation] = set()
        self._changed = threading.Condition()
        self._closed = False
        for number in range(engine.parallel):
            threading.Thread(target=self._work, name=f"generate-{number}", daemon=True).start()

    def submit(self, generation: Generation) -> None:
        # One word is a look that decides whether to answer: the answer follows at once.
        opens = bool(generation.asker) and generation.sampling.max_tokens == 1
        with self._changed:
            self._waiting.put(generation, generation.asker, generation.cost, opens=opens)
            self._changed.notify()

    def cancel(self, generation: Generation) -> None:
        """Stop it within a step, or take it out of the queue."""
        generation.cancelled.set()
        with self._changed:
            self._waiting.remove(generation)

    def ahead(self, generation: Generation) -> int:
        """How many must end before this one begins; 0 while it runs."""
        with self._changed:
            before = self._waiting.ahead(generation)
            taken = 0 if before is None else before + len(self._running)
            return max(0, taken - self.seats + 1)

    def length(self) -> int:
        """Generations that wait or run."""
        with self._changed:
            return len(self._waiting) + len(self._running)

    def running(self) -> int:
        return len(self._running)

    def close(self) -> None:
        """Let its threads end after what waits already, so that its engine can be freed."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _work(self) -> None:
        while generation := self._next():
            try:
                self._run(generation)
            finally:
                with self._changed:
                    self._running.discard(generation)

    def _next(self) -> Generation | None:
        with self._changed:
            while True:
                if self._waiting:
                    return self._begin(self._waiting.take())
                if self._closed:
                    return None
                self._changed.wait()

    def _begin(self, generation: Generation) -> Generation:
        self._running.add(generation)
        if len(self._running) > 1:
            for each in self._running:
                each.alone = False
        return generation

    def _run(self, generation: Generation) -> None:
        started = time.monotonic()
        first: float | None = None
        by = meter(remote=self._engine.info.engine == "openai")
        said = self._engine.chat(generation.messages, generation.sampling)
        pieces = metered(said, by, since=generation.since)
        try:
            for piece in pieces:
                if generation.cancelled.is_set():
                    generation.deliver(Piece("", "cancelled"))
                    return
                if piece.text and first is None:
                    first = time.monotonic() - started
                if piece.text or piece.finish or piece.top:
                    generation.deliver(piece)
                if piece.finish and piece.usage and first is not None:
                    rest = time.monotonic() - started - first
                    self._on_done(Timing(piece.usage, first, rest, generation.alone))
        except (ModelError, ModelsUnavailable) as error:
            generation.deliver(error)
        except Exception as error:  # noqa: BLE001 - the queue must outlive one request
            log.error("generation_failed", kind=type(error).__name__)
            generation.deliver(error)
        finally:
            if close := getattr(pieces, "close", None):
                close()
