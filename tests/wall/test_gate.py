"""A gate passes bytes to its one address, both ways, and counts them: with a real process and sockets."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.live import free_port
from tests.wall.waiting import until
from wall import gate

PROGRAM = Path(gate.__file__)


class Outside:
    """A service that a gate leads to: hands each connection to `talk`, in a thread of its own."""

    def __init__(self, held: ExitStack) -> None:
        self.listener = held.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.talk: Callable[[socket.socket], None] = echo
        self.accepted = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection:
            self.talk(connection)


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65_536):
        connection.sendall(data)


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def outside(held: ExitStack) -> Outside:
    return Outside(held)


class Running:
    """A gate process, its listening socket and its counters."""

    def __init__(self, held: ExitStack, folder: Path, to: str, confine: bool = False) -> None:
        self.state = folder / "directory.json"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            options = ("--fd", str(listener.fileno()), "--name", "directory", "--to", to)
            command = [sys.executable, "-I", str(PROGRAM), *options, "--state", str(self.state)]
            if confine:
                port = to.rpartition(":")[2]
                wall = ("--profile", "gate", "--connect", port, "--write", str(folder), "--")
                command = [
                    sys.executable,
                    "-I",
                    str(PROGRAM.with_name("confine.py")),
                    *wall,
                    *command,
                ]
            self.process = subprocess.Popen(command, pass_fds=(listener.fileno(),))
        held.callback(self.process.wait)
        held.callback(self.process.kill)
        until(self.state.is_file)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def counters(self) -> dict[str, Any]:
        return dict(json.loads(self.state.read_text()))

    def counted(self, **expected: object) -> bool:
        now = self.counters()
        return {name: now[name] for name in expected} == expected


def everything(connection: socket.socket) -> bytes:
    parts = []
    while data := connection.recv(65_536):
        parts.append(data)
    return b"".join(parts)


@pytest.mark.parametrize("confine", [False, True], ids=["plain", "confined"])
def test_bytes_pass_both_ways_and_are_counted(
    held: ExitStack, outside: Outside, tmp_path: Path, confine: bool
) -> None:
    running = Running(held, tmp_path, outside.address, confine)
    with running.connect() as connection:
        connection.sendall(b"question")
        assert connection.recv(100) == b"question"
        until(lambda: running.counted(connections=1, open=1, bytes_out=8, bytes_in=8))
    until(lambda: running.counted(connections=1, open=0, failed=0))
    counters = running.counters()
    assert (counters["name"], counters["to"]) == ("directory", outside.address)
    assert counters["since"].endswith("Z")


@pytest.mark.parametrize("confine", [False, True], ids=["plain", "confined"])
def test_it_opens_a_socket_of_its_own_where_none_is_handed_over(
    held: ExitStack, outside: Outside, tmp_path: Path, confine: bool
) -> None:
    """As deploy/compose.servers.yml starts it."""
    port = str(free_port())
    state = tmp_path / "gate.json"
    to = outside.address
    command = [sys.executable, "-I", str(PROGRAM), "--listen", port, "--name", "server-1"]
    if confine:
        about = ("--bind", port, "--connect", to.rpartition(":")[2], "--write", str(tmp_path), "--")
        confining = str(PROGRAM.with_name("confine.py"))
        command = [sys.executable, "-I", confining, "--profile", "gate", *about, *command]
    process = subprocess.Popen([*command, "--to", to, "--state", str(state)])
    held.callback(process.wait)
    held.callback(process.kill)
    until(state.is_file)
    with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as connection:
        connection.sendall(b"question")
        assert connection.recv(100) == b"question"
    assert outside.accepted == 1


def test_an_end_of_one_direction_leaves_the_other_open(
    held: ExitStack, outside: Outside, tmp_path: Path
) -> None:
    def count(connection: socket.socket) -> None:
        connection.sendall(b"%d" % len(everything(connection)))

    outside.talk = count
    running = Running(held, tmp_path, outside.address)
    with running.connect() as connection:
        connection.sendall(b"x" * 300_000)
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection) == b"300000"


def test_a_slow_reader_holds_the_sender_up(
    held: ExitStack, outside: Outside, tmp_path: Path
) -> None:
    """What waits in the gate is bounded: it stops reading, and the sender's buffer fills up."""
    read_on = threading.Event()
    received: list[int] = []

    def slow(connection: socket.socket) -> None:
        read_on.wait(60)
        received.append(len(everything(connection)))

    outside.talk = slow
    running = Running(held, tmp_path, outside.address)
    with running.connect() as connection:
        connection.setblocking(False)
        sent = 0
        with pytest.raises(BlockingIOError):
            while sent < 100 << 20:
                sent += connection.send(bytes(65_536))
                if sent % (1 << 20) == 0:
                    until(lambda: running.process.poll() is None)
        read_on.set()
        connection.setblocking(True)
    until(lambda: received == [sent])


