from hypothesis import given
from hypothesis import strategies as st

from inference.seats import Placed, Seat, Seats, common

PREFIX = list(range(100))


def _sit(seats: Seats, prompt: list[int], most: int = 10) -> tuple[Seat, Placed]:
    placed = seats.place(prompt, most)
    assert placed
    return seats.sit(placed, prompt, most), placed


def _through(seats: Seats, prompt: list[int], written: int = 5) -> Seat:
    """A whole generation: sit, read, write, leave."""
    seat, _ = _sit(seats, prompt)
    seat.held = prompt + [9_999] * written
    seats.leave(seat)
    return seat


@given(st.lists(st.integers(0, 2), max_size=30), st.lists(st.integers(0, 2), max_size=30))
def test_common(one: list[int], other: list[int]) -> None:
    n = common(one, other)
    assert one[:n] == other[:n]
    assert n == min(len(one), len(other)) or one[n] != other[n]


def test_an_answer_goes_to_the_seat_of_its_look() -> None:
    seats = Seats(4, 1_000)
    look = _through(seats, [*PREFIX, 500, 501])
    _through(seats, [700] * 50)
    seat, placed = _sit(seats, [*PREFIX, 600, 601, 602])
    assert seat is look is placed.source
    assert placed.shared == 100


def test_the_last_token_is_read_anew() -> None:
    seats = Seats(2, 1_000)
    _through(seats, PREFIX, written=0)
    _, placed = _sit(seats, PREFIX)
    assert placed.shared == 99


def test_a_beginning_is_shared_without_taking_the_conversation_away() -> None:
    seats = Seats(3, 1_000)
    kept = _through(seats, PREFIX + [500] * 200)
    seat, placed = _sit(seats, PREFIX + [600] * 50)
    assert seat is not kept
    assert (placed.source, placed.shared) == (kept, 100)
    assert kept.held


def test_a_busy_seat_shares_what_it_has_read() -> None:
    seats = Seats(2, 1_000)
    busy, _ = _sit(seats, [*PREFIX, 500])
    busy.held = busy.prompt[:]
    _, placed = _sit(seats, [*PREFIX, 600])
    assert (placed.source, placed.shared) == (busy, 100)


def test_what_another_is_about_to_read_is_waited_for() -> None:
    seats = Seats(3, 1_000)
    busy, _ = _sit(seats, [*PREFIX, 500])
    assert seats.place([*PREFIX, 600], 10) is None
    assert seats.fits(111)
    assert seats.place([700] * 50, 10)
    busy.held = busy.prompt[:90]
    assert seats.place([*PREFIX, 600], 10)


def test_the_oldest_makes_room() -> None:
    seats = Seats(4, 300)
    first = _through(seats, [1] * 100, written=0)
    second = _through(seats, [2] * 100, written=0)
    seat, placed = _sit(seats, [3] * 150, most=10)
    assert placed.evicted == (first,)
    assert not first.held and second.held
    assert seat not in (first, second)


def test_without_room_it_waits() -> None:
    seats = Seats(4, 300)
    seat, _ = _sit(seats, [1] * 150, most=50)
    assert not seats.fits(101)
    assert seats.place([2] * 91, 10) is None
    seats.leave(seat)
    assert seats.place([2] * 91, 10)


def test_without_a_seat_it_waits() -> None:
    seats = Seats(1, 300)
    _sit(seats, [1] * 10)
    assert seats.place([2] * 10, 10) is None


def test_a_state_that_cannot_be_divided_is_never_shared() -> None:
    seats = Seats(2, 1_000, divisible=False)
    _through(seats, PREFIX)
    _, placed = _sit(seats, [*PREFIX, 1])
    assert placed.shared == 0
