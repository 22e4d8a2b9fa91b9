"""The models process and its client, over real sockets, with the fake models."""

import itertools
import json
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest
from pytest_django import Settings

from inference import jobs
from inference.client import HttpClient, get_client
from inference.errors import ModelError
from inference.fake import FakeEncoder, FakeEngine
from inference.protocol import ChatMessage, Encoder, ModelsUnavailable, Sampling, Vectors
from inference.server import CannotListen, listen
from inference.wire import Wire
from tests.inference.parts import leave, running, wait_for
from tests.live import free_port

ASK = [
    ChatMessage(
        "user",
        "[1] The canteen opens at noon.\n[2] Annual leave is thirty days a year.\n\n"
        "Question: How many days of annual leave?",
    )
]
ANSWER = "Annual leave is thirty days a year. [2]"
LONG = [ChatMessage("user", f"[1] Leave days {'and on ' * 400}.\n\nQuestion: leave days?")]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"unix:{tmp_path / 'm.sock'}"


def _client(url: str, patience: float = 0.0) -> HttpClient:
    return HttpClient(Wire(url, patience=patience))


def _raw(url: str) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=url.removeprefix("unix:"))
    return httpx.Client(transport=transport, base_url="http://models", timeout=20)


def _text(client: HttpClient, messages: list[ChatMessage] = ASK) -> str:
    return "".join(piece.text for piece in client.chat(messages, Sampling()))


@pytest.fixture
def ready(url: str, tmp_path: Path) -> Iterator[HttpClient]:
    with running(url, tmp_path):
        yield _client(url)


def test_an_answer_is_streamed_in_pieces(ready: HttpClient) -> None:
    pieces = list(ready.chat(ASK, Sampling()))
    assert "".join(piece.text for piece in pieces) == ANSWER
    assert len(pieces) > 5
    assert [piece.finish for piece in pieces if piece.finish] == ["stop"]
    assert pieces[-1].usage
    assert (pieces[-1].usage.prompt, pieces[-1].usage.completion) == (21, 8)


