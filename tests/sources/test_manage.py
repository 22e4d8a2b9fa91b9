"""Managers and their sources: made, tried, changed, paused, confirmed, removed; recorded without content."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from audit.models import Entry
from ingest import erase, tasks
from ingest.models import Collection, Document, SourceItem, SyncSource
from tests import people
from tests.sources.conftest import cycle, living

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(alice: User, client_for: Callable[[User | None], Client]) -> Client:
    return client_for(alice)


def form(share: Path, **changes: Any) -> dict[str, Any]:
    return {"kind": "folder", "name": "Share", "path": str(share), "minutes": 5, **changes}


def test_a_source_is_tried_then_followed(
    manager: Client, share: Path, collection: Collection, alice: User
) -> None:
    (share / "leave.txt").write_text(f"28 days. {people.CANARY}")
    (share / "film.mp4").write_bytes(b"0")
    address = f"/collections/{collection.pk}/sync/new"
    tried = manager.post(address, form(share, **{"try": "1"}))
    assert tried.status_code == 200 and SyncSource.objects.count() == 0
    text = tried.content.decode()
    assert "1 file would be read" in text and "leave.txt" in text and "1 would be left out" in text
    assert manager.post(address, form(share)).status_code == 302
    source = SyncSource.objects.get()
    assert (source.kind, source.minutes, source.settings) == ("folder", 5, {"path": str(share)})
    cycle(source)
    shown = manager.get(f"/sync/{source.pk}").content.decode()
    assert "1 new" in shown and "In step" in shown
    assert "Share" in manager.get(f"/collections/{collection.pk}/sync").content.decode()
    for entry in Entry.objects.filter(action__startswith="ingest.source."):
        assert "leave" not in str(entry.data) and "Share" not in str(entry.data)


def test_what_is_wrong_is_said_beside_its_field(
    manager: Client, share: Path, collection: Collection, tmp_path: Path
) -> None:
    address = f"/collections/{collection.pk}/sync/new"
    for changes, said in (
        ({"path": str(tmp_path), "try": "1"}, "may not be watched"),
        ({"path": "share"}, "as its description says"),
        ({"name": "a/b"}, "that a folder can have"),
        ({"name": ".."}, "that a folder can have"),
        ({"include": "*" * 30}, "6 stars"),
        ({"minutes": 0}, "greater than or equal to 1"),
    ):
        answer = manager.post(address, form(share, **changes))
        assert answer.status_code == 422 and said in answer.content.decode(), changes
    assert manager.post(address, form(share)).status_code == 302
    assert "already" in manager.post(address, form(share)).content.decode()


def test_changing_what_is_left_out_erases_it(
    manager: Client, share: Path, collection: Collection
) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (share / name).write_text(name)
    manager.post(f"/collections/{collection.pk}/sync/new", form(share))
    source = SyncSource.objects.get()
    cycle(source)
    assert manager.get(f"/sync/{source.pk}/edit").status_code == 200
    changed = manager.post(f"/sync/{source.pk}/edit", form(share, exclude="c.*", name="Other"))
    assert changed.status_code == 302
    cycle(source)
    assert set(living(collection)) == {"Share/a.txt", "Share/b.txt"}


def test_a_mass_deletion_is_confirmed_with_the_number_that_was_read(
    manager: Client, share: Path, collection: Collection
) -> None:
    (share / "a.txt").write_text("a")
    (share / "b.txt").write_text("b")
    manager.post(f"/collections/{collection.pk}/sync/new", form(share))
    source = SyncSource.objects.get()
    cycle(source)
    (share / "a.txt").unlink()
    (share / "b.txt").unlink()
    cycle(source)
    assert "2 documents are gone" in manager.get(f"/sync/{source.pk}").content.decode()
    manager.post(f"/sync/{source.pk}/deletions?count=1")
    assert len(living(collection)) == 2 and not SyncSource.objects.get().deletions_allowed
    assert "count=2" in manager.get(f"/sync/{source.pk}/deletions").content.decode()
    manager.post(f"/sync/{source.pk}/deletions?count=2")
    cycle(source)
    assert living(collection) == {}


def test_what_was_erased_here_can_be_taken_in_again(
    manager: Client, share: Path, collection: Collection, alice: User
) -> None:
    (share / "a.txt").write_text("a")
    manager.post(f"/collections/{collection.pk}/sync/new", form(share))
    source = SyncSource.objects.get()
    cycle(source)
    erase.erase_document(alice, Document.objects.get())
    cycle(source)
    assert "Erased here" in manager.get(f"/sync/{source.pk}").content.decode()
    item = SourceItem.objects.get()
    # As new at the source: it is remembered by its bytes and its place, not by its row alone.
    item.delete()
    cycle(source)
    item = SourceItem.objects.get()
    assert living(collection) == {} and item.left_out
    manager.post(f"/sync/{source.pk}/items/{item.pk}/take")
    cycle(source)
    assert list(living(collection)) == ["Share/a.txt"]


def test_paused_is_not_read_and_removed_leaves_its_documents(
    manager: Client, share: Path, collection: Collection
) -> None:
    (share / "a.txt").write_text("a")
    manager.post(f"/collections/{collection.pk}/sync/new", form(share))
    source = SyncSource.objects.get()
    manager.post(f"/sync/{source.pk}/pause", {"paused": "1"})
    tasks.sync_source(str(source.pk))
    assert not living(collection)
    manager.post(f"/sync/{source.pk}/run")
    manager.post(f"/sync/{source.pk}/pause")
    tasks.sync_source(str(source.pk))
    assert len(living(collection)) == 1
    manager.post(f"/sync/{source.pk}/delete")
    assert SyncSource.objects.count() == 0 and len(living(collection)) == 1


def test_beat_sends_what_is_due(
    manager: Client, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.post(f"/collections/{collection.pk}/sync/new", form(share))
    sent: list[Any] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: sent.append((name, args)))
    tasks.sync_due()
    source = SyncSource.objects.get()
    assert sent == [("ingest.tasks.sync", (str(source.pk),))]
    cycle(source)
    sent.clear()
    tasks.sync_due()
    assert sent == []


def test_the_api(
    share: Path, collection: Collection, alice: User, bob: User, api_for: Callable[..., people.Api]
) -> None:
    (share / "a.txt").write_text("a")
    api = api_for(alice)
    body = {"kind": "folder", "name": "Share", "settings": {"path": str(share)}}
    base = f"/collections/{collection.pk}/sync"
    assert api.post(f"{base}/try", body).json() == {
        "files": 1, "skipped": 0, "bytes": 1, "more": False, "examples": ["a.txt"],
    }  # fmt: skip
    made = api.post(base, body)
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    cycle(SyncSource.objects.get(pk=pk))
    assert api.get(f"/sync/{pk}").json()["stale"] is False
    assert api.get(f"/sync/{pk}/runs").json()[0]["counts"] == {"seen": 1, "new": 1}
    (item,) = api.get(f"/sync/{pk}/items").json()["items"]
    assert item["name"] == "a.txt" and item["document"]
    wrong = api.put(f"/sync/{pk}", {"settings": {"path": "no"}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad-source-settings")
    assert api.post(f"/sync/{pk}/deletions", {"count": 3}).json()["code"] == "deletions-changed"
    assert api.post(f"/sync/{pk}/pause", {"paused": True}).json()["paused"]
    assert api.post(f"/sync/{pk}/run").json()["code"] == "source-paused"
    assert api_for(bob).get(f"/sync/{pk}").status_code == 403
    assert api.delete(f"/sync/{pk}").status_code == 204


def test_the_command(share: Path, collection: Collection, manager: Client) -> None:
    (share / "a.txt").write_text("a")
    manager.post(f"/collections/{collection.pk}/sync/new", form(share))
    out = StringIO()
    call_command("sync", "Share", "--now", stdout=out)
    assert "1 new" in out.getvalue() and len(living(collection)) == 1
    call_command("sync", stdout=out)
    assert "Handbook / Share" in out.getvalue()
    with pytest.raises(CommandError):
        call_command("sync", "Nowhere")
    (share / "a.txt").unlink()
    share.rmdir()
    with pytest.raises(CommandError):
        call_command("sync", "Share", "--now", stdout=out)
