"""Fusion by normalised scores."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.candidates import Candidate
from chat.rank import NAMED, PLAIN, Ranked, blended, preferred, rank

DOCUMENT = uuid4()
A, B, C = (UUID(int=number) for number in (1, 2, 3))


def found(chunk: UUID, near: float | None, said: float | None = None) -> Candidate:
    return Candidate(chunk, DOCUMENT, near, near, said)


def order(ranked: list[Ranked]) -> list[UUID]:
    return [each.chunk for each in ranked]


def test_what_both_legs_like_comes_first() -> None:
    ranked = rank([found(A, 0.9), found(B, 0.85, 5.0), found(C, 0.1, 1.0)])
    assert order(ranked) == [B, A, C]


def test_the_best_piece_counts_beside_the_whole() -> None:
    whole, piece = (
        Candidate(A, DOCUMENT, dense=0.80, piece=0.82),
        Candidate(B, DOCUMENT, dense=0.79, piece=0.95),
    )
    assert order(rank([whole, piece, found(C, 0.5)])) == [B, A, C]
    assert order(rank([whole, piece, found(C, 0.5)], weights={"dense": 1})) == [A, B, C]


def test_one_leg_alone_keeps_its_order() -> None:
    assert order(rank([found(A, None, 1.0), found(B, None, 3.0), found(C, None, 2.0)])) == [B, C, A]
    assert order(rank([found(A, 0.2), found(B, 0.1), found(C, 0.3)])) == [C, A, B]


def test_nothing_found_nothing_ranked() -> None:
    assert rank([]) == []
    assert rank([Candidate(A, DOCUMENT)]) == []


def test_equal_scores_count_in_full() -> None:
    ranked = rank([found(B, 0.5), found(A, 0.5)])
    assert order(ranked) == [A, B] and {each.score for each in ranked} == {1.0}


def test_the_parts_of_a_score_are_told() -> None:
    (best, _) = rank(
        [Candidate(A, DOCUMENT, 0.9, 0.9, 4.0, coverage=0.75), Candidate(B, DOCUMENT, 0.1, 0.2)]
    )
    assert best.scores == {"dense": 1.0, "piece": 1.0, "lexical": 1.0, "coverage": 0.75}


scores = st.none() | st.floats(-1, 30)


@given(st.lists(st.tuples(scores, scores, scores), max_size=30))
def test_scores_lie_between_0_and_1_and_nothing_is_lost(
    legs: list[tuple[float | None, ...]],
) -> None:
    candidates = [Candidate(UUID(int=n), DOCUMENT, *leg) for n, leg in enumerate(legs)]
    ranked = rank(candidates)
    known = any(part is not None for leg in legs for part in leg)
    assert len(ranked) == (len(candidates) if known else 0)
    assert all(-1e-9 <= each.score <= 1 + 1e-9 for each in ranked)
    assert [each.score for each in ranked] == sorted((e.score for e in ranked), reverse=True)


def ranked(chunk: UUID, score: float, document: UUID = DOCUMENT) -> Ranked:
    return Ranked(chunk, document, score, {})


def test_both_forms_of_a_follow_up_count() -> None:
    both = blended([ranked(A, 1.0), ranked(B, 0.9)], [ranked(B, 1.0), ranked(C, 0.8)])
    assert {each.chunk: pytest.approx(each.score) for each in both} == {
        A: 1 - PLAIN,
        B: 0.9 * (1 - PLAIN) + PLAIN,
        C: 0.8 * PLAIN,
    }
    assert order(both) == [B, A, C]


def test_a_named_document_comes_before_what_is_about_as_good() -> None:
    other = uuid4()
    close, far = ranked(B, 0.9 - NAMED / 2, other), ranked(C, 0.9 - NAMED * 2, other)
    assert order(preferred([ranked(A, 0.9), close, far], {other})) == [B, A, C]
    assert order(preferred([ranked(A, 0.9), close, far], set())) == [A, B, C]