@pytest.mark.timeout(120)
def test_nobody_waits_for_the_next_sign_of_life(
    ready: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that is there is asked at once: a second before each generation was two before each answer."""
    monkeypatch.setattr("inference.app.KEEP_ALIVE_SECONDS", 3_600.0)
    assert "".join(piece.text for piece in ready.chat(ASK, Sampling())) == ANSWER


def test_the_likeliest_first_words_come_through(ready: HttpClient) -> None:
    [top] = [piece.top for piece in ready.chat(ASK, Sampling(top_logprobs=5)) if piece.top]
    assert dict(top).keys() == {"yes", "no"}
    assert not any(piece.top for piece in ready.chat(ASK, Sampling()))


def test_an_answer_can_be_cut(ready: HttpClient) -> None:
    pieces = list(ready.chat(ASK, Sampling(max_tokens=3)))
    assert "".join(piece.text for piece in pieces).split() == ["Annual", "leave", "is"]
    assert pieces[-1].finish == "length"


def test_models_and_health(ready: HttpClient) -> None:
    (model,) = ready.models()
    assert (model.name, model.engine, model.context) == ("fake", "fake", 4096)
    health = ready.health()
    assert health["status"] == "ready"
    assert ready.embedder() == "fake"
    assert ready.count(["one two three", ""]) == [3, 0]
    assert ready.waiting() == 0


def test_vectors_are_what_the_encoder_gives_in_the_order_of_the_texts(ready: HttpClient) -> None:
    texts = [f"word{i} " * (1 + i * 7 % 5) for i in range(70)]
    vectors = ready.embed_passages(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, FakeEncoder().embed_passages(texts), atol=1e-6)
    assert ready.embed_queries(["x"]).shape == (1, 384)
    assert len(ready.embed_passages([])) == 0


def test_openai_wire_format(ready: HttpClient, url: str) -> None:
    with _raw(url) as raw:
        body = {"messages": [{"role": "user", "content": ASK[0].content}], "model": "fake"}
        answer = raw.post("/v1/chat/completions", json=body).json()
        assert answer["object"] == "chat.completion"
        assert answer["choices"][0]["message"] == {"role": "assistant", "content": ANSWER}
        assert answer["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}
        assert answer["usage"]["total_tokens"] == 29

        lines = raw.post("/v1/chat/completions", json={**body, "stream": True}).text.splitlines()
        events = [line[6:] for line in lines if line.startswith("data: ")]
        assert events[-1] == "[DONE]"
        assert json.loads(events[0])["object"] == "chat.completion.chunk"
        assert "sovereign_tokens_total" in raw.get("/metrics").text


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/v1/chat/completions", b"{", 400, "bad-json"),
        ("/v1/chat/completions", b"[]", 400, "bad-json"),
        ("/v1/chat/completions", b"[" * 100_000, 400, "bad-json"),
        ("/v1/chat/completions", {}, 400, "bad-messages"),
        (
            "/v1/chat/completions",
            {"messages": [{"role": "root", "content": ""}]},
            400,
            "bad-messages",
        ),
        (
            "/v1/chat/completions",
            {"messages": [{"role": "user", "content": 1}]},
            400,
            "bad-messages",
        ),
        ("/v1/embeddings", {"input": [1]}, 400, "bad-input"),
        ("/v1/embeddings", {"input": ["a"] * 300}, 400, "bad-input"),
        ("/v1/embeddings", {"input": "a", "input_type": "image"}, 400, "bad-input-type"),
        ("/v1/nothing", {}, 404, "not-found"),
    ],
)
def test_bad_requests(
    ready: HttpClient, url: str, path: str, body: object, status: int, code: str
) -> None:
    with _raw(url) as raw:
        kind = "content" if isinstance(body, bytes) else "json"
        answer = raw.post(path, **{kind: body})  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert "Traceback" not in answer.text
    assert _text(ready) == ANSWER


@pytest.mark.parametrize(
    "extra",
    [{"max_tokens": 0}, {"temperature": 9}, {"stop": 5}, {"seed": "x"}, {"temperature": True}],
)
def test_bad_sampling(ready: HttpClient, url: str, extra: dict[str, object]) -> None:
    body = {"messages": [{"role": "user", "content": "x"}], **extra}
    with _raw(url) as raw:
        answer = raw.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == f"bad-{next(iter(extra)).replace('_', '-')}"


def test_half_a_surrogate_is_survived(ready: HttpClient, url: str) -> None:
    with _raw(url) as raw:
        answer = raw.post("/v1/embeddings", content=b'{"input": ["\\ud800"]}')
    assert answer.status_code == 200


def test_another_model_than_the_loaded_one(ready: HttpClient) -> None:
    with pytest.raises(ModelsUnavailable, match="model-unknown"):
        list(ready.chat(ASK, Sampling(), model="gpt"))


def test_a_prompt_that_is_too_long(url: str, tmp_path: Path) -> None:
    with running(url, tmp_path, engine=lambda: FakeEngine(context=300)):
        with pytest.raises(ModelsUnavailable) as caught:
            list(_client(url).chat(LONG, Sampling()))
        assert (caught.value.code, caught.value.permanent) == ("context-too-long", True)
        assert "807" in caught.value.detail
        assert _text(_client(url)) == ANSWER
        with _raw(url) as raw:
            body = {"messages": [{"role": "user", "content": LONG[0].content}]}
            error = raw.post("/v1/chat/completions", json=body).json()["error"]
        assert (error["tokens"], error["context"]) == (807, 300)


def test_closing_the_iterator_stops_the_generation(url: str, tmp_path: Path) -> None:
    # To its end it would take minutes.
    with running(url, tmp_path, engine=lambda: FakeEngine(seconds=0.2)):
        client = _client(url)
        with closing(client.chat(LONG, Sampling(max_tokens=900))) as pieces:
            assert len(list(itertools.islice(pieces, 3))) == 3
            assert client.waiting() == 1
        wait_for(lambda: client.waiting() == 0)
        with _raw(url) as raw:
            assert 'sovereign_generations_total{end="cancelled"} 1.0' in raw.get("/metrics").text


def test_generations_wait_in_line_and_tell_their_place(url: str, tmp_path: Path) -> None:
    with running(url, tmp_path, engine=lambda: FakeEngine(seconds=0.05)):
        client = _client(url)
        first = client.chat(LONG, Sampling(max_tokens=900))
        next(first)
        ended: list[str] = []
        second = threading.Thread(target=lambda: ended.append(_text(client)))
        second.start()
        wait_for(lambda: client.waiting() == 2)
        assert ended == []
        first.close()
        second.join()
        assert ended == [ANSWER]


def test_one_that_waits_can_be_cancelled(url: str, tmp_path: Path) -> None:
    with running(url, tmp_path, engine=lambda: FakeEngine(seconds=0.05)):
        client = _client(url)
        first = client.chat(LONG, Sampling(max_tokens=900))
        next(first)
        body = {"messages": [{"role": "user", "content": "x"}], "stream": True}
        leave(url, "/v1/chat/completions", body, when=lambda: client.waiting() == 2)
        wait_for(lambda: client.waiting() == 1)
        first.close()


def test_a_request_while_the_models_load(url: str, tmp_path: Path) -> None:
    go = threading.Event()

    def slow_engine() -> FakeEngine:
        go.wait(60)
        return FakeEngine()

    with running(url, tmp_path, engine=slow_engine, load_wait=0.3):
        client = _client(url)
        wait_for(lambda: client.health()["embedder"] != {"state": "loading"})
        assert client.health()["status"] == "loading"
        assert client.embed_queries(["x"]).shape == (1, 384)
        with pytest.raises(ModelsUnavailable) as caught:
            _text(client)
        assert (caught.value.code, caught.value.permanent) == ("models-loading", False)
        go.set()
        wait_for(lambda: client.health()["status"] == "ready")
        assert _text(client) == ANSWER


def test_a_model_that_is_refused_leaves_the_embedder_at_work(url: str, tmp_path: Path) -> None:
    def changed() -> FakeEngine:
        raise ModelError("model-changed", "It is another file. Fetch it again.")

    with running(url, tmp_path, engine=changed):
        client = _client(url)
        with pytest.raises(ModelsUnavailable, match="model-changed") as caught:
            _text(client)
        assert caught.value.detail == "It is another file. Fetch it again."
        assert client.models() == []
        assert client.health()["status"] == "degraded"
        assert client.embed_passages(["x"]).shape == (1, 384)
        assert client.count(["a b"]) == [2]


def test_without_a_chat_model_by_choice(url: str, tmp_path: Path) -> None:
    with running(url, tmp_path, engine=lambda: None):
        client = _client(url)
        wait_for(lambda: client.health()["status"] == "ready")
        assert client.models() == []
        with pytest.raises(ModelsUnavailable) as caught:
            _text(client)
        assert (caught.value.code, caught.value.permanent) == ("no-chat-model", True)


def test_without_an_embedder(url: str, tmp_path: Path) -> None:
    def gone() -> Encoder:
        raise ModelError("model-missing", "Fetch it.")

    with running(url, tmp_path, encoder=gone):
        client = _client(url)
        assert _text(client) == ANSWER
        for call in (client.embedder, lambda: client.embed_queries(["x"])):
            with pytest.raises(ModelsUnavailable, match="model-missing") as caught:
                call()
            assert caught.value.permanent


def test_the_client_lives_through_a_restart(url: str, tmp_path: Path) -> None:
    client = _client(url, patience=60.0)
    with running(url, tmp_path):
        assert _text(client) == ANSWER
    late = threading.Timer(0.5, lambda: None)
    with pytest.raises(ModelsUnavailable, match="models-down"):
        _client(url).health()
    found: list[str] = []
    asking = threading.Thread(target=lambda: found.append(_text(client)))
    asking.start()
    late.start()
    late.join()
    with running(url, tmp_path):
        asking.join()
    assert found == [ANSWER]


def test_a_process_that_dies_in_the_middle(url: str, tmp_path: Path) -> None:
    with running(url, tmp_path, engine=lambda: FakeEngine(seconds=0.05)):
        pieces = _client(url).chat(LONG, Sampling(max_tokens=900))
        next(pieces)
    with pytest.raises(ModelsUnavailable) as caught:
        list(pieces)
    assert caught.value.code == "models-lost"
    assert not caught.value.permanent


class _HeldEncoder(FakeEncoder):
    """Notes what it was given, and waits with passages until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, int]] = []
        self.go = threading.Semaphore(0)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(("query", len(texts)))
        return super().embed_queries(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(("passage", len(texts)))
        assert self.go.acquire(timeout=60)
        return FakeEncoder.embed_queries(self, texts)


def test_a_query_waits_for_one_batch_of_passages_at_most(url: str, tmp_path: Path) -> None:
    encoder = _HeldEncoder()
    with running(url, tmp_path, encoder=lambda: encoder) as app:
        client = _client(url)
        bulk = threading.Thread(target=lambda: client.embed_passages(["x"] * 32))
        query = threading.Thread(target=lambda: client.embed_queries(["now"]))
        bulk.start()
        wait_for(lambda: len(encoder.calls) == 1)
        query.start()
        queue = app._service.embeddings
        assert queue is not None
        wait_for(lambda: len(queue._queries) == 1)
        encoder.go.release()
        query.join()
        encoder.go.release(7)
        bulk.join()
    kinds = [kind for kind, _ in encoder.calls]
    assert kinds.index("query") == 1
    assert len(kinds) == 9


def test_passages_step_back_while_an_answer_is_written(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How long they rest at the most: longer than this test, on a busy machine too.
    monkeypatch.setattr(jobs, "_SHARE", 1e-12)
    monkeypatch.setattr(jobs, "PATIENCE_SECONDS", 600.0)
    encoder = _HeldEncoder()
    encoder.go.release(3)
    slow = FakeEngine(seconds=0.05)
    with running(url, tmp_path, encoder=lambda: encoder, engine=lambda: slow):
        client = _client(url)
        answer = client.chat(LONG, Sampling(max_tokens=900))
        next(answer)
        bulk = threading.Thread(target=lambda: client.embed_passages(["x"] * 12))
        bulk.start()
        wait_for(lambda: len(encoder.calls) == 1)
        assert len(list(itertools.islice(answer, 20))) == 20
        assert len(encoder.calls) == 1
        answer.close()
        bulk.join()
        assert len(encoder.calls) == 3


def test_the_socket_is_for_its_owner_alone(ready: HttpClient, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "m.sock").stat().st_mode) == 0o600


def test_where_it_cannot_listen(tmp_path: Path) -> None:
    plain = tmp_path / "file"
    plain.write_text("mine")
    with pytest.raises(CannotListen, match="not a socket"):
        listen(f"unix:{plain}")
    assert plain.read_text() == "mine"
    with pytest.raises(CannotListen, match="SOVEREIGN_DATA_DIR"):
        listen(f"unix:{tmp_path / ('x' * 120)}")
    with pytest.raises(CannotListen, match="SOVEREIGN_ALLOWED_ADDRESSES"):
        listen("http://192.0.2.1:80")
    first = listen(f"unix:{tmp_path / 's'}")
    with pytest.raises(CannotListen, match="runs already"):
        listen(f"unix:{tmp_path / 's'}")
    first.close()
    listen(f"unix:{tmp_path / 's'}").close()


def test_loopback(tmp_path: Path) -> None:
    port = free_port()
    with running(f"http://127.0.0.1:{port}", tmp_path):
        assert _text(_client(f"http://127.0.0.1:{port}")) == ANSWER


def test_get_client(settings: Settings, tmp_path: Path) -> None:
    assert get_client().embedder() == "fake"
    assert get_client() is get_client()
    settings.MODELS_URL = "http://192.0.2.1:80"
    with pytest.raises(ModelsUnavailable, match="address-not-allowed"):
        get_client()
    settings.ALLOWED_ADDRESSES = ["192.0.2.1"]
    assert isinstance(get_client(), HttpClient)


def test_the_process_itself(tmp_path: Path) -> None:
    """The entry point, as the launcher starts it: answers, refuses a second one, stops on SIGTERM."""
    environment = {
        "SOVEREIGN_DATA_DIR": str(tmp_path),
        "SOVEREIGN_MODELS_DIR": str(tmp_path / "models"),
        "SOVEREIGN_ENGINE": "fake",
        "PATH": "/usr/bin:/bin",
    }
    command = [sys.executable, "-m", "inference.server"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        assert _text(_client(f"unix:{tmp_path / 'run' / 'models.sock'}", patience=120.0)) == ANSWER
        second = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert second.returncode == 1
        assert second.stderr.startswith("A models process runs already")
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0
