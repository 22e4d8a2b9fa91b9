"""The attempts of a proof: that they tell the truth, behind each wall and behind none."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.wall import guarded, inside
from wall import facts, probes

AIMED_AT_PEERS = {"tcp", "udp", "ctypes-tcp", "ctypes-udp", "child", "child-udp", "shell"}
BY_PYTHON = {"tcp", "tcp6", "udp", "udp6", "multicast", "name", "ctypes"}
ONLY_INSIDE = {"child-name", "leave"}
#: What a socket's family or kind decides, and the kernel's queue: no network is asked.
MADE = {"raw", "packet", "vsock", "io_uring"}

RUN = f"""
import json, sys
sys.path.insert(0, {str(inside.ROOT)!r})
from wall import facts, guard
if "guard" in sys.argv:
    guard.install("web")
from wall import probes
probes.CHILD_SECONDS = 60  # an import may take long on a busy machine
found = [probe.as_dict() for probe in probes.run()]
print(json.dumps([found, "grpc" in sys.modules, guard.refused(), facts.facts()]))
"""


def by_kind(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in found}


def unguarded(*arguments: str) -> Any:
    said = subprocess.run(
        [sys.executable, "-I", "-c", RUN, *arguments], capture_output=True, text=True, check=True
    )
    return json.loads(said.stdout)


@pytest.fixture(scope="module")
def without_walls() -> dict[str, dict[str, Any]]:
    return by_kind(unguarded()[0])


@pytest.fixture(scope="module")
def with_the_guard(tmp_path_factory: pytest.TempPathFactory) -> Any:
    text = """
from wall import probes
probes.CHILD_SECONDS = 60
guard.spool(folder)
found = [probe.as_dict() for probe in probes.run()]
say([found, "grpc" in sys.modules, guard.refused()])
"""
    folder = tmp_path_factory.mktemp("guarded")
    return (*guarded.run(folder, text), guarded.lines(folder))


@pytest.fixture(scope="module")
def in_a_room(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with inside.room(tmp_path_factory.mktemp("room")) as room:
        return inside.said(room, RUN)


@pytest.fixture(scope="module")
def in_a_room_with_the_guard(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with inside.room(tmp_path_factory.mktemp("room")) as room:
        return inside.said(room, RUN, "guard")


def test_without_walls_it_says_that_what_was_sent_arrived(
    without_walls: dict[str, dict[str, Any]],
) -> None:
    for kind in AIMED_AT_PEERS:
        each = without_walls[kind]
        assert (each["refused"], each["layer"], each["how"]) == (False, "none", "it arrived"), kind


def test_outside_a_namespace_everything_is_aimed_at_this_machine(
    without_walls: dict[str, dict[str, Any]],
) -> None:
    """And no name is looked up that a name server would be asked for."""
    if facts.isolated():
        pytest.skip("THE TESTS THEMSELVES RUN IN A NAMESPACE OF LOOPBACK ALONE")
    assert not ONLY_INSIDE & without_walls.keys()
    aims = {
        each["target"].rpartition(":")[0] or each["target"]
        for kind, each in without_walls.items()
        if kind not in MADE and kind != "ctypes"
    }
    assert aims <= {"127.111.111.111", "[::1]", "127.1", "239.255.111.111"}


def test_the_guard_refuses_what_python_tries_and_nothing_beneath_it(with_the_guard: Any) -> None:
    found = by_kind(with_the_guard[0])
    assert {kind for kind, each in found.items() if each["layer"] == "guard"} == BY_PYTHON
    assert found["ctypes-tcp"]["how"] == found["child"]["how"] == "it arrived"


def test_a_proofs_attempts_are_written_down_and_counted_apart(with_the_guard: Any) -> None:
    _, _, counted, lines = with_the_guard
    assert counted == 0
    assert len(lines) == len(BY_PYTHON)
    assert all(line["probe"] for line in lines)


def test_the_process_that_proves_does_not_load_grpc(with_the_guard: Any) -> None:
    assert with_the_guard[1] is False


def test_in_a_namespace_every_connection_is_refused_without_the_guard(in_a_room: Any) -> None:
    found = by_kind(in_a_room[0])
    for kind in found.keys() - MADE - {"ctypes", "leave"}:
        assert (found[kind]["refused"], found[kind]["layer"]) == (True, "namespace"), kind


def test_in_a_namespace_documentation_addresses_are_tried(in_a_room: Any) -> None:
    targets = {kind: each["target"] for kind, each in by_kind(in_a_room[0]).items()}
    assert targets["tcp"] == targets["grpc"] == "192.0.2.1:443"
    assert targets["tcp6"] == "[2001:db8::1]:443"
    assert targets["name"] == targets["child-name"] == "probe.sovereign.invalid"


def test_in_a_namespace_nobody_gets_back_to_the_machines_network(in_a_room: Any) -> None:
    assert by_kind(in_a_room[0])["leave"]["refused"]


def test_in_a_namespace_the_guard_is_the_first_to_refuse(in_a_room_with_the_guard: Any) -> None:
    found = by_kind(in_a_room_with_the_guard[0])
    assert {kind for kind, each in found.items() if each["layer"] == "guard"} == BY_PYTHON
    assert found["ctypes-tcp"]["layer"] == found["grpc"]["layer"] == "namespace"


def test_the_kernels_facts_of_a_room(in_a_room: Any) -> None:
    said = in_a_room[3]
    assert said["interfaces"] == ["lo"]
    assert said["default_route"] is False
    assert said["namespaces"]["net"] != facts.facts()["namespaces"]["net"]


def test_one_way_that_breaks_spoils_no_other(without_walls: dict[str, dict[str, Any]]) -> None:
    kinds = {kind for kind, _, _ in probes.WAYS}
    assert kinds - without_walls.keys() <= {*ONLY_INSIDE, "shell", "grpc"}


@pytest.mark.parametrize(
    ("route", "route6", "way_out"),
    [
        ("", "", False),
        ("eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0", "", False),
        ("eth0 00000000 010200C0 0003 0 0 0 00000000 0 0 0", "", True),
        ("tun0 00000000 00000000 0001 0 0 0 00000080 0 0 0", "", True),
        ("eth0 00000000 00000000 0201 0 0 0 00000000 0 0 0", "", False),
        ("", f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 1 0 00200200 lo", False),
        ("", f"{'0' * 32} 00 {'0' * 32} 00 fd{'0' * 29}1 400 3 0 00000003 eth0", True),
        ("", f"fd{'0' * 30} 40 {'0' * 32} 00 {'0' * 32} 100 1 0 00000001 eth0", False),
    ],
)
def test_a_way_out_is_told_from_the_network_one_is_in(
    tmp_path: Path, route: str, route6: str, way_out: bool
) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "route").write_text(f"Iface Destination\n{route}\n".replace("\n\n", "\n"))
    (tmp_path / "net" / "ipv6_route").write_text(route6)
    assert facts.default_route(tmp_path) is way_out


def test_facts_of_another_process() -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            assert facts.facts(other.pid)["pid"] == other.pid
        finally:
            other.kill()


def test_facts_of_one_that_is_gone() -> None:
    with subprocess.Popen(["true"]) as other:
        other.wait()
    with pytest.raises(OSError, match="No such"):
        facts.facts(other.pid)
