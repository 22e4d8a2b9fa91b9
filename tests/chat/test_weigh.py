"""How sure an answer is: more of each sign is more, unknown is the middle."""

import itertools
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.abstain import is_withheld
from chat.weigh import NEUTRAL_COVERED, NEUTRAL_ODDS, Signals, Support, confidence, held

SHARES = st.floats(0, 1)
ODDS = st.floats(-60, 60)


@given(st.builds(Signals, st.none() | ODDS, st.none() | SHARES))
def test_it_is_a_probability(signals: Signals) -> None:
    assert 0 <= confidence(signals) <= 1


@given(ODDS, SHARES, SHARES)
def test_more_of_a_sign_never_makes_it_less_sure(odds: float, covered: float, more: float) -> None:
    signals = Signals(odds, covered)
    sure = confidence(signals)
    assert confidence(replace(signals, odds=odds + more)) >= sure
    assert confidence(replace(signals, covered=min(1.0, covered + more))) >= sure


def test_what_is_unknown_counts_as_the_middle() -> None:
    assert confidence(Signals(None, None)) == confidence(Signals(NEUTRAL_ODDS, NEUTRAL_COVERED))


def test_a_clear_no_is_withheld_and_a_clear_yes_is_not() -> None:
    assert is_withheld(confidence(Signals(-1.0, 1.0)))
    assert not is_withheld(confidence(Signals(2.0, 0.5)))


@pytest.mark.parametrize("supports", list(itertools.product(get_args(Support), repeat=2)))
def test_one_sentence_that_stands_holds_an_answer(supports: tuple[Support, ...]) -> None:
    assert held(supports) == (set(supports) != {"none"})


def test_nothing_is_held_by_nothing() -> None:
    assert not held([])


def test_what_nothing_holds_is_withheld_at_any_threshold(settings: Any) -> None:
    settings.ABSTAIN_BELOW = 0.0
    assert is_withheld(0.0) and not is_withheld(0.001)
    settings.ABSTAIN_BELOW = 0.5
    assert is_withheld(0.49) and not is_withheld(0.5)
