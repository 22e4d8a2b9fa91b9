from hypothesis import given
from hypothesis import strategies as st

from inference.lookup import MOST_ROWS, Lookup, Pace

PASSAGE = list(range(100, 160))


def _pace(costs: dict[int, float]) -> Pace:
    pace = Pace()
    for rows, seconds in costs.items():
        pace.took(rows, seconds)
    return pace


def test_what_follows_in_the_passage_is_guessed() -> None:
    lookup = Lookup([*PASSAGE, 7, 8, 9])
    assert lookup.guess(4) == []
    lookup.feed(110)
    assert lookup.guess(4) == []
    lookup.feed(111)
    assert lookup.guess(4) == [112, 113, 114, 115]
    assert lookup.guess(0) == []


def test_the_longest_end_decides_and_the_first_place_of_equals() -> None:
    prompt = [1, 5, 6, 70, 2, 5, 6, 80, 3, 5, 6, 90]
    assert Lookup([*prompt, 2, 5, 6]).guess(1) == [80]
    assert Lookup([*prompt, 9, 5, 6]).guess(1) == [70]


def test_an_end_does_not_find_itself() -> None:
    assert Lookup([1, 2]).guess(3) == []
    assert Lookup([4, 4, 4]).guess(3) == [4]


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(0, 8))
def test_a_guess_stands_in_the_text_behind_its_end(text: list[int], most: int) -> None:
    guess = Lookup(text).guess(most)
    assert len(guess) <= most
    if guess:
        wanted = [*text[-2:], *guess]
        assert any(text[n : n + len(wanted)] == wanted for n in range(len(text)))


def test_the_chance_follows_what_came_true() -> None:
    good, bad = Lookup([]), Lookup([])
    for _ in range(10):
        good.learn(4, 4)
        bad.learn(4, 0)
    assert bad.chance < 0.3 < 0.9 < good.chance < 1


def test_guesses_where_a_row_more_costs_little() -> None:
    pace = _pace({1: 1.0, 4: 2.0, 8: 4.0})
    assert pace.shares([0.9], [20]) == [3]
    assert _pace({1: 1.0, 4: 1.1, 8: 1.2, 32: 2.0}).shares([0.97], [40]) == [31]
    assert pace.shares([0.9], [0]) == [0]
    assert sum(pace.shares([0.9, 0.2], [20, 20])) == pace.shares([0.9, 0.2], [20, 20])[0] == 2


def test_none_where_each_row_costs_as_much_as_a_step_and_now_and_then_a_look() -> None:
    pace = _pace({1: 1.0, 4: 3.9, 8: 7.8})
    shares = [pace.shares([0.9], [20]) for _ in range(200)]
    assert sum(share != [0] for share in shares) == 3


@given(
    st.lists(st.tuples(st.floats(0.01, 0.99), st.integers(0, 40)), min_size=1, max_size=40),
    st.dictionaries(st.integers(1, 40), st.floats(0.001, 10)),
)
def test_shares_never_pass_what_there_is(
    texts: list[tuple[float, int]], costs: dict[int, float]
) -> None:
    shares = _pace(costs).shares([chance for chance, _ in texts], [room for _, room in texts])
    assert all(0 <= share <= room for share, (_, room) in zip(shares, texts, strict=True))
    assert sum(shares) == 0 or len(texts) + sum(shares) <= MOST_ROWS
