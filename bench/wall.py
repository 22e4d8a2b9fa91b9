"""What the wall costs: making it, starting a process behind it, bytes through a gate.

python -m bench.wall
"""

import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.wall.inside import ROOT, plan
from wall.room import Room

MEGABYTES = 400
TIMES = 15


def median(what: Callable[[], object]) -> float:
    """Milliseconds."""
    took = []
    for _ in range(TIMES):
        before = time.perf_counter()
        what()
        took.append(time.perf_counter() - before)
    return statistics.median(took) * 1_000


def swallow(server: socket.socket) -> None:
    while True:
        called, _ = server.accept()
        with called:
            while called.recv(1 << 20):
                pass
            called.sendall(b"x")


def speed(made: socket.socket) -> float:
    """Megabytes a second, until the other end says that it has all."""
    block = bytes(1 << 20)
    before = time.perf_counter()
    with made:
        for _ in range(MEGABYTES):
            made.sendall(block)
        made.shutdown(socket.SHUT_WR)
        made.recv(1)
    return MEGABYTES * 1.048576 / (time.perf_counter() - before)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"make the room and end it     {median(lambda: Room(plan(folder)).close()):8.1f} ms")
        room = Room(plan(folder))
        true = [sys.executable, "-I", "-S", "-c", ""]
        confined = [
            *(sys.executable, "-I", str(ROOT / "wall" / "confine.py"), "--profile", "web"),
            *("--write", str(folder), "--", *true),
        ]
        print(f"start Python                 {median(lambda: subprocess.run(true)):8.1f} ms")
        inside = median(lambda: subprocess.run(true, preexec_fn=lambda: room.enter(None)))
        print(f"start Python inside          {inside:8.1f} ms")
        whole = median(lambda: subprocess.run(confined, preexec_fn=lambda: room.enter(None)))
        print(f"start it inside and confined {whole:8.1f} ms")
        server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=swallow, args=(server,), daemon=True).start()
        port = server.getsockname()[1]
        print(
            f"straight to a server         {speed(socket.create_connection(server.getsockname())):8.0f} MB/s"
        )
        with room.listen("127.0.0.1", port) as listener:
            gate = subprocess.Popen(
                [
                    *(sys.executable, "-I", str(ROOT / "wall" / "gate.py"), "--name", "x"),
                    *("--fd", str(listener.fileno()), "--to", f"127.0.0.1:{port}"),
                    *("--state", str(folder / "x.json")),
                ],
                pass_fds=[listener.fileno()],
            )
            print(
                f"through a gate               {speed(room.connect('127.0.0.1', port)):8.0f} MB/s"
            )
            gate.terminate()
            gate.wait()
        room.close()


if __name__ == "__main__":
    main()
