"""One supervised process: started in its own group, probed, restarted with growing pauses, stopped."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sovereign.launcher.confined import Confined, wrapped
from sovereign.launcher.logfiles import open_log
from sovereign.lifeline import die_with

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
#: A process that stood this long starts again with the shortest pause.
STEADY_SECONDS = 60.0


class State(StrEnum):
    PENDING = "pending"
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run. `ready` is asked until it says True; it must answer within about a second."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    grace: float = 10.0
    descriptors: tuple[int, ...] = ()
    #: The product is of no use without it: when it cannot start at all, the launcher gives up.
    essential: bool = False
    #: A job that ends by itself: not probed, not restarted.
    once: bool = False
    #: What it may do; None for the tests' small programs.
    confined: Confined | None = None
    #: Started behind the wall. Gates alone are not.
    inside: bool = True


@dataclass(frozen=True, slots=True)
class Inside:
    """How a process goes behind the wall.

    `enter` is called between fork and exec with the working folder; None where there is no namespace.
    `kernel`: whether seccomp and Landlock confine what is started.
    """

    enter: Callable[[str | None], None] | None = None
    kernel: bool = False


class Process:
    def __init__(
        self, spec: Spec, base_env: Mapping[str, str], inside: Inside | None = None
    ) -> None:
        self.spec = spec
        self._inside = inside or Inside()
        self.state = State.PENDING
        self.restarts = 0
        self.since = time.time()
        self.ever_ready = False
        self._env = {**base_env, **spec.env}
        self._popen: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._started = 0.0
        self._not_before = 0.0

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen else None

    def start(self) -> None:
        """Start it. Must run in the main thread: the death signal is tied to the forking thread."""
        parent = os.getpid()
        with open_log(self.spec.log) as log:
            self._popen = subprocess.Popen(  # noqa: S603 (commands of services.py, no shell)
                wrapped(self.spec.command, self.spec.confined, kernel=self._inside.kernel),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self.spec.cwd,
                pass_fds=self.spec.descriptors,
                start_new_session=True,
                preexec_fn=lambda: self._go_inside(parent),
            )
        self._started = time.monotonic()
        self._become(State.STARTING)

    def _go_inside(self, parent: int) -> None:
        """In the child: entering changes its rights, which would undo the wish to die with the parent."""
        if self.spec.inside and self._inside.enter:
            self._inside.enter(str(self.spec.cwd) if self.spec.cwd else None)
        die_with(parent)

    def has_died(self) -> bool:
        return self._popen is not None and self._popen.poll() is not None

    def check_ready(self) -> bool:
        """Ask the probe while the process starts; return True once, when it becomes ready."""
        if self.spec.once or self.state is not State.STARTING or not self.spec.ready():
            return False
        self.ever_ready = True
        self._become(State.READY)
        return True

    def bury(self) -> tuple[str, float]:
        """After a death: end what is left of its group. Returns (how it ended, pause in seconds)."""
        assert self._popen is not None  # noqa: S101 (has_died said so)
        code = self._popen.returncode
        kill_group(self._popen.pid, signal.SIGKILL)
        self._popen = None
        steady = time.monotonic() - self._started >= STEADY_SECONDS
        self._failures = 1 if steady else self._failures + 1
        pause = min(FIRST_PAUSE * 2 ** (self._failures - 1), LONGEST_PAUSE)
        self._not_before = time.monotonic() + pause
        self._become(State.WAITING)
        return (f"signal {-code}" if code < 0 else f"exit code {code}"), pause

    def due(self) -> bool:
        """True when it waits for its restart and the pause is over."""
        return self.state is State.WAITING and time.monotonic() >= self._not_before

    def restart(self) -> None:
        self.restarts += 1
        self.start()

    def hopeless(self, times: int = 4) -> bool:
        """True when it never became ready and died `times` times."""
        return not self.ever_ready and self._failures >= times

    def stop(self) -> None:
        """SIGTERM to the process, after its grace SIGKILL to its whole group."""
        if self._popen is not None:
            if self._popen.poll() is None:
                self._popen.terminate()
                try:
                    self._popen.wait(timeout=self.spec.grace)
                except subprocess.TimeoutExpired:
                    self._popen.kill()
                    self._popen.wait()
            kill_group(self._popen.pid, signal.SIGKILL)
        self._popen = None
        self._become(State.STOPPED)

    def _become(self, state: State) -> None:
        self.state = state
        self.since = time.time()


def kill_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return
