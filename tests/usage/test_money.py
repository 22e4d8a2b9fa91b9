"""Prices: by day, at the mean of a month, with caches, written off."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usage import money
from usage.figures import Figures, after, before, months
from usage.money import Bought, Money, Rate, Rates

MARCH, TODAY = date(2026, 3, 1), date(2026, 12, 31)


def test_months_go_on_over_years() -> None:
    assert after(date(2026, 12, 1)) == date(2027, 1, 1)
    assert before(date(2026, 1, 1)) == date(2025, 12, 1)
    assert before(date(2026, 3, 1), 15) == date(2024, 12, 1)
    assert [m.month for m in months(date(2025, 11, 20), date(2026, 2, 3))] == [11, 12, 1, 2]


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 60))
def test_before_undoes_after(day: date, count: int) -> None:
    month = day.replace(day=1)
    later = month
    for _ in range(count):
        later = after(later)
    assert before(later, count) == month


def test_a_month_is_counted_at_the_mean_of_its_days() -> None:
    rates = [Rate(date(2026, 1, 1), 0.30), Rate(date(2026, 3, 22), 0.61)]
    found = money.mean(rates, MARCH, TODAY)
    assert found is not None and found.amount == pytest.approx((21 * 0.30 + 10 * 0.61) / 31)
    now = money.mean(rates, MARCH, date(2026, 3, 10))
    assert now is not None and now.amount == pytest.approx(0.30), "days to come do not count"


def test_the_first_price_counts_for_the_days_before_it() -> None:
    rates = [Rate(date(2026, 5, 1), 0.5)]
    found = money.mean(rates, MARCH, TODAY)
    assert found is not None and found.amount == 0.5
    assert money.mean([], MARCH, TODAY) is None
    assert money.on([], MARCH) is None


def test_what_an_api_charges() -> None:
    rate = Rate(MARCH, 3.0, None, 15.0)
    assert money.listed(rate, 1_000_000, 400_000, 200_000) == pytest.approx(3.0 + 3.0)
    cheaper = Rate(MARCH, 3.0, 0.3, 15.0)
    assert money.listed(cheaper, 1_000_000, 400_000, 200_000) == pytest.approx(1.8 + 0.12 + 3.0)
    assert money.listed(rate, 0, 10, 0) == pytest.approx(3e-5), "never negative"


def test_hardware_is_written_off_month_by_month() -> None:
    bought = [Bought(date(2026, 1, 15), 3_600.0, 36), Bought(date(2026, 3, 31), 120.0, 1)]
    assert money.written_off(bought, date(2025, 12, 1)) is None
    assert money.written_off(bought, date(2026, 1, 1)) == 100.0
    assert money.written_off(bought, MARCH) == 220.0
    assert money.written_off(bought, date(2028, 12, 1)) == 100.0
    assert money.written_off(bought, date(2029, 1, 1)) is None
    total = sum(money.written_off(bought[:1], m) or 0 for m in months(MARCH, date(2035, 1, 1)))
    assert total == pytest.approx(3_400.0), "34 of 36 months are from March on"


def test_without_a_price_or_energy_nothing_is_told() -> None:
    rates = Rates([Rate(MARCH, 0.3)])
    unknown = Figures(answers=2, unmeasured=2, prompt=100)
    assert money.of_month(rates, MARCH, unknown, TODAY).electricity is None
    known = Figures(answers=2, unmeasured=1, watt_hours=500.0)
    assert money.of_month(rates, MARCH, known, TODAY).electricity == pytest.approx(0.15)
    assert money.of_month(Rates(), MARCH, known, TODAY) == Money()
    assert Money().own is None
    summed = Money(1.0, None, {"a": 2.0}) + Money(None, 3.0, {"b": 4.0})
    assert summed == Money(1.0, 3.0, {"a": 2.0, "b": 4.0}) and summed.own == 4.0
