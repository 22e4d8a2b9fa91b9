"""How many generations at once, and how many tokens they hold together: by memory and cores."""

from dataclasses import dataclass
from pathlib import Path

from inference import cgroup

MEMINFO = Path("/proc/meminfo")

_FEWEST, _MOST, _ON_A_GPU = 4, 16, 16
#: llama.cpp knows no more sequences in one context.
_MOST_SEQUENCES = 256
#: Of the memory that is free when the weights are loaded, the share that the pool may take.
_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """`parallel` generations at once; `sequences` with those that keep a prompt for a follow-up."""

    parallel: int
    sequences: int
    cells: int


def plan(cell_bytes: int, context: int, threads: int, wanted: int, *, gpu: bool = False) -> Plan:
    """`wanted`: generations at once; 0: by cores. Never less than one whole context.

    Most prompts are far shorter than the context, so two generations get the cells of one. What idle
    sequences keep lies in the same pool.
    """
    parallel = wanted or (_ON_A_GPU if gpu else min(_MOST, max(_FEWEST, threads)))
    affordable = _MOST * _MOST_SEQUENCES * context if gpu else _affordable(cell_bytes)
    cells = max(context, min(context * max(1, (parallel + 1) // 2), affordable))
    if not wanted:
        parallel = min(parallel, max(1, 2 * cells // context))
    return Plan(parallel, min(2 * parallel, _MOST_SEQUENCES), cells)


def free_memory(meminfo: Path = MEMINFO, root: Path = cgroup.ROOT, own: Path = cgroup.OWN) -> int:
    """Bytes that this process may still take: the machine's, cut to those of its control groups."""
    granted = (_granted(folder) for folder in cgroup.folders(root, own))
    return min(_available(meminfo), *granted)


def _affordable(cell_bytes: int) -> int:
    return int(free_memory() * _SHARE) // max(cell_bytes, 1)


def _available(file: Path) -> int:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
        found = next(line for line in lines if line.startswith("MemAvailable:"))
        return int(found.split()[1]) * 1_024
    except (OSError, ValueError, IndexError, StopIteration):
        return 2**63


def _granted(folder: Path) -> int:
    try:
        limit = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = int((folder / "memory.current").read_text(encoding="ascii"))
        return 2**63 if limit == "max" else max(0, int(limit) - used + _cached(folder))
    except (OSError, ValueError):
        return 2**63


def _cached(folder: Path) -> int:
    """Bytes of files that the kernel keeps and gives back when they are needed: a model was just read."""
    try:
        lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
        sizes = dict(line.split() for line in lines)
        return int(sizes["inactive_file"]) + int(sizes["active_file"])
    except (OSError, ValueError, KeyError):
        return 0
