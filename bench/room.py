"""The product's stores without its web and worker: a database, Chroma and the models process.

For measurements that write in bulk and search in their own process. Import product modules inside
functions that are called after `standing()` was entered: settings are read at import.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import processes

ROOT = Path(__file__).resolve().parent.parent
EMAIL = "bench@bench.example"
START_SECONDS = 180.0


@dataclass(frozen=True)
class Room:
    """`user` manages what is written here; `pids` of what was started, by name."""

    data_dir: Path
    user: Any
    pids: dict[str, int]

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far of this process and of those it started."""
        own = {"here": time.process_time()}
        return own | {name: processes.cpu(pid).total for name, pid in self.pids.items()}

    def memory(self) -> dict[str, float]:
        """MB that are resident, of the same."""
        own = {"here": processes.resident(os.getpid(), most=0)}
        return own | {name: processes.resident(pid) for name, pid in self.pids.items()}

    def disk(self) -> dict[str, float]:
        """MB on disk: the database with its log of writes, Chroma's folder."""
        database = sum(file.stat().st_size for file in self.data_dir.glob("*.sqlite3*"))
        files = (file for file in (self.data_dir / "chroma").rglob("*") if file.is_file())
        return {"database": database / 1e6, "chroma": sum(f.stat().st_size for f in files) / 1e6}


@contextmanager
def standing(data_dir: Path, settings: dict[str, str] | None = None) -> Iterator[Room]:
    """Yield the stores on `data_dir`; what was started for them ends with it, stopped or not."""
    data_dir = data_dir.absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    os.environ.update(
        {
            "DJANGO_SETTINGS_MODULE": "sovereign.settings",
            "SOVEREIGN_DATA_DIR": str(data_dir),
            "SOVEREIGN_CHROMA_URL": f"http://127.0.0.1:{port}",
            "SOVEREIGN_ENGINE": "extractive",
            "SOVEREIGN_LOG_LEVEL": "WARNING",
            **(settings or {}),
        }
    )
    children = {"chroma": _start(data_dir, "chroma", _chroma(data_dir, port))}
    if os.environ.get("SOVEREIGN_MODELS_URL") != "fake:":
        children["models"] = _start(data_dir, "models", [sys.executable, "-m", "inference.server"])
    signal.signal(signal.SIGTERM, _stop)
    try:
        user = _set_up()
        yield Room(data_dir, user, {name: child.pid for name, child in children.items()})
    finally:
        for child in children.values():
            child.send_signal(signal.SIGTERM)
        for child in children.values():
            child.wait(60)


def _stop(_signal: int, _frame: object) -> None:
    """A stopped measurement would leave its processes behind otherwise."""
    raise SystemExit(143)


def _chroma(data_dir: Path, port: int) -> list[str]:
    program = str(Path(sys.executable).parent / "chroma")
    where = ["--path", str(data_dir / "chroma"), "--host", "127.0.0.1", "--port", str(port)]
    return [program, "run", *where]


def _start(data_dir: Path, name: str, command: list[str]) -> "subprocess.Popen[bytes]":
    with (data_dir / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _set_up() -> Any:
    """The tables, a person, and both processes ready."""
    import django

    sys.path.insert(0, str(ROOT))
    django.setup()
    from django.core.management import call_command

    from accounts.models import User
    from inference.client import get_client
    from ingest import store

    call_command("migrate", verbosity=0)
    _until(store.health)
    _until(get_client().embedder)
    found = User.objects.filter(email=EMAIL).first()
    return found or User.objects.create_user(EMAIL, is_admin=True)


def _until(ready: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ready()
        except Exception:  # not there yet, in whatever way it says so
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
