"""Several chat models: one beside the other, one after the other, and no answer broken by it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from inference import chats as chats_module
from inference.app import ModelsApp
from inference.chat import Source
from inference.client import HttpClient
from inference.errors import ModelError
from inference.fake import FakeEngine
from inference.fit import Fit, Need, judge
from inference.protocol import ChatMessage, ModelInfo, ModelsUnavailable, Sampling
from inference.wire import Wire
from tests.inference.parts import running, wait_for

GIGABYTE = 1_000_000_000
LONG = [ChatMessage("user", f"[1] Leave days {'and on ' * 20}.\n\nQuestion: leave days?")]
SAID = f"Leave days {'and on ' * 20}. [1]"


class Machine:
    """Models of a gigabyte each, on a machine that has room for so many. Counts who is loaded."""

    def __init__(self, room: int, *, seconds: float = 0.005, parallel: int = 16) -> None:
        self.room, self._seconds, self._parallel = room, seconds, parallel
        #: Answers go on behind their first piece.
        self.go = threading.Event()
        self.go.set()
        self.here: list[str] = []
        self.most = 0
        self.broken: set[str] = set()

    def load(self, name: str) -> "Counted":
        if name in self.broken:
            raise ModelError("model-changed", f"{name} is not the file that it was.")
        self.here.append(name)
        self.most = max(self.most, len(self.here))
        return Counted(self, name, self._seconds, self._parallel)

    def source(self) -> Source:
        return Source(self.load, self.fit, self.known, lambda: self.room * GIGABYTE)

    def fit(self, name: str, available: int) -> Fit:
        size = 99 if name == "giant" else 1
        return judge(name, Need(size * GIGABYTE // 2, 0, 0), available, 0)

    def known(self) -> list[ModelInfo]:
        return [ModelInfo(name, "fake", 4_096) for name in ("one", "two", "three", "giant")]

    @contextmanager
    def serving(self, folder: Path) -> Iterator[tuple[ModelsApp, HttpClient]]:
        url = f"unix:{folder / 'm.sock'}"
        with running(url, folder, engine=lambda: self.load("one"), source=self.source()) as app:
            client = HttpClient(Wire(url, patience=0.0))
            client.models()
            yield app, client


class Counted(FakeEngine):
    """Fails whoever reads on after it was closed, as freed memory would."""

    def __init__(self, machine: Machine, name: str, seconds: float, parallel: int) -> None:
        super().__init__(model=name, seconds=seconds, parallel=parallel)
        self._machine, self._closed = machine, False

    def chat(self, messages: Sequence[ChatMessage], sampling: Sampling):  # type: ignore[no-untyped-def]
        for piece in super().chat(messages, sampling):
            assert not self._closed
            yield piece
            self._machine.go.wait(60)

    def close(self) -> None:
        self._closed = True
        self._machine.here.remove(self.info.name)


class Askers:
    """Sixteen people who ask at the same time, again and again until they are told to stop."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self.answers: list[str] = []
        self.errors: list[Exception] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(16)]

    def __enter__(self) -> "Askers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        over = False
        while not over:
            # Everybody asks once more after that.
            over = self._over.is_set()
            try:
                pieces = self._client.chat(LONG, Sampling(max_tokens=900))
                self.answers.append("".join(piece.text for piece in pieces))
            except ModelsUnavailable as error:
                self.errors.append(error)


def _nothing(_: str) -> None:
    pass


@pytest.mark.parametrize(("room", "most"), [(4, 2), (1, 1)])
def test_a_switch_during_sixteen_answers_breaks_none(tmp_path: Path, room: int, most: int) -> None:
    """Beside the old one where there is room, else after it; who comes meanwhile waits."""
    # Slow enough that all sixteen are at it at the same time on a busy machine, too.
    machine, said = Machine(room, seconds=0.02), list[str]()
    with machine.serving(tmp_path) as (app, client):
        service = app._service
        with Askers(client) as askers:
            wait_for(lambda: service.queue_length() == 16)
            assert service.switch("two", said.append).name == "two"
            wait_for(lambda: len(askers.answers) > 16)
        assert client.models()[0].name == "two"
        assert askers.errors == []
        assert set(askers.answers) == {SAID}
        assert len(askers.answers) >= 32
        assert machine.most == most
        assert said == (["loading"] if room > 1 else ["loading", "draining", "loading"])


@pytest.mark.parametrize("room", [4, 1])
def test_one_that_cannot_be_loaded_leaves_the_old_one(tmp_path: Path, room: int) -> None:
    machine = Machine(room, seconds=0.02)
    machine.broken.add("two")
    with machine.serving(tmp_path) as (app, client):
        with Askers(client) as askers:
            wait_for(lambda: app._service.queue_length() == 16)
            with pytest.raises(ModelError, match="model-changed"):
                app._service.switch("two", _nothing)
        assert (askers.errors, set(askers.answers)) == ([], {SAID})
        assert (client.models()[0].name, machine.here) == ("one", ["one"])
        with pytest.raises(ModelError, match="model-too-large") as caught:
            app._service.switch("giant", _nothing)
        assert "Choose a smaller model" in caught.value.detail


def test_a_switch_waits_for_answers_no_longer_than_it_may(tmp_path: Path) -> None:
    machine = Machine(1)
    with machine.serving(tmp_path) as (app, client):
        app._service.chats._drain = 0.2
        machine.go.clear()
        with closing(client.chat(LONG, Sampling(max_tokens=900))) as pieces:
            next(piece for piece in pieces if piece.text)
            with pytest.raises(ModelError, match="switch-busy"):
                app._service.switch("two", _nothing)
            machine.go.set()
            assert "".join(piece.text for piece in pieces).endswith("and on . [1]")
        app._service.chats._drain = 60.0
        assert client.models()[0].name == "one"
        assert app._service.switch("two", _nothing).name == "two"