def test_many_connections_at_once(held: ExitStack, outside: Outside, tmp_path: Path) -> None:
    running = Running(held, tmp_path, outside.address)
    many = gate.MOST_CONNECTIONS + 20  # the last ones wait in the queue until others are done
    connections = [held.enter_context(running.connect()) for _ in range(many)]
    for number, connection in enumerate(connections):
        connection.sendall(b"%03d" % number)
    for number, connection in enumerate(connections):
        assert connection.recv(3, socket.MSG_WAITALL) == b"%03d" % number
        connection.close()
    until(lambda: running.counted(connections=many, open=0, bytes_out=3 * many))


def test_an_address_that_does_not_answer_is_an_error_inside_and_is_counted(
    held: ExitStack, tmp_path: Path
) -> None:
    # Held, so that nobody else is there, and not listening.
    gone = held.enter_context(socket.socket())
    gone.bind(("127.0.0.1", 0))
    running = Running(held, tmp_path, f"127.0.0.1:{gone.getsockname()[1]}")
    with running.connect() as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)
    until(lambda: running.counted(failed=1, open=0))


def test_the_outsides_breaking_off_is_an_error_inside_and_not_an_end(
    held: ExitStack, outside: Outside, tmp_path: Path
) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        linger = (1).to_bytes(4, sys.byteorder) + bytes(4)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    outside.talk = reset
    running = Running(held, tmp_path, outside.address)
    with running.connect() as connection, pytest.raises(ConnectionResetError):
        connection.sendall(b"xy")
        connection.recv(1)


@pytest.mark.parametrize(
    "request_text",
    [
        b"CONNECT 127.0.0.2:1 HTTP/1.1\r\nHost: 127.0.0.2:1\r\n\r\n",
        b"GET http://127.0.0.2:1/ HTTP/1.1\r\nHost: 127.0.0.2\r\n\r\n",
        b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x02\x00\x01",  # SOCKS 5, 127.0.0.2:1
        b"\x04\x01\x00\x01\x7f\x00\x00\x02\x00",  # SOCKS 4
        b"PROXY TCP4 127.0.0.2 127.0.0.3 1 1\r\n",
    ],
    ids=["connect", "absolute", "socks5", "socks4", "proxy"],
)
def test_asked_for_another_address_it_passes_the_asking_on_to_its_own(
    held: ExitStack, outside: Outside, tmp_path: Path, request_text: bytes
) -> None:
    running = Running(held, tmp_path, outside.address)
    with running.connect() as connection:
        connection.sendall(request_text)
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection) == request_text, "the one address got all of it"
    assert outside.accepted == 1


def test_it_ends_with_its_parent(held: ExitStack, outside: Outside, tmp_path: Path) -> None:
    """The parent is killed, which lets it tidy nothing up."""
    script = (
        "import socket, subprocess, sys, time\n"
        "s = socket.create_server(('127.0.0.1', 0))\n"
        f"p = subprocess.Popen([sys.executable, '-I', {str(PROGRAM)!r}, '--fd', str(s.fileno()),"
        f" '--name', 'x', '--to', {outside.address!r}, '--state', {str(tmp_path / 'x.json')!r}],"
        " pass_fds=[s.fileno()])\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    until((tmp_path / "x.json").is_file)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: ended(pid))


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(
    "to", ["localhost:80", "192.0.2.1", "192.0.2.1:0", "192.0.2.1:99999", "[::1]", "x", ""]
)
def test_a_name_or_half_an_address_is_refused(to: str) -> None:
    with pytest.raises(ValueError):
        gate.address_of(to)


def test_addresses_of_both_kinds() -> None:
    assert gate.address_of("192.0.2.1:389") == ("192.0.2.1", 389)
    assert gate.address_of("[2001:db8::1]:389") == ("2001:db8::1", 389)


def test_a_command_line_that_makes_no_sense(capfd: pytest.CaptureFixture[str]) -> None:
    for opened in (["--fd", "x"], ["--listen", "0"], ["--listen", "70000"], []):
        assert gate.main([*opened, "--name", "n", "--to", "192.0.2.1:1", "--state", "s"]) == 2
    assert gate.main(["--fd", "x", "--name", "n", "--to", "localhost:1", "--state", "s"]) == 2
    assert "usage: gate.py" in capfd.readouterr().err
