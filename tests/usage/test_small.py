"""Nobody is seen alone: neither by a line, nor by the difference of the lines."""

from functools import reduce
from operator import add

from hypothesis import given
from hypothesis import strategies as st

from usage.figures import Figures
from usage.small import OTHERS, Part, merged

sizes = st.lists(st.frozensets(st.integers(0, 30), max_size=12), max_size=12)


def parts(groups: list[frozenset[int]]) -> list[Part]:
    return [
        Part(str(number), f"Group {number}", Figures(answers=number + 1, prompt=7), people)
        for number, people in enumerate(groups)
    ]


@given(sizes, st.integers(2, 8))
def test_what_is_shown_is_of_enough_people_and_sums_up(
    groups: list[frozenset[int]], least: int
) -> None:
    given_ = parts(groups)
    shown = merged(given_, least)
    whole = reduce(add, (part.figures for part in given_), Figures())
    assert reduce(add, (part.figures for part in shown), Figures()) == whole
    for part in shown:
        if part.key != OTHERS:
            assert len(part.people) >= least
        elif len(shown) > 1:
            assert len(part.people) >= least, "the difference would show them"
    assert [part.key for part in shown].count(OTHERS) <= 1


def test_a_single_small_group_takes_the_smallest_of_the_rest_along() -> None:
    shown = merged(parts([frozenset({1}), frozenset(range(5)), frozenset(range(10, 20))]), least=5)
    assert [part.key for part in shown] == ["2", OTHERS]


def test_large_groups_stay_as_they_are() -> None:
    shown = merged(parts([frozenset(range(5)), frozenset(range(5, 10))]), least=5)
    assert [part.key for part in shown] == ["1", "0"], "the one with most answers first"
