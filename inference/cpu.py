"""How many processor cores this process may use."""

import os
from pathlib import Path

CGROUP_V2 = Path("/sys/fs/cgroup/cpu.max")


def quota(file: Path = CGROUP_V2) -> float | None:
    """Cores that the control group grants (cgroup v2 `cpu.max`: quota and period), None if unlimited."""
    try:
        allowed, period = file.read_text(encoding="ascii").split()
        return None if allowed == "max" else int(allowed) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def cpu_count(file: Path = CGROUP_V2) -> int:
    """Whole cores: the affinity mask, cut to the quota. More threads than cores only spin."""
    usable = len(os.sched_getaffinity(0))
    granted = quota(file)
    return usable if granted is None else max(1, min(usable, int(granted)))
