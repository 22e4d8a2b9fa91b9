"""An erased document is gone at once, then everywhere, whatever was running."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.models import Entry
from chat.models import Message, Source
from inference.client import get_client
from ingest import claims, erase, lexical, store
from ingest.access import chunks_for, documents_for
from ingest.indexes import active
from ingest.models import Chunk, Collection, Document, Extract, Receipt
from ingest.pipeline import process_document
from tests import people
from tests.ingest.conftest import Add, Put, held_vectors

pytestmark = pytest.mark.django_db

LEAVE = "# Annual leave\n\nEvery employee has 28 days of annual leave per year."


def found(collection: Collection) -> int:
    vector = get_client().embed_queries(["annual leave"])[0]
    words = lexical.search("annual leave", [collection.id], 5, index=active().pk)
    return len(store.search(vector, [collection.id], 5, index=active())) + len(words)


def test_from_the_moment_of_asking_nothing_shows_it(
    add: Add, erin: User, bob: User, collection: Collection
) -> None:
    document = add("leave.md", LEAVE)
    assert found(collection) > 0
    receipt = erase.erase_document(erin, document)
    assert found(collection) == 0
    assert not documents_for(bob).exists() and not chunks_for(bob).exists()
    assert receipt.finished_at is None and receipt.requested_by == erin
    with pytest.raises(Http404):
        erase.erase_document(erin, document)
    assert Receipt.objects.count() == 1


def test_in_the_end_it_is_nowhere_and_the_receipt_says_so(
    add: Add, alice: User, erin: User, collection: Collection
) -> None:
    document, other = add("leave.md", LEAVE), add("other.md", "# Meals\n\nMeals cost 5 euros.")
    people.make_conversation(alice, document.chunks.first())
    file, chunks = Path(document.file.path), document.chunk_count
    receipt = erase.erase_document(erin, document)
    assert erase.finish_document(document.pk) is True
    assert not file.exists() and not Document.objects.filter(pk=document.pk).exists()
    assert not Chunk.objects.filter(document_id=document.pk).exists()
    assert held_vectors(collection.id) == other.chunk_count
    receipt.refresh_from_db()
    assert receipt.finished_at and receipt.removed == {
        "files": 1,
        "bytes": document.bytes,
        "chunks": chunks,
        "answers": 1,
    }
    source = Source.objects.get()
    assert source.chunk is None and source.document is None and Message.objects.count() == 2
    steps = Entry.objects.filter(action=actions.DOCUMENT_ERASED).order_by("id")
    assert [entry.data["step"] for entry in steps] == ["asked", "done"]
    assert "leave" not in str([entry.data for entry in steps])
    assert erase.finish_document(document.pk) is False


def test_a_kill_in_the_middle_is_made_good(add: Add, erin: User, collection: Collection) -> None:
    document = add("leave.md", LEAVE)
    receipt = erase.erase_document(erin, document)
    store.remove_document(collection.id, document.id)
    Path(document.file.path).unlink()
    document.chunks.all().delete()
    assert erase.finish_document(document.pk) is True
    receipt.refresh_from_db()
    assert receipt.removed["chunks"] == document.chunk_count


def test_a_running_worker_loses_its_lease_and_is_waited_for(
    vectors: str, put: Put, erin: User, collection: Collection
) -> None:
    document = put("leave.md", LEAVE).document
    claim = claims.take(document.pk)
    assert claim
    erase.erase_document(erin, document)
    with pytest.raises(claims.LeaseLost):
        claim.renew()
    assert erase.finish_document(document.pk) is False
    Document.objects.filter(pk=document.pk).update(
        lease_until=timezone.now() - timedelta(seconds=5)
    )
    assert erase.finish_document(document.pk) is True
    process_document(document.pk)
    assert not Document.objects.exists() and held_vectors(collection.id) == 0


def test_an_erasure_between_two_stages_wins(
    vectors: str, put: Put, erin: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = put("leave.md", LEAVE).document
    real = store.upsert

    def upsert(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        erase.erase_document(erin, document)

    monkeypatch.setattr("ingest.vectors.store.upsert", upsert)
    process_document(document.pk)
    document.refresh_from_db()
    assert document.status == "erasing" and not document.visible
    assert not document.chunks.filter(vector__isnull=False).exists()
    Document.objects.update(lease_until=None)
    erase.finish_document(document.pk)
    assert held_vectors(collection.id) == 0 and not Chunk.objects.exists()
    assert not Extract.objects.exists()


def test_while_chroma_is_away_the_erasure_waits(
    add: Add, erin: User, vectors: str, settings: object
) -> None:
    document = add("leave.md", LEAVE)
    erase.erase_document(erin, document)
    settings.CHROMA_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    with pytest.raises(store.StoreUnavailable):
        erase.finish_document(document.pk)
    assert erase.due().filter(pk=document.pk).exists()
    settings.CHROMA_URL = vectors  # type: ignore[attr-defined]
    assert erase.finish_document(document.pk) is True


def test_a_collection_goes_with_all_it_holds(
    add: Add, alice: User, bob: User, collection: Collection
) -> None:
    documents = [add("leave.md", LEAVE), add("other.md", "# Meals\n\nMeals cost 5 euros.")]
    files = [Path(document.file.path) for document in documents]
    receipts = erase.erase_collection(alice, collection)
    assert {receipt.document_id for receipt in receipts} == {document.pk for document in documents}
    assert not documents_for(bob).exists() and found(collection) == 0
    assert erase.finish_collection(collection.pk) is True
    assert not Collection.objects.exists() and not Document.objects.exists()
    assert not any(file.exists() for file in files) and held_vectors(collection.id) == 0
    assert Receipt.objects.filter(finished_at__isnull=False).count() == 2
    assert erase.finish_collection(collection.pk) is False


def test_readers_erase_nothing_and_editors_no_collection(
    bob: User, erin: User, charlie: User, collection: Collection
) -> None:
    document = people.make_document(collection)
    with pytest.raises(PermissionDenied):
        erase.erase_document(bob, document)
    with pytest.raises(PermissionDenied):
        erase.erase_collection(erin, collection)
    with pytest.raises(Http404):
        erase.erase_document(charlie, document)
    with pytest.raises(Http404):
        erase.erase_collection(charlie, collection)
    assert not Receipt.objects.exists()
