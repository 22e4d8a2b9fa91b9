"""The real launcher behind its real wall: what runs inside, what crosses, what happens when it falls."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.setup.children import lives, until
from tests.setup.conftest import ROOT
from tests.setup.test_live import START_SECONDS, Launched, fetch
from wall import facts, namespace, status

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(900)]


class Echo:
    """A server of the company: outside, on this machine's loopback, it says again what it hears."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                called, _ = self.server.accept()
            except OSError:
                return
            with called:
                while heard := called.recv(65_536):
                    called.sendall(heard)


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.server.close()


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory, echo: Echo) -> Iterator[Launched]:
    gates = f"echo=127.0.0.1:{echo.port},named=localhost:{echo.port}"
    running = Launched(tmp_path_factory.mktemp("wall"), SOVEREIGN_GATES=gates)
    try:
        running.until_ready()
        if wall(running).wall != "namespace":
            pytest.skip(f"NO NAMESPACE HERE: {wall(running).why}")
        yield running
    finally:
        running.end()


def wall(launched: Launched) -> status.Status:
    found = status.read(launched.data / "run")
    assert found
    return found


def by_hand(launched: Launched, program: str) -> Any:
    """What a command by hand, behind the wall, prints as JSON."""
    ended = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", program],
        cwd=ROOT,
        env=launched.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_every_process_is_inside_confined_and_without_rights(launched: Launched) -> None:
    inside = wall(launched).namespaces
    for name, each in launched.state().items():
        if name.startswith("gate-"):
            continue
        found = facts.facts(each["pid"])
        assert found["namespaces"]["net"] == inside["net"], name
        assert found["namespaces"]["user"] == inside["user"], name
        assert found["namespaces"]["mnt"] == inside["mnt_services"], name
        assert (found["interfaces"], found["default_route"]) == (["lo"], False), name
        assert (found["seccomp"], found["no_new_privs"]) == (2, True), name


def test_gates_alone_are_outside_and_confined_too(launched: Launched) -> None:
    gates = {n: each for n, each in launched.state().items() if n.startswith("gate-")}
    # Both names lead to one address.
    assert set(gates) == {"gate-echo"}
    for each in gates.values():
        found = facts.facts(each["pid"])
        assert found["namespaces"]["net"] == namespace.inodes()["net"]
        assert (found["seccomp"], found["no_new_privs"]) == (2, True)


def test_nothing_inside_listens_outside(launched: Launched) -> None:
    """Only the web process's socket, and it is tied to loopback."""
    ours = {each["pid"] for each in launched.state().values()} | {launched.process.pid}
    listening = _listening_outside(ours)
    assert listening == {int(launched.address.rpartition(":")[2])}
    assert wall(launched).listening == {"address": launched.address, "device": "lo"}


def _listening_outside(pids: set[int]) -> set[int]:
    """The TCP ports that processes have open for listening in this network."""
    rows = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path("/proc/net", name).read_text().splitlines()[1:]
    ]
    sockets = {row[9]: int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}
    found = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                match = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
                if match and match[1] in sockets:
                    found.add(sockets[match[1]])
    return found


def test_the_vector_store_is_refused_outside_and_answers_by_hand(launched: Launched) -> None:
    url = (launched.data / "run" / "chroma.url").read_text()
    port = int(url.rpartition(":")[2])
    with socket.socket() as outer, pytest.raises(ConnectionRefusedError):
        outer.connect(("127.0.0.1", port))
    program = "import json; from sovereign import parts; print(json.dumps(parts.vectors().ok))"
    assert by_hand(launched, program) is True


def test_a_gate_passes_on_and_counts(launched: Launched, echo: Echo) -> None:
    program = f"""
import json, socket
with socket.create_connection(("127.0.0.1", {echo.port})) as made:
    made.sendall(b"through the wall")
    print(json.dumps(made.recv(100).decode()))
"""
    assert by_hand(launched, program) == "through the wall"
    counters = launched.data / "run" / "gates" / "echo.json"
    until(lambda: json.loads(counters.read_text())["bytes_in"] == 16)
    said = json.loads(counters.read_text())
    assert (said["name"], said["to"]) == ("echo", f"127.0.0.1:{echo.port}")
    assert [gate["name"] for gate in wall(launched).gates] == ["echo"]


def test_another_address_has_no_gate(launched: Launched, echo: Echo) -> None:
    program = f"""
import json
from wall import guard
found = {{}}
with guard.permitted():
    import socket
    for address in (("127.0.0.2", {echo.port}), ("192.0.2.1", 443)):
        try:
            socket.create_connection(address, timeout=2).close()
            found[address[0]] = "connected"
        except OSError as error:
            found[address[0]] = error.strerror
print(json.dumps(found))
"""
    assert by_hand(launched, program) == {
        "127.0.0.2": "Connection refused",
        "192.0.2.1": "Network is unreachable",
    }


def test_the_web_process_answers_through_the_socket_from_outside(launched: Launched) -> None:
    assert fetch(launched, "/livez") == (200, '{"status": "ok"}')


def test_temporary_files_stay_in_the_data_folder(launched: Launched) -> None:
    for name in ("web", "worker", "models"):
        environment = Path(f"/proc/{launched.state()[name]['pid']}/environ").read_bytes()
        assert b"TMPDIR=/tmp\0" in environment
    assert (launched.data / "tmp").is_dir()


def test_the_doctor_shows_the_wall(launched: Launched) -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT,
        env=launched.env,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {part["name"]: part for part in json.loads(ended.stdout)["parts"]}
    assert found["wall"]["ok"]
    assert "namespace" in found["wall"]["detail"]
    assert "echo" in found["wall"]["detail"]
    assert ("wall: runs-as-root" in found) == (os.geteuid() == 0)


def test_a_killed_holder_ends_everything_with_one_sentence(launched: Launched) -> None:
    """Runs last: nothing is left of the launched product after it."""
    everyone = launched.everyone()
    holder = wall(launched).holder
    assert holder
    os.kill(holder, signal.SIGKILL)
    assert launched.process.wait(timeout=START_SECONDS) == 1
    said = launched.output.read_text()
    assert "The process that holds the wall has ended" in said
    assert "Traceback" not in said
    assert [pid for pid in everyone if lives(pid)] == []
    assert status.read(launched.data / "run") is None


@pytest.mark.parametrize(("wanted", "asked"), [("namespace", "seccomp"), ("seccomp", "guard")])
def test_less_than_what_is_required_is_refused_in_one_sentence(
    tmp_path: Path, wanted: str, asked: str
) -> None:
    refused = Launched(tmp_path, SOVEREIGN_REQUIRE_WALL=wanted, SOVEREIGN_WALL=asked)
    assert refused.process.wait(timeout=START_SECONDS) == 1
    said = refused.output.read_text()
    assert f"SOVEREIGN_REQUIRE_WALL={wanted} refuses this start" in said
    assert "Traceback" not in said
    assert refused.state() == {}


def test_a_container_that_has_a_way_out_is_no_wall(tmp_path: Path) -> None:
    if not facts.facts()["default_route"]:
        pytest.skip("THIS MACHINE HAS NO DEFAULT ROUTE: nothing to find")
    refused = Launched(tmp_path, SOVEREIGN_REQUIRE_WALL="container", SOVEREIGN_WALL="container")
    assert refused.process.wait(timeout=START_SECONDS) == 1
    assert "but it has a way out" in refused.output.read_text()
