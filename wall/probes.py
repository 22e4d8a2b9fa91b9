"""Attempts to get out of this process, each of them as somebody would make it, and how each ended.

Documentation addresses are tried only where the kernel shows no interface but loopback. Elsewhere
the attempts aim at an address of this machine that nobody listed, with a listener of their own.
A name of outside is never looked up but inside the namespace.
"""

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from wall import facts, guard, rawcalls

#: Who refused. "kernel": for want of a right or of the feature itself, no wall of ours needed.
Layer = Literal["guard", "seccomp", "landlock", "namespace", "kernel", "none"]

CONNECT_SECONDS = 1.0
CHILD_SECONDS = 5.0
_CHILD = Path(__file__).with_name("outsider.py")
_BASH = Path("/bin/bash")
_MULTICAST = "239.255.111.111"
_NOWHERE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}
_RESOLVER, _NOT_INSTALLED = -2, -1


class _Turns:
    """One run at a time. A child that is forked in the middle of one must not wait for it for ever."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        os.register_at_fork(after_in_child=self.begin)

    def begin(self) -> None:
        self.lock = threading.Lock()


_turns = _Turns()


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt. `how`: the error in the kernel's words, or what became of what was sent."""

    kind: str
    target: str
    refused: bool
    layer: Layer
    how: str

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class _NotTried(Exception):
    """This attempt says nothing here, so it is left out."""


@dataclass(frozen=True, slots=True)
class _Aim:
    """Where to. `listeners` are on this machine, where the aim is."""

    v4: str
    v6: str
    port: int
    name: str
    outside: bool
    listeners: tuple[socket.socket, ...] = ()

    def arrived(self) -> bool:
        """Whether something came to a listener since the last look."""
        found = False
        for each in self.listeners:
            with suppress(OSError):
                while True:
                    if each.type == socket.SOCK_STREAM:
                        each.accept()[0].close()
                    else:
                        each.recv(16)
                    found = True
        return found


def run() -> list[Probe]:
    """Try every way once; it takes a second or two. One run at a time in a process."""
    with _turns.lock, _aim() as aim, guard.probing():
        found = [_attempt(kind, target, way, aim) for kind, target, way in WAYS]
    return [probe for probe in found if probe is not None]


@contextmanager
def _aim() -> Iterator[_Aim]:
    if facts.isolated():
        yield _Aim("192.0.2.1", "2001:db8::1", 443, "probe.sovereign.invalid", outside=True)
        return
    host = "127.111.111.111"
    # "127.1" is no literal address to the guard, and yet none that asks a name server.
    with _listener(host, 0, socket.SOCK_STREAM) as stream:
        # Where the kernel's wall forbids listening, the port is one that nobody has.
        port = int(stream[0].getsockname()[1]) if stream else 47
        with _listener(host, port, socket.SOCK_DGRAM) as datagrams:
            yield _Aim(host, "::1", port, "127.1", outside=False, listeners=(*stream, *datagrams))


@contextmanager
def _listener(host: str, port: int, kind: int) -> Iterator[list[socket.socket]]:
    """[a socket that listens], or [] where that is forbidden."""
    try:
        with guard.permitted():
            made = socket.socket(socket.AF_INET, kind)
    except OSError:
        yield []
        return
    with closing(made):
        try:
            with guard.permitted():
                made.bind((host, port))
                if kind == socket.SOCK_STREAM:
                    made.listen(16)
        except OSError:
            yield []
            return
        made.setblocking(False)
        yield [made]


def _attempt(kind: str, target: str, way: Callable[[_Aim], str], aim: _Aim) -> Probe | None:
    layer: Layer = "none"
    try:
        how = way(aim)
        arrived = aim.arrived()
        how = "it arrived" if arrived else how or "nothing hindered it"
    except _NotTried:
        return None
    except guard.EgressRefused:
        layer, how = "guard", "EgressRefused"
    except socket.gaierror as error:
        layer, how = ("namespace" if aim.outside else "kernel"), str(error.strerror)
    except OSError as error:
        number = error.errno or 0
        layer, how = _layer(number, outside=aim.outside), os.strerror(number)
        if kind == "leave" and layer == "landlock":
            layer = "kernel"  # of another process's network only who may trace it learns anything
    return Probe(kind, target.format(aim=aim), layer != "none", layer, how)


def _layer(number: int, *, outside: bool) -> Layer:
    """Who answers with this error here. A refused or silent connection was on its way: nobody."""
    if number in _NOWHERE:
        return "namespace" if outside else "kernel"
    if number == errno.EACCES:
        return "landlock"
    if number in (errno.EPERM, errno.ENOSYS):
        return "seccomp" if rawcalls.filtered() else "kernel"
    if number in (errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EINPROGRESS, errno.EAGAIN):
        return "none"
    return "kernel"


