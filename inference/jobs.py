"""Who goes first: one generation at a time in the order of arrival; queries before passages."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import structlog

from inference.errors import ModelError
from inference.protocol import (
    ChatMessage,
    Encoder,
    Engine,
    ModelsUnavailable,
    Piece,
    Sampling,
    Usage,
    Vectors,
)

log = structlog.get_logger(__name__)

#: Passages that are embedded at once. A query waits for one such batch at most.
PASSAGE_BATCH = 4
#: While a person's answer is written, passages get one batch in this many seconds.
PATIENCE_SECONDS = 2.0

Deliver = Callable[[Piece | Exception], None]


@dataclass(eq=False)
class Generation:
    """One request for text. Results are given to `deliver`, in the queue's own thread."""

    messages: Sequence[ChatMessage]
    sampling: Sampling
    deliver: Deliver
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds to the first text and after it, of a generation that ended by itself."""

    usage: Usage
    first: float
    rest: float


class GenerationQueue:
    """Runs generations one after the other in a thread of its own."""

    def __init__(self, engine: Engine, on_done: Callable[[Timing], None]) -> None:
        self._engine = engine
        self._on_done = on_done
        self._waiting: deque[Generation] = deque()
        self._running: Generation | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="generate", daemon=True).start()

    def submit(self, generation: Generation) -> None:
        with self._changed:
            self._waiting.append(generation)
            self._changed.notify()

    def cancel(self, generation: Generation) -> None:
        """Stop it within a token, or take it out of the queue."""
        generation.cancelled.set()
        with self._changed:
            if generation in self._waiting:
                self._waiting.remove(generation)

    def ahead(self, generation: Generation) -> int:
        """How many are before this one; 0 while it runs."""
        with self._changed:
            if generation not in self._waiting:
                return 0
            return self._waiting.index(generation) + (self._running is not None)

    def length(self) -> int:
        """Generations that wait or run."""
        with self._changed:
            return len(self._waiting) + (self._running is not None)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._running = None
                while not self._waiting:
                    self._changed.wait()
                self._running = generation = self._waiting.popleft()
            self._run(generation)

    def _run(self, generation: Generation) -> None:
        started = time.monotonic()
        first: float | None = None
        pieces = iter(self._engine.chat(generation.messages, generation.sampling))
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
                    self._on_done(Timing(piece.usage, first, rest))
        except ModelError as error:
            generation.deliver(error)
        except Exception as error:  # noqa: BLE001 - the queue must outlive one request
            log.error("generation_failed", kind=type(error).__name__)
            generation.deliver(error)
        finally:
            if close := getattr(pieces, "close", None):
                close()


@dataclass(eq=False)
class _Batch:
    texts: list[str]
    query: bool
    result: "Future[Vectors]" = field(default_factory=Future)


class EmbeddingQueue:
    """Runs embeddings in a thread of its own: queries first, passages in small batches.

    `busy` says whether an answer is being written: two models on the same few cores slow each other
    down by far more than half, so passages then step back.
    """

    def __init__(self, encoder: Encoder, busy: Callable[[], bool]) -> None:
        self._encoder = encoder
        self._busy = busy
        self._queries: deque[_Batch] = deque()
        self._passages: deque[_Batch] = deque()
        self._last_passage = 0.0
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._work, name="embed", daemon=True).start()

    def submit(self, texts: Sequence[str], *, query: bool) -> "Future[Vectors]":
        """A future of (texts, dimension) vectors, in the order of TEXTS.

        Raises ModelsUnavailable once it is closed.
        """
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        size = max(len(texts), 1) if query else PASSAGE_BATCH
        batches = [
            _Batch([texts[i] for i in order[start : start + size]], query)
            for start in range(0, len(texts), size)
        ]
        combined = _combine(batches, order, self._encoder.dimension)
        with self._changed:
            if self._closed:
                raise ModelsUnavailable("models-loading", "It was just put away. Try again.")
            (self._queries if query else self._passages).extend(batches)
            self._changed.notify()
        return combined

    def length(self) -> int:
        return len(self._queries) + len(self._passages)

    def close(self) -> None:
        """Let its thread end after what waits already, so that its encoder can be freed."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _work(self) -> None:
        while batch := self._next():
            self._run(batch)

    def _next(self) -> _Batch | None:
        with self._changed:
            while True:
                if self._queries:
                    return self._queries.popleft()
                if self._passages and self._may_run_passage():
                    return self._passages.popleft()
                if self._closed and not self._passages:
                    return None
                self._changed.wait(timeout=0.05 if self._passages else None)

    def _may_run_passage(self) -> bool:
        rested = time.monotonic() - self._last_passage > PATIENCE_SECONDS
        return rested or not self._busy()

    def _run(self, batch: _Batch) -> None:
        if batch.result.cancelled():
            return
        try:
            embed = self._encoder.embed_queries if batch.query else self._encoder.embed_passages
            vectors = embed(batch.texts)
        except Exception as error:  # noqa: BLE001 - the queue must outlive one request
            log.error("embedding_failed", kind=type(error).__name__)
            batch.result.set_exception(error)
        else:
            batch.result.set_result(vectors)
        if not batch.query:
            self._last_passage = time.monotonic()


def _combine(batches: list[_Batch], order: list[int], dimension: int) -> "Future[Vectors]":
    """One future for all BATCHES, its rows back in the order in which the texts came."""
    combined: Future[Vectors] = Future()
    missing = len(batches)

    def one_done(done: "Future[Vectors]") -> None:
        nonlocal missing
        missing -= 1
        if combined.done():
            return
        if error := done.exception():
            combined.set_exception(error)
        elif not missing:
            rows = np.concatenate([batch.result.result() for batch in batches])
            restored = np.empty_like(rows)
            restored[order] = rows
            combined.set_result(restored)

    if not batches:
        combined.set_result(np.zeros((0, dimension), np.float32))
    for batch in batches:
        batch.result.add_done_callback(one_done)
    return combined
