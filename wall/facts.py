"""What the kernel says of a process and of its network, read from /proc: nothing of it is our word."""

from pathlib import Path
from typing import TypedDict

_KINDS = ("user", "net", "mnt")
#: RTF_* of linux/route.h; an "unreachable" default is the absence of one.
_UP, _GATEWAY, _REJECT = 0x1, 0x2, 0x200


class Facts(TypedDict):
    """`namespaces`: inodes by kind. `seccomp`: 0 none, 1 strict, 2 filters. -1: not to be read."""

    pid: int
    uid: int
    namespaces: dict[str, int]
    interfaces: list[str]
    default_route: bool
    seccomp: int
    filters: int
    no_new_privs: bool


def facts(pid: int | None = None) -> Facts:
    """The facts of this process or of PID. Raises OSError where PID is gone.

    Namespaces that are not ours to read are left out.
    """
    folder = Path("/proc/self") if pid is None else Path("/proc") / str(pid)
    status = dict(
        line.split(":", 1) for line in (folder / "status").read_text("utf-8").splitlines() if line
    )
    return {
        "pid": int(status["Pid"]),
        "uid": int(status["Uid"].split()[0]),
        "namespaces": {kind: inode for kind in _KINDS if (inode := _inode(folder / "ns" / kind))},
        "interfaces": interfaces(folder),
        "default_route": default_route(folder),
        "seccomp": int(status.get("Seccomp", -1)),
        "filters": int(status.get("Seccomp_filters", -1)),
        "no_new_privs": status.get("NoNewPrivs", "0").strip() == "1",
    }


def interfaces(folder: Path = Path("/proc/self")) -> list[str]:
    """The network interfaces that the process whose /proc folder is given has."""
    lines = (folder / "net" / "dev").read_text("utf-8").splitlines()[2:]
    return sorted(line.split(":", 1)[0].strip() for line in lines)


def default_route(folder: Path = Path("/proc/self")) -> bool:
    """True when packets for elsewhere have a way, by IPv4 or IPv6.

    That is a route over a gateway, or to so much of all addresses that it does as a default: two
    halves, as VPNs set them. The network that an interface itself is in is none.
    """
    ways = [
        (bin(int(part[7], 16)).count("1"), int(part[3], 16), part[0])
        for part in map(str.split, _lines(folder / "net" / "route")[1:])
    ] + [
        (int(part[1], 16), int(part[8], 16), part[9])
        for part in map(str.split, _lines(folder / "net" / "ipv6_route"))
    ]
    return any(
        flags & _UP and not flags & _REJECT and name != "lo" and (flags & _GATEWAY or length < 8)
        for length, flags, name in ways
    )


def isolated() -> bool:
    """True when this process has the loopback interface and no other."""
    try:
        return interfaces() == ["lo"]
    except OSError:
        return False


def _inode(link: Path) -> int:
    """0 where the kernel does not show it: a confined process may not look at all others (ptrace(2))."""
    try:
        return link.stat().st_ino
    except OSError:
        return 0


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
