"""What a process inside can and cannot do, tried by real processes in a real room."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import free_port
from tests.setup.children import lives, until
from tests.wall import inside
from wall.room import Room

#: Tries one connection or packet and prints how it ended.
TRY = """
import json, socket, sys
kind, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ":" in host else socket.AF_INET
try:
    with socket.socket(family, getattr(socket, kind)) as made:
        made.settimeout(2)
        made.connect((host, port))
        made.send(b"x")
    print(json.dumps("sent"))
except OSError as error:
    print(json.dumps(error.strerror or str(error)))
"""
UNIX = """
import json, socket, sys
try:
    with socket.socket(socket.AF_UNIX) as made:
        made.connect(sys.argv[1].replace("@", chr(0)))
    print(json.dumps("connected"))
except OSError as error:
    print(json.dumps(error.strerror))
"""
OPEN = """
import json, os, sys
try:
    os.close(os.open(sys.argv[1], int(sys.argv[2]), 0o600))
    print(json.dumps("opened"))
except OSError as error:
    print(json.dumps(error.strerror))
"""
STATUS = """
import json
wanted = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")
lines = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print(json.dumps({name: lines[name].strip() for name in wanted}))
"""
#: Tries to go back into the network of another process.
BACK = """
import ctypes, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
try:
    descriptor = os.open(f"/proc/{sys.argv[1]}/ns/net", os.O_RDONLY)
    done = libc.setns(descriptor, 0x40000000)
    print(json.dumps("back" if done == 0 else os.strerror(ctypes.get_errno())))
except OSError as error:
    print(json.dumps(error.strerror))
"""
LAUNCHER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from wall.room import Plan, Room
folder = sys.argv[2]
made = Room(Plan("", [], [folder], [folder], folder))
print(made.holder, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inside")


@pytest.fixture(scope="module")
def room(folder: Path) -> Iterator[Room]:
    gates = "192.0.2.7 database.example\n"
    with inside.room(folder, hosts=inside.HOSTS + gates, addresses=["192.0.2.7"]) as made:
        yield made


# --- the network --------------------------------------------------------------------------------
def test_loopback_is_the_only_device(room: Room) -> None:
    program = "import json, socket; print(json.dumps([name for _, name in socket.if_nameindex()]))"
    assert inside.said(room, program) == ["lo"]


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_no_address_outside_has_a_way(room: Room, kind: str, host: str) -> None:
    assert inside.said(room, TRY, kind, host, "443") == "Network is unreachable"


def test_a_name_is_not_looked_up_anywhere(room: Room) -> None:
    program = """
import json, socket
try:
    print(json.dumps(socket.getaddrinfo("nowhere.invalid", 80)))
except socket.gaierror as error:
    print(json.dumps("no answer"))
