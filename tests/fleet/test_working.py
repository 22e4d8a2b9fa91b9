"""Work on models that others must not touch, that ends in time, and servers that do the work elsewhere."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts.models import User
from audit import actions
from audit.models import Entry
from fleet import deeds, tasks
from fleet.models import Deed
from inference import desk_client
from inference.active import ActiveModel
from inference.desk import Desk, Place
from inference.desk_client import fake_desk
from inference.fake import FakeEncoder, FakeEngine
from inference.protocol import ChatMessage, ModelsUnavailable, Piece, Sampling
from inference.registry import Registry
from inference.remote import RemoteEngine, Servers, connect
from inference.service import Service
from inference.speed import question
from tests.fleet.test_deeds import _actions, _ended, _registered
from tests.inference.openai_server import OpenAIServer, serving
from tests.inference.parts import SMALL, wait_for

ClientFor = Callable[[User | None], Client]


@pytest.fixture
def client(admin: User, client_for: ClientFor) -> Client:
    return client_for(admin)


@pytest.fixture
def other(bob: User, client_for: ClientFor) -> Client:
    """Another administrator's."""
    bob.is_admin = True
    bob.save()
    return client_for(bob)


def test_an_upload_is_its_uploaders_alone(client: Client, other: Client, folder: Path) -> None:
    def call(who: Client, method: str, path: str, body: Any = None) -> Any:
        kind = "application/octet-stream" if method == "put" else "application/json"
        return getattr(who, method)(f"/api/v1/models/{path}", body, content_type=kind)

    pk = call(client, "post", "uploads", {"file": "fine.gguf", "bytes": len(SMALL)}).json()["id"]
    assert call(client, "put", f"uploads/{pk}?offset=0", SMALL[:50]).status_code == 200
    register = {"upload": pk, "file": "fine.gguf"}
    for refused in (
        call(other, "put", f"uploads/{pk}?offset=50", SMALL[50:]),
        call(other, "post", f"uploads/{pk}/drop"),
        call(other, "post", "registered", register),
    ):
        assert (refused.status_code, refused.json()["code"]) == (404, "upload-unknown")
    assert actions.MODEL_UPLOAD_DROPPED not in _actions()
    assert not Deed.objects.exists()
    assert call(client, "put", f"uploads/{pk}?offset=50", SMALL[50:]).status_code == 200
    begun = call(client, "post", "registered", register)
    _ended(begun.json()["id"])
    assert call(client, "get", f"jobs/{begun.json()['id']}").json()["state"] == "done"


class Slow(FakeEngine):
    """Writes without an end; not while it is loaded and weighed."""

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        if messages == question():
            yield from super().chat(messages, sampling)
            return
        while True:
            time.sleep(0.01)
            yield Piece("word ")


def test_a_try_is_stopped(client: Client, other: Client, ours: Path, folder: Path) -> None:
    _registered(client, ours)
    chats = fake_desk(folder)._service.chats
    assert chats.source is not None
    chats.source = replace(chats.source, load=lambda name: Slow(model=name))
    begun = client.post("/models/model/ours/try", {"question": "Doors?"})
    page = begun["Location"]
    wait_for(lambda: "word word" in client.get(page).content.decode())
    shown = client.get(page).content.decode()
    assert f'action="{page}/stop"' in shown and "word" not in other.get(page).content.decode()
    assert other.post(f"{page}/stop").status_code == 302, "it holds up what others want to do"
    _ended(page.rsplit("/", 1)[-1])
    shown = client.get(page).content.decode()
    assert "It was stopped; this was written until then." in shown and "word word" in shown
    assert 'id="stop"' not in shown
    assert client.post(f"{page}/stop").status_code == 302, "what is over stays as it is"
    assert _actions().count(actions.MODEL_WORK_STOPPED) == 1
    entry = Entry.objects.get(action=actions.MODEL_WORK_STOPPED)
    assert entry.data == {"model": "ours", "kind": "try"} and entry.actor != ""
    measured = client.post("/api/v1/models/ours/measure").json()["id"]
    stopped = client.post(f"/api/v1/models/jobs/{measured}/stop")
    assert stopped.status_code == 200
    _ended(measured)
    assert client.get(f"/api/v1/models/jobs/{measured}").json()["error"]["code"] == "job-stopped"
    for path in (f"/models/jobs/{measured}", "/models/"):
        assert ">Stopped</span>" in _page(client, path) and "Failed" not in _page(client, path)
    assert "word" not in str(list(Entry.objects.values_list("data", flat=True)))


def test_a_page_waits_once_where_the_models_do_not_answer(
    client: Client, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        Deed.objects.create(id=UUID(int=number), kind="verify", model="ours", user=admin)
    asked: list[str] = []

    def silent(action: str, **body: Any) -> Any:
        asked.append(action)
        raise ModelsUnavailable("models-silent", "")

    monkeypatch.setattr(deeds, "ask_desk", silent)
    tasks.sweep()
    assert asked == ["job"]
    assert Deed.objects.filter(state="running").count() == 5


def test_servers_elsewhere_are_listed_with_how_they_are(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as held:
        good = held.enter_context(serving(OpenAIServer(kind="llama-server")))
        bad = held.enter_context(serving(OpenAIServer(models=("<b>m",))))
        urls = [good.url, bad.url]
        engine = held.enter_context(closing(connect(Servers(urls), model="m", context=512)))
        service = Service(
            FakeEncoder, lambda: engine, speed_file=tmp_path / "speed.json", threads=1
        )
        service.start()
        assert service.chat.settled.wait(60)
        bad.sick = "503"
        wait_for(lambda: _looked_again(engine))
        registry = Registry(tmp_path)
        (tmp_path / "ours.gguf").write_bytes(SMALL)
        registry.add(tmp_path / "ours.gguf", name="ours")
        place = Place(registry, ActiveModel(tmp_path, "m"), [], set, 1)
        desk = Desk(service, place, most=1)
        monkeypatch.setattr(desk_client, "fake_desk", lambda folder: desk)
        page = client.get("/models/").content.decode()
        listed = client.get("/api/v1/models/registered").json()
        ours = client.get("/models/model/ours").content.decode()
        started = client.post("/models/model/ours/try", {"question": "Doors?"}, follow=True)
        job = started.redirect_chain[-1][0]
        wait_for(lambda: "from another server, as the settings say" in _page(client, job))
    told = listed["replicas"]
    assert not listed["switchable"] and "Answers come from elsewhere" in page
    assert "Answers come from elsewhere" in ours and "Try it" not in ours
    assert "Measure its speed" not in ours and "Verify its file" in ours
    assert "Model servers" in page and "0 of 3" in page and "b6500-abc" in page
    assert "Ready" in page and "Away" in page and "It failed." in page
    assert "&lt;b&gt;m" in page and "<b>m" not in page
    names = [url.removeprefix("http://") for url in urls]
    assert [each["name"] for each in told] == names
    assert [each["state"] for each in told] == ["ready", "away"]
    assert told[0]["first_seconds"] > 0 and told[1]["error"] == "models-failed"


def _page(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def _looked_again(engine: RemoteEngine) -> bool:
    """Have the second one looked at now, as it would be every ten seconds."""
    watched = engine.replicas._watched[1]
    watched.hurried = True
    engine.replicas._loop.call_soon_threadsafe(watched.wake.set)
    return not watched.replica.up
