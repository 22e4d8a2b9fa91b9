"""One program of a service run: started with an environment of its own, ended by its own id."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sovereign.lifeline import die_with

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Program:
    """`environment` is the whole of it. `account`: run as that user, where root starts it."""

    command: list[str]
    environment: Mapping[str, str]
    log: Path
    cwd: Path = ROOT
    account: str | None = None
    _child: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it in a session of its own. It does not outlive the test run, even a killed one."""
        parent = os.getpid()
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                cwd=self.cwd,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with(parent),
                user=self.account,
                group=self.account,
                extra_groups=[] if self.account else None,
            )

    @property
    def runs(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def finish(self, seconds: float) -> int:
        """Wait for it to end by itself; its exit code."""
        assert self._child is not None
        return self._child.wait(seconds)

    def stop(self, seconds: float, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask the program alone, as a container engine does; its exit code, -9 where it did not end."""
        assert self._child is not None
        self._child.send_signal(how)
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return -signal.SIGKILL

    def kill(self) -> None:
        """End it and whatever it started, without asking. Harmless when it has ended."""
        if self._child is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()


def tail(log: Path, lines: int = 40) -> str:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join([f"--- {log.name}", *text.splitlines()[-lines:]])
