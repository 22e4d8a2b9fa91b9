import os
from pathlib import Path

import pytest

from inference.cpu import cpu_count, quota


@pytest.mark.parametrize(
    ("content", "expected"),
    [("max 100000", None), ("150000 100000", 1.5), ("nonsense", None), ("1 0", None), ("", None)],
)
def test_quota(tmp_path: Path, content: str, expected: float | None) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(content)
    assert quota(file) == expected


def test_quota_cuts_the_affinity(tmp_path: Path) -> None:
    usable = len(os.sched_getaffinity(0))
    file = tmp_path / "cpu.max"
    file.write_text("50000 100000")
    assert cpu_count(file) == 1
    file.write_text("100000000 100000")
    assert cpu_count(file) == usable
    assert cpu_count(tmp_path / "none") == usable
