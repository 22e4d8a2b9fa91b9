"""Filters of system calls, built by hand: no library, nothing to download.

A filter is a classic BPF program over `struct seccomp_data` (nr, arch, instruction pointer, six
arguments of 64 bits): seccomp(2) and the kernel's Documentation/userspace-api/seccomp_filter.rst.
It cannot read memory, so it judges numbers alone: a socket's family, not a connection's address.
Addresses are Landlock's and the namespace's.
"""

import ctypes
import errno
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wall import syscalls
from wall.syscalls import Arch

#: One instruction: code, jump if true, jump if false, operand (struct sock_filter).
Instruction = tuple[int, int, int, int]

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET} in clone's flags
_THREAD = 0x10000  # CLONE_THREAD
_NEW_TIME = 0x80  # CLONE_NEWTIME: only unshare takes it, clone has its exit signal there
_MSG_FASTOPEN = 0x20000000
#: Data in a connection's first packet, and other protocols below a TCP socket (SMC).
_TCP_FASTOPEN_CONNECT, _TCP_ULP, _TCP_FASTOPEN_NO_COOKIE = 30, 31, 34
_IP_OPTIONS = 4
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_TYPE_BITS = 0xF  # the rest of socket()'s type are SOCK_CLOEXEC and SOCK_NONBLOCK
_NETLINK_ROUTE = 0

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _GET_ACTION_AVAIL = 1, 2
_TSYNC, _SPEC_ALLOW = 1, 4


@dataclass(frozen=True)
class Rules:
    """What a filter refuses. Everything else is allowed.

    `families`: the socket families that may be made; with none, `socket` is refused altogether.
    `lookups`: internet datagrams, which asking a name server takes, too.
    `denied`: system call to the error that it gets. `forks`: may start processes, not threads alone.
    """

    families: frozenset[int]
    lookups: bool = False
    denied: Mapping[str, int] = field(default_factory=dict)
    forks: bool = True


