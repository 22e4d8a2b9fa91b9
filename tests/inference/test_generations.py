"""Many at once, fairly, over a real socket, with the fake model."""

import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from inference.client import HttpClient
from inference.fake import FakeEngine
from inference.generations import Generation, GenerationQueue, Timing
from inference.protocol import ChatMessage, ModelsUnavailable, Piece, Sampling
from inference.wire import Wire
from tests.inference.parts import running, wait_for

ASK = [
    ChatMessage("user", "[1] Leave is thirty days a year.\n\nQuestion: how long is leave a year?")
]
LONG = [ChatMessage("user", f"[1] Leave days {'and on ' * 400}.\n\nQuestion: leave days?")]
ANSWER = "Leave is thirty days a year. [1]"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"unix:{tmp_path / 'm.sock'}"


def _client(url: str) -> HttpClient:
    return HttpClient(Wire(url, patience=0.0))


def test_as_many_at_once_as_the_engine_takes(url: str, tmp_path: Path) -> None:
    with running(url, tmp_path, engine=lambda: FakeEngine(seconds=0.02, parallel=2)):
        client = _client(url)
        with closing(client.chat(LONG, Sampling(max_tokens=900))) as first:
            next(first)
            # Not held up by the first, which goes on for many seconds.
            text = "".join(piece.text for piece in client.chat(ASK, Sampling()))
            assert text == ANSWER
            # Its end is told a moment before its seat is free.
            wait_for(lambda: client.health()["queue"] == 1)
            assert client.health()["seats"] == 2


def test_one_that_takes_too_long_is_given_up(url: str, tmp_path: Path) -> None:
    with running(url, tmp_path, engine=lambda: FakeEngine(seconds=0.02)):
        client = _client(url)
        with closing(client.chat(LONG, Sampling(max_tokens=900))) as first:
            next(first)
            with pytest.raises(ModelsUnavailable) as caught:
                list(client.chat(ASK, Sampling(), seconds=0.2))
            assert (caught.value.code, caught.value.permanent) == ("generation-late", False)
            assert client.waiting() == 1
        with pytest.raises(ModelsUnavailable, match="generation-late"):
            list(client.chat(LONG, Sampling(max_tokens=900), seconds=0.2))
        wait_for(lambda: client.waiting() == 0)


def test_metrics_tell_seats_and_what_was_there_already(url: str, tmp_path: Path) -> None:
    with running(url, tmp_path, engine=lambda: FakeEngine(parallel=3)):
        list(_client(url).chat(ASK, Sampling(), asker="someone"))
        transport = httpx.HTTPTransport(uds=url.removeprefix("unix:"))
        with httpx.Client(transport=transport, base_url="http://models") as raw:
            # The end of an answer is told a moment before it is counted.
            wait_for(lambda: "sovereign_generations_running 0.0" in raw.get("/metrics").text)
            told = raw.get("/metrics").text
            bad = raw.post(
                "/v1/chat/completions",
                json={"messages": [{"role": "user", "content": "x"}], "user": 5},
            )
    assert "sovereign_generation_seats 3.0" in told
    assert "sovereign_generations_running 0.0" in told
    assert 'sovereign_prompts_total{cache="miss"} 1.0' in told
    assert "someone" not in told
    assert bad.json()["error"]["code"] == "bad-user"


class _Held(FakeEngine):
    """Each generation waits to be let go, and notes who was served."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Semaphore(0)
        self.served: list[str] = []

    def chat(self, messages, sampling):  # type: ignore[no-untyped-def]
        self.go.acquire()
        self.served.append(messages[0].content)
        yield Piece("x", "stop")


def _submit(queue: GenerationQueue, text: str, asker: str) -> Generation:
    generation = Generation([ChatMessage("user", text)], Sampling(), lambda piece: None, asker)
    queue.submit(generation)
    return generation


def test_five_tabs_wait_behind_another_person() -> None:
    engine = _Held()
    queue = GenerationQueue(engine, lambda timing: None)
    mine = [_submit(queue, f"mine {n}", "me") for n in range(5)]
    wait_for(lambda: queue.running() == 1)
    other = _submit(queue, "other", "another")
    assert [queue.ahead(each) for each in (mine[0], other, mine[1], mine[4])] == [0, 1, 2, 5]
    queue.cancel(mine[2])
    assert queue.ahead(mine[4]) == 4
    for _ in range(5):
        engine.go.release()
    wait_for(lambda: queue.length() == 0)
    assert engine.served == ["mine 0", "other", "mine 1", "mine 3", "mine 4"]


class _Gated(FakeEngine):
    """Two at once, each of which waits to be let go."""

    def __init__(self) -> None:
        super().__init__(parallel=2)
        self.go = threading.Semaphore(0)

    def chat(self, messages, sampling):  # type: ignore[no-untyped-def]
        self.go.acquire()
        yield from super().chat(messages, sampling)


def test_timings_say_whether_it_ran_alone() -> None:
    timings: list[Timing] = []
    engine = _Gated()
    queue = GenerationQueue(engine, timings.append)
    queue.submit(Generation(ASK, Sampling(), lambda piece: None))
    engine.go.release()
    wait_for(lambda: len(timings) == 1 and queue.running() == 0)
    queue.submit(Generation(ASK, Sampling(), lambda piece: None))
    queue.submit(Generation(ASK, Sampling(), lambda piece: None))
    wait_for(lambda: queue.running() == 2)
    engine.go.release(2)
    wait_for(lambda: len(timings) == 3)
    assert [timing.alone for timing in timings] == [True, False, False]
