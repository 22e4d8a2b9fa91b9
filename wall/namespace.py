"""Linux namespaces by their system calls: make them, enter them, and lay down all rights in them.

Python 3.11 has no os.setns and no os.unshare. Sources: unshare(2), setns(2), user_namespaces(7),
network_namespaces(7), capabilities(7), rtnetlink(7).
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
#: The order in which they are entered: only the rights in the first open the others.
KINDS = {"user": CLONE_NEWUSER, "net": CLONE_NEWNET, "mnt": CLONE_NEWNS}

_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_SECUREBITS = 1, 24, 28
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL = 38, 47, 4
#: No rights by being root, none kept over a change of user, none ambient; all of it locked.
_SECUREBITS = 0b1110_1111
_CAPABILITY_VERSION_3 = 0x20080522
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_RTM_NEWADDR, _NLM_REQUEST_ACK_CREATE, _IFA_F_NODAD = 20, 0x405, 0x02

_libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """Raise OSError with the call's own errno where it returned -1."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    check(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    check(_libc.setns(descriptor, kind), "setns")


def make() -> None:
    """Put this process, which must have one thread, into new user, network and mount namespaces.

    The user keeps the own number and is the only one there. A user namespace is made for root, too:
    root of the machine could go back to where it came from, root of this one cannot.
    """
    user, group = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
    own = Path("/proc/self")
    # Without it nobody but root may set the group map: groups could be shed to pass a refusal.
    (own / "setgroups").write_text("deny", encoding="ascii")
    (own / "uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    (own / "gid_map").write_text(f"{group} {group} 1", encoding="ascii")


def inodes(pid: int | str = "self") -> dict[str, int]:
    """The numbers by which `ls -l /proc/PID/ns` tells namespaces apart."""
    return {kind: os.stat(f"/proc/{pid}/ns/{kind}").st_ino for kind in KINDS}  # noqa: PTH116


def descriptors(pid: int | str = "self") -> dict[str, int]:
    """Open descriptors of the namespaces of a process; the caller closes them."""
    return {kind: os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in KINDS}


def enter(namespaces: Mapping[str, int], folder: str | None = None) -> None:
    """Go into namespaces by descriptor and lay down every right; `folder` becomes the working folder.

    The caller has one thread (after fork, or before any other is started). Raises OSError.
    """
    for kind, flag in KINDS.items():
        if kind in namespaces:
            setns(namespaces[kind], flag)
    if "mnt" in namespaces and folder:
        os.chdir(folder)  # entering a mount namespace leads to its root
    drop_rights()


def drop_rights() -> None:
    """No capability now, none by exec, none by set-user-id programs, for this process and its children."""
    check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _libc.prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0)
    # Both need a right that a process without any has lost already, and does not need to lose again.
    _libc.prctl(_PR_SET_SECUREBITS, _SECUREBITS, 0, 0, 0)
    number = 0
    while _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) == 0:
        number += 1
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    check(_libc.capset(header, bytes(24)), "capset")


def die_with(parent: int, number: int) -> None:
    """Have the kernel send signal `number` when `parent`, this process's parent, ends."""
    check(_libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(1)


def loopback_up() -> None:
    """Bring `lo` up: 127.0.0.0/8 and ::1 then answer inside, and nothing else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        answer = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
        flags = struct.unpack_from("16sh", answer)[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))


def add_address(address: str) -> None:
    """Give `lo` one more address, so that a gate can listen on it. One that is there stays.

    `address` is a number, version 4 or 6. Raises OSError.
    """
    ip = ip_address(address)
    if ip.is_loopback:
        return
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    about = struct.pack(
        "BBBBI", family, ip.max_prefixlen, _IFA_F_NODAD, 0, socket.if_nametoindex("lo")
    )
    parts = b"".join(struct.pack("HH", 4 + len(ip.packed), kind) + ip.packed for kind in (1, 2))
    _ask_netlink(_RTM_NEWADDR, about + parts)


def _ask_netlink(kind: int, content: bytes) -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        header = struct.pack("IHHII", 16 + len(content), kind, _NLM_REQUEST_ACK_CREATE, 1, 0)
        kernel.send(header + content)
        number = -struct.unpack_from("i", kernel.recv(4096), 16)[0]
    if number not in (0, errno.EEXIST):
        raise OSError(number, f"netlink: {os.strerror(number)}")


def why_not(error: OSError) -> str:
    """The code (wall.status.WHY) for a refusal by `make` or by what comes after it."""
    if error.errno in (errno.EINVAL, errno.ENOSYS):
        return "kernel-lacks"
    if error.errno in (errno.ENOSPC, errno.EUSERS):
        return "none-allowed" if _number("user/max_user_namespaces") == 0 else "no-more-allowed"
    if error.errno in (errno.EPERM, errno.EACCES):
        restricted = _number("kernel/apparmor_restrict_unprivileged_userns") == 1
        return "apparmor-forbids" if restricted and os.geteuid() else "kernel-forbids"
    return "setup-failed"


def _number(setting: str) -> int | None:
    try:
        return int(Path("/proc/sys", setting).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
