"""The thread that answers for its process when a proof asks."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.live import wait_until
from tests.wall.guarded import command, run
from tests.wall.inside import ROOT
from wall import agent

SERVE = """
import time
from wall import agent
guard.spool(folder)
tried(connect, ("127.0.0.1", 5))
agent.serve(folder / "proof", guard.installed())
"""


class Served:
    """A process with an agent, and its socket."""

    def __init__(self, folder: Path, text: str = "time.sleep(600)", role: str = "web") -> None:
        self.folder = folder / "proof"
        self.process = subprocess.Popen(command(folder, SERVE + text, role=role), cwd=ROOT)
        self.socket = self.folder / f"{role}-{self.process.pid}.sock"
        # Not by agent.sockets(), which takes one away that is there and does not listen yet.
        wait_until("the agent answers", lambda: agent._alive(self.socket))

    def stop(self, how: signal.Signals = signal.SIGKILL) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.stop()


def test_it_answers_for_its_own_process(served: Served) -> None:
    said = agent.ask(served.socket)
    assert (said["role"], said["pid"], said["refused"]) == ("web", served.process.pid, 1)
    assert said["facts"]["pid"] == served.process.pid
    assert {each["kind"] for each in said["probes"]} >= {"tcp", "udp", "child", "grpc"}
    assert said["at"]


def test_a_question_for_facts_tries_nothing(served: Served) -> None:
    said = agent.ask(served.socket, question=agent.FACTS)
    assert said["probes"] == []


def test_its_socket_is_for_its_user_alone(served: Served) -> None:
    assert served.socket.stat().st_mode & 0o777 == 0o600
    assert served.folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", b"prove", b"\xff" * 100_000])
def test_garbage_gets_no_answer_and_the_next_one_does(served: Served, said: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(served.socket))
        try:
            client.sendall(said)
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(100)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    assert answer == b""
    assert agent.ask(served.socket, question=agent.FACTS)["role"] == "web"


def test_one_that_says_nothing_makes_the_next_wait_for_moments(served: Served) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(served.socket))
        assert agent.ask(served.socket, question=agent.FACTS)["role"] == "web"


def test_one_that_leaves_in_the_middle_does_no_harm(served: Served) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(served.socket))
        client.sendall(agent.PROVE)
    assert agent.ask(served.socket, question=agent.FACTS)["role"] == "web"


def test_it_does_not_keep_its_process_alive_and_clears_up(tmp_path: Path) -> None:
    served = Served(tmp_path, "while not (folder / 'go').exists(): time.sleep(0.02)")
    (tmp_path / "go").touch()
    assert served.process.wait(60) == 0
    assert not served.socket.exists()


def test_in_the_middle_of_a_proof_its_process_can_end(served: Served) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(served.socket))
        client.sendall(agent.PROVE)
        assert served.stop(signal.SIGTERM) == -signal.SIGTERM


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    served = Served(tmp_path)
    served.stop(signal.SIGKILL)
    assert served.socket.exists()
    assert agent.sockets(served.folder) == []
    assert not served.socket.exists()


def test_who_looks_while_it_begins_takes_nothing_away(tmp_path: Path) -> None:
    text = """
from wall import agent
listen = socket.socket.listen
def late(self, *rest):
    agent.sockets(folder / "proof")
    listen(self, *rest)
socket.socket.listen = late
path = agent.serve(folder / "proof", "web")
say(agent.sockets(folder / "proof") == [path])
"""
    assert run(tmp_path, text) is True


def test_a_forked_child_answers_nothing_and_leaves_the_socket_be(tmp_path: Path) -> None:
    text = """
child = os.fork()
if not child:
    sys.exit(0)
os.waitpid(child, 0)
time.sleep(600)
"""
    served = Served(tmp_path, text)
    try:
        time.sleep(0.5)
        assert agent.ask(served.socket, question=agent.FACTS)["pid"] == served.process.pid
    finally:
        served.stop()


def test_a_child_that_is_forked_in_the_middle_of_a_proof_answers_for_itself(tmp_path: Path) -> None:
    """Celery forks its pool while the worker may be asked already."""
    text = """
from wall import probes
held = probes._turns.lock.acquire()
if not os.fork():
    agent.serve(folder / "proof", "pool")
time.sleep(60)
"""
    served = Served(tmp_path, text)
    try:

        def children() -> list[Path]:
            return [path for path in served.folder.glob("pool-*.sock") if agent._alive(path)]

        wait_until("the child answers", children)
        [child] = children()
        assert agent.ask(child)["role"] == "pool"
    finally:
        served.stop()


def test_a_path_that_is_too_long_for_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    served = Served(folder)
    try:
        assert len(os.fsencode(served.socket)) > 108
        assert agent.ask(served.socket, question=agent.FACTS)["role"] == "web"
    finally:
        served.stop()


@pytest.mark.parametrize(
    ("piece", "pause", "timeout", "error"),
    [
        (b"[" * 65_536, 0.0, 60.0, ValueError),
        (b" ", 0.1, 1.0, TimeoutError),
        (b"[1]", 0.0, 60.0, ValueError),
    ],
    ids=["endless", "drop by drop", "no object"],
)
def test_an_answer_of_a_process_gone_bad(
    tmp_path: Path, piece: bytes, pause: float, timeout: float, error: type[Exception]
) -> None:
    path = tmp_path / "web-1.sock"

    def answer() -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.recv(64)
            while True:
                connection.sendall(piece)
                if piece == b"[1]":
                    return
                time.sleep(pause)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(error):
            agent.ask(path, timeout=timeout)
        thread.join()


def test_nobody_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        agent.ask(tmp_path / "web-1.sock")
