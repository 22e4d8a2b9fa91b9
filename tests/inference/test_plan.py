from pathlib import Path

import pytest

from inference import plan as planning
from inference.plan import free_memory, plan

GB = 1_000_000_000


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "free_memory", lambda: 8 * GB)


@pytest.mark.parametrize(("threads", "parallel"), [(1, 4), (2, 4), (8, 8), (64, 16)])
def test_by_cores(threads: int, parallel: int) -> None:
    found = plan(28_672, 4_096, threads, 0)
    assert found.parallel == parallel
    assert found.sequences == 2 * parallel
    assert found.cells == 4_096 * parallel // 2


def test_by_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "free_memory", lambda: GB // 2)
    assert plan(28_672, 4_096, 16, 0).parallel == 4
    monkeypatch.setattr(planning, "free_memory", lambda: 0)
    assert plan(28_672, 4_096, 16, 0).cells == 4_096


def test_as_wanted() -> None:
    assert plan(28_672, 4_096, 2, 12).parallel == 12
    one = plan(28_672, 4_096, 2, 1)
    assert (one.parallel, one.sequences, one.cells) == (1, 2, 4_096)
    assert plan(28_672, 4_096, 2, 0, gpu=True).parallel == 16


def test_the_control_group_counts(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:    4000 kB\n")
    assert free_memory(meminfo, tmp_path) == 4_096_000
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert free_memory(meminfo, tmp_path) == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(meminfo, tmp_path) == 4_096_000
    assert free_memory(tmp_path / "none", tmp_path) > GB
