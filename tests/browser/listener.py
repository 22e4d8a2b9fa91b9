"""Another origin: an address of this machine that no setting lists, and what arrives there."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Loopback, so that nothing leaves the machine if a wall has a hole; not an address of ours.
HOST = "127.111.111.111"


class Listener:
    """Counts TCP connections and UDP packets on one port of HOST."""

    def __init__(self) -> None:
        self.arrived: list[str] = []
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.bind((HOST, 0))
        self._tcp.listen(64)
        self.port = int(self._tcp.getsockname()[1])
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((HOST, self.port))
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._accept, self._receive)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self.port}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._tcp.accept()
                self.arrived.append("connection")
                with connection, suppress(OSError):
                    connection.settimeout(0.2)
                    if data := connection.recv(2_000):
                        self.arrived.append(f"request {data[:40]!r}")
                        connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    def _receive(self) -> None:
        with suppress(OSError):
            while data := self._udp.recv(2_000):
                self.arrived.append(f"udp {len(data)} bytes")

    def close(self) -> None:
        for each in (self._tcp, self._udp):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    try:
        yield listener
    finally:
        listener.close()
