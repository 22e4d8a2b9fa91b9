"""The models process in front of other servers: what it lists, says and counts, as they come and go."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from inference import choose
from inference.active import ActiveModel
from inference.app import ModelsApp
from inference.client import HttpClient
from inference.desk import Place
from inference.deskwork import table
from inference.fake import FakeEngine
from inference.protocol import ChatMessage, ModelsUnavailable, Sampling
from inference.registry import Registry
from inference.shelf import shown
from inference.wire import Wire
from sovereign import parts
from tests.inference.openai_server import WORDS, OpenAIServer, serving
from tests.inference.parts import running, wait_for
from tests.live import free_port

ASK = [ChatMessage("user", "When does the canteen open?")]
ANSWER = "".join(WORDS)
BASE = Path(choose.__file__).parent.parent


def place(folder: Path) -> Place:
    return Place(Registry(folder), ActiveModel(folder, "m"), [], set, 1)


@pytest.fixture(autouse=True)
def _no_look_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of a server changes with each look, and what it does meanwhile counts as another's."""
    monkeypatch.setattr("inference.replica.LOOK_SECONDS", 3_600.0)


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


class Front:
    """Our models process on a Unix socket, its answers from SERVERS."""

    def __init__(self, held: ExitStack, settings: Settings, folder: Path, urls: list[str]) -> None:
        settings.ENGINE, settings.CHAT_MODEL, settings.OPENAI_URLS = "openai", "m", urls
        settings.CONTEXT_TOKENS = 4096
        self.url = settings.MODELS_URL = f"unix:{folder / 'm.sock'}"
        self.app: ModelsApp = held.enter_context(
            running(self.url, folder, engine=choose.load_engine)
        )
        held.callback(lambda: self.app._service.close())
        self.client = HttpClient(Wire(self.url))

    def text(self, model: str = "") -> str:
        return "".join(piece.text for piece in self.client.chat(ASK, Sampling(), model=model))

    def code(self, model: str = "") -> str:
        with pytest.raises(ModelsUnavailable) as caught:
            self.text(model)
        return caught.value.code

    def ready(self) -> bool:
        chat: Any = self.client.health()["chat"]
        return bool(chat["state"] == "ready")

    def metrics(self) -> str:
        transport = httpx.HTTPTransport(uds=self.url.removeprefix("unix:"))
        with httpx.Client(transport=transport, base_url="http://models") as raw:
            return raw.get("/metrics").text


def test_models_of_all_servers_are_listed_and_asked_by_name(
    held: ExitStack, settings: Settings, tmp_path: Path
) -> None:
    general = held.enter_context(serving(OpenAIServer(models=("m",), kind="vllm")))
    legal = held.enter_context(serving(OpenAIServer(models=("legal",))))
    front = Front(held, settings, tmp_path, [general.url, legal.url])
    wait_for(front.ready)
    assert [model.name for model in front.client.models()] == ["m", "legal"]
    assert front.text() == front.text("m") == ANSWER
    assert [body["model"] for body in legal.asked] == []
    assert front.text("legal") == ANSWER
    assert {body["model"] for body in legal.asked} == {"legal"}
    assert front.code("unknown") == "model-unknown"
    part = parts.model_servers()
    assert part.ok and "m (2048 tokens) 0.11.0" in part.detail and "legal" in part.detail
    name = legal.url.removeprefix("http://")
    said = front.metrics()
    assert f'sovereign_replica_up{{replica="{name}"}} 1.0' in said
    assert f'sovereign_replica_answers_total{{end="done",replica="{name}"}} 2.0' in said
    assert f'sovereign_replica_first_token_seconds{{replica="{name}"}}' in said
    listed = shown(front.app._service, place(tmp_path))
    assert listed["replicas"] == front.client.health()["replicas"]
    lines = "\n".join(table(listed, []))
    assert name in lines and "legal" in lines and "0/4" in lines


