"""Tiny real programs for the supervisor, and waits that end."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sovereign.launcher.process import Spec

#: Says when it is up, then sleeps; on SIGTERM it writes its name and ends.
POLITE = """
import pathlib, signal, sys, time
name, up, ended = sys.argv[1:]
def end(*_):
    with open(ended, "a") as file:
        file.write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(up).touch()
time.sleep(120)
"""
STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[2]).touch()
time.sleep(120)
"""
#: Leaves a grandchild in its group and writes down its id.
PARENT = """
import pathlib, subprocess, sys, time
child = subprocess.Popen(["sleep", "120"])
pathlib.Path(sys.argv[2]).write_text(str(child.pid))
time.sleep(120)
"""


def spec(folder: Path, name: str, program: str = POLITE, **fields: Any) -> Spec:
    up, ended = folder / f"{name}.up", folder / "ended"
    return Spec(
        name=name,
        command=[sys.executable, "-c", program, name, str(up), str(ended)],
        log=folder / f"{name}.log",
        ready=up.exists,
        **fields,
    )


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """False for a zombie too: it has ended, only its parent has not looked yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