class _Filter(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("true", ctypes.c_ubyte),
        ("false", ctypes.c_ubyte),
        ("k", ctypes.c_uint),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filters", ctypes.POINTER(_Filter))]


def available() -> bool:
    """Does this kernel take filters, and do we have the processor's table?"""
    action = ctypes.c_uint(_KILL)
    arch = syscalls.here()
    if arch is None:
        return False
    return _syscall(arch.numbers["seccomp"], _GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0


def install(rules: Rules) -> bool:
    """Filter this process, all its threads and all that it starts, for good. False: no seccomp here.

    Sets no_new_privs, which the kernel asks for. Raises OSError where a kernel that has seccomp
    refuses the filter: whoever asked for it must not go on without.
    """
    arch = syscalls.here()
    if arch is None or not available():
        return False
    code = program(rules, arch)
    filters = (_Filter * len(code))(*(_Filter(*each) for each in code))
    pointer = ctypes.cast(filters, ctypes.POINTER(_Filter))
    prog = _Program(len(code), pointer)
    no_new_privs()
    # Without SPEC_ALLOW, kernels before 5.16 slow every process with a filter down, models most:
    # a guard against code of others in the same process, of which there is none.
    for flags in (_TSYNC | _SPEC_ALLOW, _TSYNC):
        if _syscall(arch.numbers["seccomp"], _SET_MODE_FILTER, flags, ctypes.byref(prog)) == 0:
            return True
    code_of = ctypes.get_errno()
    raise OSError(code_of, f"the kernel refused the filter: {os.strerror(code_of)}")


def no_new_privs() -> None:
    """Programs that are run from here on gain nothing by set-user-id bits or file capabilities."""
    if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS) failed")


def program(rules: Rules, arch: Arch) -> list[Instruction]:
    """The filter for one kind of processor. Calls by another interface end the process."""
    code = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, arch.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if arch.second_table is not None:
        code += [(_AT_LEAST, 0, 1, arch.second_table), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    blocks = _judged_by_arguments(rules)
    for name, error in rules.denied.items():
        blocks[name] = [_refuse(error)]
    for name, body in blocks.items():
        if name in arch.numbers:
            code += _when(arch.numbers[name], body)
    return [*code, (_RETURN, 0, 0, _ALLOW)]


def _judged_by_arguments(rules: Rules) -> dict[str, list[Instruction]]:
    """The bodies of the calls whose arguments decide; each of them returns."""
    allow = (_RETURN, 0, 0, _ALLOW)
    deny = _refuse(errno.EPERM)

    def unless_bits(argument: int, bits: int) -> list[Instruction]:
        return [_argument(argument), (_ANY_BIT, 0, 1, bits), deny, allow]

    def unless(argument: int, values: Sequence[int]) -> list[Instruction]:
        tests = [each for value in values for each in _when(value, [deny])]
        return [_argument(argument), *tests, allow]

    tcp = unless(2, (_TCP_FASTOPEN_CONNECT, _TCP_ULP, _TCP_FASTOPEN_NO_COOKIE))
    ip = unless(2, (_IP_OPTIONS,))
    options = [*_when(socket.IPPROTO_TCP, tcp), *_when(socket.IPPROTO_IP, ip)]
    return {
        "socket": _sockets(rules),
        "socketpair": [_argument(0), *_when(socket.AF_UNIX, [allow]), deny],
        # A first packet that connects as it is sent: Landlock does not see it.
        "sendto": unless_bits(3, _MSG_FASTOPEN),
        "sendmsg": unless_bits(2, _MSG_FASTOPEN),
        "sendmmsg": unless_bits(3, _MSG_FASTOPEN),
        # What carries data although no connection ever stands.
        "setsockopt": [_argument(1), *options, allow],
        # Typing into the terminal of whoever started us: a shell outside would run it.
        "ioctl": unless(1, (_TIOCSTI, _TIOCLINUX)),
        "clone": _clone(rules),
        # Another process of the same user may be given limits that end it.
        "prlimit64": [_argument(0), *_when(0, [allow]), deny],
        "unshare": unless_bits(0, _NEW_NAMESPACES | _NEW_TIME),
        # Its flags are in memory, out of a filter's sight; the C library then takes clone.
        "clone3": [_refuse(errno.ENOSYS)],
        **({} if rules.forks else {"fork": [deny], "vfork": [deny]}),
    }


def _clone(rules: Rules) -> list[Instruction]:
    allow, deny = (_RETURN, 0, 0, _ALLOW), _refuse(errno.EPERM)
    threads = [] if rules.forks else [(_ANY_BIT, 1, 0, _THREAD), deny]
    return [_argument(0), (_ANY_BIT, 0, 1, _NEW_NAMESPACES), deny, *threads, allow]


def _sockets(rules: Rules) -> list[Instruction]:
    allow = (_RETURN, 0, 0, _ALLOW)
    deny = _refuse(errno.EPERM)
    if not rules.families:
        return [deny]
    # Landlock judges TCP alone. MPTCP, SCTP, DCCP, UDP-Lite, SMC and raw packets pass it by.
    kinds = [socket.SOCK_STREAM]
    protocols = [0, socket.IPPROTO_TCP]
    if rules.lookups:
        kinds.append(socket.SOCK_DGRAM)
        protocols.append(socket.IPPROTO_UDP)
    internet = [
        _argument(2),
        *_one_of(protocols, deny),
        _argument(1),
        (_AND, 0, 0, _TYPE_BITS),
        *_one_of(kinds, deny),
        allow,
    ]
    # Interfaces and routes may be read (getaddrinfo does); the other protocols of netlink speak
    # of firewalls, keys and devices.
    netlink = [_argument(2), *_when(_NETLINK_ROUTE, [allow]), deny]
    bodies = {
        socket.AF_UNIX: [allow],
        socket.AF_INET: internet,
        socket.AF_INET6: internet,
        socket.AF_NETLINK: netlink,
    }
    code = [_argument(0)]
    for family, body in bodies.items():
        if family in rules.families:
            code += _when(family, body)
    return [*code, deny]


def _argument(index: int) -> Instruction:
    """Load the low half of an argument: families, types and flags are of 32 bits to the kernel."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index)


def _refuse(error: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | error)


def _when(value: int, body: list[Instruction]) -> list[Instruction]:
    """Run `body`, which must return, if the loaded word is `value`."""
    return [(_EQUAL, 0, len(body), value), *body]


def _one_of(values: Sequence[int], otherwise: Instruction) -> list[Instruction]:
    last = len(values)
    tests = [(_EQUAL, last - index, 0, value) for index, value in enumerate(values)]
    return [*tests, otherwise]


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _syscall(number: int, *arguments: object) -> int:
    """A system call by its number: the C library has no function for this one."""
    words = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return int(_libc().syscall(ctypes.c_long(number), *words))
