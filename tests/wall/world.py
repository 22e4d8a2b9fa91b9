"""A machine for hostile programs, inside a private network: an outside that is reached and seen.

    python -m tests.wall.world FOLDER

It has loopback, one more interface with the default route (a pair of virtual cables, whose other end
is watched), services at their usual sockets, and a process of the same user. Every way of ways.py is
tried under every set of walls; one JSON object says how each ended. Nothing can leave: the machine's
own interfaces are not there, which is looked up before anything is tried.
"""

import ctypes
import errno
import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.wall import inside, ways, ways_local
from tests.wall.ways import WAYS, World
from wall import confine, door, facts, landlock, mounts, namespace, seccomp
from wall.profiles import PROFILES
from wall.room import Room

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 10
#: Sockets of the outer network for each attempt: the last four fields of World.
HANDED_IN = 4
_RTM_NEWLINK, _RTM_NEWADDR, _RTM_NEWROUTE = 16, 20, 24
_IFF_UP, _IFF_NOARP = 0x1, 0x80

VICTIM = """
import ctypes, os, signal, socket, sys, time
signal.signal(signal.SIGCONT, lambda *_: None)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], 443))
f = os.open(sys.argv[2], os.O_RDONLY)
memory = ctypes.create_string_buffer(64)
print(s.fileno(), f, ctypes.addressof(memory), flush=True)
time.sleep(3600)
"""


@dataclass
class Outcome:
    """How one way ended under one set of walls. `number`: the error, 0 for none."""

    through: bool
    number: int
    said: str


# --- the machine --------------------------------------------------------------------------------
def attribute(kind: int, content: bytes) -> bytes:
    padded = content + bytes(-len(content) % 4)
    return struct.pack("=HH", 4 + len(content), kind) + padded


