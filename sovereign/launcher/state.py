"""RUN_DIR/processes.json: what runs now, for the doctor and for the next launcher."""

import json
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sovereign.launcher.process import Process, kill_group
from wall import ownfiles

NAME = "processes.json"


def write(run_dir: Path, address: str, processes: Iterable[Process]) -> None:
    """Replace the file at once, so that a reader never sees half of it."""
    content = {
        "launcher": os.getpid(),
        "address": address,
        "processes": [_about(process) for process in processes],
    }
    ownfiles.replace(run_dir / NAME, json.dumps(content, indent=1))


def _about(process: Process) -> dict[str, Any]:
    return {
        "name": process.spec.name,
        "pid": process.pid,
        "started": _start_ticks(process.pid) if process.pid else None,
        "state": process.state.value,
        "restarts": process.restarts,
        "since": process.since,
        "log": str(process.spec.log),
    }


def read(run_dir: Path) -> dict[str, Any]:
    """The last state that was written, or an empty one."""
    try:
        content = json.loads((run_dir / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"launcher": None, "address": "", "processes": []}
    return content if isinstance(content, dict) else {"processes": []}


def remove(run_dir: Path) -> None:
    (run_dir / NAME).unlink(missing_ok=True)


def end_leftovers(run_dir: Path, grace: float = 5.0) -> list[str]:
    """End what a launcher that was killed left running. Call it with the lock held.

    A process counts only with the start time that was written down: ids are used again.
    """
    found = [each for each in read(run_dir)["processes"] if _is_the_same(each)]
    for number, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, 1.0)):
        for each in found:
            kill_group(int(each["pid"]), number)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and any(_is_the_same(each) for each in found):
            time.sleep(0.05)
    return [str(each["name"]) for each in found]


def _is_the_same(entry: dict[str, Any]) -> bool:
    pid = entry.get("pid")
    started = entry.get("started")
    return isinstance(pid, int) and started is not None and _start_ticks(pid) == started


def _start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in brackets and may hold spaces and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])
