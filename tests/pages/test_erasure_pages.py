"""Receipts as pages and as JSON: who asked sees hers, administrators all, nobody a word of content."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from audit import actions
from audit.record import record
from ingest import erase, queue, receipts
from ingest.models import Collection, Document, Receipt
from tests import people

pytestmark = pytest.mark.django_db
Browser = Callable[[User | None], Client]


@pytest.fixture
def document(collection: Collection) -> Document:
    return people.make_document(collection, "Kestrel lanterns at the harbour.", "lanterns.txt")


def test_who_asked_reads_how_far_it_is(
    client_for: Browser, document: Document, erin: User, bob: User, vectors: str, settings: Any
) -> None:
    settings.KEEP_BACKUPS_DAYS = 30
    receipt = erase.erase_document(erin, document)
    browser = client_for(erin)
    text = browser.get(f"/receipts/{receipt.pk}").content.decode()
    assert "Being removed" in text and "lanterns" not in text
    erase.finish_document(document.pk)
    text = browser.get(f"/receipts/{receipt.pk}").content.decode()
    assert "proof pending" in text and "files of the vector store" in text
    receipt.refresh_from_db()
    check = {"at": "2026-01-01T00:00:00", "files": 3, "bytes": 4_000, "unread": 0, "sought": 9}
    check |= {"seconds": 1.5, "here": ["files", "database", "vectors"]}
    receipts.judge(receipt, check, {"logs/text": 2})
    text = browser.get(f"/receipts/{receipt.pk}").content.decode()
    assert "Traces found" in text and "logs/text: 2" in text
    receipts.judge(receipt, check, {})
    text = browser.get(f"/receipts/{receipt.pk}").content.decode()
    assert "Proven" in text and "None of them was found" in text
    said = browser.get(f"/receipts/{receipt.pk}/file")
    assert said["Content-Disposition"].endswith('.json"') and said.json()["state"] == "proven"
    assert "canaries" not in said.json() and len(said.json()["checks"]) == 2
    listed = browser.get("/receipts").content.decode()
    assert str(receipt.pk) in listed and str(receipt.pk) not in client_for(bob).get("/receipts")
    assert client_for(bob).get(f"/receipts/{receipt.pk}").status_code == 404


def test_stores_elsewhere_are_said_to_be_out_of_sight(document: Document, erin: User) -> None:
    receipt = erase.erase_document(erin, document)
    receipt.checks = [{"here": ["files"]}]
    said = " ".join(row["what"] for row in receipts.remains(receipt))
    assert "PostgreSQL" in said and "vector store elsewhere" in said


def test_administrators_see_all_receipts_and_what_the_stores_have(
    client_for: Browser,
    document: Document,
    alice: User,
    admin: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = client_for(admin)
    assert "not held against each other" in browser.get("/erasures").content.decode()
    receipt = erase.erase_document(alice, document)
    record(actions.ORPHANS_FOUND, data={"left": 0})
    assert "nothing missing" in browser.get("/erasures").content.decode()
    record(actions.ORPHANS_FOUND, data={"found_vectors": 7, "mended_vectors": 7, "left": 0})
    text = browser.get("/erasures?state=removing").content.decode()
    assert (
        "Vectors without a passage" in text and str(receipt.pk) in text and "lanterns" not in text
    )
    assert str(receipt.pk) not in browser.get("/erasures?state=proven").content.decode()
    assert "Receipt" in browser.get(f"/erasures/{receipt.pk}").content.decode()
    sent: list[str] = []

    def send(task: str) -> bool:
        sent.append(task)
        return True

    monkeypatch.setattr(queue, "send", send)
    assert browser.post("/erasures/now").status_code == 302 and sent == [queue.PROVE]
    monkeypatch.setattr(queue, "send", lambda _task: False)
    assert "queue does not answer" in browser.post("/erasures/now", follow=True).content.decode()


def test_the_api_says_the_same(
    api_for: Callable[..., people.Api], document: Document, erin: User, bob: User, admin: User
) -> None:
    answer = api_for(erin).delete(f"/documents/{document.pk}")
    assert answer.status_code == 202 and answer.json()["state"] == "removing"
    listed = api_for(erin).get("/receipts").json()["items"]
    assert [row["id"] for row in listed] == [answer.json()["id"]]
    assert listed[0]["reason"] == "asked" and listed[0]["remains"]
    assert api_for(bob).get("/receipts").json()["items"] == []
    found = api_for(admin).get("/erasures").json()
    assert found["states"] == {"removing": 1} and found["reconciled_at"] is None
    assert api_for(bob).get("/erasures").status_code == 403
    assert Receipt.objects.count() == 1


def test_from_the_moment_of_asking_no_door_shows_it(
    client_for: Browser,
    api_for: Callable[..., people.Api],
    document: Document,
    alice: User,
    bob: User,
    vectors: str,
) -> None:
    """Deep links, pictures of pages, originals, what was read, search, exports, answers."""
    chunk = document.chunks.get()
    conversation = people.make_conversation(bob, chunk)
    answer = conversation.messages.get(ordinal=1)
    answer.text = "Kestrel lanterns at the harbour. [1]"
    answer.save()
    pages = [f"/documents/{document.pk}{end}" for end in ("", "/content", "/pages/1", "/state")]
    pages += [f"/passages/{chunk.pk}/", f"/answers/{answer.pk}/sources/1/"]
    calls = [f"/documents/{document.pk}{end}" for end in ("", "/content", "/blocks")]
    browser, api = client_for(bob), api_for(bob)
    before = [page for page in pages[2:] if browser.get(page).status_code == 200]
    assert len(before) >= 2
    erase.erase_document(alice, document)
    assert {browser.get(page).status_code for page in pages} == {404}
    assert {api.get(call).status_code for call in calls} == {404}
    shown = [browser.get("/search?q=kestrel"), browser.get(f"/c/{conversation.pk}")]
    shown += [browser.get(f"/c/{conversation.pk}/export?format=md")]
    shown += [api.get(f"/conversations/{conversation.pk}"), api.get(f"/answers/{answer.pk}")]
    for response in shown:
        text = b"".join(response) if response.streaming else response.content
        assert b"anterns at the harbour" not in text and b"lanterns.txt" not in text
