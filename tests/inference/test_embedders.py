"""Several embedders in one models process."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from inference import embedders, jobs
from inference.client import HttpClient
from inference.embedders import Embedders
from inference.errors import ModelError
from inference.fake import FakeEncoder
from inference.protocol import EmbedderInfo, ModelsUnavailable, Vectors
from inference.wire import Wire
from tests.inference.parts import running, wait_for


class Short:
    """Vectors of three numbers, that say which call made them."""

    dimension, max_tokens = 3, 100

    def __init__(self, name: str) -> None:
        self.name = name

    def count(self, text: str) -> int:
        return len(text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return np.tile(np.array([1, 0, 0], np.float32), (len(texts), 1))

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return np.tile(np.array([0, 1, 0], np.float32), (len(texts), 1))


class Shelf:
    """What there is to load; counts how often it was."""

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.broken: ModelError | None = None
        self.free = threading.Event()
        self.free.set()

    def load(self, name: str) -> Short:
        self.loads.append(name)
        self.free.wait(60)
        if self.broken:
            raise self.broken
        return Short(name)

    def known(self) -> list[EmbedderInfo]:
        return [EmbedderInfo(name, 3, 100, "available") for name in ("other", "third")]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"unix:{tmp_path}/models.sock"


def test_each_is_asked_by_its_name(url: str, tmp_path: Path, shelf: Shelf) -> None:
    with running(url, tmp_path, others=Embedders(shelf.load, shelf.known)):
        client = HttpClient(Wire(url))
        assert client.embed_queries(["a"], embedder="other").tolist() == [[1, 0, 0]]
        assert client.embed_passages(["a", "b"], embedder="other").tolist() == [[0, 1, 0]] * 2
        assert client.embed_queries(["a"]).shape == (1, FakeEncoder.dimension)
        assert client.embed_queries(["a"], embedder="fake").shape == (1, FakeEncoder.dimension)
        assert shelf.loads == ["other"]
        states = {each.name: (each.dimension, each.state) for each in client.embedders()}
        assert states == {
            "other": (3, "ready"),
            "third": (3, "available"),
            "fake": (FakeEncoder.dimension, "ready"),
        }


def test_the_one_of_the_settings_is_known_by_name_before_it_is_loaded(
    url: str, tmp_path: Path, shelf: Shelf
) -> None:
    go_on = threading.Event()

    def late() -> FakeEncoder:
        go_on.wait(60)
        return FakeEncoder()

    others = Embedders(shelf.load, shelf.known, default="fake")
    with running(url, tmp_path, encoder=late, load_wait=0.05, others=others):
        with pytest.raises(ModelsUnavailable) as refused:
            HttpClient(Wire(url)).embed_queries(["a"], embedder="fake")
        assert refused.value.code == "models-loading" and not refused.value.permanent
        go_on.set()


def test_an_unknown_one_is_refused_and_the_others_work_on(
    url: str, tmp_path: Path, shelf: Shelf
) -> None:
    with running(url, tmp_path, others=Embedders(shelf.load, shelf.known)):
        client = HttpClient(Wire(url))
        with pytest.raises(ModelsUnavailable, match="embedder-unknown") as refused:
            client.embed_queries(["a"], embedder="../../etc")
        assert refused.value.permanent and "models list" in refused.value.detail
        assert client.embed_queries(["a"]).shape[0] == 1 and not shelf.loads


def test_a_broken_one_says_why_and_is_tried_again_later(
    url: str, tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.broken = ModelError("model-changed", "The file is not what it was.")
    with running(url, tmp_path, others=Embedders(shelf.load, shelf.known)):
        client = HttpClient(Wire(url))
        for _ in range(2):
            with pytest.raises(ModelsUnavailable, match="model-changed"):
                client.embed_queries(["a"], embedder="other")
        assert shelf.loads == ["other"]
        monkeypatch.setattr(embedders, "RETRY_SECONDS", 0.0)
        shelf.broken = None
        assert client.embed_queries(["a"], embedder="other").shape == (1, 3)


def test_whoever_asks_while_it_loads_is_told_to_come_back(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.free.clear()
    monkeypatch.setattr(embedders, "LOAD_SECONDS", 0.05)
    others = Embedders(shelf.load, shelf.known)
    with pytest.raises(ModelsUnavailable, match="models-loading"):
        others.queue("other")
    assert [each.state for each in others.infos()] == ["loading", "available"]
    shelf.free.set()
    wait_for(lambda: others.infos()[0].state == "ready")
    assert shelf.loads == ["other"]


def test_one_that_is_not_used_is_dropped(shelf: Shelf) -> None:
    others = Embedders(shelf.load, shelf.known, idle=0.0)
    first = others.queue("other")
    others.queue("third")
    assert [each.state for each in others.infos()] == ["available", "available"]
    with pytest.raises(ModelsUnavailable, match="models-loading"):
        first.submit(["a"], query=True)
    assert others.queue("other").submit(["a"], query=True).result(60).shape == (1, 3)


def test_many_ask_for_it_at_once_and_it_is_loaded_once(shelf: Shelf) -> None:
    shelf.free.clear()
    others = Embedders(shelf.load, shelf.known)
    threads = [threading.Thread(target=others.queue, args=("other",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    shelf.free.set()
    for thread in threads:
        thread.join()
    assert shelf.loads == ["other"]


def test_its_passages_step_back_while_an_answer_is_written(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first one takes no time to speak of, so the second might come when its rest is over.
    monkeypatch.setattr(jobs, "_SHARE", 1e-12)
    monkeypatch.setattr(jobs, "PATIENCE_SECONDS", 600.0)
    others = Embedders(shelf.load, shelf.known)
    asked: list[bool] = []

    def busy() -> bool:
        asked.append(True)
        return False

    others.step_back = busy
    others.queue("other").submit(["a"], query=False).result(60)
    others.queue("other").submit(["a"], query=False).result(60)
    assert asked
