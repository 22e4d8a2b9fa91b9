"""Whether a chat model fits into the memory of this machine: known before it is loaded."""

from dataclasses import dataclass
from pathlib import Path

from inference.errors import ModelError
from inference.plan import free_memory, plan

#: What evaluating takes beside weights and cells: a share of the weights, and some for all.
_SHARE, _LEAST = 0.05, 80_000_000
#: What is left to everything else on the machine.
RESERVE = 256_000_000


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes. `cells`: for the context and the sequences; `cell` for one token of it."""

    weights: int
    cells: int
    cell: int

    @property
    def total(self) -> int:
        return self.weights + self.cells + int(self.weights * _SHARE) + _LEAST


@dataclass(frozen=True, slots=True)
class Fit:
    """`available` bytes are what it could have; `code` is empty where it fits."""

    needed: int
    available: int
    code: str = ""
    detail: str = ""

    @property
    def fits(self) -> bool:
        return not self.code


def need(weights: int, cell_bytes: int, context: int, threads: int, parallel: int) -> Need:
    """Of WEIGHTS bytes with a context of CONTEXT tokens and PARALLEL generations (0: by cores).

    More sequences than one are only held where memory allows (inference/plan.py).
    """
    cells = plan(cell_bytes, context, threads, parallel).cells if parallel != 1 else context
    return Need(weights, cells * cell_bytes, cell_bytes)


def judge(name: str, wanted: Need, available: int, context: int) -> Fit:
    """Whether WANTED fits into AVAILABLE bytes, and if not, what would. Never less than one context."""
    room = available - RESERVE
    least = wanted.total - wanted.cells + context * wanted.cell
    if least <= room:
        return Fit(min(wanted.total, max(least, room)), available)
    left = room - (wanted.total - wanted.cells)
    shorter = left // wanted.cell // 512 * 512 if wanted.cell else 0
    advice = (
        f"Set SOVEREIGN_CONTEXT_TOKENS to {shorter} or less, or free memory."
        if shorter >= 1_024
        else "Choose a smaller model or one of fewer bits, or free memory."
    )
    detail = (
        f"{name} needs {gigabytes(least)} GB and could have {gigabytes(max(room, 0))} GB. {advice}"
    )
    return Fit(least, available, "model-too-large", detail)


def check(fit: Fit) -> None:
    """Raises ModelError(`model-too-large`) where it does not fit."""
    if not fit.fits:
        raise ModelError(fit.code, fit.detail)


def gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f}"


def free() -> int:
    """Bytes that this process may still take."""
    return free_memory()


def anonymous(status: Path = Path("/proc/self/status")) -> int:
    """Bytes of this process that no file can give back; 0 where the kernel does not tell."""
    try:
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        found = next(line for line in lines if line.startswith("RssAnon:"))
        return int(found.split()[1]) * 1_024
    except (OSError, ValueError, IndexError, StopIteration):
        return 0
