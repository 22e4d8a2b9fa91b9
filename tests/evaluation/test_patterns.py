"""Patterns that people write: useful ones are found, hostile ones neither hang nor fill the memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation import scores
from evaluation.patterns import BadPattern, check, found


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("31 October|October 31", "By October 31, in Kompass."),
        (r"\$?1,?200", "It costs $1200."),
        ("(?i)kompass", "In KOMPASS"),
        (r"a{2,3}\{b\}", "aaa{b}"),
    ],
)
def test_patterns_are_found(pattern: str, text: str) -> None:
    check(pattern)
    assert found(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a" * 301, "long"),
        ("a{1000000000}", "syntax"),
        ("(?:a{999}){999}", "repeats"),
        ("((a{100}){100}){100}", "repeats"),
        ("(?:foo){e<5}", "syntax"),
        ("(?R)", "group"),
        ("(?P<n>a)", "group"),
        ("(", "syntax"),
        ("[a", "syntax"),
    ],
)
def test_what_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(BadPattern) as error:
        check(pattern)
    assert error.value.why == why


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a?)+b", r"(.*)\1(.*)\2(.*)\3!", "(a*)*c"])
def test_no_pattern_searches_for_ever(pattern: str) -> None:
    assert not found(pattern, "a" * 20_000 + "!")


def test_an_answer_is_judged_with_the_same_bounds() -> None:
    question = {"must_contain": ["(a+)+$"], "evidence": []}
    assert not scores.correct(question, "a" * 20_000 + "!")


@given(st.text(alphabet="ab(){}[]|*+?\\^$.,:=!<>0129", max_size=40))
def test_whatever_is_written_is_a_pattern_or_refused(pattern: str) -> None:
    try:
        check(pattern)
    except BadPattern:
        assert not found(pattern, "aab")
    else:
        assert isinstance(found(pattern, "aab"), bool)
