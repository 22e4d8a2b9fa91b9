"""What administrators do with models: the real desk, with the fake engine behind it."""

import base64
import hashlib
import os
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from inference import desk_client, trying, uploads
from inference.desk import Desk
from inference.desk_client import ask_desk
from inference.errors import ModelError
from inference.fake import FakeEngine
from inference.generations import Timing
from inference.protocol import ChatMessage, ModelsUnavailable, Piece, Sampling, Usage
from inference.registry import Registry
from inference.speed import question
from tests.inference.parts import SMALL, gguf, pair, running, wait_for

ADAPTER = gguf(
    pair("general.architecture", "qwen2"),
    pair("general.type", "adapter"),
    pair("adapter.type", "lora"),
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return desk_client.fake_desk(tmp_path / "models")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir(exist_ok=True)
    return tmp_path / "models"


def _done(desk: Desk, action: str, **body: Any) -> dict[str, Any]:
    """The job of ACTION, when it is over."""
    job = desk.handle(action, {"by": "somebody", **body})
    wait_for(lambda: desk.handle("job", {"id": job["id"]})["state"] in ("done", "failed"))
    return desk.handle("job", {"id": job["id"]})


def _code(desk: Desk, action: str, **body: Any) -> str:
    with pytest.raises(ModelError) as caught:
        desk.handle(action, body)
    return caught.value.code


def _row(desk: Desk, name: str) -> dict[str, Any]:
    return next(row for row in desk.handle("list", {})["models"] if row["name"] == name)


def _file(folder: Path, name: str = "ours.gguf", content: bytes = SMALL) -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


def _changed(path: Path) -> None:
    """Other bytes, of the same size; two writes in one tick of the clock would bear the same time."""
    before = path.stat()
    path.write_bytes(SMALL[:-1] + b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))


def _put(desk: Desk, identity: str, offset: int, data: bytes) -> int:
    text = base64.b64encode(data).decode()
    body = {"id": identity, "offset": offset, "data": text, "by": "somebody"}
    return int(desk.handle("upload-put", body)["bytes"])


def test_a_file_is_offered_registered_and_listed(desk: Desk, folder: Path) -> None:
    path = _file(folder)
    assert desk.handle("list", {})["files"] == [{"path": path, "bytes": len(SMALL)}]
    job = _done(desk, "add", path=path, licence="in-house")
    digest = hashlib.sha256(SMALL).hexdigest()
    assert (job["state"], job["by"], job["result"]["sha256"]) == ("done", "somebody", digest)
    row = _row(desk, "ours")
    assert (row["state"], row["family"], row["licence"]) == ("unread", "chatml", "in-house")
    assert row["fit"]["code"] == "" and row["fit"]["needed"] > 0
    assert desk.handle("list", {})["files"] == []
    assert _code(desk, "add", path=path) == "model-name"


def test_only_files_of_allowed_folders(desk: Desk, folder: Path, tmp_path: Path) -> None:
    outside = _file(tmp_path, "outside.gguf")
    (folder / "link.gguf").symlink_to(outside)
    (folder / "folder.gguf").mkdir()
    for path in (
        *(outside, str(folder / "link.gguf"), str(folder / ".." / "outside.gguf")),
        *(str(folder / "folder.gguf"), str(folder / "none.gguf"), "/etc/passwd", "", "a\0b"),
    ):
        assert _code(desk, "add", path=path, name="x") == "model-place", path


def _begin(file: str = "x.gguf", size: int = 99) -> dict[str, Any]:
    return {"file": file, "bytes": size, "by": "somebody"}


def test_an_upload_in_pieces(desk: Desk, folder: Path) -> None:
    size = len(SMALL)
    identity = desk.handle("upload-begin", _begin("Fine One.gguf", size))["id"]
    assert _put(desk, identity, 0, SMALL[:40]) == 40
    said = {"id": identity, "offset": 0, "data": "", "by": "somebody"}
    assert _code(desk, "upload-put", **said) == "upload-place"
    assert _put(desk, identity, 40, SMALL[40:]) == size
    job = _done(desk, "add", upload=identity, file="Fine One.gguf")
    assert (job["state"], job["model"]) == ("done", "fine-one")
    assert (folder / "fine-one" / "model.gguf").read_bytes() == SMALL
    assert not list((folder / ".upload").glob("*"))
    desk.handle("remove", {"name": "fine-one"})
    assert not (folder / "fine-one").exists()


def test_what_is_no_model_leaves_nothing(desk: Desk, folder: Path) -> None:
    identity = desk.handle("upload-begin", _begin())["id"]
    data = base64.b64encode(b"<html>").decode()
    said = {"offset": 0, "data": data, "by": "somebody"}
    assert _code(desk, "upload-put", id=identity, **said) == "model-damaged"
    identity = desk.handle("upload-begin", _begin())["id"]
    _put(desk, identity, 0, b"GGUF broken")
    job = _done(desk, "add", upload=identity, file="x.gguf")
    assert (job["state"], job["code"]) == ("failed", "model-damaged")
    assert not (folder / "x").exists()
    dropped = desk.handle("upload-begin", _begin())["id"]
    desk.handle("upload-drop", {"id": dropped, "by": "somebody"})
    assert _code(desk, "upload-drop", id=dropped, by="somebody") == "upload-unknown"
    assert _code(desk, "upload-put", id="../x", offset=0, data="") == "upload-unknown"


