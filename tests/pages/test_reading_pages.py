"""The page of a document: what was read of it, what is known, the files of an archive."""

import zlib
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit import actions
from audit.models import Entry
from ingest.models import Collection, Document, Extract
from ingest.parsers import registry, wire
from ingest.parsers.base import BlockWriter, Limits
from tests import people

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None], Client]


@pytest.fixture
def document(collection: Collection) -> Document:
    return people.make_document(collection)


HOSTILE = "</td></table><script>alert(1)</script>"


def keep(document: Document, writer: BlockWriter) -> None:
    packed = wire.pack(writer.document())
    Extract.objects.create(document=document, data=zlib.compress(packed))


def read(client: Client, document: Document, **asked: str) -> str:
    address = reverse("ingest:document", args=[document.pk])
    return str(client.get(address, {"view": "read", **asked}).content.decode())


def test_what_was_read_is_shown_block_by_block(
    client_for: ClientFor, bob: User, document: Document
) -> None:
    writer = BlockWriter(Limits())
    writer.add("heading", f"Title {HOSTILE}", level=1, page=1)
    writer.add("paragraph", "Recognised words.", page=1, confidence=0.874)
    rows = ((HOSTILE, "b"), ("<i>1</i>", "2"))
    writer.add("table", "rows", page=2, rows=rows, header_rows=1)
    keep(document, writer)
    Document.objects.filter(pk=document.pk).update(page_labels=["iv", HOSTILE])
    shown = read(client_for(bob), document)
    assert "<script>alert" not in shown and "<i>1" not in shown
    for said in (
        "Heading 1",
        "recognised, 87% sure",
        "Page iv",
        "<th scope",
        "&lt;i&gt;1&lt;/i&gt;",
    ):
        assert said in shown


def test_what_was_read_is_paged_and_cut(
    client_for: ClientFor, bob: User, document: Document
) -> None:
    writer = BlockWriter(Limits())
    for number in range(250):
        writer.add("paragraph", f"Paragraph {number}.")
    writer.add("paragraph", "x" * 30_000)
    wide = tuple(tuple(f"{row}.{n}" for n in range(110)) for row in range(300))
    writer.add("table", "wide", rows=wide, header_rows=1)
    writer.add("table", "wide", rows=wide, header_rows=1)
    keep(document, writer)
    client = client_for(bob)
    assert read(client, document).count('class="block') == 100
    last = read(client, document, page="3")
    assert last.count('class="block') == 53
    assert "Characters that are not shown here: 10000." in last
    assert "Rows that are not shown here: 100." in last
    assert "Columns that are not shown here: 10." in last
    assert len(last) < 1_500_000


@pytest.mark.parametrize("odd", ["0", "-1", "99", "x", "9" * 5_000, "²"])
def test_an_odd_page_shows_another(
    client_for: ClientFor, bob: User, document: Document, odd: str
) -> None:
    writer = BlockWriter(Limits())
    for number in range(101):
        writer.add("paragraph", f"Paragraph {number}.")
    keep(document, writer)
    assert "Paragraph " in read(client_for(bob), document, page=odd)


def test_what_nobody_finds_yet_is_for_editors(
    client_for: ClientFor, bob: User, erin: User, collection: Collection
) -> None:
    document = people.make_document(collection, status="failed", error_code="no-text")
    writer = BlockWriter(Limits())
    writer.add("paragraph", people.CANARY)
    keep(document, writer)
    shown = read(client_for(bob), document)
    assert people.CANARY not in shown
    assert "could not be read" in shown and "will be here in a moment" not in shown
    assert not Entry.objects.filter(action=actions.DOCUMENT_READ).exists()
    assert people.CANARY in read(client_for(erin), document)
    assert Entry.objects.get(action=actions.DOCUMENT_READ).actor == str(erin.pk)


def test_words_that_are_found_before_the_document_is_ready_are_recorded_as_read(
    client_for: ClientFor, bob: User, document: Document
) -> None:
    Document.objects.filter(pk=document.pk).update(status="processing", stage="embed", visible=True)
    page = client_for(bob).get(reverse("ingest:document", args=[document.pk])).content.decode()
    assert people.CANARY in page and "Found by its words so far." in page
    assert Entry.objects.filter(action=actions.DOCUMENT_READ, actor=str(bob.pk)).count() == 1


def test_the_page_is_made_anew_when_its_words_are_found(
    client_for: ClientFor, bob: User, document: Document
) -> None:
    client, address = client_for(bob), reverse("ingest:document-state", args=[document.pk])
    Document.objects.filter(pk=document.pk).update(status="processing", visible=False)
    assert "HX-Refresh" not in client.get(address, {"found": "0"})
    Document.objects.filter(pk=document.pk).update(visible=True)
    assert client.get(address, {"found": "0"})["HX-Refresh"] == "true"
    assert "HX-Refresh" not in client.get(address, {"found": "1"})


def test_the_page_says_what_is_known(client_for: ClientFor, bob: User, document: Document) -> None:
    Document.objects.filter(pk=document.pk).update(
        media_type=registry.PDF,
        pages=3,
        page_labels=["i", "ii", "1"],
        metadata={"author": HOSTILE, "created": "2019-04-03", "sent": "yesterday"},
        reading={
            "seconds": {"parse": 0.5, "ocr": 2.0},
            "ocr": {"tried": [1, 2], "pages": [1], "confidence": 0.9, "languages": ["eng"]},
            "lost": 1,
        },
        warnings=[{"code": "pages-without-text", "count": 1, "total": 3, "names": "ii"}],
    )
    address = reverse("ingest:document", args=[document.pk])
    shown = client_for(bob).get(address, {"view": "about"}).content.decode()
    assert "<script>alert" not in shown
    for said in ("3 Apr 2019", "yesterday", "1 of 3: i", "90 %", "2.5 seconds", "English"):
        assert said in shown, said
    assert "A better scan may help." in shown


def test_an_archive_shows_its_files_and_what_it_refused(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    archive = people.make_document(collection, "zip", name="old.zip")
    refused = [{"name": HOSTILE, "code": "damaged", "detail": "Broken."}]
    Document.objects.filter(pk=archive.pk).update(
        media_type=registry.ZIP, reading={"refused": refused}
    )
    member = people.make_document(collection, "member", name="in.txt", container=archive)
    client = client_for(bob)
    shown = client.get(reverse("ingest:document", args=[archive.pk])).content.decode()
    assert "in.txt" in shown and "Broken." in shown and "<script>alert" not in shown
    page = client.get(reverse("ingest:document", args=[member.pk])).content.decode()
    assert "Unpacked from" in page and "old.zip" in page
