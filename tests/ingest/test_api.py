"""The API of collections and documents: what each role gets, and what it never gets."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test.client import MULTIPART_CONTENT

from accounts.models import User
from accounts.tokens import create_token
from audit import actions
from audit.models import Entry
from ingest.models import Collection, Document, Extract, Receipt
from ingest.parsers import wire
from ingest.parsers.base import BlockWriter, Limits
from tests import people
from tests.people import Api

pytestmark = pytest.mark.django_db

ApiFor = Callable[..., Api]


def send(api: Api, collection: Collection, *files: tuple[str, bytes], path: str = "") -> Any:
    uploads = [SimpleUploadedFile(name, data) for name, data in files]
    return api.post(
        f"/collections/{collection.pk}/documents",
        {"file": uploads, "path": path},
        content_type=MULTIPART_CONTENT,
    )


# --- collections --------------------------------------------------------------------------------


def test_a_collection_is_made_read_changed_and_erased(
    api_for: ApiFor, alice: User, charlie: User
) -> None:
    api = api_for(alice)
    made = api.post("/collections", {"name": "Board", "description": "Minutes"})
    assert made.status_code == 201
    address = f"/collections/{made.json()['id']}"
    assert made.json()["role"] == "manager" and made.json()["documents"] == 0
    assert api_for(charlie).get(address).status_code == 404
    assert api.patch(address, {"name": "Board papers"}).json()["description"] == "Minutes"
    assert api.get(address).json()["name"] == "Board papers"
    assert api.delete(address).status_code == 202
    assert api.get(address).status_code == 404
    assert api.delete(address).status_code == 404


def test_the_list_shows_roles_and_counts_of_what_may_be_read(
    api_for: ApiFor, alice: User, bob: User, collection: Collection
) -> None:
    people.make_document(collection)
    people.make_document(collection, "queued", name="b.txt", status="queued")
    people.make_document(collection, "going", name="c.txt", status="erasing")
    people.make_collection(alice, name="Secret")
    (item,) = api_for(bob).get("/collections").json()["items"]
    assert (item["id"], item["role"]) == (str(collection.pk), "reader")
    assert (item["documents"], item["ready"]) == (2, 1)


def test_grants_by_api(api_for: ApiFor, alice: User, bob: User, collection: Collection) -> None:
    api, address = api_for(alice), f"/collections/{collection.pk}/grants"
    grants = api.get(address).json()
    assert {grant["role"] for grant in grants} == {"reader", "editor", "manager"}
    assert "Bob" in [grant["name"] for grant in grants]
    answer = api.put(address, [{"principal": f"user:{alice.pk}", "role": "manager"}])
    assert answer.status_code == 200 and len(answer.json()) == 1
    assert api_for(bob).get(f"/collections/{collection.pk}").status_code == 404
    refused = api.put(address, [{"principal": "everyone", "role": "manager"}])
    assert (refused.status_code, refused.json()["code"]) == (422, "no-manager")
    assert api.put(address, [{"principal": "everyone", "role": "owner"}]).status_code == 422


# --- documents ----------------------------------------------------------------------------------


def test_several_files_at_once_each_with_its_own_answer(
    api_for: ApiFor, erin: User, collection: Collection
) -> None:
    answer = send(
        api_for(erin),
        collection,
        ("a.txt", b"28 days."),
        ("empty.txt", b""),
        ("b.txt", b"28 days."),
        path="people",
    )
    assert answer.status_code == 202
    first, second = answer.json()["documents"]
    assert first["id"] == second["id"] and first["status"] == "queued" and first["path"] == "people"
    assert (first["created"], second["created"], first["replaces"]) == (True, False, None)
    other = send(api_for(erin), collection, ("a.txt", b"30 days."), path="people")
    assert other.json()["documents"][0]["replaces"] == 1
    (refused,) = answer.json()["refused"]
    assert (refused["name"], refused["code"]) == ("empty.txt", "empty-file")


@pytest.mark.parametrize("path", ["../../etc", "a/../../../b", "\x00"])
def test_a_path_that_leaves_its_folder_is_refused(
    api_for: ApiFor, alice: User, collection: Collection, path: str
) -> None:
    answer = send(api_for(alice), collection, ("a.txt", b"28 days."), path=path)
    assert [item["code"] for item in answer.json()["refused"]] == ["bad-path"]


def test_a_document_says_how_it_stands(api_for: ApiFor, bob: User, collection: Collection) -> None:
    failed = people.make_document(
        collection, status="failed", error_code="encrypted", error_detail="Remove the password."
    )
    shown = api_for(bob).get(f"/documents/{failed.pk}").json()
    assert shown["status"] == "failed"
    assert shown["error"] == {"code": "encrypted", "detail": "Remove the password."}
    ready = people.make_document(collection, "ready", name="b.txt")
    shown = api_for(bob).get(f"/documents/{ready.pk}").json()
    assert (
        shown["error"] is None
        and shown["chunks"] == 1
        and shown["collection"] == str(collection.pk)
    )


def test_the_list_of_documents_filters_and_pages(
    api_for: ApiFor, bob: User, collection: Collection
) -> None:
    for number in range(5):
        status = "failed" if number == 4 else "ready"
        people.make_document(
            collection, f"text {number}", name=f"leave-{number}.txt", status=status
        )
    api, address = api_for(bob), f"/collections/{collection.pk}/documents"
    seen, cursor = [], ""
    for _ in range(3):
        page = api.get(f"{address}?limit=2&cursor={cursor}").json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"] or ""
    assert seen == [f"leave-{number}.txt" for number in range(5)] and not cursor
    assert len(api.get(f"{address}?status=failed").json()["items"]) == 1
    assert len(api.get(f"{address}?q=LEAVE-3").json()["items"]) == 1
    assert api.get(f"{address}?q=%25").json()["items"] == []
    assert len(api.get(f"{address}?limit=100000").json()["items"]) == 5
    assert api.get(f"{address}?cursor=nonsense").json()["code"] == "bad-cursor"


def test_a_list_costs_as_many_queries_for_twenty_rows_as_for_ten(
    api_for: ApiFor, bob: User, collection: Collection, django_assert_max_num_queries: Any
) -> None:
    api = api_for(bob)
    for address, make in (
        (
            f"/collections/{collection.pk}/documents",
            lambda n: people.make_document(collection, n, name=n),
        ),
        ("/collections", lambda n: people.make_collection(None, name=n, reader=bob)),
    ):
        counts = []
        for step in range(2):
            for number in range(10):
                make(f"{step}-{number}")
            api.get(address)  # the first call of a token writes when it was used
            with django_assert_max_num_queries(30) as queries:
                assert len(api.get(address).json()["items"]) >= 10 * (step + 1)
            counts.append(len(queries))
        assert counts[0] == counts[1]


def test_the_original_comes_as_an_attachment_and_is_recorded(
    api_for: ApiFor, bob: User, collection: Collection
) -> None:
    document = people.make_document(collection, name='le"ave\r\nX: y é.txt')
    Document.objects.filter(pk=document.pk).update(media_type="text/html")
    answer: Any = api_for(bob).get(f"/documents/{document.pk}/content")
    body = b"".join(answer.streaming_content)
    assert body == f"Annual leave is 30 days. {people.CANARY}.".encode()
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment") and "X" not in answer.headers
    assert "\n" not in answer["Content-Disposition"]
    assert answer["X-Content-Type-Options"] == "nosniff" and answer["Content-Length"] == str(
        len(body)
    )
    assert Entry.objects.filter(action=actions.DOCUMENT_DOWNLOADED, actor=str(bob.pk)).count() == 1


@pytest.mark.django_db(transaction=True)
async def test_under_asgi_the_original_comes_in_parts(
    bob: User, collection: Collection, async_client: Any
) -> None:
    document = await sync_to_async(people.make_document)(collection, "letters " * 100_000)
    token = (await sync_to_async(create_token)(bob, name="test")).secret
    answer = await async_client.get(
        f"/api/v1/documents/{document.pk}/content", headers={"authorization": f"Bearer {token}"}
    )
    parts = [part async for part in answer.streaming_content]
    assert b"".join(parts) == b"letters " * 100_000 and len(parts) > 1
    assert answer["Content-Disposition"] == 'attachment; filename="leave.txt"'
    await sync_to_async(connections.close_all)()  # those of the thread that ran the view


def test_an_original_that_is_gone_is_said(
    api_for: ApiFor, bob: User, collection: Collection
) -> None:
    document = people.make_document(collection)
    Path(document.file.path).unlink()
    answer = api_for(bob).get(f"/documents/{document.pk}/content")
    assert (answer.status_code, answer.json()["code"]) == (410, "original-missing")


def test_a_failed_document_is_tried_again_and_a_ready_one_is_not(
    api_for: ApiFor, erin: User, collection: Collection
) -> None:
    failed = people.make_document(collection, status="failed", error_code="damaged", attempts=3)
    answer = api_for(erin).post(f"/documents/{failed.pk}/retry")
    assert (answer.status_code, answer.json()["status"], answer.json()["error"]) == (
        202,
        "queued",
        None,
    )
    failed.refresh_from_db()
    assert failed.attempts == 0
    assert api_for(erin).post(f"/documents/{failed.pk}/retry").status_code == 202
    assert Entry.objects.filter(action=actions.DOCUMENT_RETRIED).count() == 1
    ready = people.make_document(collection, "ready", name="b.txt")
    assert api_for(erin).post(f"/documents/{ready.pk}/retry").json()["code"] == "not-failed"


def test_an_erased_document_is_gone_at_once_and_has_a_receipt(
    api_for: ApiFor, erin: User, alice: User, bob: User, collection: Collection
) -> None:
    document = people.make_document(collection)
    receipt = api_for(erin).delete(f"/documents/{document.pk}")
    assert receipt.status_code == 202 and receipt.json()["finished_at"] is None
    assert api_for(bob).get(f"/documents/{document.pk}").status_code == 404
    assert api_for(bob).get(f"/collections/{collection.pk}/documents").json()["items"] == []
    address = f"/receipts/{receipt.json()['id']}"
    assert api_for(erin).get(address).status_code == 200
    assert api_for(alice).get(address).json()["document"] == str(document.pk)
    assert api_for(bob).get(address).status_code == 404


def test_a_document_says_where_it_waits_and_how_it_is_found(
    api_for: ApiFor, bob: User, collection: Collection
) -> None:
    people.make_document(collection, "first", name="a.txt", status="queued", turn=1)
    waiting = people.make_document(collection, "next", name="b.txt", status="queued", turn=2)
    api = api_for(bob)
    shown = api.get(f"/documents/{waiting.pk}").json()
    assert (shown["position"], shown["searchable"]) == (2, "no")
    listed = api.get(f"/collections/{collection.pk}/documents").json()["items"]
    assert [item["position"] for item in listed] == [1, 2]
    Document.objects.filter(pk=waiting.pk).update(
        status="processing", stage="embed", done=3, total=40, visible=True, metadata={"author": "A"}
    )
    shown = api.get(f"/documents/{waiting.pk}").json()
    assert (shown["position"], shown["searchable"]) == (None, "words")
    assert (shown["done"], shown["total"], shown["metadata"]) == (3, 40, {"author": "A"})
    assert shown["container"] is None
    ready = people.make_document(collection, "ready", name="c.txt")
    assert api.get(f"/documents/{ready.pk}").json()["searchable"] == "meaning"


def test_documents_are_stopped_and_tried_again(
    api_for: ApiFor, erin: User, collection: Collection
) -> None:
    one = people.make_document(collection, "one", name="a.txt", status="queued")
    people.make_document(collection, "two", name="b.txt", status="queued")
    api, at = api_for(erin), f"/collections/{collection.pk}/documents"
    stopped = api.post(f"/documents/{one.pk}/cancel")
    assert (stopped.status_code, stopped.json()["status"]) == (202, "failed")
    assert stopped.json()["error"]["code"] == "cancelled"
    assert api.post(f"{at}/cancel").json() == {"count": 1}
    assert api.post(f"{at}/cancel").json() == {"count": 0}
    assert api.post(f"{at}/retry").json() == {"count": 2}
    assert Document.objects.filter(status="queued").count() == 2


def test_what_was_read_comes_in_parts(
    api_for: ApiFor, bob: User, erin: User, collection: Collection
) -> None:
    document = people.make_document(collection)
    writer = BlockWriter(Limits())
    writer.add("heading", "Leave", level=2, page=1)
    writer.add("table", "a | b", page=1, rows=(("a", "b"),), header_rows=1)
    writer.add("paragraph", "Words.", page=2, confidence=0.5)
    data = zlib.compress(wire.pack(writer.document()))
    Extract.objects.create(document=document, data=data)
    Document.objects.filter(pk=document.pk).update(media_type="application/pdf", page_labels=["iv"])
    api, address = api_for(bob), f"/documents/{document.pk}/blocks"
    told = api.get(f"{address}?start=1&limit=1").json()
    assert (told["start"], told["total"]) == (1, 3)
    (table,) = told["items"]
    assert (table["kind"], table["rows"], table["header_rows"]) == ("table", [["a", "b"]], 1)
    assert (table["page"], table["page_label"], table["confidence"]) == (1, "page iv", None)
    assert len(api.get(f"{address}?start=-5&limit=100000").json()["items"]) == 3
    assert api.get(f"{address}?start=99").json()["items"] == []
    assert Entry.objects.filter(action=actions.DOCUMENT_READ, actor=str(bob.pk)).count() == 1
    Document.objects.filter(pk=document.pk).update(status="failed", visible=False)
    assert api.get(address).status_code == 403
    assert len(api_for(erin).get(address).json()["items"]) == 3


# --- who may not --------------------------------------------------------------------------------


def calls(collection: Collection, document: Document) -> list[tuple[str, str, Any, bool]]:
    """(method, address, body, whether it changes something) of every call about one object."""
    at, of = f"/collections/{collection.pk}", f"/documents/{document.pk}"
    return [
        ("get", at, None, False),
        ("patch", at, {"name": "Mine"}, True),
        ("delete", at, None, True),
        ("get", f"{at}/grants", None, True),
        ("put", f"{at}/grants", [], True),
        ("get", f"{at}/documents", None, False),
        ("get", of, None, False),
        ("get", f"{of}/content", None, False),
        ("get", f"{of}/blocks", None, False),
        ("post", f"{of}/retry", None, True),
        ("post", f"{of}/cancel", None, True),
        ("post", f"{at}/documents/cancel", None, True),
        ("post", f"{at}/documents/retry", None, True),
        ("delete", of, None, True),
    ]


def test_a_stranger_and_an_administrator_without_a_grant_find_nothing(
    api_for: ApiFor, charlie: User, admin: User, collection: Collection
) -> None:
    document = people.make_document(collection)
    for user in (charlie, admin):
        api = api_for(user)
        for method, address, body, _ in calls(collection, document):
            answer = getattr(api, method)(address, *([body] if body is not None else []))
            assert answer.status_code == 404, (method, address)
            assert people.CANARY not in answer.content.decode()
        assert send(api, collection, ("a.txt", b"28 days.")).status_code == 404
        assert api.get("/collections").json()["items"] == []
    assert Document.objects.count() == 1 and Collection.objects.get().name == "Handbook"


def test_a_reader_may_read_and_nothing_else(
    api_for: ApiFor, bob: User, collection: Collection
) -> None:
    document = people.make_document(collection)
    api = api_for(bob)
    for method, address, body, changes in calls(collection, document):
        answer = getattr(api, method)(address, *([body] if body is not None else []))
        assert answer.status_code == (403 if changes else 200), (method, address)
        b"".join(getattr(answer, "streaming_content", []))  # to the end, which closes the file
    assert send(api, collection, ("a.txt", b"28 days.")).status_code == 403
    assert Document.objects.get().status == "ready" and not Receipt.objects.exists()


def test_an_editor_manages_nothing(api_for: ApiFor, erin: User, collection: Collection) -> None:
    api, at = api_for(erin), f"/collections/{collection.pk}"
    assert api.patch(at, {"name": "Mine"}).status_code == 403
    assert api.delete(at).status_code == 403
    assert api.get(f"{at}/grants").status_code == 403
    assert api.put(f"{at}/grants", []).status_code == 403


def test_without_a_sign_in_there_is_nothing(api_for: ApiFor, collection: Collection) -> None:
    document = people.make_document(collection)
    for method, address, body, _ in [
        *calls(collection, document),
        ("get", "/collections", None, False),
    ]:
        answer = getattr(api_for(None), method)(address, *([body] if body is not None else []))
        assert answer.status_code == 401, (method, address)


def test_a_token_does_only_what_its_scopes_say(
    api_for: ApiFor, alice: User, collection: Collection
) -> None:
    document = people.make_document(collection)
    for method, address, body, _ in calls(collection, document):
        wrong = "write" if method == "get" else "read"
        answer = getattr(api_for(alice, [wrong]), method)(
            address, *([body] if body is not None else [])
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "missing-scope"), (
            method,
            address,
        )


def test_an_object_of_another_collection_does_not_come_by_its_id(
    api_for: ApiFor, bob: User, alice: User, collection: Collection
) -> None:
    hidden = people.make_document(people.make_collection(alice, name="Secret"))
    receipt = people.make_receipt(alice, hidden)
    api = api_for(bob)
    assert api.get(f"/documents/{hidden.pk}").status_code == 404
    assert api.get(f"/documents/{hidden.pk}/content").status_code == 404
    assert api.get(f"/receipts/{receipt.pk}").status_code == 404
    assert api.get(f"/documents/{uuid4()}").status_code == 404
    assert api.get("/documents/1").status_code == 404
