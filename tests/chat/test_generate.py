"""What is made of a model's one word, and of its own refusals."""

import math

import pytest

from chat.generate import abstains, coverage, odds_of


def test_odds_weigh_every_way_to_say_yes_and_no() -> None:
    top = [("Yes", math.log(0.4)), (" yes", math.log(0.2)), ("no", math.log(0.3)), ("the", -3.0)]
    assert odds_of(top) == pytest.approx(math.log(2))


@pytest.mark.parametrize(
    ("word", "odds"), [("yes", 1.0), ("No", -1.0), ("perhaps", None), ("", None)]
)
def test_a_bare_word_counts_one(word: str, odds: float | None) -> None:
    assert odds_of([(word, 0.0)]) == odds


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("The documents do not say.", True),
        ("  ", True),
        ("The passages do not mention it.", True),
        ("You have 28 days.", False),
        ("You do not have to sign.", False),
    ],
)
def test_a_refusal_is_recognised_by_its_beginning(text: str, refused: bool) -> None:
    assert abstains(text) is refused


def test_coverage() -> None:
    assert coverage(["leave", "annual"], [frozenset({"leave"}), frozenset({"days"})]) == 0.5
    assert coverage([], []) == 1.0
    assert coverage(["x"], []) == 0.0
