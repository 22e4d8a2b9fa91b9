"""Finding chunks: by words, by vectors, exact and through Chroma; and only where one may look."""

from io import StringIO
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import User
from ingest import chroma, erase, exact, indexes, lexical, refill, store
from ingest.embed import from_bytes, to_bytes
from ingest.indexes import active
from ingest.lexical_terms import encode
from ingest.models import Chunk, Collection, Document, Index
from tests import people
from tests.ingest.conftest import Add, held_vectors

pytestmark = pytest.mark.django_db


def filled(
    collection: Collection, count: int, seed: int = 1, name: str = "many.txt"
) -> tuple[Document, Any]:
    """A ready document with `count` chunks of random unit vectors, in the database alone."""
    rows = np.random.default_rng(seed).normal(size=(count, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    document = people.make_document(collection, f"text {seed}", name=name)
    document.chunks.all().delete()
    index = active()
    assert indexes.measured(index, 16)
    Chunk.objects.bulk_create(
        Chunk(
            index=index,
            document=document,
            ordinal=i,
            text=f"{i}",
            start=0,
            end=1,
            vector=to_bytes(row),
        )
        for i, row in enumerate(rows)
    )
    Document.objects.filter(pk=document.pk).update(chunk_count=count)
    return document, rows


def ordinals(hits: list[store.Hit]) -> list[int]:
    numbers = dict(
        Chunk.objects.filter(id__in=[hit.chunk for hit in hits]).values_list("id", "ordinal")
    )
    return [numbers[hit.chunk] for hit in hits]


# --- vectors ------------------------------------------------------------------------------------


def test_float16_keeps_the_order_of_scores() -> None:
    row = np.random.default_rng(3).normal(size=384).astype(np.float32)
    row /= np.linalg.norm(row)
    assert np.abs(from_bytes([to_bytes(row)])[0] - row).max() < 1e-3


def test_exact_search_is_the_order_of_cosine(collection: Collection) -> None:
    _, rows = filled(collection, 200)
    query = rows[17] * 5 + rows[3]
    best = np.argsort(-(rows @ query))[:10].tolist()
    hits = store.search(query, [collection.id], 10, index=active())
    assert ordinals(hits) == best
    assert hits[0].score == pytest.approx(
        float(rows[17] @ (query / np.linalg.norm(query))), abs=2e-3
    )


def test_a_kept_matrix_answers_with_one_query_and_notices_every_change(
    collection: Collection, django_assert_num_queries: Any
) -> None:
    document, rows = filled(collection, 50)
    store.search(rows[0], [collection.id], 5, index=active())
    index = active()
    with django_assert_num_queries(1):
        store.search(rows[0], [collection.id], 5, index=index)
    added, more = filled(collection, 20, seed=2, name="more.txt")
    assert ordinals(store.search(more[7], [collection.id], 1, index=active())) == [7]
    Document.objects.filter(pk=added.pk).update(status="erasing")
    hits = store.search(more[7], [collection.id], 80, index=active())
    assert len(hits) == 50
    assert set(Chunk.objects.filter(document=document).values_list("id", flat=True)) == {
        h.chunk for h in hits
    }


def test_nothing_of_other_collections_embedders_or_sizes(
    alice: User, collection: Collection
) -> None:
    _, rows = filled(collection, 10)
    other = people.make_collection(alice, name="Other")
    assert store.search(rows[0], [other.id], 5, index=active()) == []
    assert store.search(rows[0], [], 5, index=active()) == []
    assert store.search(rows[0], [uuid4()], 5, index=active()) == []
    another = Index.objects.create(embedder="another", dimension=16)
    assert store.search(rows[0], [collection.id], 5, index=another) == []
    assert store.search(np.ones(7, np.float32), [collection.id], 5, index=active()) == []


def test_chroma_finds_what_exact_search_finds(
    vectors: str, collection: Collection, settings: Any
) -> None:
    _, rows = filled(collection, 300)
    assert refill.rebuild(collection.id) == 300
    queries = [rows[i] + 0.1 * rows[i + 1] for i in range(0, 100, 10)]
    precise = [ordinals(store.search(q, [collection.id], 10, index=active())) for q in queries]
    settings.EXACT_SEARCH_CHUNKS = 0
    near = [store.search(q, [collection.id], 10, index=active()) for q in queries]
    same = sum(len(set(a) & set(ordinals(b))) for a, b in zip(precise, near, strict=True))
    assert same >= 95
    assert all(hit.score <= 1.001 for hits in near for hit in hits)


def test_the_index_is_made_anew_by_a_command(
    vectors: str, collection: Collection, settings: Any
) -> None:
    _, rows = filled(collection, 30)
    out = StringIO()
    call_command("rebuild_vectors", stdout=out)
    assert "30 vectors written" in out.getvalue()
    settings.EXACT_SEARCH_CHUNKS = 0
    assert ordinals(store.search(rows[3], [collection.id], 1, index=active())) == [3]


def test_what_chroma_still_has_but_the_database_has_not_is_dropped(
    vectors: str, collection: Collection, settings: Any
) -> None:
    document, rows = filled(collection, 100)
    kept, _ = filled(collection, 5, seed=2, name="kept.txt")
    refill.rebuild(collection.id)
    settings.EXACT_SEARCH_CHUNKS = 0
    Document.objects.filter(pk=document.pk).update(status="erasing")
    hits = store.search(rows[0], [collection.id], 5, index=active())
    assert {Chunk.objects.get(pk=hit.chunk).document_id for hit in hits} == {kept.pk}


def test_small_collections_stay_exact_beside_a_large_one(
    vectors: str, alice: User, collection: Collection, settings: Any
) -> None:
    _, rows = filled(collection, 60)
    small = people.make_collection(alice, name="Small")
    _, few = filled(small, 5, seed=9, name="few.txt")
    refill.rebuild(collection.id)
    settings.EXACT_SEARCH_CHUNKS = 10
    both = [collection.id, small.id]
    assert ordinals(store.search(few[2], both, 1, index=active())) == [2]
    assert ordinals(store.search(rows[40], both, 1, index=active())) == [40]
    settings.CHROMA_URL = "http://127.0.0.1:9"
    with pytest.raises(store.StoreUnavailable):
        store.search(rows[40], both, 1, index=active())
    assert ordinals(store.search(few[2], [small.id], 1, index=active())) == [2]


def test_an_index_that_lost_vectors_is_rebuilt(vectors: str, collection: Collection) -> None:
    _, _rows = filled(collection, 30)
    assert refill.repair() == [collection.id]
    assert held_vectors(collection.id) == 30
    assert refill.repair() == []


def test_chroma_holds_no_text_and_no_way_to_embed(
    add: Add, vectors: str, collection: Collection
) -> None:
    add("leave.md", "# Annual leave\n\nEvery employee has 28 days of annual leave.")
    (name,) = chroma.names(starts=collection.id.hex)
    with chroma.client() as client:
        index = client.get_collection(name, embedding_function=None)
        everything = index.get(include=["documents", "metadatas"])
    assert set(everything["documents"] or []) == {None}
    assert {key for row in everything["metadatas"] or [] for key in row} == {"document"}
    assert index.configuration_json["hnsw"]["space"] == "cosine"
    assert not (index.configuration_json.get("embedding_function") or {}).get("name")


# --- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "term", ["ab-12/c", "0x41", "解約", "straße", "a@b.example", "c++", "x" * 500, "ⵣ"]
)
def test_a_term_of_any_kind_becomes_letters_and_digits(term: str) -> None:
    assert encode(term).isascii() and encode(term).isalnum()


def test_different_terms_stay_different() -> None:
    terms = ["ab", "a-b", "0x61", "a", "a.b", "解約", "約解"]
    assert len({encode(term) for term in terms}) == len(terms)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Hand in form GS-13/b before you leave the house.", "Where is GS-13/b?"),
        (
            "Der Arbeitsvertrag regelt die Kündigungsfristen aller Mitarbeiter im Unternehmen.",
            "Kündigungsfrist?",
        ),
        (
            "Les congés payés sont de 25 jours ouvrés par an pour chaque salarié.",
            "combien de congé payé",
        ),
        ("契約を解約する場合は三十日前に通知してください。", "解約"),
        ("Employees terminating their contract return the laptop.", "terminate contract"),
        ("Version 2.5.1 supports it.", "2.5.1"),
    ],
)
def test_words_are_found_in_any_language(
    add: Add, collection: Collection, text: str, question: str
) -> None:
    add("noise.txt", "Completely different words about gardening, weather and the sea.")
    document = add("found.txt", text)
    hits = lexical.search(question, [collection.id], 5, index=active().pk)
    assert hits and Chunk.objects.get(pk=hits[0].chunk).document_id == document.pk


