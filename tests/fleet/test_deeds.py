"""Models in the hands of administrators: pages, API, and what the record says of it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from pytest_django import Settings

from accounts import belongings
from accounts.models import User
from audit import actions
from audit.models import Entry
from fleet import deeds, tasks
from fleet.models import Deed
from inference.desk_client import ask_desk
from tests.inference.parts import SMALL, wait_for

ClientFor = Callable[[User | None], Client]


@pytest.fixture
def client(admin: User, client_for: ClientFor) -> Client:
    return client_for(admin)


def _ended(pk: Any) -> None:
    wait_for(lambda: ask_desk("job", id=str(pk))["state"] in ("done", "failed"))


def _done(client: Client, answer: Any) -> str:
    """The page of the job that ANSWER leads to, when it is over."""
    assert answer.status_code == 302, answer.content
    _ended(answer["Location"].rsplit("/", 1)[-1])
    return str(client.get(answer["Location"]).content.decode())


def _actions() -> list[str]:
    found = Entry.objects.filter(action__startswith="fleet.").order_by("id")
    return list(found.values_list("action", flat=True))


def _registered(client: Client, ours: Path, **more: str) -> str:
    return _done(client, client.post("/models/add", {"path": str(ours), **more}))


def test_from_the_file_to_the_answer_and_back(client: Client, ours: Path, admin: User) -> None:
    assert str(ours) in client.get("/models/add").content.decode()
    assert "It is registered." in _registered(client, ours, licence="in-house")
    assert "in-house" in client.get("/models/model/ours").content.decode()
    question = {"question": "[1] Doors open at noon.\n\nQuestion: doors open?"}
    page = _done(client, client.post("/models/model/ours/try", question))
    assert "Doors open at noon. [1]" in page
    assert "tokens a second" in _done(client, client.post("/models/model/ours/measure"))
    assert "the one that it was" in _done(client, client.post("/models/model/ours/verify"))
    assert (
        "Let answers come from ours?" in client.get("/models/model/ours/activate").content.decode()
    )
    assert "Answers come from ours now." in _done(
        client, client.post("/models/model/ours/activate")
    )
    page = client.get("/models/").content.decode()
    assert "Active" in page and str(admin) in page
    refused = client.post("/models/model/ours/remove", follow=True).content.decode()
    assert "Activate another one first." in refused
    begun = [action for action in _actions() if action != actions.MODEL_WORK_ENDED]
    assert begun == [
        *(actions.MODEL_ADDED, actions.MODEL_TRIED, actions.MODEL_MEASURED),
        *(actions.MODEL_VERIFIED, actions.MODEL_ACTIVATED),
    ]
    assert _actions().count(actions.MODEL_WORK_ENDED) == 5
    kept = str(list(Entry.objects.values_list("data", flat=True)))
    assert "noon" not in kept and "sha256" in kept


def test_rolling_back_and_removing(client: Client, folder: Path, ours: Path) -> None:
    assert (
        "No other model was active" in client.get("/models/rollback", follow=True).content.decode()
    )
    for name in ("one", "two"):
        path = folder / f"{name}.gguf"
        path.write_bytes(SMALL)
        _registered(client, path)
        _done(client, client.post(f"/models/model/{name}/activate"))
    assert "Go back to one?" in client.get("/models/rollback").content.decode()
    assert "Answers come from one now." in _done(client, client.post("/models/rollback"))
    assert "Remove two?" in client.get("/models/model/two/remove").content.decode()
    assert (
        "two is removed." in client.post("/models/model/two/remove", follow=True).content.decode()
    )
    assert actions.MODEL_REMOVED in _actions() and (folder / "two.gguf").exists()


def test_what_fails_says_why(client: Client, ours: Path) -> None:
    _registered(client, ours)
    before = ours.stat()
    ours.write_bytes(SMALL[:-1] + b"!")
    # Two writes in one tick of the clock would bear the same time.
    os.utime(ours, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
    page = _done(client, client.post("/models/model/ours/activate"))
    assert "not the one that it was" in page and "Failed" in page
    assert "Changed" in client.get("/models/model/ours").content.decode()
    assert Deed.objects.get(kind="activate").error_code == "model-changed"
    empty = client.post("/models/add", {"path": ""})
    assert empty.status_code == 422 and "Choose a file of the server" in empty.content.decode()
    assert client.post("/models/add", {"path": "/etc/passwd"}).status_code == 422
    assert client.get("/models/model/nothing").status_code == 404
    assert client.post("/models/model/ours/try", {"question": " "}).status_code == 302


def test_uploading_by_the_api(admin: User, client: Client) -> None:
    def call(method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        return getattr(client, method)(f"/api/v1/models/{path}", body, content_type=kind)

    begun = call("post", "uploads", {"file": "Fine.gguf", "bytes": len(SMALL)})
    assert begun.status_code == 201
    address = f"uploads/{begun.json()['id']}"
    raw = "application/octet-stream"
    assert call("put", f"{address}?offset=0", b"<html>", raw).json()["code"] == "model-damaged"
    assert call("put", f"{address}?offset=0", SMALL[:50], raw).json()["bytes"] == 50
    assert call("put", f"{address}?offset=9", b"x", raw).status_code == 409
    assert call("put", f"{address}?offset=50", SMALL[50:], raw).json()["bytes"] == len(SMALL)
    added = call("post", "registered", {"upload": begun.json()["id"], "file": "Fine.gguf"})
    assert (added.status_code, added.json()["model"]) == (202, "fine")
    _ended(added.json()["id"])
    job = call("get", f"jobs/{added.json()['id']}").json()
    assert (job["state"], job["error"]) == ("done", None)
    assert call("get", "fine").json()["sha256"] == job["result"]["sha256"]
    assert call("get", "registered").json()["active"] == "fake"
    assert call("post", "fine/activate").status_code == 202
    _ended(call("get", "registered") and Deed.objects.get(kind="activate").pk)
    assert call("delete", "fine").json()["code"] == "model-active"
    assert call("post", "nothing/activate").status_code == 404
    dropped = call("post", "uploads", {"file": "x.gguf", "bytes": 9}).json()["id"]
    assert call("post", f"uploads/{dropped}/drop").status_code == 204
    assert actions.MODEL_UPLOAD_DROPPED in _actions()


def test_only_who_asked_sees_what_was_said(
    client: Client, ours: Path, admin: User, client_for: ClientFor, bob: User
) -> None:
    _registered(client, ours)
    page = _done(client, client.post("/models/model/ours/try", {"question": "Doors open?"}))
    assert "The documents do not say." in page
    bob.is_admin = True
    bob.save()
    job = Deed.objects.get(kind="try")
    other = client_for(bob).get(f"/models/jobs/{job.pk}").content.decode()
    assert "The documents do not say." not in other and "only to who asked" in other
    assert "do not say" not in str(job.result)


def test_an_end_that_nobody_looks_at_is_written_down(
    admin: User, ours: Path, settings: Settings
) -> None:
    deed = deeds.begin(admin, Deed.Kind.ADD, path=str(ours))
    _ended(deed.pk)
    lost = Deed.objects.create(id=UUID(int=7), kind="verify", model="ours", user=admin)
    tasks.sweep()
    tasks.sweep()
    deed.refresh_from_db()
    lost.refresh_from_db()
    assert (deed.state, lost.state, lost.error_code) == ("done", "failed", "job-lost")
    assert _actions().count(actions.MODEL_WORK_ENDED) == 2


def test_where_the_models_are_away(client: Client, settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_URL = f"unix:{tmp_path / 'none.sock'}"
    page = client.get("/models/")
    assert page.status_code == 503 and "not running" in page.content.decode()
    answer = client.get("/api/v1/models/registered")
    assert (answer.status_code, answer.json()["code"]) == (503, "models-down")
    settings.MODELS_URL = "http://127.0.0.1:9"
    assert client.get("/models/model/x/activate").status_code == 409


def test_names_of_models_are_escaped(client: Client, folder: Path) -> None:
    path = folder / "<b>x.gguf"
    path.write_bytes(SMALL)
    page = client.get("/models/add").content.decode()
    assert "<b>x.gguf" not in page and "&lt;b&gt;x.gguf" in page


def test_a_person_takes_along_what_she_did(admin: User, ours: Path) -> None:
    deed = deeds.begin(admin, Deed.Kind.ADD, path=str(ours))
    _ended(deed.pk)
    [told] = belongings.parts["models.json"](admin)
    assert (told["kind"], told["model"]) == ("add", "ours")
