"""What is kept in memory stays within its size and its time."""

import time

from ingest.shelf import Shelf
from tests.live import wait_until


def test_the_oldest_go_for_the_newest() -> None:
    shelf = Shelf(most_bytes=100, seconds=60)
    for name in "abc":
        shelf.put(name, name, 40)
    assert [shelf.get(name) for name in "abc"] == [None, "b", "c"]
    shelf.put("huge", "huge", 101)
    assert [shelf.get(name) for name in ("b", "c", "huge")] == [None, None, None]


def test_what_is_put_again_counts_once() -> None:
    shelf = Shelf(most_bytes=100, seconds=60)
    for _ in range(5):
        shelf.put("a", "a", 60)
    assert shelf.get("a") == "a"


def test_what_is_old_is_gone() -> None:
    shelf = Shelf(most_bytes=100, seconds=0.01)
    shelf.put("a", "a", 1)
    time.sleep(0.05)
    assert shelf.get("a") is None


def test_what_may_be_better_soon_is_kept_for_less_time_than_the_rest() -> None:
    shelf = Shelf(most_bytes=100, seconds=60)
    shelf.put("a", "a", 1)
    shelf.put("b", "b", 1, seconds=0.01)
    time.sleep(0.05)
    assert [shelf.get(name) for name in "ab"] == ["a", None]


def test_what_nobody_asks_for_again_goes_by_itself() -> None:
    shelf = Shelf(100, 0.05)
    shelf.put("a", b"page", 10)
    wait_until(
        "nothing is left of it",
        lambda: not shelf._held and shelf._bytes == 0 and shelf._clock is None,
        every=0.02,
    )
