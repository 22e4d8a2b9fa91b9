"""Nobody is seen alone: neither by a line, nor by the difference of the lines."""

from functools import reduce
from operator import add

from hypothesis import given
from hypothesis import strategies as st

from usage.figures import Figures
from usage.small import OTHERS, Part, merged, set_apart

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


memberships = st.dictionaries(st.integers(0, 40), st.frozensets(st.sampled_from("abc"), max_size=3))


@given(memberships, st.integers(2, 6))
def test_those_in_the_same_groups_are_told_together_or_not_at_all(
    groups: dict[int | None, frozenset[str]], least: int
) -> None:
    apart = set_apart(groups, least)
    for its in set(groups.values()):
        alike = {person for person, theirs in groups.items() if theirs == its}
        assert alike <= apart or not alike & apart
        assert alike <= apart or len(alike) >= least
    assert not apart or len(apart) >= least or apart == set(groups)


def test_whoever_is_in_two_groups_is_not_what_both_are_more_than_the_whole() -> None:
    both = frozenset({"a", "b"})
    groups: dict[int | None, frozenset[str]] = {n: frozenset({"a"}) for n in range(8)}
    groups.update({n: frozenset({"b"}) for n in range(10, 15)})
    groups[99] = both
    assert set_apart(groups, 5) == {99, *range(10, 15)}, "she, and the smallest of the rest"
    del groups[99]
    assert set_apart(groups, 5) == set()