@pytest.mark.parametrize(
    "question",
    [
        "",
        "   ",
        "?!",
        '" OR 1=1 --',
        "scope : x",
        "NEAR(a b)",
        "a AND NOT b*",
        "\x00",
        "(" * 500,
        "x " * 4000,
    ],
)
def test_any_question_is_only_words(add: Add, collection: Collection, question: str) -> None:
    add("leave.txt", "Every employee has 28 days of annual leave.")
    assert lexical.search(question, [collection.id], 5, index=active().pk) == []


def test_rare_words_decide_and_other_collections_stay_out(
    add: Add, alice: User, collection: Collection
) -> None:
    other = people.make_collection(alice, name="Other")
    add("secret.txt", "The kestrel protocol is secret.", into=other)
    for number in range(5):
        add(
            f"n{number}.txt",
            f"The procedure number {number} describes the usual steps of the procedure.",
        )
    kestrel = add("k.txt", "The kestrel procedure differs from the usual one.")
    hits = lexical.search(
        "What is the usual kestrel procedure?", [collection.id], 10, index=active().pk
    )
    assert Chunk.objects.get(pk=hits[0].chunk).document_id == kestrel.pk
    assert all(
        Chunk.objects.get(pk=hit.chunk).document.collection_id == collection.id for hit in hits
    )
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert lexical.search("kestrel", [], 5, index=active().pk) == []


def test_stamps_cost_one_query_for_any_number_of_collections(
    alice: User, django_assert_num_queries: Any
) -> None:
    made = [people.make_collection(alice, name=f"C{n}") for n in range(12)]
    for number, one in enumerate(made):
        people.make_document(one, f"text {number}")
    index = active()
    with django_assert_num_queries(1):
        assert len(exact.stamps([one.id for one in made], index)) == 12


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's autovacuum is its own")
@pytest.mark.django_db(transaction=True)
def test_erased_words_leave_the_index_too(add: Add, alice: User, collection: Collection) -> None:
    """FTS5 keeps removed words in its segments until somebody merges them."""
    for number in range(3):
        add(f"{number}.md", f"# Birds\n\nThe kestrel number {number} nests in towers.")
    rare = add("rare.md", "# Rare\n\nOnly here is the wryneck zqwryneck.")

    def held() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT block FROM ingest_lexical_data")
            return any(b"zqwryneck" in bytes(row[0]) for row in cursor.fetchall())

    assert held()
    erase.erase_document(alice, rare)
    erase.finish_document(rare.pk)
    assert held()
    lexical.forget()
    assert not held()
    assert lexical.search("kestrel", [collection.id], 5, index=active().pk)