@pytest.mark.parametrize("other", ["", "somebody else", "somebody-"])
def test_an_upload_is_its_uploaders(desk: Desk, folder: Path, other: str) -> None:
    identity = desk.handle("upload-begin", _begin())["id"]
    assert _put(desk, identity, 0, SMALL[:40]) == 40
    piece = {"id": identity, "offset": 40, "data": base64.b64encode(SMALL[40:]).decode()}
    assert _code(desk, "upload-put", **piece, by=other) == "upload-unknown"
    assert _code(desk, "upload-drop", id=identity, by=other) == "upload-unknown"
    assert _code(desk, "add", upload=identity, file="x.gguf", by=other) == "upload-unknown"
    assert not (folder / "x").exists()
    # The models process was started anew.
    again = uploads.Uploads(folder, 1_000_000)
    assert again.put(identity, "somebody", 40, SMALL[40:]) == len(SMALL)
    assert _done(desk, "add", upload=identity, file="x.gguf")["state"] == "done"


def test_an_upload_is_bounded(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file, size, code in (
        ("x.exe", 9, "upload-name"),
        ("../x.gguf", 9, "upload-name"),
        ("x.gguf", 0, "upload-too-large"),
        ("x.gguf", 2_000_000_000, "upload-too-large"),
    ):
        assert _code(desk, "upload-begin", file=file, bytes=size) == code
    monkeypatch.setattr(uploads, "RESERVE", 2**60)
    assert _code(desk, "upload-begin", file="x.gguf", bytes=9) == "disk-full"


def test_activate_and_roll_back(desk: Desk, folder: Path) -> None:
    assert _code(desk, "rollback") == "nothing-before"
    for name in ("one", "two"):
        _done(desk, "add", path=_file(folder, f"{name}.gguf"), name=name)
        assert _done(desk, "activate", name=name)["state"] == "done"
    listed = desk.handle("list", {})
    assert (listed["active"], listed["before"]) == ("two", "one")
    assert _row(desk, "one")["state"] == "loaded"
    assert _done(desk, "rollback")["result"]["before"] == "two"
    told = [(each["name"], each["how"], each["by"]) for each in desk.handle("list", {})["history"]]
    assert told == [
        ("one", "rolled-back", "somebody"),
        ("two", "activated", "somebody"),
        ("one", "activated", "somebody"),
    ]
    assert _code(desk, "remove", name="one") == "model-active"
    assert desk.handle("remove", {"name": "two"})["model"] == "two"


def test_one_that_changed_is_neither_activated_nor_right(desk: Desk, folder: Path) -> None:
    path = Path(_file(folder))
    _done(desk, "add", path=str(path))
    assert _done(desk, "verify", name="ours")["state"] == "done"
    assert _row(desk, "ours")["state"] == "here"
    _changed(path)
    job = _done(desk, "activate", name="ours")
    assert (job["state"], job["code"]) == ("failed", "model-changed")
    assert desk.handle("list", {})["active"] == "fake"
    assert _row(desk, "ours")["state"] == "changed"
    path.unlink()
    assert _row(desk, "ours")["state"] == "missing"


def test_try_and_measure(desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _done(desk, "add", path=_file(folder))
    job = _done(
        desk, "try", name="ours", question="[1] Doors open at noon.\n\nQuestion: doors open?"
    )
    assert job["result"]["text"] == "Doors open at noon. [1]"
    assert job["result"]["tokens"]["completion"] == 5
    assert _code(desk, "try", name="ours", question=" ") == "try-question"
    assert _done(desk, "measure", name="ours")["result"]["prompt"] > 0
    assert _row(desk, "ours")["speed"]["prompt"] > 0
    monkeypatch.setattr(trying, "ask", lambda *_, **__: _beside())
    assert _done(desk, "measure", name="ours")["code"] == "measured-beside"


def _beside() -> trying.Tried:
    return trying.Tried("", Timing(Usage(), 1.0, 1.0, alone=False))


class Slow(FakeEngine):
    """Writes without an end, a word each hundredth of a second; not while it is loaded and weighed."""

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        if messages == question():
            yield from super().chat(messages, sampling)
            return
        while True:
            time.sleep(0.01)
            yield Piece("word ")


@pytest.fixture
def slow(desk: Desk, folder: Path) -> Desk:
    """The desk, with a model that never comes to an end."""
    _done(desk, "add", path=_file(folder))
    load = desk._service.chats.source
    assert load is not None
    desk._service.chats.source = replace(load, load=lambda name: Slow(model=name))
    return desk


def _job(desk: Desk, identity: str) -> dict[str, Any]:
    return desk.handle("job", {"id": identity})


def _queue(desk: Desk) -> int:
    return desk._service.queue_length()


def test_a_try_ends_in_time(slow: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.desk.TRY_SECONDS", 3.0)
    job = _done(slow, "try", name="ours", question="Doors?")
    assert job["state"] == "done" and job["result"]["end"] == "late"
    assert job["result"]["text"].startswith("word word ")
    assert job["result"]["tokens"]["completion"] == job["result"]["text"].count("word")
    wait_for(lambda: _queue(slow) == 0)


def test_a_try_is_stopped_and_shows_what_came(slow: Desk) -> None:
    job = slow.handle("try", {"name": "ours", "question": "Doors?", "by": "x"})
    wait_for(lambda: "word" in _job(slow, job["id"])["result"].get("text", ""))
    waiting = slow.handle("measure", {"name": "ours", "by": "x"})
    assert slow.handle("stop", {"id": waiting["id"]})["code"] == "job-stopped"
    slow.handle("stop", {"id": job["id"]})
    wait_for(lambda: _job(slow, job["id"])["state"] == "done")
    ended = _job(slow, job["id"])["result"]
    assert ended["end"] == "stopped" and "word" in ended["text"]
    wait_for(lambda: _queue(slow) == 0)
    assert slow.handle("stop", {"id": job["id"]})["state"] == "done", "nothing happens any more"
    assert _done(slow, "verify", name="ours")["state"] == "done", "the desk is free"


def test_a_measurement_is_stopped_and_says_nothing(slow: Desk) -> None:
    job = slow.handle("measure", {"name": "ours", "by": "x"})
    wait_for(lambda: _job(slow, job["id"])["phase"] == "measuring")
    before = _row(slow, "ours")["speed"]
    slow.handle("stop", {"id": job["id"]})
    wait_for(lambda: _job(slow, job["id"])["state"] == "failed")
    assert _job(slow, job["id"])["code"] == "job-stopped"
    assert _row(slow, "ours")["speed"] == before
    wait_for(lambda: _queue(slow) == 0)


def test_what_cannot_be_stopped_goes_on(desk: Desk, folder: Path, monkeypatch: Any) -> None:
    _done(desk, "add", path=_file(folder))
    go = threading.Event()
    monkeypatch.setattr(Registry, "verify", lambda *_, **__: go.wait(60))
    job = desk.handle("verify", {"name": "ours", "by": "x"})
    assert _code(desk, "stop", id=job["id"]) == "job-goes-on"
    go.set()
    wait_for(lambda: _job(desk, job["id"])["state"] == "done")


def test_adapters(desk: Desk, folder: Path) -> None:
    path = _file(folder, "lora.gguf", ADAPTER)
    assert _done(desk, "add", path=path)["code"] == "adapter-base"
    _done(desk, "add", path=_file(folder))
    assert _done(desk, "add", path=path, base="ours")["state"] == "done"
    row = _row(desk, "lora")
    assert (row["kind"], row["base"], row["family"]) == ("adapter", "ours", "chatml")
    assert _done(desk, "activate", name="lora")["state"] == "done"
    assert _code(desk, "remove", name="ours") == "model-needed"
    other = ADAPTER.replace(b"qwen2", b"llama")
    job = _done(desk, "add", path=_file(folder, "b.gguf", other), base="ours")
    assert job["code"] == "adapter-base" and "llama" in job["detail"]
    odd = ADAPTER.replace(b"lora", b"what")
    assert _done(desk, "add", path=_file(folder, "c.gguf", odd), base="ours")["code"] == (
        "adapter-unknown"
    )


def test_what_it_does_not_know(desk: Desk) -> None:
    assert _code(desk, "burn") == "not-found"
    assert _code(desk, "job", id=str(uuid4())) == "job-unknown"
    assert _code(desk, "verify", name="nothing") == "model-unknown"
    assert _code(desk, "activate", name="all-minilm-l6-v2") == "model-kind"
    job = _done(desk, "activate", name="smollm2-135m-instruct")
    assert job["code"] == "model-missing"


def test_over_the_socket_alone(tmp_path: Path, settings: Settings, desk: Desk) -> None:
    url = f"unix:{tmp_path / 'm.sock'}"
    settings.MODELS_URL = url
    with running(url, tmp_path) as app:
        with pytest.raises(ModelsUnavailable, match="not-found"):
            ask_desk("list")
        app._desk = desk
        assert ask_desk("list")["active"] == "fake"
        with pytest.raises(ModelsUnavailable, match="model-unknown") as caught:
            ask_desk("verify", name="nothing")
        assert caught.value.permanent
    settings.MODELS_URL = "http://127.0.0.1:9"
    with pytest.raises(ModelsUnavailable, match="desk-elsewhere"):
        ask_desk("list")


def test_the_registry_knows_where_its_files_stand(folder: Path) -> None:
    registry = Registry(folder)
    model = registry.add(Path(_file(folder)))
    assert registry.standing(model) == "unread"
    registry.verify(model)
    assert registry.standing(model) == "here"
