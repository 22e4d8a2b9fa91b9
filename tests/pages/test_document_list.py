"""The list of documents: filters, sums, and deeds on many at once."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from accounts.models import User
from ingest import estimate
from ingest.models import Collection, Document
from ingest.parsers import registry
from tests import people

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None], Client]
HTMX = {"HX-Request": "true"}


def test_the_list_costs_the_same_for_five_thousand_documents(
    client_for: ClientFor,
    erin: User,
    collection: Collection,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    archive = people.make_document(collection, name="0.zip")
    Document.objects.filter(pk=archive.pk).update(media_type=registry.ZIP)
    states = ["queued", "processing", "failed", "ready"]
    address, client = reverse("ingest:collection", args=[collection.pk]), client_for(erin)
    counts = []
    for step in range(2):
        Document.objects.bulk_create(
            Document(
                collection=collection,
                name=f"a-{step}-{number:04}.pdf",
                sha256=f"{step}-{number}",
                status=states[number % 4],
                media_type=registry.PDF,
                container=archive,
            )
            for number in range(40 if step == 0 else 5_000)
        )
        estimate.forget()
        with django_assert_max_num_queries(20) as queries:
            shown = client.get(address, headers=HTMX).content.decode()
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert shown.count('id="document-') == 50
    assert "2520 in work" in shown and "1260 of them waiting" in shown and "1260 failed" in shown


def test_documents_are_filtered_by_kind_folder_and_archive(
    client_for: ClientFor, bob: User, alice: User, collection: Collection
) -> None:
    archive = people.make_document(collection, "zip", name="old.zip")
    Document.objects.filter(pk=archive.pk).update(media_type=registry.ZIP)
    for name, path, container in (
        ("a.txt", "people", None),
        ("b.txt", "people/rules", None),
        ("c.txt", "people-of-old", None),
        ("d.txt", "old.zip", archive),
    ):
        people.make_document(collection, name, name=name, path=path, container=container)
    other = people.make_document(people.make_collection(alice, name="Secret"), name="secret.zip")
    client, address = client_for(bob), reverse("ingest:collection", args=[collection.pk])

    def names(**asked: str) -> list[str]:
        shown = client.get(address, asked).content.decode()
        assert "secret" not in shown
        return [name for name in ("a", "b", "c", "d") if f">{name}.txt</a>" in shown]

    assert names(folder="people") == ["a", "b"]
    assert names(folder="people/rules") == ["b"]
    assert names(kind=registry.ZIP) == []
    assert names(kind=registry.TEXT) == ["a", "b", "c", "d"]
    assert names(archive=str(archive.pk)) == ["d"]
    assert names(state="waiting") == []
    assert len(names(archive="nonsense", kind="")) == 4
    assert names(archive=str(other.pk)) == []
    assert names(kind="x" * 400, folder="%") == []


def test_all_that_wait_are_stopped_and_all_that_failed_are_tried_again(
    client_for: ClientFor, erin: User, collection: Collection
) -> None:
    for number in range(3):
        people.make_document(collection, f"w{number}", name=f"w{number}.txt", status="queued")
    hopeless = people.make_document(
        collection, "x", name="x.txt", status="failed", error_code="damaged", error_detail="Broken."
    )
    client = client_for(erin)
    stop = reverse("ingest:documents-cancel", args=[collection.pk])
    again = reverse("ingest:documents-retry", args=[collection.pk])
    page = client.post(stop, follow=True).content.decode()
    assert "3 documents were stopped." in page and "Stopped" in page
    assert Document.objects.filter(error_code="cancelled").count() == 3
    told = client.post(again, headers=HTMX)
    assert told.status_code == 204 and "3 documents are being read again." in told["HX-Trigger"]
    assert Document.objects.filter(status="queued").count() == 3
    page = client.post(again, follow=True).content.decode()
    assert "Trying again would change nothing" in page
    hopeless.refresh_from_db()
    assert hopeless.status == "failed"


def test_one_is_stopped(client_for: ClientFor, erin: User, collection: Collection) -> None:
    waiting = people.make_document(collection, status="queued")
    client, address = client_for(erin), reverse("ingest:document-cancel", args=[waiting.pk])
    page = client.post(address, follow=True).content.decode()
    assert "Reading the document was stopped." in page and "Read it again" in page
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_code) == ("failed", "cancelled")
    assert client.post(address, headers=HTMX).status_code == 204
