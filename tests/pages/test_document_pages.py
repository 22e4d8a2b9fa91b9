"""The pages of collections and documents, without a browser."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from accounts.models import User
from ingest.models import Collection, Document, Grant
from tests import people

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None], Client]

JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def document(collection: Collection) -> Document:
    return people.make_document(collection)


def addresses(document: Document) -> dict[str, list[tuple[str, str]]]:
    """The addresses that each role opens, by the role that is needed."""
    one, whole = [document.pk], [document.collection_id]
    return {
        "reader": [
            ("get", reverse("ingest:collection", args=whole)),
            ("get", reverse("ingest:document", args=one)),
            ("get", reverse("ingest:document-state", args=one)),
            ("get", reverse("ingest:content", args=one)),
        ],
        "editor": [
            ("post", reverse("ingest:upload", args=whole)),
            ("post", reverse("ingest:document-retry", args=one)),
            ("post", reverse("ingest:document-cancel", args=one)),
            ("post", reverse("ingest:documents-cancel", args=whole)),
            ("post", reverse("ingest:documents-retry", args=whole)),
            ("get", reverse("ingest:document-delete", args=one)),
            ("post", reverse("ingest:document-delete", args=one)),
        ],
        "manager": [
            ("get", reverse("ingest:collection-settings", args=whole)),
            ("post", reverse("ingest:collection-settings", args=whole)),
            ("post", reverse("ingest:grants", args=whole)),
            ("get", reverse("ingest:collection-delete", args=whole)),
            ("post", reverse("ingest:collection-delete", args=whole)),
        ],
    }


def test_a_reader_reads_and_may_do_no_more(
    client_for: ClientFor, bob: User, document: Document
) -> None:
    client, by_role = client_for(bob), addresses(document)
    for method, address in by_role["reader"]:
        response = getattr(client, method)(address)
        b"".join(getattr(response, "streaming_content", []))  # to the end, which closes the file
        assert response.status_code == 200, address
    for method, address in by_role["editor"] + by_role["manager"]:
        assert getattr(client, method)(address).status_code == 403, address
    document.refresh_from_db()
    assert document.status == Document.Status.READY


def test_an_editor_does_not_manage(client_for: ClientFor, erin: User, document: Document) -> None:
    for method, address in addresses(document)["manager"]:
        assert getattr(client_for(erin), method)(address).status_code == 403, address


@pytest.mark.parametrize("who", ["charlie", "admin"])
def test_a_stranger_finds_nothing(
    client_for: ClientFor, request: pytest.FixtureRequest, document: Document, who: str
) -> None:
    client = client_for(request.getfixturevalue(who))
    for found in addresses(document).values():
        for method, address in found:
            response = getattr(client, method)(address)
            assert response.status_code == 404, address
            assert people.CANARY not in response.content.decode()
    assert "Handbook" not in client.get(reverse("ingest:collections")).content.decode()


def test_an_anonymous_caller_is_sent_to_sign_in(client_for: ClientFor, document: Document) -> None:
    for found in addresses(document).values():
        for method, address in found:
            response = getattr(client_for(None), method)(address)
            assert response.status_code == 302, address
            assert response["Location"].startswith(reverse("accounts:sign-in"))


def test_a_bad_id_or_method_is_refused(
    client_for: ClientFor, alice: User, document: Document
) -> None:
    client = client_for(alice)
    for address in (
        f"/documents/{uuid.UUID(int=4)}",
        "/documents/x",
        f"/collections/{uuid.uuid4()}",
    ):
        assert client.get(address).status_code == 404
    assert client.get(reverse("ingest:upload", args=[document.collection_id])).status_code == 405
    for name in ("document-retry", "document-cancel"):
        assert client.get(reverse(f"ingest:{name}", args=[document.pk])).status_code == 405
    for name in ("documents-retry", "documents-cancel"):
        assert (
            client.get(reverse(f"ingest:{name}", args=[document.collection_id])).status_code == 405
        )
    assert client.post(reverse("ingest:document", args=[document.pk])).status_code == 405


def test_the_original_comes_as_an_attachment(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    page = people.make_document(collection, text="<script>1</script>", name="page.html")
    response = client_for(bob).get(reverse("ingest:content", args=[page.pk]))
    assert response["Content-Disposition"].startswith("attachment")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert b"".join(response) == b"<script>1</script>"


def test_uploads_say_what_became_of_each_file(
    client_for: ClientFor, erin: User, collection: Collection
) -> None:
    address = reverse("ingest:upload", args=[collection.pk])
    files = [SimpleUploadedFile("a.txt", b"Some words."), SimpleUploadedFile("b.txt", b"")]
    told = client_for(erin).post(address, {"file": files}, headers=JSON)
    assert told.status_code == 202
    assert told.json()["documents"] == [
        {"name": "a.txt", "created": True, "replaces": None, "note": ""}
    ]
    assert [refused["name"] for refused in told.json()["refused"]] == ["b.txt"]
    again = client_for(erin).post(
        address, {"file": SimpleUploadedFile("a.txt", b"Some words.")}, headers=JSON
    )
    assert again.json()["documents"] == [
        {"name": "a.txt", "created": False, "replaces": None, "note": ""}
    ]


def test_uploads_say_what_they_replace(
    client_for: ClientFor, erin: User, collection: Collection
) -> None:
    address, client = reverse("ingest:upload", args=[collection.pk]), client_for(erin)

    def note(name: str, data: bytes) -> str:
        file = SimpleUploadedFile(name, data)
        return str(
            client.post(address, {"file": file}, headers=JSON).json()["documents"][0]["note"]
        )

    assert note("a.txt", b"Some words.") == ""
    assert note("a.txt", b"Other words.") == "Replaces version 1 of “a.txt” when it is ready."
    assert note("b.txt", b"Some words.") == "Already in this collection as “a.txt”."
    shown = client.post(address, {"file": SimpleUploadedFile("a.txt", b"New.")}, follow=True)
    assert "Replaces version 2 of “a.txt”" in shown.content.decode()


def test_uploads_keep_their_folder(
    client_for: ClientFor, erin: User, collection: Collection
) -> None:
    address, client = reverse("ingest:upload", args=[collection.pk]), client_for(erin)

    def send(name: str, data: bytes, path: str) -> dict[str, Any]:
        sent = {"file": SimpleUploadedFile(name, data), "path": path}
        told: dict[str, Any] = client.post(address, sent, headers=JSON).json()
        return told

    assert send("a.txt", b"Some words.", "people/rules")["documents"][0]["created"]
    assert Document.objects.get().path == "people/rules"
    again = send("a.txt", b"Some words.", "people/rules/")["documents"][0]
    assert (again["created"], again["note"]) == (False, "")
    moved = send("a.txt", b"Some words.", "old")["documents"][0]
    assert moved["note"] == "Already in this collection as “a.txt” in the folder “people/rules”."
    newer = send("a.txt", b"Other words.", "people/rules")["documents"][0]
    assert newer["replaces"] == 1
    refused = send("a.txt", b"Words.", "../etc")["refused"]
    assert [(one["code"], one["again"]) for one in refused] == [("bad-path", False)]


def test_uploads_work_without_scripts(
    client_for: ClientFor, erin: User, collection: Collection
) -> None:
    address = reverse("ingest:upload", args=[collection.pk])
    page = client_for(erin).post(
        address,
        {"file": [SimpleUploadedFile("a.txt", b"Words."), SimpleUploadedFile("b.txt", b"")]},
        follow=True,
    )
    shown = page.content.decode()
    assert "1 file was taken." in shown
    assert "b.txt:" in shown
    assert "Choose a file first." in client_for(erin).post(address, follow=True).content.decode()


def test_the_table_polls_only_while_something_is_in_work(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    address = reverse("ingest:collection", args=[collection.pk])
    document = people.make_document(collection)
    assert "every 2s" not in client_for(bob).get(address).content.decode()
    Document.objects.filter(pk=document.pk).update(status="processing", stage="embed")
    rows = client_for(bob).get(address, headers=HTMX).content.decode()
    assert "every 2s" in rows
    assert "<html" not in rows


def test_documents_are_filtered_and_paged(
    client_for: ClientFor,
    bob: User,
    collection: Collection,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(60):
        people.make_document(
            collection, text=f"Number {number}", name=f"n{number:02}.txt", status="failed"
        )
    people.make_document(collection, text="Whale", name="whale.txt")
    address = reverse("ingest:collection", args=[collection.pk])
    client = client_for(bob)
    with django_assert_max_num_queries(14):
        first = client.get(address).content.decode()
    assert first.count('id="document-') == 50
    assert client.get(address, {"page": 2}).content.decode().count('id="document-') == 11
    assert client.get(address, {"q": "WHALE"}).content.decode().count('id="document-') == 1
    assert client.get(address, {"state": "ready"}).content.decode().count('id="document-') == 1
    assert client.get(address, {"state": "working"}).content.decode().count('id="document-') == 0
    assert client.get(address, {"page": "x", "state": "%"}).status_code == 200


def test_collections_cost_the_same_however_many(
    client_for: ClientFor, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        people.make_collection(alice, name=f"Number {number}")
    client = client_for(alice)
    with django_assert_max_num_queries(8):
        page = client.get(reverse("ingest:collections"))
    assert page.content.decode().count("You manage it") == 30


def test_a_passage_of_a_long_document_is_on_its_own_page(
    client_for: ClientFor,
    bob: User,
    document: Document,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    chunks = [people.make_chunk(document, f"Passage {n} here.", ordinal=n) for n in range(1, 250)]
    wanted = chunks[179]
    address = reverse("ingest:document", args=[document.pk])
    client = client_for(bob)
    with django_assert_max_num_queries(14):
        page = client.get(address, {"chunk": str(wanted.pk), "quote": "0-11"}).content.decode()
    assert f'id="chunk-{wanted.pk}"' in page
    assert "<mark>Passage 180</mark> here." in page
    assert "Page 2 of 3" in page
    assert page.count('id="chunk-') == 100


@pytest.mark.parametrize("quote", ["", "5-2", "9999-99999", "a-b", "-1-4", "1-" + "9" * 400])
def test_a_strange_quote_shows_the_passage_whole(
    client_for: ClientFor, bob: User, document: Document, quote: str
) -> None:
    chunk = document.chunks.get()
    page = client_for(bob).get(
        reverse("ingest:document", args=[document.pk]), {"chunk": str(chunk.pk), "quote": quote}
    )
    assert page.status_code == 200
    assert people.CANARY in page.content.decode()


@pytest.mark.parametrize("chunk", ["nonsense", str(uuid.UUID(int=4))])
def test_a_passage_that_is_gone_is_said_so(
    client_for: ClientFor, bob: User, document: Document, chunk: str
) -> None:
    page = client_for(bob).get(reverse("ingest:document", args=[document.pk]), {"chunk": chunk})
    assert "no longer part of this document" in page.content.decode()


def test_hostile_text_and_names_are_escaped(
    client_for: ClientFor, alice: User, collection: Collection
) -> None:
    document = people.make_document(
        collection, text="<script>alert(1)</script>", name="<img src=x onerror=alert(1)>.txt"
    )
    for address in (
        reverse("ingest:document", args=[document.pk]),
        reverse("ingest:collection", args=[collection.pk]),
        reverse("ingest:document-delete", args=[document.pk]),
    ):
        shown = client_for(alice).get(address).content.decode()
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown


def test_a_failed_document_is_read_again(
    client_for: ClientFor, erin: User, collection: Collection
) -> None:
    failed = people.make_document(collection, status="failed", error_detail="Damaged.")
    page = client_for(erin).get(reverse("ingest:document", args=[failed.pk])).content.decode()
    assert "Damaged." in page
    client_for(erin).post(reverse("ingest:document-retry", args=[failed.pk]))
    failed.refresh_from_db()
    assert failed.status == Document.Status.QUEUED


def test_managing_a_collection(client_for: ClientFor, alice: User, collection: Collection) -> None:
    client = client_for(alice)
    address = reverse("ingest:collection-settings", args=[collection.pk])
    client.post(address, {"name": "New name", "description": "About."})
    collection.refresh_from_db()
    assert (collection.name, collection.description) == ("New name", "About.")
    refused = client.post(address, {"name": "", "description": ""})
    assert refused.status_code == 200
    assert "errorlist" in refused.content.decode()


def test_letting_people_in_and_out(
    client_for: ClientFor, alice: User, charlie: User, collection: Collection
) -> None:
    client, address = client_for(alice), reverse("ingest:grants", args=[collection.pk])
    client.post(address, {"who": "person", "email": "CHARLIE@example.com", "role": "reader"})
    assert collection.grants.get(user=charlie).role == Grant.Role.READER
    group = people.make_group("Sales", charlie)
    client.post(address, {"who": f"group:{group.pk}", "email": "", "role": "editor"})
    client.post(address, {"who": "everyone", "email": "", "role": "reader"})
    assert collection.grants.filter(group=group).exists()
    assert collection.grants.filter(everyone=True).exists()
    client.post(address, {"principal": f"user:{charlie.pk}", "role": "manager"})
    assert collection.grants.get(user=charlie).role == Grant.Role.MANAGER
    client.post(address, {"principal": f"user:{charlie.pk}", "role": ""})
    assert not collection.grants.filter(user=charlie).exists()


@pytest.mark.parametrize(
    "sent",
    [
        {"who": "person", "email": "nobody@example.com", "role": "reader"},
        {"who": "person", "email": "", "role": "reader"},
        {"who": "group:nonsense", "email": "", "role": "reader"},
        {"who": "everyone", "email": "", "role": "king"},
        {},
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(
    client_for: ClientFor, alice: User, collection: Collection, sent: dict[str, str]
) -> None:
    before = collection.grants.count()
    address = reverse("ingest:grants", args=[collection.pk])
    assert client_for(alice).post(address, sent).status_code == 422
    assert collection.grants.count() == before


def test_the_last_manager_stays(client_for: ClientFor, alice: User, collection: Collection) -> None:
    address = reverse("ingest:grants", args=[collection.pk])
    sent = {"principal": f"user:{alice.pk}", "role": ""}
    page = client_for(alice).post(address, sent, follow=True)
    assert "as manager" in page.content.decode()
    assert collection.grants.filter(user=alice).exists()


def test_a_manager_who_hands_over_loses_the_page(
    client_for: ClientFor, alice: User, erin: User, collection: Collection
) -> None:
    Grant.objects.filter(user=erin).update(role="manager")
    address = reverse("ingest:grants", args=[collection.pk])
    gone = client_for(alice).post(address, {"principal": f"user:{alice.pk}", "role": ""})
    assert gone["Location"] == reverse("ingest:collections")


def test_deleting_a_collection(client_for: ClientFor, alice: User, document: Document) -> None:
    address = reverse("ingest:collection-delete", args=[document.collection_id])
    assert "Erase everything" in client_for(alice).get(address).content.decode()
    client_for(alice).post(address)
    assert client_for(alice).get(addresses(document)["reader"][0][1]).status_code == 404


def test_a_failure_is_said_in_the_language_of_the_interface(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    document = people.make_document(
        collection, status="failed", error_code="empty-file", error_detail="The PDF holds no text."
    )
    address, client = reverse("ingest:document", args=[document.pk]), client_for(bob)
    assert "The PDF holds no text." in client.get(address).content.decode()
    german = client.get(address, headers={"Accept-Language": "de"}).content.decode()
    assert "Die Datei ist leer." in german and "The PDF holds" not in german
    Document.objects.filter(pk=document.pk).update(error_code="of-tomorrow")
    other = client.get(address, headers={"Accept-Language": "fr"}).content.decode()
    assert "The PDF holds no text." in other
