"""The product on a data folder of its own: the one that runs there, or one started for the measurement.

Django is set up only after the product runs, because its settings read where the launcher put things.
Import product modules inside functions that are called after `running()` was entered.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EMAIL = "bench@bench.example"
START_SECONDS = 300


@dataclass(frozen=True)
class Product:
    """A product that answers. `user` administers it, `token` is an API token of that user."""

    address: str
    data_dir: Path
    user: Any
    token: str

    def processes(self) -> list[dict[str, Any]]:
        return list(state(self.data_dir)["processes"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def state(data_dir: Path) -> dict[str, Any]:
    """What the launcher wrote down last; empty when none runs."""
    try:
        found = json.loads((data_dir / "run" / "processes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {"launcher": None, "address": "", "processes": []}
    return found if _alive(found.get("launcher")) else {**found, "launcher": None}


def _alive(pid: int | None) -> bool:
    return bool(pid) and Path(f"/proc/{pid}").exists()


@contextmanager
def running(data_dir: Path, settings: dict[str, str] | None = None) -> Iterator[Product]:
    """Yield the product on `data_dir`; one that was started here is stopped again at the end."""
    data_dir = data_dir.absolute()
    os.environ.update({"SOVEREIGN_DATA_DIR": str(data_dir), "SOVEREIGN_LOG_LEVEL": "WARNING"})
    os.environ.update(settings or {})
    child = None if state(data_dir)["launcher"] else _start(data_dir)
    try:
        _wait_until_ready(data_dir, child)
        user, token = _person()
        yield Product(state(data_dir)["address"], data_dir, user, token)
    finally:
        if child is not None:
            child.send_signal(signal.SIGTERM)
            child.wait(60)


def _start(data_dir: Path) -> "subprocess.Popen[bytes]":
    data_dir.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "SOVEREIGN_LISTEN": f"127.0.0.1:{_free_port()}",
        "SOVEREIGN_ADMIN_EMAIL": EMAIL,
        "SOVEREIGN_ADMIN_PASSWORD": secrets.token_urlsafe(24),
    }
    with (data_dir / "launcher.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "sovereign.launcher"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(data_dir: Path, child: "subprocess.Popen[bytes] | None") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        processes = state(data_dir)["processes"]
        names = {each["name"] for each in processes if each["state"] == "ready"}
        if "web" in names and len(names) == len(processes):
            return
        if child is not None and child.poll() is not None:
            raise SystemExit(f"The product ended while starting: see {data_dir / 'launcher.log'}.")
        time.sleep(0.5)
    raise SystemExit(f"The product is not ready after {START_SECONDS} s: see {data_dir / 'logs'}.")


def _person() -> tuple[Any, str]:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sovereign.settings")
    sys.path.insert(0, str(ROOT))
    django.setup()
    from accounts.models import User
    from accounts.tokens import create_token

    user = User.objects.filter(is_admin=True, is_active=True).order_by("created_at").first()
    if user is None:
        raise SystemExit("Nobody administers this installation yet: open its one-time link first.")
    return user, create_token(user, name="bench", days=1).secret
