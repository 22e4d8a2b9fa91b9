"""Several vectors a passage, and vectors that are taken over instead of being made again."""

import re
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.utils import timezone

from accounts.models import User
from inference.client import get_client
from inference.fake import FakeClient
from ingest import build, chroma, erase, exact, refill, reindex, store
from ingest.embed import from_bytes
from ingest.indexes import active
from ingest.models import Chunk, Collection, Document, Index
from tests import people
from tests.ingest.conftest import Add, held_vectors, made_vectors

pytestmark = pytest.mark.django_db

HOUSE = (
    "The canteen opens at noon. The kestrel nests in the tower. Visitors sign the book. "
    "Bicycles stand behind the shed. The lift holds eight people."
)


def sentences(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(found.span() for found in re.finditer(r"[^.]+\.", text))


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sentence is a piece."""
    monkeypatch.setattr("ingest.embed.pieces", sentences)


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is embedded from now on."""
    texts: list[str] = []
    real = FakeClient.embed_passages

    def call(self: FakeClient, given: Any, **named: Any) -> Any:
        texts.extend(given)
        return real(self, given, **named)

    monkeypatch.setattr(FakeClient, "embed_passages", call)
    return texts


def asked(question: str, collection: Collection, limit: int = 5, **where: Any) -> list[store.Hit]:
    vector = get_client().embed_queries([question])[0]
    return store.search(vector, [collection.pk], limit, index=active(), **where)


# --- pieces -------------------------------------------------------------------------------------


def test_a_passage_is_found_by_its_nearest_piece(
    pieces: None, add: Add, collection: Collection
) -> None:
    document = add("house.txt", HOUSE)
    add("other.txt", "Something about gardening, the weather and the sea. And more of it.")
    chunk = document.chunks.get()
    rows = from_bytes([bytes(chunk.vector or b"")], active().dimension)
    assert rows.shape == (6, 384)
    query = get_client().embed_queries(["kestrel nests in the tower"])[0]
    first = asked("kestrel nests in the tower", collection)[0]
    assert (first.chunk, first.piece) == (chunk.pk, 2)
    assert first.whole == pytest.approx(float(rows[0] @ query), abs=1e-3)
    assert first.score == pytest.approx(float(rows[2] @ query), abs=1e-3)
    assert first.score > first.whole


def test_chroma_groups_the_vectors_of_a_passage(
    pieces: None, add: Add, collection: Collection, settings: Any
) -> None:
    for number in range(12):
        add(f"{number}.txt", HOUSE.replace("eight", f"{number} or {number + 1}"))
    assert held_vectors(collection.pk) == 12 * 6
    question = "The kestrel nests in the tower, the lift holds 7 people"
    precise = asked(question, collection, 12)
    settings.EXACT_SEARCH_CHUNKS = 0
    near = asked(question, collection, 12)
    assert {hit.chunk for hit in near} == {hit.chunk for hit in precise}
    for one, other in zip(near, precise, strict=True):
        assert (one.score, one.whole) == pytest.approx((other.score, other.whole), abs=1e-6)
    assert len(asked(question, collection, 3)) == 3


def test_only_the_documents_that_were_asked_for(
    pieces: None,
    add: Add,
    collection: Collection,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = [add(f"{n}.txt", HOUSE.replace("eight", str(n))) for n in range(6)]
    wanted = frozenset(document.pk for document in made[1:3])
    many = wanted | {people.make_document(collection, f"{n}", f"{n}.md").pk for n in range(3)}
    for bound, named in ((5_000, 300), (0, 300), (0, 1)):
        settings.EXACT_SEARCH_CHUNKS = bound
        monkeypatch.setattr(store, "MOST_NAMED", named)
        for documents in (wanted, many):
            hits = asked("kestrel", collection, documents=documents)
            owners = Chunk.objects.filter(pk__in=[hit.chunk for hit in hits])
            assert set(owners.values_list("document_id", flat=True)) == wanted
        assert asked("kestrel", collection, documents=frozenset()) == []


def test_what_lies_far_is_found_among_many_documents_all_the_same(
    pieces: None,
    add: Add,
    collection: Collection,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The nearest thousands may all be of documents that were not asked for."""
    near = [add(f"{n}.txt", HOUSE.replace("eight", str(n))) for n in range(6)]
    far = [add(f"far{n}.txt", f"Cheques of {n} marks are cashed at noon.") for n in range(3)]
    settings.EXACT_SEARCH_CHUNKS = 0
    monkeypatch.setattr(store, "MOST_NAMED", 2)
    real = chroma.query

    def few(name: str, vector: Any, limit: int, documents: Any = None) -> list[store.Hit]:
        return real(name, vector, limit if documents else 4, documents) * (
            1 if documents else 3_000
        )

    monkeypatch.setattr(chroma, "query", few)
    wanted = frozenset(document.pk for document in far)
    hits = asked("The kestrel nests in the tower", collection, documents=wanted)
    owners = Chunk.objects.filter(pk__in=[hit.chunk for hit in hits])
    assert set(owners.values_list("document_id", flat=True)) == wanted
    assert near


def test_rows_of_another_length_are_left_out() -> None:
    blob = np.ones((2, 4), "<f2").tobytes()
    pk = Document().pk
    found = exact.matrix([(pk, pk, blob), (pk, pk, b"123"), (pk, pk, None)], 4)
    assert len(found.ids) == 1 and found.rows.shape == (2, 4)
    assert exact.nearest(exact.matrix([], 4), np.ones(4, np.float32), 3) == []


def test_the_vectors_of_pieces_come_back_into_an_index_that_lost_them(
    pieces: None, add: Add, collection: Collection
) -> None:
    add("house.txt", HOUSE)
    assert refill.repair() == []
    (name,) = chroma.names(starts=collection.pk.hex)
    with chroma.client() as client:
        held = client.get_collection(name, embedding_function=None)
        held.delete(ids=[key for key in held.get(include=[])["ids"] if "/" in key])
    assert held_vectors(collection.pk) == 1
    assert refill.repair() == [collection.pk] and held_vectors(collection.pk) == 6
    chroma.upsert(
        f"{collection.pk.hex}-multilingual-e5-small",
        collection.pk,
        [collection.pk],
        [np.ones((1, 3), np.float32)],
    )
    refill.repair()
    assert chroma.names(starts=collection.pk.hex) == [name], "of an older release"


# --- the same text ------------------------------------------------------------------------------


def test_the_same_file_in_another_collection_embeds_nothing(
    add: Add, alice: User, collection: Collection, embedded: list[str]
) -> None:
    add("house.txt", HOUSE)
    other = people.make_collection(alice, name="Other")
    del embedded[:]
    again = add("house-again.txt", HOUSE, into=other)
    assert again.status == "ready" and len(embedded) == 1, "its name is its title"
    del embedded[:]
    third = add("house.txt", HOUSE, into=people.make_collection(alice, name="Third"))
    assert third.status == "ready" and embedded == []
    assert [hit.chunk for hit in asked("kestrel", other)] == [again.chunks.get().pk]


def test_what_the_uploader_may_not_read_is_not_taken_over(
    add: Add, charlie: User, embedded: list[str]
) -> None:
    """How long it takes would tell what others have."""
    add("house.txt", HOUSE)
    del embedded[:]
    theirs = people.make_collection(charlie, name="Theirs")
    add("house.txt", HOUSE, into=theirs, user=charlie)
    assert len(embedded) == 1


def test_what_is_being_erased_is_not_taken_over(add: Add, alice: User, embedded: list[str]) -> None:
    old = add("house.txt", HOUSE)
    erase.erase_document(alice, old)
    del embedded[:]
    add("house.txt", HOUSE)
    assert len(embedded) == 1


def test_other_pieces_of_the_same_text_are_made_anew(
    add: Add, embedded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add("house.txt", HOUSE)
    del embedded[:]
    monkeypatch.setattr("ingest.embed.pieces", sentences)
    build.go_on(reindex.begin(None).pk)
    assert len(embedded) == 6
    chunk = active().chunks.get()
    assert len(bytes(chunk.vector or b"")) == 6 * 384 * 2


def test_a_text_that_stands_twice_in_a_document_is_embedded_once(
    add: Add, embedded: list[str]
) -> None:
    section = "The same words in every section of it, again and again. " * 12
    document = add(
        "twice.md", "# Twice\n\n" + "\n\n".join(f"## Part\n\n{section}" for _ in range(5))
    )
    made = made_vectors(document.chunks.all())
    assert document.chunk_count > 1 and len(embedded) < made


def test_an_embedder_of_another_length_is_refused(
    add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("house.txt", HOUSE)
    monkeypatch.setattr(FakeClient, "embed_passages", lambda *_, **__: np.ones((1, 7), np.float32))
    document = add("more.txt", "Completely different words.")
    assert (document.status, document.error_code) == ("failed", "embedder-changed")


def test_matrices_are_bounded_by_their_vectors(settings: Any, monkeypatch: Any) -> None:
    settings.EXACT_SEARCH_CHUNKS = 1
    many = exact.matrix([(uuid4(), uuid4(), bytes(2 * 2 * 9))], 2)
    monkeypatch.setattr(exact, "load", lambda *_: many)
    found, index, stamp = exact.Matrices(), Index(), exact.Stamp(1, 1, 1, timezone.now())
    for _ in range(5):
        found.get(uuid4(), index, 2, stamp)
    assert len(many.ids) == 1 and len(many.rows) == 9
    assert len(found._kept) == 1, "two of them are 18 vectors of 1 passage each"
