"""The launcher's side of the wall: start the holder, ask it for sockets, and send children inside."""

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from wall import namespace
from wall.holder import LONGEST

PROGRAM = Path(__file__).with_name("holder.py")
#: Making the namespaces takes milliseconds; a holder that says nothing for so long never will.
ANSWER_SECONDS = 20.0


class NoRoom(Exception):
    """No namespace could be made. `why` is a code of wall.status.WHY."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(detail)
        self.why = why


@dataclass(frozen=True, slots=True)
class Plan:
    """What the inside looks like.

    `hosts` is the text of /etc/hosts. `addresses` are further numbers of `lo`. `keep` are folders that
    stay visible, `write` those that stay writable for services, `temporary` becomes their /tmp.
    """

    hosts: str
    addresses: Sequence[str]
    keep: Sequence[str]
    write: Sequence[str]
    temporary: str


class Room:
    """A private network with loopback alone. Close it, or end, and it is gone with its last process."""

    def __init__(self, plan: Plan) -> None:
        """Raises NoRoom where the kernel refuses."""
        self._line, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.settimeout(ANSWER_SECONDS)
        with inside:
            self._holder = subprocess.Popen(  # noqa: S603 (our own program, no shell)
                [sys.executable, "-I", str(PROGRAM), "--fd", str(inside.fileno())],
                pass_fds=(inside.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._namespaces: dict[str, int] = {}
        self.inodes: dict[str, int] = {}
        self.hidden: list[str] = []
        self.why: list[str] = []
        try:
            self._furnish(plan)
        except BaseException:
            self.close()
            raise

    def _furnish(self, plan: Plan) -> None:
        try:
            self._line.send(json.dumps(asdict(plan)).encode())
            message, descriptors, _, _ = socket.recv_fds(self._line, LONGEST, len(namespace.KINDS))
        except OSError as error:
            raise NoRoom("setup-failed", f"the holder does not answer ({error})") from error
        self._namespaces = dict(zip(namespace.KINDS, descriptors, strict=False))
        said = json.loads(message or b"{}")
        self.why = said.get("why", [])
        if len(descriptors) != len(namespace.KINDS):
            why = self.why[0] if self.why else "setup-failed"
            raise NoRoom(why, said.get("error", "the holder ended"))
        self.hidden, self.inodes = said["hidden"], said["namespaces"]

    @property
    def holder(self) -> int:
        return self._holder.pid

    def alive(self) -> bool:
        return self._holder.poll() is None

    def enter(self, folder: str | None) -> None:
        """Between fork and exec: go inside without any right. `folder` becomes the working folder."""
        namespace.enter(self._namespaces, folder)

    def connect(self, host: str, port: int) -> socket.socket:
        """A socket that is connected to an address inside. Raises OSError."""
        return self._ask("connect", host, port)

    def listen(self, host: str, port: int) -> socket.socket:
        """A socket that listens inside; whoever holds it accepts from inside. Raises OSError."""
        return self._ask("listen", host, port)

    def _ask(self, what: str, host: str, port: int) -> socket.socket:
        try:
            self._line.send(json.dumps({"do": what, "host": host, "port": port}).encode())
            message, descriptors, _, _ = socket.recv_fds(self._line, LONGEST, 1)
        except OSError as error:
            raise ConnectionError(f"the wall's holder does not answer ({error})") from error
        if descriptors:
            return socket.socket(fileno=descriptors[0])
        number = json.loads(message or b"{}").get("errno", errno.EIO)
        raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """End the holder. Processes inside keep the network alive until they end."""
        self._line.close()
        self._holder.kill()
        self._holder.wait()
        for descriptor in self._namespaces.values():
            os.close(descriptor)
        self._namespaces = {}
