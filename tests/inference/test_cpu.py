import os
from pathlib import Path

import pytest

from inference import cgroup
from inference.cpu import cpu_count, quota
from inference.plan import free_memory


def _group(folder: Path, cpu: str = "", memory: str = "", used: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if cpu:
        (folder / "cpu.max").write_text(cpu)
    if memory:
        (folder / "memory.max").write_text(memory)
        (folder / "memory.current").write_text(f"{used}\n")
    return folder


def _own(tmp_path: Path, path: str) -> Path:
    file = tmp_path / "own"
    file.write_text(f"1:cpu:/elsewhere\n0::{path}\n")
    return file


@pytest.mark.parametrize(
    ("content", "expected"),
    [("max 100000", None), ("150000 100000", 1.5), ("nonsense", None), ("1 0", None), ("", None)],
)
def test_quota(tmp_path: Path, content: str, expected: float | None) -> None:
    _group(tmp_path / "root", content)
    assert quota(tmp_path / "root", tmp_path / "none") == expected


def test_quota_cuts_the_affinity(tmp_path: Path) -> None:
    usable, own = len(os.sched_getaffinity(0)), _own(tmp_path, "/")
    root = _group(tmp_path / "root", "50000 100000")
    assert cpu_count(root, own) == 1
    _group(root, "100000000 100000")
    assert cpu_count(root, own) == usable
    assert cpu_count(tmp_path / "none", own) == usable


def test_the_tightest_of_the_groups_around_counts(tmp_path: Path) -> None:
    root = _group(tmp_path / "root", "800000 100000")
    _group(root / "system.slice", "400000 100000")
    own = _own(tmp_path, "/system.slice/sovereign.service")
    assert quota(root, own) == 4.0
    _group(root / "system.slice" / "sovereign.service", "max 100000")
    assert quota(root, own) == 4.0
    _group(root / "system.slice" / "sovereign.service", "150000 100000")
    assert quota(root, own) == 1.5
    assert quota(root, _own(tmp_path, "/../../etc")) == 8.0


def test_where_no_group_is_seen_nothing_is_limited(tmp_path: Path) -> None:
    assert cgroup.folders(tmp_path, tmp_path / "none") == [tmp_path]
    assert quota(tmp_path, tmp_path / "none") is None


def test_memory_is_that_of_the_tightest_group(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:    8000000 kB\n")
    root = _group(tmp_path / "root", memory="max")
    own = _own(tmp_path, "/a/b")
    assert free_memory(meminfo, root, own) == 8_000_000 * 1024
    _group(root / "a", memory="3000000000", used=1_000_000_000)
    _group(root / "a" / "b", memory="max", used=900_000_000)
    assert free_memory(meminfo, root, own) == 2_000_000_000
