"""How sure an answer is: more of each sign is more, unknown is neither, nothing held is nothing."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.abstain import is_withheld
from chat.weigh import HELD, NEUTRAL_COVERED, NEUTRAL_ODDS, Signals, confidence, held

SHARES = st.floats(0, 1)
ODDS = st.floats(-60, 60)
SIGNALS = st.builds(Signals, st.none() | ODDS, st.none() | SHARES, st.none() | SHARES)


@given(SIGNALS)
def test_it_is_a_probability(signals: Signals) -> None:
    assert 0 <= confidence(signals) <= 1


@given(ODDS, SHARES, SHARES, st.floats(0, 1))
def test_more_of_a_sign_never_makes_it_less_sure(
    odds: float, covered: float, checked: float, more: float
) -> None:
    signals = Signals(odds, covered, checked)
    sure = confidence(signals)
    assert confidence(replace(signals, odds=odds + more)) >= sure
    assert confidence(replace(signals, covered=min(1.0, covered + more))) >= sure
    assert confidence(replace(signals, checked=min(1.0, checked + more))) >= sure


@given(ODDS, SHARES, SHARES)
def test_before_it_is_written_it_is_as_sure_as_it_can_become(
    odds: float, covered: float, checked: float
) -> None:
    before = Signals(odds, covered)
    assert confidence(before) >= confidence(replace(before, checked=checked))


def test_what_is_unknown_counts_as_the_middle() -> None:
    assert confidence(Signals(None, None, 1.0)) == confidence(
        Signals(NEUTRAL_ODDS, NEUTRAL_COVERED, 1.0)
    )


@pytest.mark.parametrize("supports", list(itertools.product(HELD, repeat=2)))
def test_an_answer_is_held_as_far_as_its_sentences_are(supports: tuple[str, str]) -> None:
    share = held(supports)  # type: ignore[arg-type]
    assert share == sum(HELD[each] for each in supports) / 2
    assert (share == 0) == (set(supports) == {"none"})


def test_nothing_is_held_by_nothing() -> None:
    assert held([]) == 0


def test_what_nothing_holds_is_withheld_at_any_threshold(settings: object) -> None:
    settings.ABSTAIN_BELOW = 0.0  # type: ignore[attr-defined]
    assert is_withheld(0.0) and not is_withheld(0.001)
    settings.ABSTAIN_BELOW = 0.5  # type: ignore[attr-defined]
    assert is_withheld(0.49) and not is_withheld(0.5)
