"""Landlock: which files may be changed, and to which TCP ports may be connected, by raw system calls.

Source: the kernel's Documentation/userspace-api/landlock.rst. What a kernel offers is numbered
(its ABI): files from 1, moves between folders 2, cutting files 3, TCP 4, devices 5, abstract Unix
sockets and signals 6. Restrictions only ever add up, and hold for all that a process starts.
Besides what is named, a restricted process cannot trace or look into one that is restricted less.
"""

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wall import seccomp

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same on all processors
_VERSION = 1
_PATH_BENEATH, _NET_PORT = 1, 2

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
#: REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM
_CHANGE_FOLDER = sum(1 << bit for bit in range(4, 13))
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FOR_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_READING = READ_FILE | READ_DIR | EXECUTE
_BIND_TCP, _CONNECT_TCP = 1, 2
_ABSTRACT_UNIX, _SIGNAL = 1, 2
#: Rights that came with a later ABI.
_SINCE = {REFER: 2, TRUNCATE: 3, IOCTL_DEV: 5}
_TCP_SINCE, _SCOPES_SINCE = 4, 6


@dataclass(frozen=True)
class Rules:
    """What stays allowed; all the rest of the named kinds is refused.

    `writable`: folders (with all below) and files that may be changed. `devices`: files that may
    be written and controlled. `readable`: None leaves reading alone; else these, the writable and
    the devices can be read, and nothing can be run. `descriptors`: open files that may be opened
    again by /proc/self/fd. `connect`, `bind`: TCP ports.
    """

    writable: tuple[Path, ...] = ()
    devices: tuple[Path, ...] = ()
    readable: tuple[Path, ...] | None = None
    descriptors: tuple[int, ...] = ()
    connect: tuple[int, ...] = ()
    bind: tuple[int, ...] = ()


class _Ruleset(ctypes.Structure):
    _fields_ = [("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


class _NetPort(ctypes.Structure):
    _fields_ = [("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64)]


def abi() -> int:
    """What this kernel offers; 0: nothing."""
    return max(0, _syscall(_CREATE, None, 0, _VERSION))


def restrict(rules: Rules) -> int:
    """Restrict this thread and all that it starts, for good; returns the ABI that holds, 0 for none.

    Call it before there are threads. Sets no_new_privs. Raises OSError where a path of `writable`
    is missing, or the kernel refuses: whoever asked for it must not go on without.
    """
    version = abi()
    if not version:
        return 0
    handled = _handled(rules, version)
    attributes = _Ruleset(
        handled,
        _BIND_TCP | _CONNECT_TCP if version >= _TCP_SINCE else 0,
        _ABSTRACT_UNIX | _SIGNAL if version >= _SCOPES_SINCE else 0,
    )
    ruleset = _checked(_syscall(_CREATE, ctypes.byref(attributes), _size(version), 0))
    try:
        _allow_paths(ruleset, rules, handled)
        if version >= _TCP_SINCE:
            _allow_ports(ruleset, rules)
        seccomp.no_new_privs()
        _checked(_syscall(_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)
    return version


def _handled(rules: Rules, version: int) -> int:
    rights = WRITE_FILE | _CHANGE_FOLDER
    if rules.readable is not None:
        rights |= _READING
    return rights | sum(right for right, since in _SINCE.items() if version >= since)


def _size(version: int) -> int:
    """Bytes of the attributes that a kernel of this ABI knows."""
    fields = 1 + (version >= _TCP_SINCE) + (version >= _SCOPES_SINCE)
    return 8 * fields


def _allow_paths(ruleset: int, rules: Rules, handled: int) -> None:
    for path in rules.writable:
        _allow_path(ruleset, path, handled & ~(IOCTL_DEV | EXECUTE))
    for path in rules.devices:
        with contextlib.suppress(FileNotFoundError):
            _allow_path(ruleset, path, handled & ~EXECUTE)
    for path in rules.readable or ():
        with contextlib.suppress(FileNotFoundError):
            _allow_path(ruleset, path, handled & (READ_FILE | READ_DIR))
    for descriptor in rules.descriptors:
        _allow_descriptor(ruleset, descriptor, handled & READ_FILE)


def _allow_path(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _allow_descriptor(ruleset, descriptor, rights)
    finally:
        os.close(descriptor)


def _allow_descriptor(ruleset: int, descriptor: int, rights: int) -> None:
    if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
        rights &= _FOR_FILES
    if not rights:
        return
    rule = _PathBeneath(rights, descriptor)
    if _syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0) == 0:
        return
    # A file of no folder (memfd): Landlock leaves it alone, and wants no rule.
    if ctypes.get_errno() != errno.EBADFD:
        _checked(-1)


def _allow_ports(ruleset: int, rules: Rules) -> None:
    ports: list[tuple[Iterable[int], int]] = [
        (rules.connect, _CONNECT_TCP),
        (rules.bind, _BIND_TCP),
    ]
    for numbers, right in ports:
        for number in numbers:
            rule = _NetPort(right, number)
            _checked(_syscall(_ADD_RULE, ruleset, _NET_PORT, ctypes.byref(rule), 0))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock refused: {os.strerror(code)}")
    return result


def _syscall(number: int, *arguments: object) -> int:
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return int(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *words))
