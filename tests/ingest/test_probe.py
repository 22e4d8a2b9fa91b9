"""Ready is what a question in its own words finds, and one of its own meaning."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from django.utils import timezone

from audit import actions
from audit.models import Entry
from ingest import lexical, probe, store
from ingest.embed import normalised
from ingest.indexes import active
from ingest.models import Collection, Document, Index
from ingest.pipeline import process_document
from tests.ingest.conftest import Add, Put, held_vectors

pytestmark = pytest.mark.django_db

LEAVE = "# Annual leave\n\nEvery employee has 28 days of annual leave per year.\n"
FORM = "Hand in this form at the front desk before you leave the building for the holidays.\n"


def test_a_document_is_found_before_it_is_ready(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[tuple[str, str]] = []
    real = probe._passages

    def looked(index: Index, document: Document, count: int) -> Any:
        row = Document.objects.get(pk=document.pk)
        states.append((row.status, row.stage))
        return real(index, document, count)

    monkeypatch.setattr("ingest.probe._passages", looked)
    assert add("leave.md", LEAVE).status == "ready"
    assert states == [("processing", "probe")]


@pytest.mark.parametrize("index", ["words", "vectors"])
def test_an_index_that_lost_a_document_is_written_again(
    add: Add, monkeypatch: pytest.MonkeyPatch, collection: Collection, index: str
) -> None:
    lose: dict[str, Callable[[Document], None]] = {
        "words": lambda document: lexical.remove_document(document.pk),
        "vectors": lambda document: store.remove_document(collection.pk, document.pk),
    }
    real = probe._passages

    def lost(into: Index, document: Document, count: int) -> Any:
        lose[index](document)
        return real(into, document, count)

    add("other.md", LEAVE.replace("28", "14"))
    monkeypatch.setattr("ingest.probe._passages", lost)
    document = add("leave.md", LEAVE)
    assert document.status == "ready"
    assert held_vectors(collection.pk) == 2
    assert {
        h.chunk for h in lexical.search("annual leave", [collection.pk], 5, index=active().pk)
    } >= set(document.chunks.values_list("pk", flat=True))


def test_what_is_not_found_is_tried_again_and_fails_at_last(
    vectors: str, put: Put, monkeypatch: pytest.MonkeyPatch, collection: Collection, settings: Any
) -> None:
    """As with an index that takes what it is given and does not give it back."""
    monkeypatch.setattr("ingest.probe.store.upsert", lambda *_: None)
    document = put("leave.md", LEAVE).document
    for attempt in range(1, settings.MAX_ATTEMPTS + 1):
        store.remove_collection(collection.pk)
        process_document(document.pk)
        document.refresh_from_db()
        assert document.attempts == attempt
        Document.objects.filter(status="queued").update(lease_until=timezone.now())
    assert (document.status, document.error_code) == ("failed", "not-findable")
    assert not document.visible and document.ready_at is None
    assert document.error_detail.endswith(".")
    assert Entry.objects.get(action=actions.DOCUMENT_FAILED).data["code"] == "not-findable"
    assert lexical.search("annual leave", [collection.pk], 5, index=active().pk) == []


def test_one_of_many_equals_is_found_as_well_as_they_are(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.probe.SEEN", 2)
    for number in range(5):
        document = add(f"form-{number}.txt", FORM + "\n" * number)
        assert document.status == "ready", number


def test_a_form_with_more_in_it_than_others_is_found_below_them(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its long words are the form's; by these each shorter one is nearer."""
    monkeypatch.setattr("ingest.probe.SEEN", 2)
    for number in range(6):
        document = add(f"sheet-{number}.txt", FORM + " 8 ok" * 3 * number)
        assert document.status == "ready", number


@pytest.mark.parametrize(
    "text",
    [
        "!!! ??? ***",
        "to be or not to be",
        "8 9 10",
        "契約を解約する場合は三十日前に通知してください。" * 40,
        "x" * 5_000,
        "GS-13/b a@b.example https://intranet.example/" + "very-long-path/" * 60,
        "Müller's «Straße» — naïve café",
    ],
)
def test_text_of_any_kind_finds_itself(add: Add, text: str) -> None:
    add("noise.txt", "Completely different words about gardening, weather and the sea.")
    assert add("odd.txt", text).status == "ready"


def test_a_probe_asks_little(
    add: Add, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    document = add("leave.md", LEAVE)
    passages = probe._passages(active(), document, document.chunk_count)
    with django_assert_max_num_queries(40):
        assert probe._by_words(document, passages)
    with django_assert_max_num_queries(0):
        assert probe._by_vector(document, passages)


def test_one_sentence_in_many_files_hides_nothing(vectors: str, collection: Collection) -> None:
    """HNSW links equal vectors to each other alone: without chroma._apart none of the others is found.

    Ids of these numbers, too: by how much a vector is moved follows from its id.
    """
    numbers = np.random.default_rng(1)

    def made() -> UUID:
        return UUID(bytes=numbers.bytes(16), version=4)

    points = normalised(numbers.standard_normal((66, 384)).astype(np.float32))
    before, one, others = points[:5], points[5:6], points[6:]
    document = Document(collection=collection)
    for some in (before, np.tile(one, (300, 1))):
        store.upsert(document, active(), [made() for _ in some], list(some[:, None]))
    ids = [made() for _ in others]
    for pk, vector in zip(ids, others, strict=True):
        store.upsert(document, active(), [pk], [vector[None]])
    found = [
        {hit.chunk for hit in store.indexed(vector, collection.pk, active(), 20)}
        for vector in others
    ]
    assert sum(pk in hits for pk, hits in zip(ids, found, strict=True)) >= 55
