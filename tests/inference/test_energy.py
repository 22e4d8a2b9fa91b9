"""Joules: read from counters, divided among generations, told with their pieces."""

import ctypes.util
import random
import shutil
import subprocess
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.client import read_pieces
from inference.energy import Load, Meter, find_rapl
from inference.metering import metered
from inference.nvml import find_nvml
from inference.protocol import Piece, Spent, Usage


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Counted:
    """A counter that a test turns on."""

    name: Literal["rapl", "nvml"] = "rapl"
    shared = True

    def __init__(self) -> None:
        self.added = self.total = 0.0
        self.gone = False

    def add(self, joules: float) -> None:
        self.added += joules

    def joules(self) -> float:
        if self.gone:
            raise OSError
        gone, self.added = self.added, 0.0
        self.total += gone
        return gone


Step = tuple[str, int, float]
steps = st.lists(
    st.tuples(
        st.sampled_from(["begin", "end", "look"]),
        st.integers(0, 7),
        st.floats(0, 1_000, allow_nan=False),
    ),
    max_size=60,
)


@given(steps)
def test_the_parts_sum_up_to_the_whole(done: list[Step]) -> None:
    counter = Counted()
    meter = Meter([counter], share=lambda: 0.5)
    running: dict[int, Any] = {}
    used, parts = 0.0, []
    for what, number, joules in done:
        counter.add(joules)
        used += 0.5 * joules if running else 0.0
        if what == "begin" and number not in running:
            running[number] = meter.begin()
        elif what == "end" and number in running:
            parts.append(meter.end(running.pop(number)))
        elif number in running:
            meter.look(running[number])
        else:
            counter.joules()  # nobody looks: it goes to whoever runs, or is idle
            used -= 0.5 * joules if running else 0.0
    parts += [meter.end(each) for each in running.values()]
    assert sum(part or 0.0 for part in parts) == pytest.approx(used, abs=1e-6)


@given(st.lists(st.floats(0.1, 50), min_size=1, max_size=8), st.floats(1, 500))
def test_watts_of_the_setting_are_divided_as_well(lengths: list[float], watts: float) -> None:
    clock = Clock()
    meter = Meter(watts=watts, clock=clock)
    running = [(length, meter.begin()) for length in lengths]
    told = []
    for length, spending in sorted(running, key=lambda pair: pair[0]):
        clock.now = length
        told.append(meter.end(spending))
    assert sum(part or 0.0 for part in told) == pytest.approx(watts * max(lengths))
    assert meter.known == "setting"


def test_idle_seconds_are_nobodys() -> None:
    clock = Clock()
    meter = Meter(watts=10, clock=clock)
    clock.now = 1_000.0
    spending = meter.begin()
    clock.now = 1_002.0
    assert meter.end(spending) == 20.0
    clock.now = 3_000.0
    assert meter.end(spending) == 20.0, "what is over gets nothing"


def test_without_anything_no_figure_is_told() -> None:
    meter = Meter()
    assert meter.known == "none"
    assert meter.end(meter.begin()) is None


def test_a_counter_that_goes_away_leaves_the_setting() -> None:
    clock, counter = Clock(), Counted()
    meter = Meter([counter], watts=30, clock=clock)
    spending = meter.begin()
    counter.gone, clock.now = True, 2.0
    assert meter.end(spending) == 60.0
    assert meter.known == "setting"


def zone(root: Path, folder: str, name: str, uj: int, most: int = 1_000_000) -> Path:
    made = root / folder
    made.mkdir(parents=True)
    (made / "name").write_text(f"{name}\n")
    (made / "energy_uj").write_text(f"{uj}\n")
    (made / "max_energy_range_uj").write_text(f"{most}\n")
    return made / "energy_uj"


def test_packages_and_memory_are_counted_once(tmp_path: Path) -> None:
    one = zone(tmp_path, "intel-rapl:0", "package-0", 100)
    two = zone(tmp_path, "intel-rapl:1", "package-1", 999_000)
    memory = zone(tmp_path, "intel-rapl:0:1", "dram", 0)
    for folder, name in (
        ("intel-rapl:0:0", "core"),
        ("intel-rapl:2", "psys"),
        ("intel-rapl-mmio:0", "package-0"),
    ):
        zone(tmp_path, folder, name, 0)
    found = find_rapl(tmp_path)
    assert found is not None and found.joules() == 0.0
    one.write_text("500100\n")
    two.write_text("1000\n")  # it began anew
    memory.write_text("250000\n")
    for core in tmp_path.glob("intel-rapl:0:0/energy_uj"):
        core.write_text("400000\n")
    assert found.joules() == pytest.approx(0.5 + 0.002 + 0.25)
    assert found.joules() == 0.0