# --- the ways -----------------------------------------------------------------------------------
def _tcp(aim: _Aim) -> str:
    socket.create_connection((aim.v4, aim.port), CONNECT_SECONDS).close()
    return ""


def _tcp6(aim: _Aim) -> str:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as client:
        client.settimeout(CONNECT_SECONDS)
        client.connect((aim.v6, aim.port))
    return ""


def _udp(aim: _Aim) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"\0", (aim.v4, aim.port))
    return ""


def _udp6(aim: _Aim) -> str:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"\0", (aim.v6, aim.port))
    return ""


def _multicast(aim: _Aim) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        if not aim.outside:  # it must not leave this machine
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
            sender.setsockopt(
                socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
            )
        sender.sendto(b"\0", (_MULTICAST, aim.port))
    return ""


def _name(aim: _Aim) -> str:
    socket.getaddrinfo(aim.name, aim.port)
    return "it was looked up"


def _ctypes(_aim: _Aim) -> str:
    """The guard's tripwire; the ways below go around it."""
    import ctypes

    ctypes.CDLL(None)["sendmmsg"]
    return "it was found"


def _made(call: Callable[[], None]) -> Callable[[_Aim], str]:
    def way(_aim: _Aim) -> str:
        call()
        return "it was made"

    return way


def _sent(call: Callable[[str, int], None]) -> Callable[[_Aim], str]:
    def way(aim: _Aim) -> str:
        call(aim.v4, aim.port)
        return ""

    return way


def _mptcp(host: str, port: int) -> None:
    rawcalls.connect(host, port, rawcalls.MPTCP)


def _child(kind: str, *, only_inside: bool = False) -> Callable[[_Aim], str]:
    """The same in a program without a guard, which inherits the kernel's wall alone."""

    def way(aim: _Aim) -> str:
        if only_inside and not aim.outside:
            raise _NotTried
        host = aim.name if kind == "name" else aim.v4
        said = _run([sys.executable, "-I", str(_CHILD), kind, host, str(aim.port)])
        number, _, text = said.partition(" ")
        if not number.removeprefix("-").isdecimal():
            return "the child said nothing"
        if int(number) == _NOT_INSTALLED:
            raise _NotTried
        if int(number) == _RESOLVER:
            raise socket.gaierror(_RESOLVER, text)
        if int(number):
            raise OSError(int(number), text)
        return text

    return way


def _shell(aim: _Aim) -> str:
    if not _BASH.exists():
        raise _NotTried
    said = _run([str(_BASH), "-c", f"exec 3<>/dev/tcp/{aim.v4}/{aim.port} && echo 0"])
    if said == "0":
        return ""
    for number in (*_NOWHERE, errno.EACCES, errno.EPERM, errno.ECONNREFUSED):
        if said.endswith(os.strerror(number)):
            raise OSError(number, "bash")
    return "the shell said nothing that is known"


def _run(command: list[str]) -> str:
    """The last line of what it says on either channel. Raises OSError where it cannot be started."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "GRPC_VERBOSITY": "NONE"}
    try:
        done = subprocess.run(  # noqa: S603 (our own program, or a shell with a fixed line)
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=CHILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(errno.ETIMEDOUT, "no answer") from error
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:200] if lines else ""


_V4, _V6 = "{aim.v4}:{aim.port}", "[{aim.v6}]:{aim.port}"

#: What is tried, at what, how. `ctypes-...` and what runs in a child evade the guard.
WAYS: tuple[tuple[str, str, Callable[[_Aim], str]], ...] = (
    ("tcp", _V4, _tcp),
    ("tcp6", _V6, _tcp6),
    ("udp", _V4, _udp),
    ("udp6", _V6, _udp6),
    ("multicast", _MULTICAST, _multicast),
    ("name", "{aim.name}", _name),
    ("ctypes", "sendmmsg", _ctypes),
    ("ctypes-tcp", _V4, _sent(rawcalls.connect)),
    ("ctypes-udp", _V4, _sent(rawcalls.send)),
    ("fastopen", _V4, _sent(rawcalls.fast_open)),
    ("mptcp", _V4, _sent(_mptcp)),
    ("raw", "IP", _made(rawcalls.raw)),
    ("packet", "below IP", _made(rawcalls.packet)),
    ("vsock", "the machine's host", _made(rawcalls.vsock)),
    ("io_uring", "the kernel's queue", _made(rawcalls.io_uring)),
    ("child", _V4, _child("tcp")),
    ("child-udp", _V4, _child("udp")),
    ("child-name", "{aim.name}", _child("name", only_inside=True)),
    ("shell", _V4, _shell),
    ("grpc", _V4, _child("grpc")),
    ("leave", "the machine's network", _child("leave", only_inside=True)),
)
