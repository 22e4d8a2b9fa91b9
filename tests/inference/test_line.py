from hypothesis import given
from hypothesis import strategies as st

from inference.line import Line


def _order(line: Line[str]) -> list[str]:
    return [line.take() for _ in range(len(line))]


def test_five_tabs_of_one_person_do_not_starve_another() -> None:
    line: Line[str] = Line()
    for n in range(5):
        line.put(f"a{n}", "ada", 300)
    line.put("b0", "ben", 300)
    assert _order(line) == ["a0", "b0", "a1", "a2", "a3", "a4"]


def test_who_was_away_is_owed_nothing_for_it() -> None:
    line: Line[str] = Line()
    for n in range(3):
        line.put(f"a{n}", "ada", 300)
        assert line.take() == f"a{n}"
    for n in range(3):
        line.put(f"b{n}", "ben", 300)
    line.put("a3", "ada", 300)
    assert _order(line) == ["b0", "b1", "a3", "b2"]


def test_an_answer_follows_its_look_before_others_are_begun_with() -> None:
    line: Line[str] = Line()
    for who in "abc":
        line.put(f"look {who}", who, 10, opens=True)
    assert line.take() == "look a"
    line.put("answer a", "a", 300)
    line.put("look a again", "a", 10, opens=True)
    assert _order(line) == ["answer a", "look b", "look c", "look a again"]


def test_looks_alone_are_charged_from_the_second_on() -> None:
    line: Line[str] = Line()
    for n in range(4):
        line.put(f"a{n}", "a", 100, opens=True)
    line.put("b", "b", 100)
    order = _order(line)
    assert order.index("b") == 2


def test_places() -> None:
    line: Line[object] = Line()
    one, two, three = object(), object(), object()
    for item in (one, two, three):
        line.put(item, "", 1)
    assert [line.ahead(item) for item in (one, two, three)] == [0, 1, 2]
    assert line.remove(two)
    assert not line.remove(two)
    assert line.ahead(two) is None
    assert line.ahead(three) == 1
    assert line.items() == [one, three]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 500), st.booleans()), max_size=40))
def test_everyone_is_served_and_each_in_the_order_of_arrival(
    asked: list[tuple[str, int, bool]],
) -> None:
    line: Line[tuple[str, int]] = Line()
    for n, (who, cost, _) in enumerate(asked):
        line.put((who, n), who, cost)
    taken = [line.take() for _ in asked]
    assert len(line) == 0
    for who in "abc":
        mine = [n for each, n in taken if each == who]
        assert mine == sorted(mine)