def test_what_may_not_be_read_is_not_there(tmp_path: Path) -> None:
    assert find_rapl(tmp_path / "nowhere") is None
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    broken = zone(tmp_path, "intel-rapl:1", "package-1", 1)
    broken.unlink()
    broken.mkdir()  # as unreadable to root as a file without rights to others
    assert find_rapl(tmp_path) is None
    broken.rmdir()
    broken.write_text("odd\n")
    assert find_rapl(tmp_path) is None


def test_the_share_is_ours_of_what_all_computed(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 0 500 0 0 0 0 0 0\ncpu0 1\n")
    load = Load(stat)
    before = time.process_time()
    while time.process_time() - before < 0.01:
        pass
    stat.write_text("cpu  1000000 0 0 900 0 0 0 0 0 0\n")
    share = load.share()
    assert 0.0 < share < 0.01
    assert load.share() == share, "too little went by to say otherwise"
    assert Load(tmp_path / "nowhere").share() == 1.0


CARDS = r"""
static unsigned long long total = 5000;
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **card) { *card = (void *)(long)(i + 1); return 0; }
int nvmlDeviceGetTotalEnergyConsumption(void *card, unsigned long long *mj) {
  if (card == (void *)2) return 3;          /* an older card: not supported */
  *mj = (total += 1500); return 0; }
int nvmlDeviceGetPowerUsage(void *card, unsigned *mw) { *mw = 0; return 0; }
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
def test_cards_tell_by_the_drivers_library(tmp_path: Path) -> None:
    (tmp_path / "cards.c").write_text(CARDS)
    library = tmp_path / "libcards.so"
    made = ["cc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "cards.c")]
    subprocess.run(made, check=True)
    found = find_nvml(str(library))
    assert found is not None
    assert found.joules() == pytest.approx(1.5)
    assert find_nvml(str(tmp_path / "none.so")) is None
    assert find_nvml(ctypes.util.find_library("c") or "libc.so.6") is None, "no driver's library"


def pieces(count: int) -> Iterator[Piece]:
    yield Piece()
    for number in range(count):
        yield Piece(f"word{number} ")
    yield Piece("", "stop", Usage(10, 4, count))


def test_pieces_tell_what_they_took() -> None:
    clock = Clock()
    meter = Meter(watts=3_600, clock=clock)
    told = []
    for piece in metered(pieces(3), meter):
        clock.now += 1.0
        told.append(piece)
    assert [piece.text for piece in told] == ["", "word0 ", "word1 ", "word2 ", ""]
    last = told[-1].spent
    assert last is not None and last.known == "setting"
    assert last.joules == 3_600 * 4, "four seconds went by before the last piece"
    assert told[1].spent is not None, "who stops after the first word knows what it took"


def test_who_stops_reading_stops_the_engine_and_the_meter() -> None:
    closed = []

    def engine() -> Generator[Piece, None, None]:
        try:
            yield from pieces(100)
        finally:
            closed.append(True)

    clock = Clock()
    meter = Meter(watts=1, clock=clock)
    reader = metered(engine(), meter)
    next(reader)
    next(reader)
    reader.close()
    assert closed == [True]
    clock.now = 100.0
    assert meter.end(other := meter.begin()) == 0.0 and other.joules == 0.0


@pytest.mark.parametrize(
    "odd", [None, 7, {}, {"known": "rapl"}, {"known": "guess", "joules": 1}, {"known": []}]
)
def test_an_odd_account_of_the_other_side_is_none(odd: object) -> None:
    def chunks() -> Generator[dict[str, Any], None, None]:
        yield {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}], "spent": odd}

    assert [piece.spent for piece in read_pieces(chunks())] == [None, None]


def test_an_account_comes_through_the_wire() -> None:
    told = {"waiting": 0.5, "reading": 1, "writing": 2, "joules": 7.25, "known": "rapl"}

    def chunks() -> Generator[dict[str, Any], None, None]:
        yield {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}], "spent": told}

    assert list(read_pieces(chunks()))[-1].spent == Spent(0.5, 1, 2, 7.25, "rapl")


def test_many_threads_at_once_lose_nothing() -> None:
    from concurrent.futures import ThreadPoolExecutor

    counter = Counted()
    meter = Meter([counter])

    def one(seed: int) -> float:
        spending = meter.begin()
        for _ in range(random.Random(seed).randrange(50)):
            meter.look(spending)
        return meter.end(spending) or 0.0

    keeper = meter.begin()
    counter.add(10_000.0)
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(one, range(64)))
    assert sum(parts) + (meter.end(keeper) or 0.0) == pytest.approx(10_000.0)