def test_where_neither_can_be_loaded_answers_are_refused_with_the_reason(tmp_path: Path) -> None:
    machine = Machine(1)
    with machine.serving(tmp_path) as (app, client):
        machine.broken |= {"one", "two"}
        with pytest.raises(ModelError, match="model-changed"):
            app._service.switch("two", _nothing)
        with pytest.raises(ModelsUnavailable, match="model-changed"):
            list(client.chat(LONG, Sampling()))
        machine.broken.clear()
        app._service.switch("two", _nothing)
        assert list(client.chat(LONG, Sampling(max_tokens=3)))[-1].finish == "length"


def test_a_named_one_is_loaded_beside_and_the_least_used_makes_room(tmp_path: Path) -> None:
    machine = Machine(3)
    with machine.serving(tmp_path) as (app, client):
        names = [model.name for model in client.models()]
        assert names == ["one", "two", "three", "giant"]
        # Once for its speed to be measured, which is answers as well.
        list(client.chat(LONG, Sampling(max_tokens=1), model="two"))
        machine.go.clear()
        with closing(client.chat(LONG, Sampling(max_tokens=900), model="two")) as pieces:
            next(piece for piece in pieces if piece.text)
            assert sorted(machine.here) == ["one", "two"]
            # Two is at work and one is active: no room for a third, and nobody is thrown out for it.
            machine.room = 2
            with pytest.raises(ModelsUnavailable, match="model-no-room"):
                list(client.chat(LONG, Sampling(), model="three"))
            machine.go.set()
            assert "".join(piece.text for piece in pieces).endswith(". [1]")
        wait_for(lambda: all(chat.idle for chat in app._service.chats.loaded()))
        app._service.chats._refused.clear()
        assert list(client.chat(LONG, Sampling(max_tokens=3), model="three"))[-1].finish
        assert sorted(machine.here) == ["one", "three"]
        assert client.health()["models"] == ["one", "three"]


def test_one_that_nobody_asks_for_is_dropped(tmp_path: Path) -> None:
    machine = Machine(3)
    with machine.serving(tmp_path) as (app, client):
        list(client.chat(LONG, Sampling(max_tokens=3), model="two"))
        app._service.chats.drop_unused()
        assert sorted(machine.here) == ["one", "two"]
        app._service.chats._idle = -1.0
        wait_for(lambda: all(chat.idle for chat in app._service.chats.loaded()))
        app._service.chats.drop_unused()
        assert machine.here == ["one"]


def test_one_that_was_refused_is_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(3)
    machine.broken.add("two")
    with machine.serving(tmp_path) as (_app, client):
        with pytest.raises(ModelsUnavailable, match="model-changed"):
            list(client.chat(LONG, Sampling(), model="two"))
        machine.broken.clear()
        monkeypatch.setattr(chats_module, "RETRY_SECONDS", 0.0)
        assert list(client.chat(LONG, Sampling(max_tokens=3), model="two"))[-1].finish


def test_who_waits_for_a_model_may_leave(tmp_path: Path) -> None:
    go = threading.Event()
    machine = Machine(3)
    load = machine.load
    source = Source(
        lambda name: go.wait(60) and load(name),  # type: ignore[arg-type,return-value]
        machine.fit,
        machine.known,
        lambda: machine.room * GIGABYTE,
    )
    url = f"unix:{tmp_path / 'm.sock'}"
    with running(url, tmp_path, engine=lambda: load("one"), source=source) as app:
        client = HttpClient(Wire(url, patience=0.0))
        with pytest.raises(ModelsUnavailable, match="generation-late"):
            list(client.chat(LONG, Sampling(), model="two", seconds=0.3))
        waiting = client.chat(LONG, Sampling(), model="two")
        next(waiting)
        waiting.close()
        go.set()
        wait_for(lambda: len(app._service.chats.loaded()) == 2)
        wait_for(lambda: all(chat.idle for chat in app._service.chats.loaded()))


class Letters(FakeEngine):
    """A token a letter."""

    def count(self, text: str) -> int:
        return len(text)


def test_texts_are_counted_by_the_model_that_will_read_them(tmp_path: Path) -> None:
    machine, go = Machine(3), threading.Event()
    go.set()

    def load(name: str) -> FakeEngine:
        assert go.wait(60)
        return Letters(model=name) if name == "two" else FakeEngine(model=name)

    source = replace(machine.source(), load=load)
    url = f"unix:{tmp_path / 'm.sock'}"
    with running(url, tmp_path, engine=lambda: load("one"), source=source) as app:
        client = HttpClient(Wire(url, patience=0.0))
        client.models()
        assert client.count(["ab cd e"]) == client.count(["ab cd e"], model="one") == [3]
        assert client.count(["ab cd e"], model="two") == [7]
        go.clear()
        app._load_wait = 0.3
        assert client.count(["ab cd e", ""], model="three") == [3, 0], (
            "estimated while it is loaded"
        )
        go.set()
        with pytest.raises(ModelsUnavailable, match="model-unknown"):
            client.count(["x"], model="nobody")
        with pytest.raises(ModelsUnavailable, match=r"model-no-room|model-too-large"):
            wait_for(lambda: client.count(["x"], model="giant") == [])
