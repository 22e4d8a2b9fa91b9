"""Documents written in bulk are what workers would have written: found by words and by vectors."""

from collections.abc import Sequence

import pytest

from accounts.models import User
from bench.fill import Filler, Source
from bench.latency import fill_to
from bench.vectors import Vectors
from inference.client import get_client
from ingest import lexical, store
from ingest.embed import texts
from ingest.models import Chunk, Document

SOURCES = [
    Source(
        "a.txt", "Leave", "Everyone has 28 days of annual leave.\n\nIt is asked for in writing."
    ),
    Source("b.txt", "Parking", "The car park of the station opens at seven.\n\nIt is free."),
]


def embedded(chunks: Sequence[Chunk]) -> list[Vectors]:
    return [get_client().embed_passages(texts(chunk.context, chunk.text)) for chunk in chunks]


@pytest.fixture
def filler(alice: User, vectors: str) -> Filler:
    return Filler(alice, "bench", embedded)


def test_what_is_written_is_ready_and_in_both_indexes(filler: Filler) -> None:
    assert list(filler.write(SOURCES)) == [2]
    document = Document.objects.get(name="a.txt")
    assert (document.status, document.visible, document.chunk_count) == ("ready", True, 1)
    chunk = document.chunks.get()
    question, where = "annual leave", [filler.collection.pk]
    by_words = lexical.search(question, where, 5, index=filler.index.pk)
    assert [hit.chunk for hit in by_words] == [chunk.pk]
    vector = get_client().embed_queries([question])[0]
    by_vectors = store.search(vector, where, 1, index=filler.index)
    assert [hit.chunk for hit in by_vectors] == [chunk.pk]
    in_chroma = store.indexed(vector, filler.collection.pk, filler.index, 1)
    assert [hit.chunk for hit in in_chroma] == [chunk.pk]


def test_the_same_again_is_the_same(filler: Filler, alice: User) -> None:
    list(filler.write(SOURCES[:1]))
    again = Filler(alice, "bench", embedded)
    assert list(again.write(SOURCES)) == [1]
    assert Document.objects.filter(collection=filler.collection).count() == 2


def test_it_is_filled_until_there_are_enough(filler: Filler) -> None:
    sources = iter([*SOURCES, *(Source(f"{n}.txt", "T", f"Text {n}.") for n in range(100))])
    assert fill_to(filler, sources, 10) == 64
    assert fill_to(filler, sources, 10) == 64
    assert fill_to(filler, sources, 65) == 102
