"""When a question is searched with what went before it."""

import pytest

from chat.condense import Turn, condense, leans_on_history

HISTORY = [
    Turn("user", "How many days of annual leave do I have?"),
    Turn("assistant", "28 days. [1]"),
]


@pytest.mark.parametrize(
    "question",
    ["And in the second year?", "What about part-time staff in the same situation, please tell me?",
     "Und wie ist das bei einer Teilzeitstelle im ersten Jahr der Beschäftigung?",
     "Can the days of one year be carried over when they are not taken in that year?"],
)  # fmt: skip
def test_a_question_that_leans_takes_its_turns_along(question: str) -> None:
    searched = condense(question, HISTORY)
    assert searched.endswith(question)
    assert "annual leave" in searched
    assert "[1]" not in searched


def test_a_question_that_stands_alone_is_left_alone() -> None:
    question = "Which password rules apply to administrator accounts of the warehouse system?"
    assert not leans_on_history(question)
    assert condense(question, HISTORY) == question


def test_without_history_nothing_is_added() -> None:
    assert condense("And it?", []) == "And it?"


def test_long_turns_are_clipped() -> None:
    assert len(condense("And it?", [Turn("user", "word " * 1000)])) < 400
