"""What files look like inside: names pinned, no door to another service of the machine, little to write.

Unix sockets with a path cross a network namespace, and behind many sits a program that may call out:
a message bus, a name service, a container engine, a terminal multiplexer. So the folders of such
sockets are empty inside, but for what the settings name. Runs with all rights of a fresh user and
mount namespace (wall.namespace.make). Sources: mount(2), mount_setattr(2), mount_namespaces(7).
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from wall.namespace import CLONE_NEWNS, check, unshare

_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 32, 4096, 16384, 1 << 18
_SYS_MOUNT_SETATTR, _AT_RECURSIVE, _ATTR_RDONLY = 442, 0x8000, 1

RUN = Path("/run")
#: Where this room keeps its own small files: on the empty /run that is mounted here.
OWN = RUN / "sovereign-wall"
#: Secrets that an engine or systemd lays there for this very service.
OF_THE_SERVICE = (RUN / "secrets", RUN / "credentials")
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "shm")
ACCELERATORS = ("nvidia*", "dri", "kfd", "dxg")

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: Path | str, kind: str = "", flags: int = 0, data: str = "") -> None:
    words = [os.fsencode(word) for word in (source, target, kind, data)]
    check(_libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]), "mount")


def bind(source: str, target: Path | str) -> None:
    mount(source, target, flags=_MS_BIND | _MS_REC)


def read_only(target: str, wanted: bool) -> None:
    """Everything at and below `target` at once (Linux 5.12). Raises OSError on an older kernel."""
    change = (_ATTR_RDONLY, 0) if wanted else (0, _ATTR_RDONLY)
    attributes = struct.pack("QQQQ", *change, 0, 0)
    arguments = (os.fsencode(target), _AT_RECURSIVE, attributes, ctypes.c_size_t(len(attributes)))
    check(_libc.syscall(_SYS_MOUNT_SETATTR, -100, *arguments), "mount_setattr")


def below(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def listening_sockets() -> list[Path]:
    """The Unix sockets with a path that programs of this network namespace have bound."""
    rows = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    found = {row.split(maxsplit=7)[7] for row in rows if len(row.split(maxsplit=7)) == 8}
    return sorted(Path(path) for path in found if path.startswith("/"))


class _Kept:
    """Folders that stay what they are although something is mounted over a folder above them."""

    def __init__(self, paths: Iterable[Path], under: Path) -> None:
        flags = os.O_PATH | os.O_CLOEXEC
        inside = sorted({path for path in paths if below(path, under) and path != under})
        outermost = [p for p in inside if not any(below(p, q) for q in inside if q != p)]
        self._open = [(path, os.open(path, flags)) for path in outermost if path.exists()]

    def put_back(self) -> None:
        for path, descriptor in self._open:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                path.mkdir(mode=0o755, parents=True, exist_ok=True)
            else:
                path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                path.touch()
            bind(f"/proc/self/fd/{descriptor}", path)
            os.close(descriptor)


def for_everybody(hosts: str, keep: Sequence[Path], sockets: Iterable[Path]) -> list[str]:
    """The first stage, for services and for commands by hand. Returns what was hidden.

    `hosts` becomes /etc/hosts, name servers are none. `keep` are the folders that stay although they
    lie in /run or hold sockets; `sockets` those that were bound when the wall was built.
    """
    mount("none", "/", flags=_MS_REC | _MS_PRIVATE)
    hidden = []
    if RUN.is_dir():
        kept = _Kept((*keep, *OF_THE_SERVICE), RUN)
        mount("sovereign-wall", RUN, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, "mode=755")
        kept.put_back()
        hidden.append(str(RUN))
        OWN.mkdir()
        _pin_names(hosts)
    for path in sockets:
        if not any(below(path, folder) for folder in (*keep, RUN)) and _cover(path):
            hidden.append(str(path))
    return hidden


def _pin_names(hosts: str) -> None:
    for name, content in (("hosts", hosts), ("resolv.conf", "")):
        file, target = OWN / name, Path("/etc", name)
        file.write_text(content, encoding="utf-8")
        if target.exists():
            bind(str(file), target)


def _cover(path: Path) -> bool:
    """Lay an empty file over a socket. One that this user cannot reach needs none."""
    try:
        if not path.is_socket():
            return False
        bind(str(OWN / "resolv.conf"), path)
    except OSError:
        return False
    return True


def for_services(keep: Sequence[Path], write: Sequence[Path], temporary: Path) -> None:
    """The second stage, in one more mount namespace: a temporary folder of its own, few devices, and
    nothing to write but the folders `write`, `temporary` and shared memory. Raises OSError.

    `keep` are folders that stay visible where they lie in a temporary folder of the machine.
    """
    unshare(CLONE_NEWNS)
    place = os.open(temporary, os.O_PATH | os.O_CLOEXEC)
    for shared in (Path("/tmp"), Path("/var/tmp")):  # noqa: S108 (replaced, not used)
        if shared.is_dir() and not shared.is_symlink():
            kept = _Kept(keep, shared)
            bind(f"/proc/self/fd/{place}", shared)
            kept.put_back()
    os.close(place)
    _few_devices()
    writable = [*write, temporary, Path("/tmp"), Path("/var/tmp")]  # noqa: S108 (the own one)
    found = [path for path in writable if path.is_dir()]
    for path in found:
        bind(str(path), path)
    read_only("/", True)
    for path in [*found, Path("/dev/shm")]:  # noqa: S108 (the kernel's own)
        if path.is_dir():
            read_only(str(path), False)


def _few_devices() -> None:
    """Root's number owns the machine's disks in /dev, whatever rights it has laid down."""
    dev = Path("/dev")
    wanted = [dev / name for name in DEVICES if (dev / name).exists()]
    wanted += [path for pattern in ACCELERATORS for path in dev.glob(pattern)]
    kept = [(path, str(path.readlink()) if path.is_symlink() else "") for path in wanted]
    old = _Kept([path for path, link in kept if not link], dev)
    mount("sovereign-wall", dev, "tmpfs", _MS_NOSUID | _MS_NOEXEC, "mode=755")
    old.put_back()
    links = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, target in {**{path.name: link for path, link in kept if link}, **links}.items():
        (dev / name).symlink_to(target)
