"""What each kind of process may ask of the kernel. Read it as a table; confine.py applies it."""

import socket
from dataclasses import dataclass, field, replace
from errno import ENOSYS, EPERM
from pathlib import Path

from wall import seccomp

_UNIX = frozenset({socket.AF_UNIX})
_LOCAL = _UNIX | {socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK}

#: Nobody needs these. Ways out of the namespace, into another process, into the kernel.
_WAYS_OUT = """
    setns mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig
    fsmount fspick mount_setattr open_by_handle_at name_to_handle_at
    ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp
    bpf perf_event_open userfaultfd keyctl add_key request_key fanotify_init
    kexec_load kexec_file_load init_module finit_module delete_module
    acct swapon swapoff reboot sethostname setdomainname quotactl quotactl_fd iopl ioperm
    modify_ldt syslog settimeofday clock_settime clock_adjtime adjtimex vhangup
    shmget semget msgget mq_open
"""
#: The reader of a hostile file needs no sockets, starts no program, changes no file's rights, and lets
#: other processes be. It stays in its group, which is ended as one.
_BEYOND_READING = """
    socket socketpair connect bind listen accept accept4 sendto sendmsg sendmmsg recvfrom recvmsg
    recvmmsg setsockopt execve execveat
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat setxattr lsetxattr fsetxattr
    setxattrat removexattr lremovexattr fremovexattr removexattrat utime utimes utimensat futimesat
    file_setattr setsid setpgid
    setpriority ioprio_set sched_setaffinity sched_setscheduler sched_setparam sched_setattr
    migrate_pages move_pages process_mrelease
"""
_NEVER = dict.fromkeys(_WAYS_OUT.split(), EPERM) | dict.fromkeys(
    # Programs that like it take the ordinary calls when a kernel has none of it. It connects and
    # sends without a single system call that a filter could judge.
    ("io_uring_setup", "io_uring_enter", "io_uring_register"),
    ENOSYS,
)
_READER_NEVER = _NEVER | dict.fromkeys(_BEYOND_READING.split(), EPERM)

_DEVICES = tuple(
    Path("/dev") / name for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx")
)
#: Semaphores and shared memory (Celery's pool, torch); what databases sort on disk and uploads on
#: their way (SQLite takes /var/tmp first, whatever the environment says).
SCRATCH = (Path("/dev/shm"), Path("/tmp"), Path("/var/tmp"))  # noqa: S108
_ACCELERATORS = ("nvidia*", "nvidia-caps/*", "dri/*", "kfd")


@dataclass(frozen=True)
class Profile:
    """`scratch`, `accelerators`: may write temporary files, use graphics cards. `inet_if_bound`: internet
    sockets only where it was given a port to listen at or to connect to. `reads_all`: reading is not
    restricted. `forks`: may start processes of its own, not threads alone."""

    name: str
    families: frozenset[int] = _LOCAL
    denied: dict[str, int] = field(default_factory=lambda: _NEVER)
    scratch: bool = True
    accelerators: bool = False
    inet_if_bound: bool = False
    reads_all: bool = True
    forks: bool = True

    def rules(self, *, bound: bool, lookups: bool) -> seccomp.Rules:
        """The filter. `bound`: it was given a port; `lookups`: it asks name servers."""
        families = self.families
        if self.inet_if_bound and not bound:
            families &= _UNIX
        return seccomp.Rules(families, lookups and bool(families), self.denied, self.forks)

    def devices(self) -> tuple[Path, ...]:
        """Device files that may be written and controlled, those that exist."""
        dev = Path("/dev")
        patterns = _ACCELERATORS if self.accelerators else ()
        found = [path for pattern in patterns for path in sorted(dev.glob(pattern))]
        return tuple(path for path in (*_DEVICES, *found) if path.exists())

    def always_writable(self) -> tuple[Path, ...]:
        """What it may write wherever it runs."""
        return tuple(folder for folder in SCRATCH if folder.is_dir()) if self.scratch else ()


_WEB = Profile("web")
PROFILES = {
    each.name: each
    for each in (
        _WEB,
        replace(_WEB, name="worker"),
        # Chroma and valkey are told to connect nowhere: they are given no port to connect to.
        replace(_WEB, name="chroma"),
        replace(_WEB, name="valkey", inet_if_bound=True),
        replace(_WEB, name="models", accelerators=True, inet_if_bound=True),
        replace(_WEB, name="command", accelerators=True),
        replace(_WEB, name="gate", families=_LOCAL - {socket.AF_NETLINK}, scratch=False),
        # Bounds are of one process: each that it could start would have them anew.
        Profile("parser", frozenset(), _READER_NEVER, scratch=False, reads_all=False, forks=False),
        Profile("converter", frozenset(), _READER_NEVER, scratch=False, reads_all=False),
    )
}
