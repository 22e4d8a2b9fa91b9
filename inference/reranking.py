"""Passages read together with the question: one question at a time, in time or not at all."""

import math
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import structlog

from inference.protocol import ModelsUnavailable, Reranker

log = structlog.get_logger(__name__)

#: Pairs that are read at once: after each batch it is seen whether there is time for another.
BATCH = 4


@dataclass(eq=False)
class Reranking:
    """One question with its texts. `result` has a score for each, in their order.

    It fails with ModelsUnavailable(`rerank-late`) where `deadline` (monotonic) came first: what is
    scored in part is in no order.
    """

    query: str
    texts: Sequence[str]
    deadline: float
    cancelled: threading.Event = field(default_factory=threading.Event)
    result: "Future[list[float]]" = field(default_factory=Future)


class RerankQueue:
    """Runs them in a thread of its own, in the order of arrival, as people's questions are embedded:
    an answer that is written meanwhile does not hold them up. The time runs while they wait.
    """

    def __init__(self, reranker: Reranker) -> None:
        self._reranker = reranker
        self._waiting: deque[Reranking] = deque()
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="rerank", daemon=True).start()

    def submit(self, query: str, texts: Sequence[str], seconds: float) -> Reranking:
        asked = Reranking(query, texts, time.monotonic() + seconds)
        with self._changed:
            self._waiting.append(asked)
            self._changed.notify()
        return asked

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                asked = self._waiting.popleft()
            # From here on it cannot be cancelled from without, only ended between two batches.
            if not asked.result.set_running_or_notify_cancel():
                continue
            try:
                asked.result.set_result(self._scored(asked))
            except ModelsUnavailable as late:
                asked.result.set_exception(late)
            except Exception as error:  # noqa: BLE001 - the queue must outlive one request
                log.error("rerank_failed", kind=type(error).__name__)
                asked.result.set_exception(error)

    def _scored(self, asked: Reranking) -> list[float]:
        """Shortest first, so that little is padded and the pace is known early."""
        order = sorted(range(len(asked.texts)), key=lambda i: len(asked.texts[i]))
        scores = [0.0] * len(order)
        started, read = time.monotonic(), 0
        left = sum(len(text) for text in asked.texts)
        for start in range(0, len(order), BATCH):
            now = time.monotonic()
            needed = (now - started) / read * left if read else 0.0
            if asked.cancelled.is_set() or now + needed >= asked.deadline:
                raise _late()
            places = order[start : start + BATCH]
            texts = [asked.texts[place] for place in places]
            for place, score in zip(places, self._reranker.score(asked.query, texts), strict=True):
                scores[place] = _checked(score)
            length = sum(len(text) for text in texts)
            read, left = read + length, left - length
        return scores


def _checked(score: float) -> float:
    if not math.isfinite(score):
        raise ValueError("a score that is no number")
    return score


def _late() -> ModelsUnavailable:
    return ModelsUnavailable(
        "rerank-late", "The passages could not be read against the question in the time given."
    )
