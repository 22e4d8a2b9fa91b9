"""Query embedding before answers, answers before documents: whoever is behind makes way at once."""

import itertools
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from inference.choose import load_encoder
from inference.client import HttpClient
from inference.errors import ModelError
from inference.fake import FakeEncoder, FakeEngine
from inference.jobs import EmbeddingQueue
from inference.protocol import ChatMessage, Encoder, Interrupted, Sampling, Vectors
from inference.wire import Wire
from tests.inference.parts import running, wait_for

LONG = [ChatMessage("user", f"[1] Leave days {'and on ' * 400}.\n\nQuestion: leave days?")]


class _Slow(FakeEncoder):
    """Takes SECONDS for each passage, unless it is interrupted, or `free` to end it at once."""

    at_once = 1

    def __init__(self, seconds: float = 600.0) -> None:
        super().__init__()
        self._seconds = seconds
        self.stop, self.free = threading.Event(), threading.Event()
        self.started = self.given_up = self.done = 0

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        # Before it is told that it has begun: who waits for that may interrupt it at once.
        self.stop.clear()
        self.started += 1
        end = time.monotonic() + self._seconds
        while time.monotonic() < end and not self.free.is_set():
            if self.stop.wait(0.01):
                self.given_up += 1
                raise Interrupted
        self.done += 1
        return FakeEncoder.embed_queries(self, texts)

    def interrupt(self) -> None:
        self.stop.set()


def test_a_query_does_not_wait_for_a_passage() -> None:
    encoder = _Slow()
    queue = EmbeddingQueue(encoder, lambda: False)
    queue.submit(["a passage"], query=False)
    wait_for(lambda: encoder.started == 1)
    assert queue.submit(["now"], query=True).result(60).shape == (1, encoder.dimension)
    assert encoder.given_up == 1
    encoder.free.set()
    wait_for(lambda: encoder.done == 1)


def test_what_was_given_up_is_embedded_in_its_place() -> None:
    encoder = _Slow(0.05)
    queue = EmbeddingQueue(encoder, lambda: False)
    texts = [f"word{n} " * (n + 1) for n in range(12)]
    found = queue.submit(texts, query=False)
    while not found.done():
        queue.submit(["now"], query=True).result(60)
    assert encoder.given_up
    np.testing.assert_allclose(found.result(), FakeEncoder().embed_queries(texts), atol=1e-6)


def test_beside_many_questions_documents_go_on() -> None:
    encoder = _Slow()
    queue = EmbeddingQueue(encoder, lambda: False)
    found = queue.submit(["a passage"], query=False)
    for number in range(1, 4):
        wait_for(lambda number=number: encoder.started == number)  # type: ignore[misc]
        queue.submit(["now"], query=True).result(60)
    wait_for(lambda: encoder.started == 4)
    late = queue.submit(["now"], query=True)
    assert not encoder.stop.is_set() and not late.done()
    encoder.free.set()
    assert found.result(60).shape == late.result(60).shape
    assert (encoder.given_up, encoder.done) == (3, 1)


def test_an_answer_that_begins_stops_a_passage(tmp_path: Path) -> None:
    encoder, url = _Slow(), f"unix:{tmp_path / 'm.sock'}"
    with running(url, tmp_path, encoder=lambda: encoder, engine=lambda: FakeEngine(seconds=0.05)):
        client = HttpClient(Wire(url, patience=0.0))
        bulk = threading.Thread(target=lambda: client.embed_passages(["x"]), daemon=True)
        bulk.start()
        wait_for(lambda: encoder.started == 1)
        with closing(client.chat(LONG, Sampling(max_tokens=900))) as pieces:
            next(pieces)
            wait_for(lambda: encoder.given_up == 1)
        encoder.free.set()
        bulk.join(60)
        assert encoder.done == 1


@pytest.fixture(scope="module")
def real() -> Encoder:
    try:
        encoder = load_encoder(settings.EMBEDDER)
    except ModelError as error:
        pytest.skip(f"NOT TESTED: {error.detail}")
    if not hasattr(encoder, "interrupt"):
        pytest.skip("NOT TESTED: the embedder is not in 8 bit integers")
    return encoder


@pytest.mark.live
def test_the_real_embedder_gives_up_and_begins_anew(real: Encoder) -> None:
    texts = ["The caretaker keeps a list of every key and lamp. " * 30] * 40
    given_up: list[float] = []

    def embed() -> None:
        with suppress(Interrupted):
            real.embed_passages(texts)
            return
        # Of the processor, for others may use it as well.
        given_up.append(time.process_time())

    thread = threading.Thread(target=embed)
    thread.start()
    time.sleep(0.3)
    asked = time.process_time()
    # Once, but for one that comes before it has begun, or between the two that make it up.
    while thread.is_alive():
        real.interrupt()  # type: ignore[attr-defined]
        thread.join(0.1)
    assert given_up and given_up[0] - asked < 1.0, "far less than the 40 passages take"
    first = real.embed_passages(texts[:1])
    np.testing.assert_allclose(first, real.embed_passages(texts[:1]), atol=1e-6)


@pytest.mark.live
def test_a_query_between_real_passages(real: Encoder) -> None:
    queue = EmbeddingQueue(real, lambda: False)
    text = "The caretaker keeps a list of every key and lamp. " * 20
    bulk = queue.submit([text] * 6, query=False)
    for _ in itertools.takewhile(lambda _: not bulk.done(), range(50)):
        queue.submit(["where is the key?"], query=True).result(120)
        time.sleep(0.05)
    np.testing.assert_allclose(bulk.result(120)[0], real.embed_passages([text])[0], atol=1e-5)
