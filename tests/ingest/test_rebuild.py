"""Words and vectors anew from the database: the same results, while people ask, after a kill too."""

import json
import threading
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from inference.client import get_client
from ingest import chroma, erase, indexes, lexical, rebuild, rebuild_state, refill, store
from ingest.exact import matrices
from ingest.models import Collection, Document
from ingest.renewing import renewing
from tests.ingest.conftest import Add, held_vectors
from tests.ingest.races import around

pytestmark = pytest.mark.django_db

QUESTIONS = ("annual leave days", "who opens the canteen", "office closes in case 3")
Found = list[tuple[object, float]]


class Killed(BaseException):
    """Nothing handles it, as nothing handles a kill."""


@pytest.fixture(autouse=True)
def _from_the_beginning() -> None:
    rebuild_state.forget()


@pytest.fixture
def documents(add: Add) -> list[Document]:
    same = "Every employee has 28 days of annual leave per year.\n"
    texts = [f"# Note {n}\n\n{same}In case {n} the office closes on day {n}.\n" for n in range(6)]
    texts.append("# Canteen\n\nThe porter opens the canteen at noon.\n")
    return [add(f"{n}.md", text) for n, text in enumerate(texts)]


def found(collection: Collection) -> list[Found]:
    """By words, by exact search and by Chroma's graph, of each question."""
    index, results = indexes.active(), list[Found]()
    for question in QUESTIONS:
        words = lexical.search(question, [collection.pk], 20, index=index.pk)
        vector = get_client().embed_queries([question])[0]
        by_vectors = store.search(vector, [collection.pk], 20, index=index)
        graph = store.indexed(vector, collection.pk, index, 20)
        results += [[(hit.chunk, hit.score) for hit in hits] for hits in (words, by_vectors, graph)]
    return results


def wiped(collection: Collection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ingest_lexical")
        cursor.execute("DELETE FROM ingest_lexical_sizes")
    store.remove_collection(collection.pk)
    matrices.clear()


def alike(before: list[Found], after: list[Found]) -> bool:
    """The same chunks in the same order; scores to 1e-6."""
    return [[chunk for chunk, _ in one] for one in before] == [
        [chunk for chunk, _ in one] for one in after
    ] and all(
        a == pytest.approx(b, abs=1e-6)
        for one, other in zip(before, after, strict=True)
        for (_, a), (_, b) in zip(one, other, strict=True)
    )


def test_results_are_the_same_after_both_indexes_were_wiped(
    documents: list[Document], collection: Collection
) -> None:
    before, vectors = found(collection), held_vectors(collection.pk)
    wiped(collection)
    assert found(collection)[0] == [] and held_vectors(collection.pk) == 0
    made = rebuild.rebuild()
    assert made.is_whole and made.documents == 7 and made.vectors == vectors
    assert alike(before, found(collection))
    assert rebuild.rebuild([collection.pk]).is_whole and alike(before, found(collection))
    entry = Entry.objects.filter(action=actions.INDEX_REBUILT).latest("id")
    assert entry.data["documents"] == 7 and entry.data["missing"] == 0


@pytest.mark.parametrize("part", ["words", "vectors"])
def test_a_kill_in_the_middle_goes_on(
    documents: list[Document], collection: Collection, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    before = found(collection)
    monkeypatch.setattr("ingest.rebuild_state.OFTEN", 0.0)

    def kill(state: rebuild_state.State) -> None:
        if (state.part, state.done) == (part, 3):
            raise Killed

    with pytest.raises(Killed):
        rebuild.rebuild(told=kill)
    assert alike(before, found(collection)), "searches find all meanwhile"
    at = rebuild_state.read()
    assert at is not None and (at.part, at.done) == (part, 3)
    made = rebuild.rebuild()
    assert made.went_on and made.is_whole and rebuild_state.read() is None
    assert (made.documents, made.vectors > 0) == (4 if part == "words" else 0, True)
    if part == "vectors":
        assert made.vectors < held_vectors(collection.pk)
    assert alike(before, found(collection))


def test_what_is_erased_between_a_kill_and_the_rest_stays_away(
    documents: list[Document], collection: Collection, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.rebuild_state.OFTEN", 0.0)

    def kill(state: rebuild_state.State) -> None:
        if (state.part, state.done) == ("vectors", 5):
            raise Killed

    with pytest.raises(Killed):
        rebuild.rebuild(told=kill)
    gone = documents[2]
    erase.erase_document(alice, gone)
    assert erase.finish_document(gone.pk)
    assert rebuild.rebuild().is_whole
    vector = get_client().embed_queries(["in case 2"])[0]
    hits = store.indexed(vector, collection.pk, indexes.active(), 50, document=gone.pk)
    assert hits == [] and Document.objects.count() == 6


def test_killed_between_two_names_vectors_are_found_again(
    documents: list[Document], collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, name = found(collection), chroma.names(starts=collection.pk.hex)[0]
    with chroma.client() as client:
        client.get_collection(name, embedding_function=None).modify(name=name + chroma.OLD)
    assert refill.rebuild(collection.pk) > 0
    assert alike(before, found(collection))


def test_people_who_ask_meanwhile_find_the_same(
    on_disk: Path,
    documents: list[Document],
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # On a busy machine Chroma may need longer than 0.15 s between two names.
    monkeypatch.setattr(chroma, "SWAP_TRIES", 600)
    before, seen, over = found(collection), list[bool](), threading.Event()

    def ask() -> None:
        while not over.is_set():
            matrices.clear()
            seen.append(alike(before, found(collection)))
        connection.close()

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        while len(seen) < 3:
            assert asker.is_alive(), "asking failed"
            assert rebuild.rebuild().is_whole
    finally:
        over.set()
        asker.join()
    assert all(seen), f"{seen.count(False)} of {len(seen)} looks found something else"


def test_words_that_are_written_anew_between_two_steps_of_a_search_are_found(
    on_disk: Path,
    documents: list[Document],
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = found(collection)[0]

    def written() -> None:
        assert rebuild.rebuild([collection.pk]).is_whole
        connection.close()

    def elsewhere() -> None:
        thread = threading.Thread(target=written)
        thread.start()
        thread.join()

    done = around(monkeypatch, "ingest.lexical_sqlite._passages", elsewhere, "before")
    assert alike([before], [found(collection)[0]]) and done


def test_one_at_a_time_and_only_what_there_is(collection: Collection, vectors: str) -> None:
    with renewing(lock="reindex") as free, pytest.raises(Problem) as refused:
        assert free
        rebuild.rebuild()
    assert refused.value.code == "reindex-running"
    with pytest.raises(Problem) as refused:
        rebuild.rebuild([indexes.active().pk])
    assert refused.value.code == "no-such-collection"


def test_the_command_tells_it_and_names_what_is_not_found(
    documents: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*options: str) -> str:
        out = StringIO()
        call_command("reindex", *options, stdout=out, stderr=StringIO())
        return out.getvalue()

    assert "7 documents in 1 collections" in said()
    assert json.loads(said("--json"))["is_whole"] is True
    assert json.loads(said("--status", "--json"))["rebuild"] is None
    monkeypatch.setattr("ingest.rebuild._words_of", lambda _document: 0)
    wiped(documents[0].collection)
    with pytest.raises(CommandError, match=str(documents[0].pk)):
        said()
