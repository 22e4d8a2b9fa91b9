"""How many processor cores this process may use."""

import os
from pathlib import Path

from inference import cgroup


def quota(root: Path = cgroup.ROOT, own: Path = cgroup.OWN) -> float | None:
    """Cores that the control groups grant (cgroup v2 `cpu.max`: quota and period), None if unlimited."""
    granted = [_quota(folder / "cpu.max") for folder in cgroup.folders(root, own)]
    return min((cores for cores in granted if cores is not None), default=None)


def cpu_count(root: Path = cgroup.ROOT, own: Path = cgroup.OWN) -> int:
    """Whole cores: the affinity mask, cut to the quota. More threads than cores only spin."""
    usable = len(os.sched_getaffinity(0))
    granted = quota(root, own)
    return usable if granted is None else max(1, min(usable, int(granted)))


def _quota(file: Path) -> float | None:
    try:
        allowed, period = file.read_text(encoding="ascii").split()
        return None if allowed == "max" else int(allowed) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
