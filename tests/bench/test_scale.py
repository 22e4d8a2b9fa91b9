"""The arithmetic from what was measured to what was not."""

from pathlib import Path
from typing import Any

import pytest

from bench import asking, scale


def row(passages: int, *, ms: float = 10.0, run: int = 1, seconds: float = 1.0) -> dict[str, Any]:
    return {
        "run": run,
        "passages": passages,
        "filled in this run": {"passages": passages, "wall": {"rows": seconds, "words": seconds}},
        "memory MB": {"here": 100, "chroma": 50 + passages // 100},
        "disk MB": {"database": passages // 50, "chroma": passages // 25},
        "asked": {
            "stages": {"dense": {"p50": ms, "p95": 2 * ms}, "total": {"p50": ms, "p95": 2 * ms}},
            "CPU ms": {"all": ms},
        },
    }


def test_a_line_and_a_power_go_through_both_points() -> None:
    assert scale.linear((10, 1.0), (20, 2.0), 100) == pytest.approx(10.0)
    assert scale.power((10, 2.0), (20, 4.0), 40) == pytest.approx(8.0)
    assert scale.power((10, 3.0), (20, 3.0), 1_000) == pytest.approx(3.0)


def test_what_took_no_time_takes_none_at_any_size() -> None:
    assert scale.exponent((10, 0.0), (20, 0.0)) == 0.0
    assert scale.power((10, 0.0), (20, 0.0), 40) == 0.0


def test_the_steps_compared_are_at_least_twice_apart() -> None:
    small, large = scale.pair([row(10_000), row(30_000), row(50_000)]) or (None, None)
    assert (small, large) == (row(10_000), row(50_000))
    assert scale.pair([row(30_000), row(50_000)]) is None


def test_figures_of_a_larger_index_say_how_they_grow() -> None:
    lines = {
        each[0]: each[1:] for each in scale.extrapolated([row(10_000), row(20_000, ms=20)], 40_000)
    }
    assert lines["memory, chroma"] == ["0.15 GB", "0.25 GB", "10.00 kB a passage", "0.5 GB"]
    assert lines["p50, total"] == ["10.0 ms", "20.0 ms", "size to the 1.00", "40 ms"]
    assert scale.extrapolated([row(10_000)], 40_000) == []


def test_the_rate_is_that_of_the_step_in_one_run_and_of_the_run_where_it_began_anew() -> None:
    first, second = row(1_000, seconds=1.0), row(3_000, seconds=5.0)
    assert scale.rate(None, first) == pytest.approx(500)
    assert scale.rate(first, second) == pytest.approx(2_000 / 8)
    assert scale.rate(row(9_000, run=2), second) == pytest.approx(300)


def test_steps_end_with_what_was_asked_for() -> None:
    assert scale.steps(60_000) == [10_000, 20_000, 50_000, 60_000]
    assert scale.steps(500_000)[-2:] == [400_000, 500_000]


def test_a_step_that_was_measured_again_counts_as_it_was_last(tmp_path: Path) -> None:
    file = tmp_path / "out" / "scale.jsonl"
    for each in (row(10_000), row(20_000), row(10_000, ms=5)):
        scale.keep(file, each)
    assert [(each["passages"], each["asked"]["CPU ms"]["all"]) for each in scale.kept(file)] == [
        (10_000, 5),
        (20_000, 10.0),
    ]


def test_the_report_names_each_step_and_the_target() -> None:
    text = scale.markdown([row(10_000), row(20_000)], 10_000_000)
    assert "| 10,000 |" in text
    assert "at 10,000,000" in text


def test_a_stage_that_a_question_did_not_have_took_no_time() -> None:
    found = asking.stages([{"dense": 4.0, "total": 5.0}, {"total": 1.0}])
    assert found["dense"] == {"p50": 0.0, "p95": 4.0}
    assert found["total"] == {"p50": 1.0, "p95": 5.0}


def test_cpu_is_told_by_process_and_for_one_question() -> None:
    before, after = {"here": 1.0, "chroma": 2.0}, {"here": 2.0, "chroma": 2.5}
    assert asking.spent(before, after, 10) == {"here": 100.0, "chroma": 50.0, "all": 150.0}
