"""What a result counts, and what many come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.measures import (
    ANSWERS,
    RETRIEVAL,
    Row,
    answer_scores,
    half,
    retrieval_scores,
    summary,
)
from evaluation.scores import Found

LEAVE = {
    "answerable": True,
    "evidence": [{"file": "d1", "quote": "28 days of annual leave"}],
    "also_in": [],
    "must_contain": ["28"],
}
NOTHING = {"answerable": False, "evidence": [], "also_in": [], "must_contain": []}
RIGHT = Found("You have 28 days of annual leave a year.", "d1")
WRONG = Found("The canteen opens at noon.", "d2")


def test_finding_counts_the_place_in_the_list() -> None:
    found = retrieval_scores(LEAVE, [WRONG, WRONG, WRONG, RIGHT])
    assert found["strict@5"] and found["strict@10"] and not found["strict@3"]
    assert set(found) == set(RETRIEVAL)


def test_a_document_alone_is_scored_by_its_file() -> None:
    question = {**LEAVE, "evidence": [{"file": "d1", "quote": ""}]}
    assert retrieval_scores(question, [RIGHT]) == {"file@5": True}


def test_an_answer_that_is_right() -> None:
    found = answer_scores(LEAVE, "28 days [1].", [RIGHT], "complete")
    assert found == {
        "dangling": False,
        "refused answerable": False,
        "in context": True,
        "correct": True,
        "correct in context": True,
        "marked": True,
        "right": True,
    }


def test_an_answer_that_points_elsewhere_and_to_nothing() -> None:
    found = answer_scores(LEAVE, "28 days [2] [3].", [RIGHT, WRONG], "complete")
    assert not found["right"] and found["dangling"]


def test_refusing() -> None:
    assert answer_scores(LEAVE, "", [WRONG], "abstained")["refused answerable"]
    assert not answer_scores(LEAVE, "", [WRONG], "abstained")["correct"]
    assert answer_scores(NOTHING, "It is 5 [1].", [WRONG], "complete") == {
        "dangling": False,
        "refused unanswerable": False,
    }
    assert answer_scores(NOTHING, "", [], "abstained") == {"refused unanswerable": True}


def test_an_answer_that_failed_is_neither_correct_nor_a_refusal() -> None:
    found = answer_scores(LEAVE, "", [], "failed")
    assert not found["correct"] and not found["refused answerable"]
    assert answer_scores(NOTHING, "", [], "failed") == {}


@pytest.mark.parametrize(
    ("key", "which"), [("dev-001", "odd"), ("dev-002", "even"), ("q10b", "even"), ("7", "odd")]
)
def test_halves(key: str, which: str) -> None:
    assert half(key) == which


rows = st.builds(
    Row,
    key=st.text(max_size=5),
    type=st.sampled_from(["fact", "table", "follow-up"]),
    language=st.sampled_from(["en", "de"]),
    status=st.sampled_from(["scored", "unscored", "no-document", "failed"]),
    scores=st.dictionaries(st.sampled_from([*RETRIEVAL, *ANSWERS]), st.booleans()),
    ms=st.none() | st.integers(0, 9_999),
)


@given(st.lists(rows, max_size=30))
def test_groups_part_the_questions(some: list[Row]) -> None:
    found = summary(some)
    assert found["all"]["n"] == len(some)
    for kind in ("type", "language", "half"):
        parts = [group["n"] for name, group in found.items() if name.startswith(f"{kind}:")]
        assert sum(parts) == len(some)
    for group in found.values():
        for score in group["scores"].values():
            assert 0 <= score["low"] <= score["share"] + 1e-4 and score["n"] <= group["n"]
            assert score["share"] <= score["high"] + 1e-4


def test_plain_english_questions_are_a_group() -> None:
    some = [Row("1", "fact", "en", "scored", {}), Row("2", "follow-up", "en", "scored", {})]
    assert summary(some)["english"]["n"] == 1
