"""A model that can read more than was found gets what stands around it, in reading order."""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from accounts.models import User
from chat.events import Sources
from chat.find import Query, find
from chat.pack import ample
from chat.passages import Passage, joined
from ingest.access import chunks_for
from ingest.models import Collection, Document
from tests.chat.conftest import Add
from tests.chat.test_answer import ask

pytestmark = pytest.mark.django_db

STEPS = ["apples", "bridges", "candles", "dragons", "engines"]


@pytest.fixture
def manual(add: Add, collection: Collection) -> Document:
    """One section a passage, about one thing each."""
    parts = [
        f"# Chapter {n}\n\n" + " ".join(f"Rule {i} of {what}: {what} {i} stay." for i in range(30))
        for n, what in enumerate(STEPS)
    ]
    return add("manual.md", "\n\n".join(parts))


@pytest.fixture
def found(bob: User, manual: Document) -> Callable[[int], list[Passage]]:
    def search(k: int) -> list[Passage]:
        return find(bob, Query("rules about candles", [manual.collection_id]), k).passages

    return search


def places(passages: list[Passage]) -> list[int]:
    return [passage.place[1] for passage in passages]


def test_neighbours_stand_around_their_passage(
    bob: User, found: Callable[[int], list[Passage]]
) -> None:
    (best,) = found(1)
    with_them = joined(bob, [best])
    at = best.place[1]
    assert places(with_them) == [at - 1, at, at + 1]
    assert {passage.score for passage in with_them} == {best.score}
    assert with_them[1] == best


def test_none_comes_twice_and_what_was_found_keeps_its_score(
    bob: User, found: Callable[[int], list[Passage]]
) -> None:
    passages = found(4)
    with_them = joined(bob, passages)
    assert len(set(places(with_them))) == len(with_them) >= len(passages)
    scores = {passage.chunk: passage.score for passage in with_them}
    assert all(scores[passage.chunk] == passage.score for passage in passages)
    assert joined(bob, []) == []


def test_what_may_not_be_read_is_no_neighbour(
    bob: User, found: Callable[[int], list[Passage]], manual: Document
) -> None:
    passages = found(1)
    manual.collection.grants.all().delete()
    assert not chunks_for(bob).exists()
    assert joined(bob, passages) == passages


def test_only_where_the_machine_reads_that_much(
    bob: User, manual: Document, settings: Settings
) -> None:
    counts = {}
    for tokens in (500, 6_000):
        settings.PASSAGE_TOKENS = tokens
        events = ask(bob, "Which rules of candles stay?", manual.collection)
        counts[tokens] = next(len(e.passages) for e in events if isinstance(e, Sources))
    assert counts[500] < counts[6_000]


def test_budgets() -> None:
    assert ample(400, ["word " * 100]) and not ample(300, ["word " * 100])
