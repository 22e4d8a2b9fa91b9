"""A reranker between the search and the reader: it orders anew, and never stands in the way."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from chat.find import Finding, Query, find
from chat.rank import NAMED, Ranked, in_order, preferred, reread
from inference.fake import FakeClient
from ingest.collections import create_collection
from ingest.models import Collection
from tests.chat.conftest import Add

A, B, C = (UUID(int=number) for number in (1, 2, 3))
DOCUMENT, NAMESAKE = uuid4(), uuid4()
QUESTION = "How many days of annual leave does every employee have?"


def ranked(*scores: float, document: UUID = DOCUMENT) -> list[Ranked]:
    return [Ranked(UUID(int=n), document, score, {}) for n, score in enumerate(scores, 1)]


def order(found: Sequence[Ranked]) -> list[UUID]:
    return [each.chunk for each in found]


def test_what_is_read_comes_first_and_the_rest_after_it() -> None:
    found = reread(ranked(1.0, 0.9, 0.8), {A: -3.0, B: 9.5})
    assert order(found) == [B, A, C]
    assert [each.scores for each in found] == [{"rerank": 1.0}, {"rerank": 0.0}, {}]
    assert found == in_order(found)


def test_the_search_keeps_a_say() -> None:
    assert order(reread(ranked(1.0, 0.0), {A: 0.0, B: 0.0})) == [A, B]
    assert order(reread(ranked(1.0, 0.9, 0.0), {A: 0.9, B: 0.0, C: 1.0})) == [A, C, B]


def test_nothing_read_nothing_changed() -> None:
    before = ranked(0.9, 0.5)
    assert reread(before, {}) == before
    assert reread([], {A: 1.0}) == []


def test_a_name_counts_as_before() -> None:
    named = Ranked(A, NAMESAKE, 0.2, {})
    before = preferred([*ranked(0.0, 0.4)[1:], named], {NAMESAKE})
    found = {each.chunk: each for each in reread(before, {A: 1.0, B: 1.0})}
    assert found[A].score - found[B].score == pytest.approx(NAMED + 0.3 * (0.2 - 0.4))


@given(st.lists(st.tuples(st.floats(0, 1), st.none() | st.floats(-1e6, 1e6)), max_size=12))
def test_every_passage_stays_once_with_a_score_between_0_and_1(
    given_: list[tuple[float, float | None]],
) -> None:
    before = in_order(ranked(*(score for score, _ in given_)))
    told = {UUID(int=n): t for n, (_, t) in enumerate(given_, 1) if t is not None}
    found = reread(before, told)
    assert sorted(order(found)) == sorted(order(before))
    assert all(0 <= each.score <= 1.0000001 for each in found)
    assert [each.score for each in found] == sorted((x.score for x in found), reverse=True)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[list[str]]:
    """What reaches the reranker."""
    settings.RERANKER = "fake"
    calls: list[list[str]] = []
    real = FakeClient.rerank

    def rerank(
        self: FakeClient, query: str, texts: Sequence[str], *, seconds: float
    ) -> list[float] | None:
        calls.append(list(texts))
        return real(self, query, texts, seconds=seconds)

    monkeypatch.setattr(FakeClient, "rerank", rerank)
    return calls


def ask(user: User, collection: Collection, **options: str) -> Finding:
    return find(user, Query(QUESTION, [collection.pk], **options), 5)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_why_a_passage_says_so(bob: User, handbook: Collection, read: list[list[str]]) -> None:
    found = ask(bob, handbook)
    assert "28 days" in found.passages[0].text and found.passages[0].scores["rerank"] == 1.0
    assert "rerank" in found.ms and len(read) == 1
    assert any(text.startswith("Annual leave") for text in read[0])


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["fused", "dense", "lexical"])
def test_controls_are_not_read(
    bob: User, handbook: Collection, read: list[list[str]], mode: str
) -> None:
    found = ask(bob, handbook, mode=mode)
    assert found.passages and "rerank" not in found.ms and read == []


@pytest.mark.django_db
def test_where_there_is_none_nothing_is_asked(
    bob: User, handbook: Collection, read: list[list[str]], settings: Settings
) -> None:
    settings.RERANKER = ""
    assert ask(bob, handbook).passages and read == []


@pytest.mark.django_db
def test_it_goes_on_without_when_that_takes_too_long(
    bob: User, handbook: Collection, read: list[list[str]], settings: Settings
) -> None:
    settings.RERANK_SECONDS = 0.0
    found, fused = ask(bob, handbook), ask(bob, handbook, mode="fused")
    assert len(read) == 1 and found.passages == fused.passages
    assert all("rerank" not in each.scores for each in found.passages)


@pytest.mark.django_db
def test_only_so_many_are_read(
    bob: User, handbook: Collection, add: Add, read: list[list[str]], settings: Settings
) -> None:
    add("sick.md", "# Sick leave\n\nOn sick days every employee calls before nine.\n")
    settings.RERANK_DEPTH = 2
    found = ask(bob, handbook)
    assert len(read[0]) == 2 and len(found.passages) > 2
    assert ["rerank" in each.scores for each in found.passages[:3]] == [True, True, False]


@pytest.mark.django_db
def test_what_somebody_may_not_read_never_reaches_it(
    bob: User, alice: User, handbook: Collection, add: Add, read: list[list[str]]
) -> None:
    closed = create_collection(alice, name="Closed")
    secret = add("secret.md", f"# Secret\n\n{QUESTION} Forty-one days.\n", into=closed, user=alice)
    found = find(bob, Query(QUESTION, [handbook.pk, closed.pk]), 10)
    assert read and not any("Forty-one" in text for text in read[0])
    assert secret.pk not in {each.document for each in found.passages}
