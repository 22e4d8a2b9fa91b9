"""What another threshold would have refused: shares counted by hand."""

import pytest

from evaluation.charts import refusing
from evaluation.curve import STEPS, Told, best, curve

TOLD = [
    *(Told(True, value) for value in (0.95, 0.8, 0.6, 0.3)),
    *(Told(False, value) for value in (0.0, 0.2, 0.7)),
]


def test_each_threshold_counts_what_is_less_sure() -> None:
    points = {point.threshold: point for point in curve(TOLD)}
    assert (points[0].answerable, points[0].unanswerable) == (0, 0)
    assert points[0.3].answerable == 0 and points[0.3].unanswerable == pytest.approx(2 / 3)
    assert points[0.75].answerable == 0.5 and points[0.75].unanswerable == 1
    assert points[1].answerable == 1 and len(points) == len(STEPS)


def test_the_best_threshold_counts_both_kinds_alike() -> None:
    found = best(curve(TOLD))
    assert found is not None and found.threshold == 0.3
    assert found.balanced == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("told", [[], TOLD[:4], TOLD[4:]])
def test_one_kind_of_questions_makes_no_curve(told: list[Told]) -> None:
    assert curve(told) == [] and best([]) is None
    assert refusing(told, 0.5) is None


def test_the_drawing_stays_within_its_frame() -> None:
    drawn = refusing(TOLD, 7.0)
    assert drawn is not None and drawn.now == 98 and drawn.counted == (4, 3)
    for points in (drawn.answerable, drawn.unanswerable):
        places = [tuple(map(float, point.split(","))) for point in points.split()]
        assert len(places) == len(STEPS)
        assert all(8 <= x <= 98 and 4 <= y <= 56 for x, y in places)
