"""Starts the processes in order, watches them, stops them in reverse order. One thread, one loop."""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from sovereign.launcher import logfiles, state
from sovereign.launcher.errors import LaunchError
from sovereign.launcher.process import Inside, Process, Spec, State
from sovereign.launcher.say import say

TICK = 0.1
SECONDS_BETWEEN_ROTATIONS = 5.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Supervisor:
    """Use as a context manager: leaving it stops every process, whatever happened inside."""

    def __init__(
        self,
        run_dir: Path,
        address: str,
        env: Mapping[str, str],
        inside: Inside | None = None,
        stands: Callable[[], bool] = lambda: True,
    ) -> None:
        """`inside` is where processes start, `stands` says whether that place still exists."""
        self.processes: list[Process] = []
        self.stopping = False
        self._run_dir = run_dir
        self.address = address
        self._env = env
        self._inside = inside
        self._stands = stands
        self._rotated = time.monotonic()

    def __enter__(self) -> "Supervisor":
        for number in STOP_SIGNALS:
            signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def add(self, spec: Spec) -> Process:
        """Take a process in without starting it. They are stopped in the reverse of this order."""
        process = Process(spec, self._env, self._inside)
        self.processes.append(process)
        return process

    def start(self, process: Process) -> Process:
        try:
            process.start()
        except OSError as error:
            raise LaunchError(
                f"{process.spec.name} cannot be started ({error.strerror}: "
                f"{process.spec.command[0]}). `.venv/bin/python manage.py doctor` says what is "
                "missing."
            ) from error
        self._write()
        return process

    def wait_for(self, processes: Sequence[Process], seconds: float) -> bool:
        """Watch everything until `processes` are ready. False: told to stop, or time is up."""
        deadline = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < deadline:
            self.tick()
            if all(process.state is State.READY for process in processes):
                return True
            time.sleep(TICK)
        return False

    def watch(self, on_ready: Callable[[Process], None]) -> None:
        """Watch until a signal says to stop."""
        while not self.stopping:
            for process in self.tick():
                on_ready(process)
            time.sleep(TICK)

    def tick(self) -> list[Process]:
        """One round: bury the dead, restart who is due, return who became ready."""
        if not self.stopping and not self._stands():
            raise LaunchError(
                "The process that holds the wall has ended (somebody killed it?): everything stops. "
                "Start again."
            )
        became_ready = []
        for process in list(self.processes):
            if process.has_died():
                self._finish(process) if process.spec.once else self._bury(process)
            elif process.due():
                process.restart()
                self._write()
            elif process.check_ready():
                became_ready.append(process)
                self._write()
        self._rotate()
        return became_ready

    def _bury(self, process: Process) -> None:
        how, pause = process.bury()
        self._write()
        if self.stopping:
            return
        if process.spec.essential and process.hopeless():
            for line in logfiles.tail(process.spec.log):
                say(f"    {line}")
            raise LaunchError(
                f"{process.spec.name} ends again and again ({how}): the lines above are the end "
                f"of {process.spec.log}."
            )
        say(f"{process.spec.name} ended ({how}); it starts again in {pause:g} s.")

    def _finish(self, job: Process) -> None:
        """A job has ended: forget it, and say so when it failed."""
        how, _ = job.bury()
        self.processes.remove(job)
        self._write()
        if how != "exit code 0" and not self.stopping:
            say(f"{job.spec.name} failed ({how}): see {job.spec.log}.")

    def stop(self) -> None:
        """Stop in reverse order; a second Ctrl-C changes nothing, every grace period is bounded."""
        self.stopping = True
        for process in reversed(self.processes):
            process.stop()
        state.remove(self._run_dir)

    def _write(self) -> None:
        state.write(self._run_dir, self.address, self.processes)

    def _rotate(self) -> None:
        if time.monotonic() - self._rotated >= SECONDS_BETWEEN_ROTATIONS:
            self._rotated = time.monotonic()
            for process in self.processes:
                logfiles.rotate(process.spec.log)
