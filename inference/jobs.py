"""Embeddings: who goes first. Queries before passages, and both beside generations."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import structlog

from inference.protocol import (
    PASSAGE_BATCH,
    Encoder,
    Interrupted,
    ModelsUnavailable,
    Vectors,
)

log = structlog.get_logger(__name__)

#: While a person's answer is written, passages get a twentieth of the time, and never less than a
#: batch in so many seconds.
_SHARE, PATIENCE_SECONDS = 1 / 20, 2.0
#: A batch that made way so often is embedded to its end: else nothing goes on beside many people.
_PATIENT = 3


@dataclass(eq=False)
class _Batch:
    texts: list[str]
    query: bool
    result: "Future[Vectors]" = field(default_factory=Future)
    made_way: int = 0


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
        self._next_passage = 0.0
        self._running: _Batch | None = None
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._work, name="embed", daemon=True).start()

    def submit(self, texts: Sequence[str], *, query: bool) -> "Future[Vectors]":
        """A future of (texts, dimension) vectors, in the order of TEXTS.

        Raises ModelsUnavailable once it is closed.
        """
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        size = max(len(texts), 1) if query else getattr(self._encoder, "at_once", PASSAGE_BATCH)
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
        if query:
            self.make_way()
        return combined

    def make_way(self) -> None:
        """Whoever waits goes first: passages that are being embedded are begun anew later."""
        with self._changed:
            batch = self._running
            interrupt = getattr(self._encoder, "interrupt", None)
            if batch and not batch.query and batch.made_way < _PATIENT and interrupt:
                interrupt()

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
                    self._running = self._queries.popleft()
                    return self._running
                if self._passages and self._may_run_passage():
                    self._running = self._passages.popleft()
                    return self._running
                self._running = None
                if self._closed and not self._passages:
                    return None
                self._changed.wait(timeout=0.05 if self._passages else None)

    def _may_run_passage(self) -> bool:
        return time.monotonic() > self._next_passage or not self._busy()

    def _run(self, batch: _Batch) -> None:
        if batch.result.cancelled():
            return
        started = time.monotonic()
        try:
            embed = self._encoder.embed_queries if batch.query else self._encoder.embed_passages
            vectors = embed(batch.texts)
        except Interrupted:
            batch.made_way += 1
            self._passages.appendleft(batch)
        except Exception as error:  # noqa: BLE001 - the queue must outlive one request
            log.error("embedding_failed", kind=type(error).__name__)
            batch.result.set_exception(error)
        else:
            batch.result.set_result(vectors)
        if not batch.query:
            ended = time.monotonic()
            rest = (ended - started) * (1 / _SHARE - 1)
            self._next_passage = ended + min(PATIENCE_SECONDS, rest)


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
