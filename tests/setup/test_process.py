import os
import signal
import sys
from pathlib import Path

import pytest

from sovereign.launcher.process import Process, Spec, State
from tests.setup.children import PARENT, STUBBORN, lives, spec, until


def started(what: Spec) -> Process:
    process = Process(what, os.environ)
    process.start()
    return process


def test_it_becomes_ready_once_its_probe_says_so(tmp_path: Path) -> None:
    process = started(spec(tmp_path, "one"))
    try:
        until(process.check_ready)
        assert process.state is State.READY
        assert not process.check_ready(), "ready is reported once"
    finally:
        process.stop()


def test_it_stops_by_sigterm_and_is_given_time_to_end_its_work(tmp_path: Path) -> None:
    process = started(spec(tmp_path, "one"))
    until(process.check_ready)
    process.stop()
    assert (tmp_path / "ended").read_text() == "one\n"
    assert process.state is State.STOPPED


def test_one_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    process = started(spec(tmp_path, "deaf", STUBBORN, grace=0.3))
    until(process.check_ready)
    pid = process.pid
    assert pid
    process.stop()
    assert not lives(pid)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_its_children_go_with_it(tmp_path: Path, how: str) -> None:
    process = started(spec(tmp_path, "parent", PARENT))
    note = tmp_path / "parent.up"
    until(lambda: note.exists() and note.read_text())
    child = int(note.read_text())
    if how == "kill":
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        until(process.has_died)
        process.bury()
    else:
        process.stop()
    until(lambda: not lives(child))


def test_the_pause_before_a_restart_grows_and_is_bounded(tmp_path: Path) -> None:
    process = Process(
        Spec("brief", [sys.executable, "-S", "-c", "raise SystemExit(3)"], tmp_path / "log", bool),
        os.environ,
    )
    pauses = []
    for _ in range(9):
        process.start()
        until(process.has_died)
        how, pause = process.bury()
        assert how == "exit code 3"
        pauses.append(pause)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert process.hopeless()


def test_one_that_was_ready_is_never_given_up(tmp_path: Path) -> None:
    process = started(spec(tmp_path, "one"))
    until(process.check_ready)
    for _ in range(5):
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        until(process.has_died)
        assert process.bury()[0] == "signal 9"
        process.restart()
    assert not process.hopeless()
    assert process.restarts == 5
    process.stop()


def test_its_log_is_for_this_user_alone(tmp_path: Path) -> None:
    process = started(spec(tmp_path, "one"))
    process.stop()
    assert (tmp_path / "one.log").stat().st_mode & 0o777 == 0o600
