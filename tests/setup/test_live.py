"""The real launcher with its real processes, on a data folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live import free_port
from tests.setup.children import lives, until
from tests.setup.conftest import ROOT

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(900)]
#: Generous: a machine that runs other tests beside these starts five processes at once.
START_SECONDS = 150.0


class Launched:
    """`settings` are added to the environment."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.data = folder / "var"
        self.output = folder / "output"
        self.address = f"127.0.0.1:{free_port()}"
        env = {
            name: value for name, value in os.environ.items() if not name.startswith("SOVEREIGN_")
        }
        env |= {
            "DJANGO_SETTINGS_MODULE": "sovereign.settings",
            "SOVEREIGN_DATA_DIR": str(self.data),
            "SOVEREIGN_LISTEN": self.address,
            # The small parts only: without weights the process still serves, and starts in a second.
            "SOVEREIGN_MODELS_DIR": str(folder / "no-models"),
            "SOVEREIGN_ENGINE": "extractive",
            **settings,
        }
        self.env = env
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sovereign.launcher"],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def state(self) -> dict[str, dict[str, Any]]:
        try:
            text = (self.data / "run" / "processes.json").read_text()
        except FileNotFoundError:
            return {}
        return {each["name"]: each for each in json.loads(text)["processes"]}

    def until_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.output.read_text()
            found = self.state()
            return bool(found) and all(each["state"] == "ready" for each in found.values())

        until(ready, START_SECONDS)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def everyone(self) -> list[int]:
        """Every process that a launched one started, by its session."""
        sessions = {each["pid"] for each in self.state().values()}
        return [pid for pid in _all_pids() if _session(pid) in sessions]


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    running = Launched(tmp_path_factory.mktemp("live"))
    try:
        running.until_ready()
        yield running
    finally:
        running.end()


def fetch(launched: Launched, path: str) -> tuple[int, str]:
    """Follow redirects and keep cookies: the link moves its secret into the session."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(f"http://{launched.address}{path}", timeout=START_SECONDS) as answer:
        return answer.status, answer.read().decode()


def test_it_prints_one_address_and_the_first_administrators_link(launched: Launched) -> None:
    said = launched.output.read_text()
    links = re.findall(rf"http://{re.escape(launched.address)}(/\S*)", said)
    assert links[0] == "/"
    assert len(links) == 2
    status, page = fetch(launched, links[1])
    assert status == 200
    assert "<form" in page
    assert fetch(launched, "/livez") == (200, '{"status": "ok"}')


@pytest.mark.parametrize("name", ["valkey", "chroma", "models", "worker", "web"])
def test_each_process_returns_after_a_kill(launched: Launched, name: str) -> None:
    # The one before may have taken others along.
    launched.until_ready()
    before = launched.state()[name]
    os.kill(before["pid"], signal.SIGKILL)

    def back() -> bool:
        now = launched.state()[name]
        return bool(now["state"] == "ready" and now["pid"] != before["pid"])

    until(back, START_SECONDS)
    assert launched.state()[name]["restarts"] == before["restarts"] + 1


def test_callers_wait_while_the_web_process_restarts(launched: Launched) -> None:
    os.kill(launched.state()["web"]["pid"], signal.SIGKILL)
    time.sleep(0.1)
    assert fetch(launched, "/livez") == (200, '{"status": "ok"}')
    launched.until_ready()


def test_the_doctor_sees_the_processes(launched: Launched) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT,
        env=launched.env,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {part["name"]: part for part in json.loads(ended.stdout)["parts"]}
    for name in ("database", "broker", "vectors", "worker", "port", "tables"):
        assert found[name]["ok"], found[name]
    # No weights here: the doctor must not call that well.
    assert not found["embedder"]["ok"]
    assert ended.returncode == 1


def test_a_second_launcher_on_the_same_data_is_one_sentence(launched: Launched) -> None:
    env = {**launched.env, "SOVEREIGN_LISTEN": f"127.0.0.1:{free_port()}"}
    ended = subprocess.run(
        [sys.executable, "-m", "sovereign.launcher"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert ended.returncode == 1
    assert "already runs" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_ctrl_c_ends_every_process(launched: Launched) -> None:
    launched.until_ready()
    everyone = launched.everyone()
    assert len(everyone) >= 5
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(timeout=START_SECONDS) == 0
    assert [pid for pid in everyone if lives(pid)] == []
    assert launched.output.read_text().rstrip().endswith("no process is left.")


def test_a_killed_launcher_takes_every_process_along(tmp_path: Path) -> None:
    launched = Launched(tmp_path)
    try:
        launched.until_ready()
        everyone = launched.everyone()
        assert len(everyone) >= 5
    finally:
        launched.process.kill()
        launched.process.wait()
    until(lambda: not [pid for pid in everyone if lives(pid)])
