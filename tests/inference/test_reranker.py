"""A reranker that somebody brings: known by its hash, loaded beside the rest, in time or not at all."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from django.core.management import call_command
from pytest_django import Settings

from inference import reranking
from inference.choose import load_reranker
from inference.client import HttpClient, get_client
from inference.errors import ModelError
from inference.fake import FakeEngine, FakeReranker
from inference.protocol import ChatMessage, Reranker, Sampling
from inference.registry import Registry
from inference.reranker import MOST_TOKENS, CrossEncoderReranker, context_of, is_cross_encoder
from inference.reranking import BATCH, RerankQueue
from inference.wire import Wire
from tests.inference.crossing import make
from tests.inference.parts import leave, running, wait_for

ASKED = "how many days"
TEXTS = ["the canteen opens at noon", "leave days", "leave leave days", "canteen " * 200]
LONG = [ChatMessage("user", f"[1] Leave days {'and on ' * 400}.\n\nQuestion: leave days?")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made") / "tiny")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy that may be spoilt."""
    copy = tmp_path / "tiny"
    copy.mkdir()
    for file in made.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"unix:{tmp_path / 'm.sock'}"


@pytest.fixture
def registry(settings: Settings, tmp_path: Path) -> Registry:
    settings.MODELS_DIR, settings.ENGINE = tmp_path / "models", "extractive"
    settings.RERANKER = "tiny"
    return Registry(settings.MODELS_DIR)


@pytest.fixture
def client(url: str) -> HttpClient:
    return HttpClient(Wire(url, patience=0.0))


