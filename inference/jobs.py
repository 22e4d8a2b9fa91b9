"""Embeddings: who goes first. Queries before passages, and both beside generations."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np
import structlog

from inference.protocol import Encoder, ModelsUnavailable, Vectors

log = structlog.get_logger(__name__)

#: Passages that are embedded at once. A query waits for one such batch at most.
PASSAGE_BATCH = 4
#: While a person's answer is written, passages get one batch in this many seconds.
PATIENCE_SECONDS = 2.0


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
