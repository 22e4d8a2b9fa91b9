"""Fusion by normalised scores."""

import pytest

from accounts.models import User
from chat.rank import rank
from chat.retrieve import Candidate
from ingest.models import Chunk, Collection
from tests import people


@pytest.fixture
def chunks(alice: User, collection: Collection) -> list[Chunk]:
    document = people.make_document(collection)
    return [people.make_chunk(document, f"text {n}", n) for n in range(1, 4)]


def order(passages: list) -> list[str]:  # type: ignore[type-arg]
    return [passage.text for passage in passages]


def test_what_both_legs_like_comes_first(chunks: list[Chunk]) -> None:
    a, b, c = chunks
    found = rank([Candidate(a, 0.9, None), Candidate(b, 0.85, 5.0), Candidate(c, 0.1, 1.0)], 3)
    assert order(found) == ["text 2", "text 1", "text 3"]
    assert all(0 <= passage.score <= 1 for passage in found)


def test_one_leg_alone_keeps_its_order(chunks: list[Chunk]) -> None:
    a, b, c = chunks
    assert order(
        rank([Candidate(a, None, 1.0), Candidate(b, None, 3.0), Candidate(c, None, 2.0)], 2)
    ) == [
        "text 2",
        "text 3",
    ]
    assert order(rank([Candidate(a, 0.2), Candidate(b, 0.1), Candidate(c, 0.3)], 1)) == ["text 3"]


def test_nothing_found_nothing_ranked() -> None:
    assert rank([], 5) == []
