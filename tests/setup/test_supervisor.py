import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sovereign.launcher import state
from sovereign.launcher.errors import LaunchError
from sovereign.launcher.process import Spec, State
from sovereign.launcher.supervisor import STOP_SIGNALS, Supervisor
from tests.setup.children import lives, spec, until
from tests.setup.conftest import ROOT


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def supervisor(folder: Path) -> Supervisor:
    return Supervisor(folder, "http://127.0.0.1:1", os.environ)


def test_they_stop_in_reverse_order(tmp_path: Path) -> None:
    with supervisor(tmp_path) as watcher:
        for name in ("first", "second", "third"):
            assert watcher.wait_for([watcher.start(watcher.add(spec(tmp_path, name)))], 60)
    assert (tmp_path / "ended").read_text().split() == ["third", "second", "first"]


def test_a_killed_process_returns_and_the_others_stay(tmp_path: Path) -> None:
    with supervisor(tmp_path) as watcher:
        victim, other = (
            watcher.start(watcher.add(spec(tmp_path, "a"))),
            watcher.start(watcher.add(spec(tmp_path, "b"))),
        )
        assert watcher.wait_for([victim, other], 60)
        killed, stayed = victim.pid, other.pid
        assert killed
        os.kill(killed, signal.SIGKILL)
        until(victim.has_died)
        watcher.tick()
        assert victim.state is State.WAITING
        assert watcher.wait_for([victim, other], 60)
        assert victim.pid not in (None, killed)
        assert victim.restarts == 1
        assert other.pid == stayed
        written = {each["name"]: each for each in state.read(tmp_path)["processes"]}
        assert (written["a"]["pid"], written["a"]["restarts"]) == (victim.pid, 1)
        assert written["a"]["state"] == "ready"


def test_a_signal_ends_the_watch(tmp_path: Path) -> None:
    with supervisor(tmp_path) as watcher:
        process = watcher.start(watcher.add(spec(tmp_path, "a")))
        assert watcher.wait_for([process], 60)
        pid = process.pid
        assert pid
        os.kill(os.getpid(), signal.SIGTERM)
        watcher.watch(lambda _: None)
    assert not lives(pid)
    assert not (tmp_path / state.NAME).exists()


def test_an_essential_one_that_cannot_start_ends_the_launcher_with_its_last_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "import sys; sys.exit('the disk is made of cheese')"
    broken = Spec(
        "broker", [sys.executable, "-S", "-c", program], tmp_path / "log", bool, essential=True
    )
    with supervisor(tmp_path) as watcher, pytest.raises(LaunchError, match="again and again"):
        watcher.wait_for([watcher.start(watcher.add(broken))], 120)
    assert "made of cheese" in capsys.readouterr().out


def test_a_program_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    nothing = Spec("chroma", [str(tmp_path / "nothing")], tmp_path / "log", bool)
    with supervisor(tmp_path) as watcher, pytest.raises(LaunchError, match="cannot be started"):
        watcher.start(watcher.add(nothing))


def test_a_job_that_is_done_is_forgotten_and_one_that_fails_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def job(code: int) -> Spec:
        command = [sys.executable, "-S", "-c", f"raise SystemExit({code})"]
        return Spec(f"job{code}", command, tmp_path / "log", bool, once=True)

    with supervisor(tmp_path) as watcher:
        for code in (0, 4):
            watcher.start(watcher.add(job(code)))

        def done() -> bool:
            watcher.tick()
            return not watcher.processes

        until(done)
    said = capsys.readouterr().out
    assert "job4 failed (exit code 4)" in said
    assert "job0" not in said


#: A launcher of its own, which is then killed the hard way.
LAUNCHER = """
import os, sys, pathlib
sys.path.insert(0, sys.argv[1])
from sovereign.launcher.supervisor import Supervisor
from tests.setup.children import spec
folder = pathlib.Path(sys.argv[2])
with Supervisor(folder, "", os.environ) as watcher:
    watcher.wait_for([watcher.start(watcher.add(spec(folder, "kid")))], 60)
    (folder / "started").touch()
    watcher.watch(lambda _: None)
"""


def test_nothing_outlives_a_launcher_that_is_killed(tmp_path: Path) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(ROOT), str(tmp_path)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
    )
    until((tmp_path / "started").exists)
    pid = state.read(tmp_path)["processes"][0]["pid"]
    assert lives(pid)
    launcher.kill()
    launcher.wait()
    until(lambda: not lives(pid))


def test_leftovers_are_ended_but_a_stranger_with_the_same_id_is_not(tmp_path: Path) -> None:
    ours = subprocess.Popen(["sleep", "120"], start_new_session=True)
    stranger = subprocess.Popen(["sleep", "120"], start_new_session=True)
    try:
        ours_ticks = state._start_ticks(ours.pid)
        entries = [
            {"name": "ours", "pid": ours.pid, "started": ours_ticks},
            {"name": "stranger", "pid": stranger.pid, "started": (ours_ticks or 0) - 5},
        ]
        (tmp_path / state.NAME).write_text(json.dumps({"processes": entries}))
        assert state.end_leftovers(tmp_path) == ["ours"]
        assert ours.wait(timeout=60) == -signal.SIGTERM
        assert stranger.poll() is None
    finally:
        stranger.kill()
        ours.kill()
        stranger.wait()
        ours.wait()
