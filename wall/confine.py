"""Confines a process, then runs a program in it: python -I confine.py --profile web -- PROGRAM ARGS.

Three of the kernel's own walls, each where it is there: no capabilities and no new ones, Landlock,
a filter of system calls. None can be taken off again, by the program or by what it starts. They
hold by themselves, and inside a namespace they keep a program from climbing out of it.
"""

import contextlib
import ctypes
import os
import resource
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":  # with -I, nothing of ours is on the path
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from wall import landlock, seccomp
from wall.profiles import PROFILES

_PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL = 24, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_USAGE = (
    "usage: confine.py --profile NAME [--connect PORT].. [--bind PORT].. [--write PATH].. "
    "[--lookups] -- PROGRAM [ARGUMENT].."
)


@dataclass(frozen=True)
class Applied:
    """What holds from now on. `landlock_abi` 0: this kernel has none of it."""

    seccomp: bool
    landlock_abi: int


@dataclass
class _Order:
    profile: str = ""
    connect: list[int] = field(default_factory=list)
    bind: list[int] = field(default_factory=list)
    write: list[Path] = field(default_factory=list)
    lookups: bool = False
    program: list[str] = field(default_factory=list)


class OrderError(ValueError):
    """The command line makes no sense; the text says what to change."""


def apply(
    profile: str,
    *,
    connect: Iterable[int] = (),
    bind: Iterable[int] = (),
    write: Iterable[Path] = (),
    read: Iterable[Path] = (),
    descriptors: Iterable[int] = (),
    lookups: bool = False,
) -> Applied:
    """Confine this process for good. Call it before there are threads.

    `connect`, `bind`: TCP ports. `write`: folders and files that may be changed, which must exist.
    `read` and `descriptors` (open files that may be opened again): for the profile that may not
    read all, `parser`. `lookups`: may ask name servers, by UDP; not needed in a namespace, where
    names are given. Raises KeyError for an unknown profile, OSError where a path of `write` is
    missing or the kernel has a wall and refuses to put it up.
    """
    chosen = PROFILES[profile]
    ports, outgoing = tuple(bind), tuple(connect)
    # A crash would write the memory, with what people asked and read in it, to a file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    seccomp.no_new_privs()
    drop_capabilities()
    abi = landlock.restrict(
        landlock.Rules(
            writable=(*write, *chosen.always_writable()),
            devices=chosen.devices(),
            readable=None if chosen.reads_all else tuple(read),
            descriptors=tuple(descriptors),
            connect=outgoing,
            bind=ports,
        )
    )
    rules = chosen.rules(bound=bool(ports or outgoing), lookups=lookups)
    return Applied(seccomp.install(rules), abi)


def drop_capabilities() -> None:
    """Give up every capability, those of root in a user namespace too: its network is not ours to
    change. Best effort where there are none to give up."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in range(64):
        libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    libc.prctl(_PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(ctypes.byref(header), ctypes.byref(nothing)) != 0:
        raise OSError(ctypes.get_errno(), "the capabilities could not be given up")


def main(arguments: list[str]) -> int:
    """Confine and become the program. Returns only if that failed: 2 the command line, 126 refused
    or not to be run, 127 not there."""
    import shutil  # a reader's child uses this module, too, and starts no program

    try:
        order = _parse(arguments)
        program = shutil.which(order.program[0])
        if program is None:
            return _complain(f"no such program: {order.program[0]}", 127)
        apply(
            order.profile,
            connect=order.connect,
            bind=order.bind,
            write=order.write,
            lookups=order.lookups,
        )
        os.execv(program, order.program)  # noqa: S606
    except OrderError as error:
        return _complain(f"{error}\n{_USAGE}", 2)
    except OSError as error:
        return _complain(str(error), 126)


def _parse(arguments: list[str]) -> _Order:
    """By hand: argparse takes longer to load than all the rest here, for every process."""
    if "--" not in arguments:
        raise OrderError("a program must be named, after --")
    end = arguments.index("--")
    order = _Order(program=arguments[end + 1 :])
    words = iter(arguments[:end])
    for word in words:
        if word == "--lookups":
            order.lookups = True
        else:
            _take(order, word, next(words, ""))
    if order.profile not in PROFILES:
        raise OrderError(f"--profile is one of {', '.join(PROFILES)}")
    if not order.program:
        raise OrderError("a program must be named, after --")
    return order


def _take(order: _Order, option: str, value: str) -> None:
    match option:
        case "--profile":
            order.profile = value
        case "--connect":
            order.connect.append(_port(option, value))
        case "--bind":
            order.bind.append(_port(option, value))
        case "--write":
            if not value or not Path(value).exists():
                raise OrderError(f"--write {value}: no such file or folder")
            order.write.append(Path(value))
        case _:
            raise OrderError(f"unknown option: {option}")


def _port(option: str, value: str) -> int:
    with contextlib.suppress(ValueError):
        if 0 <= int(value) <= 65535:
            return int(value)
    raise OrderError(f"{option} takes a port from 0 to 65535, not {value!r}")


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"confine: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