def test_without_servers_there_is_no_model_until_one_comes(
    held: ExitStack, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.service._AGAIN_SECONDS", 0.2)
    server = OpenAIServer()
    port = free_port()
    front = Front(held, settings, tmp_path, [f"http://127.0.0.1:{port}"])
    wait_for(lambda: "unavailable" in str(front.client.health()["chat"]))
    assert front.client.models() == []
    assert front.code() == "replicas-away"
    part = parts.model_servers()
    assert not part.ok and f"127.0.0.1:{port}: models-down" in part.detail
    with serving(server, port):
        wait_for(front.ready)
        assert front.text() == ANSWER
        assert [model.name for model in front.client.models()] == ["m"]
    wait_for(lambda: front.code() in ("models-down", "replicas-away"))
    assert front.client.models() == [], "answers are quotes then"
    assert front.code() == front.code("m") == "replicas-away"
    part = parts.model_servers()
    assert not part.ok and not part.needed and "away (models-down)" in part.detail
    held.enter_context(serving(server, port))
    wait_for(lambda: bool(front.client.models()))
    assert front.text() == ANSWER


def test_our_own_models_process_as_a_replica(
    held: ExitStack, settings: Settings, tmp_path: Path
) -> None:
    urls = []
    for name in ("one", "two"):
        urls.append(f"http://127.0.0.1:{free_port()}")
        (tmp_path / name).mkdir()
        engine = partial(FakeEngine, context=512, model="m", parallel=3)
        held.enter_context(running(urls[-1], tmp_path / name, engine=engine))
        other = HttpClient(Wire(urls[-1]))
        wait_for(lambda other=other: bool(other.models()))  # type: ignore[misc]
    front = Front(held, settings, tmp_path, urls)
    wait_for(front.ready)
    told: Any = front.client.health()["replicas"]
    assert [(each["models"], each["seats"]) for each in told] == [({"m": 512}, 3)] * 2
    for _ in range(6):
        assert front.text()
    assert front.client.health()["seats"] == 6
    told = front.client.health()["replicas"]
    # One more: the measure of speed.
    assert sorted(each["answers"]["done"] for each in told) == [3, 4]


@pytest.mark.live
def test_behind_the_walls_the_process_reaches_its_servers(held: ExitStack, tmp_path: Path) -> None:
    """Confined by the kernel and watched by our guard, as the launcher starts it."""
    servers = [held.enter_context(serving(OpenAIServer())) for _ in range(2)]
    ports = [option for each in servers for option in ("--connect", each.url.rpartition(":")[2])]
    about = {
        "PATH": "/usr/bin:/bin",
        "SOVEREIGN_DATA_DIR": str(tmp_path),
        "SOVEREIGN_MODELS_DIR": str(tmp_path / "models"),
        # By number, and by a name that has to be looked up behind the walls.
        "SOVEREIGN_OPENAI_URL": f"{servers[0].url},{servers[1].url.replace('127.0.0.1', 'localhost')}",
    }
    (tmp_path / "models").mkdir()
    confined = [
        *(sys.executable, "-I", str(BASE / "wall" / "confine.py"), "--profile", "models", *ports),
        *("--write", str(tmp_path), "--", sys.executable, "-m", "wall.guarded", "models"),
        *("-m", "inference.server"),
    ]
    log = held.enter_context((tmp_path / "log").open("w"))
    process = subprocess.Popen(confined, env=about, cwd=BASE, stderr=log, stdout=log)
    held.callback(process.wait)
    held.callback(process.terminate)
    client = HttpClient(Wire(f"unix:{tmp_path / 'run' / 'models.sock'}", patience=240.0))
    for _ in range(4):
        text = "".join(piece.text for piece in client.chat(ASK, Sampling()))
        assert text == ANSWER, (tmp_path / "log").read_text()
    assert all(len(each.asked) >= 2 for each in servers)