"""
    assert inside.said(room, program) == "no answer"


def test_the_name_of_a_gate_is_pinned(room: Room) -> None:
    program = 'import json, socket; print(json.dumps(socket.gethostbyname("database.example")))'
    assert inside.said(room, program) == "192.0.2.7"


def test_what_listens_inside_is_refused_outside_and_answers_through_the_holder(room: Room) -> None:
    # One that nobody has outside, and that no caller's own end can be.
    port = free_port()
    with room.listen("127.0.0.1", port) as listener:
        with socket.socket() as outer, pytest.raises(ConnectionRefusedError):
            outer.connect(("127.0.0.1", port))
        with room.connect("127.0.0.1", port) as caller, listener.accept()[0] as called:
            caller.sendall(b"hello")
            assert called.recv(16) == b"hello"


def test_what_listens_outside_is_refused_inside(room: Room) -> None:
    with socket.socket() as outer:
        outer.bind(("127.0.0.1", free_port()))
        outer.listen()
        said = inside.said(room, TRY, "SOCK_STREAM", "127.0.0.1", str(outer.getsockname()[1]))
    assert said == "Connection refused"


def test_an_address_of_a_gate_can_be_listened_on(room: Room) -> None:
    with room.listen("192.0.2.7", 5432) as listener, room.connect("192.0.2.7", 5432):
        assert listener.getsockname() == ("192.0.2.7", 5432)


def test_nobody_listening_is_an_error_of_its_own(room: Room) -> None:
    with pytest.raises(ConnectionRefusedError):
        room.connect("127.0.0.1", 9)


def test_an_abstract_unix_socket_does_not_cross(room: Room) -> None:
    name = f"sovereign-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as outer:
        outer.bind(f"\0{name}")
        outer.listen()
        assert inside.said(room, UNIX, f"@{name}") == "Connection refused"


# --- rights -------------------------------------------------------------------------------------
def test_a_process_inside_has_no_right_and_gets_none(room: Room) -> None:
    nothing = "0" * 16
    assert inside.said(room, STATUS) == {
        **dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), nothing),
        "NoNewPrivs": "1",
    }


def test_a_process_inside_cannot_go_back(room: Room) -> None:
    assert inside.said(room, BACK, str(os.getpid())) in {
        "Permission denied",
        "Operation not permitted",
    }


def test_a_process_inside_cannot_read_the_memory_of_one_outside(room: Room) -> None:
    said = inside.said(room, OPEN, f"/proc/{os.getpid()}/mem", str(os.O_RDONLY))
    assert said in {"Permission denied", "Operation not permitted"}


# --- files --------------------------------------------------------------------------------------
def test_the_data_folder_can_be_written(room: Room, folder: Path) -> None:
    assert inside.said(room, OPEN, str(folder / "new"), str(os.O_CREAT | os.O_WRONLY)) == "opened"
    assert (folder / "new").exists()


@pytest.mark.parametrize("place", ["/etc/cron.d/sovereign-test", "~/.sovereign-test"])
def test_nothing_else_can_be_written(room: Room, place: str) -> None:
    path = str(Path(place).expanduser())
    said = inside.said(room, OPEN, path, str(os.O_CREAT | os.O_WRONLY))
    assert said in {"Read-only file system", "No such file or directory"}
    assert not Path(path).exists()


@pytest.mark.parametrize("name", ["core_pattern", "hostname"])
def test_the_kernels_settings_cannot_be_written(room: Room, name: str) -> None:
    said = inside.said(room, OPEN, f"/proc/sys/kernel/{name}", str(os.O_WRONLY))
    assert said in {"Read-only file system", "Permission denied"}


def test_the_temporary_folder_is_its_own(room: Room, folder: Path) -> None:
    path = Path("/tmp/of-a-service")  # noqa: S108 (asked for inside)
    said = inside.said(room, OPEN, str(path), str(os.O_CREAT | os.O_WRONLY))
    assert said == "opened"
    assert (folder / "tmp" / "of-a-service").exists()
    assert not path.exists()


def test_no_disk_is_in_sight(room: Room) -> None:
    program = 'import json, os; print(json.dumps(os.listdir("/dev")))'
    seen = set(inside.said(room, program))
    assert {"null", "urandom", "shm"} <= seen
    assert not [name for name in seen if name.startswith(("sd", "vd", "nvme", "mem", "kmsg"))]


def test_a_socket_of_another_service_is_hidden(tmp_path: Path) -> None:
    other, own = tmp_path / "other", tmp_path / "own"
    other.mkdir()
    own.mkdir()
    with socket.socket(socket.AF_UNIX) as service, socket.socket(socket.AF_UNIX) as ours:
        for bound, place in ((service, other), (ours, own)):
            bound.bind(str(place / "socket"))
            bound.listen()
        with inside.room(own) as made:
            assert inside.said(made, UNIX, str(own / "socket")) == "connected"
            assert inside.said(made, UNIX, str(other / "socket")) != "connected"
            assert str(other / "socket") in made.hidden


def test_the_folder_of_sockets_is_empty_but_for_what_is_kept(room: Room) -> None:
    program = 'import json, os; print(json.dumps(os.listdir("/run")))'
    assert set(inside.said(room, program)) <= {"sovereign-wall", "secrets", "credentials"}


# --- the holder ---------------------------------------------------------------------------------
def test_a_killed_holder_is_noticed(tmp_path: Path) -> None:
    with inside.room(tmp_path) as made:
        assert made.alive()
        os.kill(made.holder, signal.SIGKILL)
        until(lambda: not made.alive())
        with pytest.raises(ConnectionError):
            made.connect("127.0.0.1", 9)


def test_the_holder_ends_with_a_killed_launcher(room: Room, tmp_path: Path) -> None:
    arguments = [sys.executable, "-I", "-c", LAUNCHER, str(inside.ROOT), str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout
        holder = int(launcher.stdout.readline())
        assert lives(holder)
        launcher.kill()
    until(lambda: not lives(holder))


def test_a_closed_room_leaves_no_holder(tmp_path: Path) -> None:
    with inside.room(tmp_path) as made:
        holder = made.holder
    assert not lives(holder)
