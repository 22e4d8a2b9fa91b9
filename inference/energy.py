"""What generations take: the machine's counters, divided among those that run at once. Pure.

RAPL counts the joules of processor packages and memory, NVML those of graphics cards. Of the processor's a
generation gets the share that this process had of all CPU seconds meanwhile, of the cards' all; what runs
at the same time gets equal parts, so that the parts sum up to the whole. Where nothing can be read, a
setting says the watts under load. docs/usage.md tells how far that is off.
"""

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Known = Literal["rapl", "nvml", "rapl+nvml", "setting", "none"]

POWERCAP = Path("/sys/class/powercap")
STAT = Path("/proc/stat")
#: A package, and a part of one. Memory alone is no part of what its package counts.
_ZONE = re.compile(r"intel-rapl:\d+(:\d+)?")
#: Fields of the first line of /proc/stat in which somebody computed: not idle, iowait, guests (in user).
_BUSY = (0, 1, 2, 5, 6, 7)
_TICKS = 100
#: CPU seconds of the machine below which a share of them says nothing: they are told in hundredths.
LEAST_SECONDS = 0.1


class Counter(Protocol):
    """Counts joules. `shared`: only a share of them is this process's."""

    name: Literal["rapl", "nvml"]
    shared: bool

    def joules(self) -> float:
        """Since it was asked before. Raises OSError where it can no longer be read."""
        ...


@dataclass(slots=True)
class _Zone:
    file: Path
    range_uj: int
    last_uj: int

    def advance(self) -> int:
        now = int(self.file.read_text(encoding="ascii"))
        # It begins anew at its range: within minutes under load, so never twice between two looks.
        gone = now - self.last_uj if now >= self.last_uj else now + self.range_uj - self.last_uj
        self.last_uj = now
        return max(gone, 0)


class Rapl:
    """The packages of the processor and their memory."""

    name: Literal["rapl", "nvml"] = "rapl"
    shared = True

    def __init__(self, zones: Sequence[_Zone]) -> None:
        self._zones = list(zones)

    def joules(self) -> float:
        return sum(zone.advance() for zone in self._zones) / 1e6


def find_rapl(root: Path = POWERCAP) -> Rapl | None:
    """None where there is none, or where this user may not read a package of it: a part says too little."""
    zones = []
    try:
        for folder in sorted(root.glob("intel-rapl:*")):
            if not _ZONE.fullmatch(folder.name):
                continue
            name = (folder / "name").read_text(encoding="ascii").strip()
            if name.startswith("package") or name == "dram":
                zones.append(_zone(folder))
    except (OSError, ValueError):
        return None
    return Rapl(zones) if zones else None


def _zone(folder: Path) -> _Zone:
    file = folder / "energy_uj"
    range_uj = int((folder / "max_energy_range_uj").read_text(encoding="ascii"))
    return _Zone(file, range_uj, int(file.read_text(encoding="ascii")))


class Load:
    """The share that this process has of all CPU seconds of the machine."""

    def __init__(self, stat: Path = STAT) -> None:
        self._stat, self._last = stat, 1.0
        self._own, self._all = self._look()

    def share(self) -> float:
        """Since it was asked before, 0 to 1; over too short a time that of before, at first 1."""
        own, everything = self._look()
        mine, all_of_it = own - self._own, everything - self._all
        if all_of_it >= LEAST_SECONDS:
            self._own, self._all = own, everything
            self._last = min(1.0, max(0.0, mine / all_of_it))
        return self._last

    def _look(self) -> tuple[float, float]:
        own = time.process_time()
        try:
            with self._stat.open(encoding="ascii") as lines:
                fields = lines.readline().split()[1:]
            return own, sum(int(fields[place]) for place in _BUSY) / _TICKS
        except (OSError, ValueError, IndexError):
            return own, 0.0


class Spending:
    """One generation's part so far."""

    __slots__ = ("joules",)

    def __init__(self) -> None:
        self.joules = 0.0


class Meter:
    """Divides what is used from one look to the next among the generations that run. Thread-safe.

    `watts`: of the machine under load, where no counter can be read; 0: unknown.
    """

    def __init__(
        self,
        counters: Sequence[Counter] = (),
        *,
        watts: float = 0.0,
        share: Callable[[], float] = lambda: 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counters, self._watts = list(counters), watts
        self._share, self._clock = share, clock
        self._running: set[Spending] = set()
        self._lock = threading.Lock()
        self._at = clock()

    @property
    def known(self) -> Known:
        """How what it tells is known."""
        names = {counter.name for counter in self._counters}
        if names:
            return "rapl+nvml" if len(names) > 1 else names.pop()
        return "setting" if self._watts > 0 else "none"

    def begin(self) -> Spending:
        with self._lock:
            self._advance()
            spending = Spending()
            self._running.add(spending)
            return spending

    def look(self, spending: Spending) -> float | None:
        """Joules so far; None where nothing is known."""
        with self._lock:
            self._advance()
            return None if self.known == "none" else spending.joules

    def end(self, spending: Spending) -> float | None:
        """Joules in all. It gets nothing from here on."""
        with self._lock:
            self._advance()
            self._running.discard(spending)
            return None if self.known == "none" else spending.joules

    def _advance(self) -> None:
        now = self._clock()
        seconds, self._at = now - self._at, now
        joules = self._used(seconds)
        for spending in self._running:
            spending.joules += joules / len(self._running)

    def _used(self, seconds: float) -> float:
        share, joules = self._share(), 0.0
        for counter in list(self._counters):
            try:
                joules += counter.joules() * (share if counter.shared else 1.0)
            except OSError:
                self._counters.remove(counter)
        return joules if self._counters else self._watts * seconds
