"""Few questions say little: the intervals and the test that say how little."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.intervals import mcnemar, wilson


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [  # Newcombe 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_the_published_one(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_is_symmetric(counts: tuple[int, int]) -> None:
    hits, n = counts
    low, high = wilson(hits, n)
    assert 0 <= low <= hits / n <= high <= 1
    assert wilson(n - hits, n) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("won", "lost"), [(0, 1), (1, 5), (3, 3), (7, 1), (0, 8)])
def test_mcnemar_counts_the_coins_that_fall_so_unevenly(won: int, lost: int) -> None:
    n = won + lost
    uneven = [
        sum(coins)
        for coins in product((0, 1), repeat=n)
        if abs(2 * sum(coins) - n) >= abs(won - lost)
    ]
    assert mcnemar(won, lost) == pytest.approx(float(Fraction(len(uneven), 2**n)))


def test_of_nothing_nothing_is_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert mcnemar(0, 0) == 1.0


def test_many_questions_do_not_overflow() -> None:
    assert 0 <= mcnemar(900, 1_100) <= 0.01