def ask(kind: int, content: bytes) -> None:
    """One change of the network, by rtnetlink(7)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
        kernel.send(struct.pack("=IHHII", 16 + len(content), kind, 0x605, 1, 0) + content)
        number = -struct.unpack_from("i", kernel.recv(65_536), 16)[0]
    if number:
        raise OSError(number, f"netlink {kind}: {os.strerror(number)}")


def cable() -> socket.socket:
    """way0 with addresses and the default route; what leaves by it can be read at the other end."""
    peer = bytes(16) + attribute(3, b"seen0\0")
    info = attribute(1, b"veth\0") + attribute(2, attribute(1, peer))
    ask(_RTM_NEWLINK, bytes(16) + attribute(3, b"way0\0") + attribute(18, info))
    for name in (b"way0", b"seen0"):
        # Without ARP: packets to anywhere leave at once, as if each were a neighbour.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            asked = fcntl.ioctl(any_socket, 0x8913, struct.pack("16sh22x", name, 0))
            flags = struct.unpack_from("16sH", asked)[1] | _IFF_UP | _IFF_NOARP
            fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH22x", name, flags))
    index = socket.if_nametoindex("way0")
    for address, bits in (("198.51.100.1", 24), ("2001:db8:1::1", 64)):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        packed = socket.inet_pton(family, address)
        with suppress(OSError):  # a kernel may be without IPv6
            about = struct.pack("=BBBBI", family, bits, 2, 0, index)
            ask(_RTM_NEWADDR, about + attribute(1, packed) + attribute(2, packed))
            scope = 253 if family == socket.AF_INET else 0
            about = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 254, 4, scope, 1, 0)
            ask(_RTM_NEWROUTE, about + attribute(4, struct.pack("=I", index)))
    watcher = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    watcher.bind(("seen0", 3))
    watcher.setblocking(False)
    return watcher


#: Where ways lead; whatever else leaves is the kernel's own housekeeping (IGMP, IPv6).
_AIMS = [
    *(socket.inet_aton(each) for each in ("239.255.111.111", "255.255.255.255")),
    *(socket.inet_pton(socket.AF_INET6, each) for each in (ways.OUTSIDE6, "ff02::1")),
]
_NET = socket.inet_aton("203.0.113.0")[:3]


def left(watcher: socket.socket) -> int:
    """How many packets of ways left since the last look."""
    count = 0
    while True:
        try:
            packet = watcher.recv(2048)
        except BlockingIOError:
            return count
        asks_a_name = packet[9:10] == b"\x11" and packet[22:24] == b"\0\x35"
        to = packet[24:40] if packet[:1].startswith(b"`") else packet[16:20]
        aimed = to[:3] == _NET or (to in _AIMS and packet[6:7] not in (b"\0", b":"))
        count += ways.WORD in packet or aimed or asks_a_name


def services(folder: Path) -> list[socket.socket]:
    """Something that listens at each of the usual places, on a /run of this machine's own."""
    mounts.mount("none", "/", flags=16384 | 1 << 18)
    mounts.mount("machine", "/run", "tmpfs")
    resolver = folder / "resolv.conf"
    folder.mkdir()
    resolver.write_text("nameserver 203.0.113.53\noptions timeout:1 attempts:1\n")
    mounts.bind(str(resolver), "/etc/resolv.conf")
    if Path("/etc/cron.d").is_dir():
        mounts.mount("machine", "/etc/cron.d", "tmpfs")
    for name in (".ssh", ".config/systemd/user", ".config/autostart"):
        (folder / "home" / name).mkdir(parents=True)
    opened = []
    for path in (*ways_local.SERVICES.values(), "\0sovereign-ways"):
        which = socket.socket(socket.AF_UNIX)
        if not path.startswith("\0"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        which.bind(path)
        which.listen(64)
        opened.append(which)
    return opened


def helper(paths: list[str]) -> int:
    """A program outside that gives one of its sockets to whoever asks; its process id."""
    listeners = []
    for path in paths:
        which = socket.socket(socket.AF_UNIX)
        which.bind(path)
        which.listen(64)
        listeners.append(which)
    if pid := os.fork():
        return pid
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.connect((ways.OUTSIDE4, ways.PORT))
    while True:
        for which in select.select(listeners, [], [])[0]:
            accepted, _ = which.accept()
            with accepted, suppress(OSError):
                socket.send_fds(accepted, [b"x"], [own.fileno()])


def outside(folder: Path) -> tuple[World, list[Any]]:
    """What a process of ours inherits and finds around it; the second keeps it open."""
    scratch, machine = folder / "data", folder / "machine"
    scratch.mkdir()
    held: list[Any] = services(machine)
    (machine / "secret").write_text("secret")
    victim = subprocess.Popen(
        [sys.executable, "-I", "-c", VICTIM, ways.OUTSIDE4, str(machine / "secret")],
        stdout=subprocess.PIPE,
        preexec_fn=namespace.drop_rights,  # an ordinary process of the same user
    )
    assert victim.stdout is not None
    own, file, address = (int(each) for each in victim.stdout.readline().split())
    helping = helper([str(machine / "helper.sock"), str(scratch / "helper.sock")])
    terminal = pty.openpty()
    held += [victim, helping, terminal]
    world = World(
        scratch=str(scratch),
        machine=str(machine),
        root=str(ROOT),
        listed=8001,
        terminal=terminal[1],
        victim=victim.pid,
        victim_socket=own,
        victim_file=file,
        victim_address=address,
        abstract="sovereign-ways",
    )
    return world, held


def handed_in() -> list[socket.socket]:
    """World.listener and those after it, with the launcher's locks as it lays them on."""
    listener = socket.create_server(("127.0.0.1", 0))
    everywhere, unlocked = (socket.create_server(("", 0)) for _ in range(2))
    door.bind_to_loopback(listener)
    for each in (listener, everywhere):
        door.answer_only(each)
    caller = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    return [listener, everywhere, accepted, unlocked, caller]


# --- the walls ----------------------------------------------------------------------------------
def walls(world: World, room: Room) -> dict[str, Callable[[], object]]:
    """Each set of walls by its name: every layer alone, none, and all as the launcher puts them up."""
    worker = PROFILES["worker"]
    scratch = Path(world.scratch)
    files = landlock.Rules(
        writable=(scratch, Path("/dev/shm")),  # noqa: S108
        devices=worker.devices(),
        connect=(world.listed,),
    )

    def all_of_them() -> None:
        room.enter(None)
        confine.apply("worker", connect=(world.listed,), write=(scratch,))

    return {
        "none": lambda: None,
        "namespace": lambda: room.enter(None),
        "seccomp": lambda: seccomp.install(worker.rules(bound=False, lookups=False)),
        "landlock": lambda: landlock.restrict(files),
        "rights": namespace.drop_rights,
        "all": all_of_them,
    }


def try_way(name: str, world: World) -> Outcome:
    """Run one way in a child of its own; whether it got through is for the caller to see."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        signal.alarm(SECONDS)
        os.write(writing, json.dumps(attempt(name, world)).encode())
        os._exit(0)
    os.close(writing)
    data = b""
    while chunk := os.read(reading, 65_536):
        data += chunk
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if not data:
        number = os.waitstatus_to_exitcode(status)
        return Outcome(False, 0, f"the process was ended by signal {-number}")
    number, said = json.loads(data)
    return Outcome(number == 0, number, said)


def attempt(name: str, world: World) -> tuple[int, str]:
    try:
        WAYS[name].run(world)
    except OSError as error:
        if isinstance(error, socket.gaierror):
            return errno.ENOENT, str(error.strerror)
        return error.errno or errno.EIO, os.strerror(error.errno or errno.EIO)
    except subprocess.TimeoutExpired:
        return errno.ETIMEDOUT, "no answer"
    except KeyError as error:  # machine code of another processor
        return errno.ENOSYS, f"not for this processor: {error}"
    return 0, "it succeeded"


def serve(put_up: Callable[[], object], world: World, line: socket.socket) -> None:
    """In a child: put the walls up once, then try what is asked for, with the sockets that come."""
    namespace.unshare(namespace.CLONE_NEWNS)
    put_up()
    while True:
        name, numbers, _, _ = socket.recv_fds(line, 4096, HANDED_IN)
        if not name:
            return
        listener, everywhere, accepted, unlocked = numbers
        given = replace(
            world,
            listener=listener,
            listener_any=everywhere,
            accepted=accepted,
            unlocked=unlocked,
        )
        line.send(json.dumps(asdict(try_way(name.decode(), given))).encode())
        for number in numbers:
            os.close(number)


def try_all(
    put_up: Callable[[], object], world: World, watcher: socket.socket
) -> dict[str, Outcome]:
    """How every way ends under one set of walls."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if (pid := os.fork()) == 0:
        ours.close()
        serve(put_up, world, theirs)
        os._exit(0)
    theirs.close()
    found = {}
    for name, way in WAYS.items():
        sockets = handed_in()
        left(watcher)
        numbers = [each.fileno() for each in sockets[:HANDED_IN]]
        socket.send_fds(ours, [name.encode()], numbers)
        outcome = Outcome(**json.loads(ours.recv(65_536)))
        for each in sockets:
            each.close()
        time.sleep(0.02)
        packets = left(watcher)
        if way.kind == "net":
            outcome.through = packets > 0
        found[name] = outcome
    ours.close()
    os.waitpid(pid, 0)
    return found


def run(folder: Path) -> dict[str, dict[str, Any]]:
    """Every way under every set of walls: {way: {walls: Outcome as a dict}}."""
    namespace.make()
    namespace.loopback_up()
    assert facts.interfaces() == ["lo"], "this is not a private network"
    watcher = cable()
    with suppress(OSError):
        Path("/proc/sys/net/ipv4/ping_group_range").write_text(f"{os.getgid()} {os.getgid()}")
    world, held = outside(folder)
    room = Room(inside.plan(Path(world.scratch)))
    found: dict[str, dict[str, Any]] = {name: {} for name in WAYS}
    try:
        for kind, put_up in walls(world, room).items():
            for name, outcome in try_all(put_up, world, watcher).items():
                found[name][kind] = asdict(outcome)
    finally:
        room.close()
        for each in held:
            if isinstance(each, int):
                os.kill(each, signal.SIGKILL)
            elif isinstance(each, subprocess.Popen):
                each.kill()
                each.wait()
    return found


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    print(json.dumps(run(Path(sys.argv[1]))))  # noqa: T201 (the answer)