class Slow(FakeReranker):
    """Tells when it begins a batch, and waits to be let on. `seconds`: what each takes by `clock`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.batches: list[list[str]] = []
        self.go_on = threading.Event()
        self._seconds, self._now = seconds, 0.0
        if seconds:
            self.go_on.set()

    def clock(self) -> float:
        return self._now

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        self.batches.append(list(texts))
        self.go_on.wait(60)
        self._now += self._seconds
        return super().score(query, texts)


def _raw(url: str, body: object, method: str = "POST", **options: float) -> httpx.Response:
    transport = httpx.HTTPTransport(uds=url.removeprefix("unix:"))
    with httpx.Client(transport=transport, base_url="http://models") as raw:
        kind = "content" if isinstance(body, bytes) else "json"
        return raw.request(method, "/v1/rerank", **{kind: body}, **options)  # type: ignore[arg-type]


def _ready(client: HttpClient) -> bool:
    return bool(client.reranker())


def test_a_folder_is_known_for_what_it_is(registry: Registry, folder: Path) -> None:
    out = StringIO()
    call_command("models", "add", str(folder), "--kind", "reranker", stdout=out)
    assert "SOVEREIGN_RERANKER=tiny" in out.getvalue()
    model = registry.get("tiny")
    assert (model.kind, model.context, len(model.files)) == ("reranker", 64, 4)
    call_command("models", "list", stdout=out)
    assert "* tiny" in out.getvalue() and "SOVEREIGN_RERANKER" in out.getvalue()
    assert registry.add(folder).kind == "reranker"
    assert registry.add(folder, kind="embedder").kind == "embedder"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"architectures": ["BertModel"], "id2label": {"0": "x"}},
        {"architectures": ["BertForSequenceClassification"]},
        {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "x", "1": "y"}},
        {"architectures": "ForSequenceClassification", "num_labels": 1},
    ],
)
def test_what_is_no_cross_encoder(registry: Registry, folder: Path, config: object) -> None:
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="one label") as caught:
        registry.add(folder, kind="reranker")
    assert caught.value.code == "model-kind"
    assert registry.add(folder).kind == "embedder"


def test_what_can_run_code_is_refused(registry: Registry, folder: Path) -> None:
    registry.add(folder)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04pickle")
    for call in (lambda: registry.add(folder), load_reranker):
        with pytest.raises(ModelError) as caught:
            call()
        assert caught.value.code == "model-unsafe"


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_what_was_changed_is_not_loaded(registry: Registry, folder: Path, file: str) -> None:
    registry.add(folder)
    (folder / file).write_bytes((folder / file).read_bytes() + b" ")
    with pytest.raises(ModelError) as caught:
        load_reranker()
    assert caught.value.code == "model-changed"


def test_none_by_choice_and_another_kind_by_mistake(
    settings: Settings, registry: Registry, folder: Path
) -> None:
    registry.add(folder, kind="embedder")
    with pytest.raises(ModelError, match="SOVEREIGN_RERANKER") as caught:
        load_reranker()
    assert caught.value.code == "model-kind"
    settings.RERANKER = ""
    assert load_reranker() is None


def test_code_that_its_configuration_names_is_not_run(folder: Path, tmp_path: Path) -> None:
    evil = f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
    (folder / "evil.json").write_text(evil)
    (folder / "evil.py").write_text(evil)
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForSequenceClassification": "evil.Model"}
    config["sentence_transformers"] = {"activation_fn": "evil.Function"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="run code"):
        CrossEncoderReranker("tiny", folder, 1)
    (folder / "evil.py").unlink()
    assert CrossEncoderReranker("tiny", folder, 1).score(ASKED, TEXTS)[2] > 0
    assert not (tmp_path / "ran").exists()


def test_a_real_one_through_the_server(
    registry: Registry, folder: Path, url: str, tmp_path: Path, client: HttpClient
) -> None:
    registry.add(folder)
    with running(url, tmp_path, reranker=load_reranker):
        wait_for(lambda: _ready(client), 60)
        scores = client.rerank(ASKED, TEXTS, seconds=60)
        assert scores is not None
        assert sorted(range(4), key=lambda i: -scores[i])[:2] == [2, 1]
        assert client.rerank(ASKED, TEXTS, seconds=0.0) is None
        body = {"query": ASKED, "documents": TEXTS, "seconds": 60, "model": "tiny"}
        answer = _raw(url, body, timeout=60).json()
        assert (answer["object"], answer["model"]) == ("list", "tiny")
        assert [each["index"] for each in answer["results"]][:2] == [2, 1]
        told = [each["relevance_score"] for each in answer["results"]]
        assert told == sorted(told, reverse=True)
        about = client.health()["reranker"]
    assert about == {"state": "ready", "name": "tiny", "max_tokens": 64}


def test_a_broken_one_leaves_the_rest_at_work(
    registry: Registry, folder: Path, url: str, tmp_path: Path, client: HttpClient
) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    registry.add(folder)
    with running(url, tmp_path, reranker=load_reranker):
        wait_for(lambda: client.health()["status"] == "degraded", 60)
        about = client.health()["reranker"]
        assert isinstance(about, dict) and about["state"] == "unavailable" and about["detail"]
        assert (client.reranker(), client.rerank(ASKED, TEXTS, seconds=1)) == ("", None)
        assert client.embed_queries(["x"]).shape == (1, 384)
        assert "".join(p.text for p in client.chat(LONG, Sampling()))


def test_without_one(url: str, tmp_path: Path, client: HttpClient) -> None:
    with running(url, tmp_path):
        wait_for(lambda: client.health()["status"] == "ready")
        assert (client.reranker(), client.rerank(ASKED, TEXTS, seconds=1)) == ("", None)
        answer = _raw(url, {"query": ASKED, "documents": TEXTS})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no-reranker")
        assert client.health()["reranker"] == {"state": "none"}
    assert client.rerank(ASKED, TEXTS, seconds=1) is None


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[", 400, "bad-json"),
        ({"documents": ["a"]}, 400, "bad-query"),
        ({"query": " ", "documents": ["a"]}, 400, "bad-query"),
        ({"query": ["a"], "documents": ["a"]}, 400, "bad-query"),
        ({"query": "a"}, 400, "bad-documents"),
        ({"query": "a", "documents": []}, 400, "bad-documents"),
        ({"query": "a", "documents": ["a"] * 300}, 400, "bad-documents"),
        ({"query": "a", "documents": [{"text": "a"}]}, 400, "bad-documents"),
        ({"query": "a", "documents": ["a"], "seconds": -1}, 400, "bad-seconds"),
        ({"query": "a", "documents": ["a"], "seconds": "x"}, 400, "bad-seconds"),
        ({"query": "a", "documents": ["a"], "model": 5}, 400, "bad-model"),
        ({"query": "a", "documents": ["a"], "model": "gpt"}, 404, "model-unknown"),
        ({"query": "\ud800", "documents": ["\ud800"]}, 200, ""),
    ],
)
def test_bad_requests(url: str, tmp_path: Path, body: object, status: int, code: str) -> None:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    client = HttpClient(Wire(url))
    with running(url, tmp_path, reranker=FakeReranker):
        wait_for(lambda: _ready(client))
        answer = _raw(url, sent)
        assert _raw(url, sent, "GET").json()["error"]["code"] == "not-found"
    assert answer.status_code == status
    assert answer.json().get("error", {}).get("code", "") == code


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.go_on.set()


def _counted(url: str, end: str) -> bool:
    transport = httpx.HTTPTransport(uds=url.removeprefix("unix:"))
    with httpx.Client(transport=transport, base_url="http://models") as raw:
        return f'sovereign_rerankings_total{{end="{end}"}} 1.0' in raw.get("/metrics").text


def test_it_stops_between_two_batches_when_the_time_is_over(
    url: str, tmp_path: Path, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(seconds=40.0)
    # Else a busy machine would decide how many batches there is time for.
    monkeypatch.setattr(reranking, "time", SimpleNamespace(monotonic=slow.clock))
    with running(url, tmp_path, reranker=lambda: slow):
        wait_for(lambda: _ready(client))
        texts = [f"leave {'on ' * i}" for i in range(10 * BATCH)]
        assert client.rerank("leave", texts, seconds=60) is None
        assert slow.batches == [texts[:BATCH]]
        assert _counted(url, "rerank-late")
        assert client.rerank("leave", texts[:BATCH], seconds=30) == [1.0] * BATCH


def test_it_stops_when_nobody_waits_any_more(url: str, tmp_path: Path, slow: Slow) -> None:
    client = HttpClient(Wire(url))
    with running(url, tmp_path, reranker=lambda: slow):
        wait_for(lambda: _ready(client))
        body = {"query": "leave", "documents": ["x"] * 10 * BATCH, "seconds": 60}
        leave(url, "/v1/rerank", body, when=lambda: len(slow.batches) == 1)
        wait_for(lambda: _counted(url, "cancelled"))
        slow.go_on.set()
        assert client.rerank("leave", ["leave"], seconds=30) == [1.0]
        assert len(slow.batches) == 2


def test_the_time_runs_while_it_waits_for_another(slow: Slow) -> None:
    queue = RerankQueue(slow)
    first = queue.submit("a", ["a"], 600)
    wait_for(lambda: len(slow.batches) == 1)
    late, gone = queue.submit("b", ["b"], 0.0), queue.submit("c", ["c"], 600)
    gone.result.cancel()
    slow.go_on.set()
    assert len(first.result.result(60)) == 1
    assert "rerank-late" in str(late.result.exception(60))
    assert slow.batches == [["a"]]


def test_an_answer_that_is_written_does_not_hold_it_up(
    url: str, tmp_path: Path, client: HttpClient
) -> None:
    with running(url, tmp_path, reranker=FakeReranker, engine=lambda: FakeEngine(seconds=0.05)):
        wait_for(lambda: _ready(client))
        answer = client.chat(LONG, Sampling(max_tokens=900))
        next(answer)
        assert client.rerank("leave", ["leave", "x"], seconds=30) == [1.0, 0.0]
        assert client.waiting() == 1
        answer.close()


class Odd(FakeReranker):
    """Scores that are none."""

    def __init__(self, score: Callable[[], list[float]]) -> None:
        self._score = score

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        return self._score()


@pytest.mark.parametrize("scores", [[], [float("nan")], [1.0, 2.0]])
def test_odd_scores_are_none(
    url: str, tmp_path: Path, client: HttpClient, scores: list[float]
) -> None:
    def odd() -> Reranker:
        return Odd(lambda: scores)

    with running(url, tmp_path, reranker=odd):
        wait_for(lambda: _ready(client))
        assert client.rerank("leave", ["leave"], seconds=30) is None
        assert _counted(url, "failed")
        assert client.health()["status"] == "ready"


def test_the_twin() -> None:
    client = get_client()
    assert client.rerank("annual leave", ["leave", "annual leave", "x"], seconds=1) == [0.5, 1.0, 0]
    assert client.rerank("annual leave", ["leave"], seconds=0.0) is None
    assert client.reranker() == "fake"


@pytest.mark.parametrize("odd", ["x", [1], -5, 1e999, {}, None])
def test_an_odd_configuration_is_no_crash(tmp_path: Path, odd: object) -> None:
    told = {"architectures": ["BertForSequenceClassification"], "num_labels": odd}
    (tmp_path / "config.json").write_text(json.dumps(told | {"max_position_embeddings": odd}))
    assert not is_cross_encoder(tmp_path) and context_of(tmp_path) == MOST_TOKENS
    (tmp_path / "config.json").write_text("[" * 50_000)
    assert not is_cross_encoder(tmp_path)
