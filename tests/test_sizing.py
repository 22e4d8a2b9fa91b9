"""How many people a machine serves: the queue against a simulation, the figures against known ones."""

import json
import math
import random
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from inference.fake import FakeClient
from inference.protocol import ModelInfo, Usage
from sovereign import sizing, sizing_measure, sizing_report
from sovereign.sizing import Machine, Rate, Station, Use, Weights, Work
from sovereign.sizing_measure import _Timed, of_times

#: As measured once on two cores: the 1.5 B model alone and with others.
TWO_CORES = (Rate(1, 45, 15), Rate(2, 46, 19), Rate(4, 47, 22))


def _simulated(station: Station, arrivals: float, jobs: int = 60_000) -> float:
    """The share of people who find all seats taken, by drawing lots."""
    dice = random.Random(5)
    here, late = 0, 0
    left = jobs
    while left:
        leaves = station.answers(min(here, station.seats)) if here else 0.0
        if dice.random() < arrivals / (arrivals + leaves):
            late += here >= station.seats
            here, left = here + 1, left - 1
        else:
            here -= 1
    return late / jobs


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_waiting_is_as_in_a_simulation(busy: float) -> None:
    station = Station(TWO_CORES, Work(450, 120))
    arrivals = busy * station.answers(4)
    assert station.waits(arrivals) == pytest.approx(_simulated(station, arrivals), abs=0.02)


def test_where_the_speed_grows_in_step_it_is_erlangs_formula() -> None:
    station = Station(tuple(Rate(n, 100.0 * n, 10.0 * n) for n in (1, 2, 3)), Work(500, 50))
    load = 2.0
    arrivals = load * station.answers(1)
    top = load**3 / math.factorial(3) / (1 - load / 3)
    erlang = top / (sum(load**n / math.factorial(n) for n in range(3)) + top)
    assert station.waits(arrivals) == pytest.approx(erlang)


def test_the_first_word_comes_later_the_more_people_ask() -> None:
    station = Station(TWO_CORES, Work(450, 120))
    assert station.first_word(0.0) == station.reads == pytest.approx(10.0)
    full = station.answers(4)
    times = [station.first_word(full * part / 20) for part in range(20)]
    assert times == sorted(times)
    assert station.first_word(full) == math.inf and station.waits(full) == 1.0
    assert station.most(9.0) == 0.0, "one alone waits longer"
    assert 0 < station.most(12.0) < station.most(20.0) <= sizing.MOST_BUSY * full
    assert station.first_word(station.most(20.0)) == pytest.approx(20.0, rel=1e-3)


def test_people_and_their_questions() -> None:
    use = Use(questions=6, peak=3)
    assert use.rate(200) == pytest.approx(1.0)
    assert use.people(1.0) == 200
    assert use.people(0.0) == 0


def test_estimates_follow_the_data_sheet() -> None:
    machine = Machine("card", bandwidth=1000e9, flops=100e12, memory=24e9)
    small, large = Weights("8 B", 8e9, 5e9), Weights("70 B", 70e9, 42e9)
    one, many = sizing.estimated(machine, small, (1, 16))
    assert one.completion == pytest.approx(600 / 5)
    assert many.completion == pytest.approx(30e12 / 16e9), "weights are read once for all"
    assert one.prompt == pytest.approx(0.3 * 100e12 / 16e9)
    assert sizing.estimated(machine, large, (1, 16)) == ()
    need = sizing.needed(small, Work(1000, 120), arrivals=0.1, seconds=2.0, writing=10.0)
    assert need.bandwidth == pytest.approx(50e9 / 0.6)
    assert need.flops == pytest.approx(16e9 * 500 / 0.3)


def test_more_machine_serves_more_people() -> None:
    found = dict(sizing.bought(lambda speed: 500, 120, Use(), 16.0))
    least, *_, most = (row[0] or 0 for row in found.values())
    assert 0 < least < most
    assert found["a card of 16 GB"][-1] is None, "70 B does not fit"


def test_rates_from_times() -> None:
    timed = [
        _Timed(Usage(200, 100, 25), first=12.0, end=20.0),
        _Timed(Usage(200, 0, 25), first=14.0, end=20.0),
    ]
    rate = of_times(2, 10.0, timed)
    assert rate.prompt == pytest.approx(300 / 4)
    assert rate.completion == pytest.approx(48 / 6)


def test_a_slow_machine_is_measured_with_fewer_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sequences = (1, 2, 4, 8)
    monkeypatch.setattr(sizing_measure, "ENOUGH_SECONDS", math.inf)
    assert [r.sequences for r in sizing_measure.rates(FakeClient(), "", sequences)] == [1, 2, 4, 8]
    monkeypatch.setattr(sizing_measure, "ENOUGH_SECONDS", 0.0)
    assert [r.sequences for r in sizing_measure.rates(FakeClient(), "", sequences)] == [1]


def test_bandwidth_is_measured() -> None:
    assert sizing_measure.bandwidth(1) > 1e8


def _sized(settings: Settings, people: int = 3) -> sizing_report.Sized:
    settings.FIRST_TOKEN_SECONDS, settings.PASSAGE_TOKENS = 8.0, 0
    model = ModelInfo("m", "llama-cpp-python", 4096)
    weights = Weights("m", 1.54e9, 1.12e9)
    return sizing_report.sized_of(model, weights, TWO_CORES, Use(), 8.0)


def test_a_model_of_two_cores(settings: Settings) -> None:
    sized = _sized(settings)
    assert sized.work == Work(400 + 150, 120)
    assert sized.alone == pytest.approx(550 / 45)
    people = dict(sized.people)
    assert people[8.0] == 0 < people[16.0] <= people[32.0]
    assert 5 <= people[32.0] <= 10, "an answer takes some fifteen seconds of the machine"
    assert 0.3e12 < sizing_report.flops(sized) < 0.6e12


def _doctor(*options: str) -> str:
    out = StringIO()
    call_command("doctor", "--sizing", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_command_prints_a_table_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizing_measure, "bandwidth", lambda threads: 20e9)
    said = _doctor("--people", "40")
    for words in (
        "This machine",
        "GB/s copied",
        "reads tokens/s",
        "What more would bring",
        "Assumed",
    ):
        assert words in said
    content: dict[str, Any] = json.loads(_doctor("--json", "--questions", "2"))
    assert content["use"] == {"questions": 2.0, "peak": 3.0}
    assert content["hardware"]["cores"] >= 1 and content["models"][0]["rates"]
    with pytest.raises(CommandError, match="more than 0"):
        _doctor("--people", "0")


def test_without_models_the_command_says_so(settings: Settings, tmp_path: Any) -> None:
    settings.MODELS_URL = f"unix:{tmp_path / 'none'}"
    with pytest.raises(CommandError, match="cannot be measured"):
        _doctor()
