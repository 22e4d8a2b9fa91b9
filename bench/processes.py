"""What processes took and hold, by /proc: CPU seconds of each and of what they waited for, memory."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.5


@dataclass(frozen=True)
class Cpu:
    """CPU seconds: `own` of a process and those that live below it, `readers` of ended children."""

    own: float = 0.0
    readers: float = 0.0

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.own - other.own, self.readers - other.readers)

    @property
    def total(self) -> float:
        return self.own + self.readers


def tree(pid: int) -> Iterator[int]:
    """`pid` and all processes below it that live now."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [c for task in tasks for c in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from tree(int(child))


def cpu(pid: int) -> Cpu:
    """Of the tree of `pid`. Time of a child that ended is in what its parent waited for."""
    own = readers = 0.0
    for each in tree(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        own += (int(fields[11]) + int(fields[12])) / TICKS
        readers += (int(fields[13]) + int(fields[14])) / TICKS
    return Cpu(own, readers)


def resident(pid: int, *, most: int = 1) -> float:
    """MB of memory of `pid` and of the processes down to `most` levels below it."""
    total = _resident(pid)
    if most:
        for child in [each for each in tree(pid) if each != pid and _parent(each) == pid]:
            total += resident(child, most=most - 1)
    return total


def _resident(pid: int) -> float:
    try:
        return (
            int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            * os.sysconf("SC_PAGE_SIZE")
            / 1e6
        )
    except OSError:
        return 0.0


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


@dataclass
class Memory:
    """MB at the start, at the end and at most."""

    start: float = 0.0
    end: float = 0.0
    peak: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self, pid: int) -> None:
        self.start = self.end = self.peak = resident(pid)
        while not self.over.wait(SAMPLE_SECONDS):
            self.end = resident(pid)
            self.peak = max(self.peak, self.end)


@contextmanager
def memory_of(pid: int) -> Iterator[Memory]:
    """Watch a process and its direct children (Celery's pool), not what those start."""
    memory = Memory()
    thread = threading.Thread(target=memory.watch, args=(pid,), daemon=True)
    thread.start()
    time.sleep(SAMPLE_SECONDS)
    try:
        yield memory
    finally:
        memory.over.set()
        thread.join()
