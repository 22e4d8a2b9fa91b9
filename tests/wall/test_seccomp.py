"""The filter, tried for real: each attempt runs in a fresh interpreter that was filtered first."""

import errno
import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from wall import seccomp, syscalls
from wall.profiles import PROFILES

ROOT = Path(__file__).resolve().parent.parent.parent
needs_seccomp = pytest.mark.skipif(
    not seccomp.available(), reason="NO SECCOMP: this kernel or processor has no filters for us"
)
FAMILIES = {
    "ax25": 3, "ipx": 4, "appletalk": 5, "x25": 9, "key": 15, "packet": 17, "rds": 21, "llc": 26,
    "can": 29, "tipc": 30, "bluetooth": 31, "alg": 38, "nfc": 39, "vsock": 40, "kcm": 41,
    "qipcrtr": 42, "smc": 43, "xdp": 44, "mctp": 45,
}  # fmt: skip
PRELUDE = """
import ctypes, errno, json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from wall import seccomp, syscalls
from wall.profiles import PROFILES
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    number = syscalls.here().numbers[name]
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), name)
def attempt(do):
    try:
        do()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"
profile, bound, lookups = sys.argv[2], sys.argv[3] == "True", sys.argv[4] == "True"
assert seccomp.install(PROFILES[profile].rules(bound=bound, lookups=lookups))
"""


def filtered(
    body: str, profile: str = "web", *, bound: bool = False, lookups: bool = False
) -> object:
    """What `body`, an expression or lines that set `said`, gives after the profile's filter."""
    code = f"{PRELUDE}\n{body if 'said =' in body else f'said = {body}'}\nprint(json.dumps(said))"
    arguments = [str(ROOT), profile, str(bound), str(lookups)]
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    return json.loads(done.stdout)


@needs_seccomp
@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_other_families_are_refused_in_every_profile(profile: str) -> None:
    """With EPERM, which no missing module gives: it was the filter."""
    body = f"{{n: attempt(lambda: call('socket', f, 3, 0)) for n, f in {FAMILIES!r}.items()}}"
    assert filtered(body, profile) == dict.fromkeys(FAMILIES, "EPERM")


KINDS = {
    "unix": (1, 1, 0),
    "tcp": (2, 1, 0),
    "tcp-named": (2, 1, 6),
    "tcp6": (10, 1, 0),
    "udp": (2, 2, 0),
    "udp6": (10, 2, 17),
    "routes": (16, 3, 0),
    "kobjects": (16, 3, 15),
    "generic": (16, 3, 16),
    "mptcp": (2, 1, 262),
    "sctp": (2, 1, 132),
    "smc": (2, 1, 256),
    "dccp": (2, 6, 33),
    "udplite": (2, 2, 136),
    "ping": (2, 2, 1),
    "raw": (2, 3, 255),
    "raw-tcp": (10, 3, 6),
}


@needs_seccomp
@pytest.mark.parametrize(
    ("profile", "bound", "lookups", "allowed"),
    [
        ("web", False, False, {"unix", "tcp", "tcp-named", "tcp6", "routes"}),
        ("worker", False, True, {"unix", "tcp", "tcp-named", "tcp6", "routes", "udp", "udp6"}),
        ("models", False, False, {"unix"}),
        ("models", False, True, {"unix"}),
        ("models", True, False, {"unix", "tcp", "tcp-named", "tcp6", "routes"}),
        ("valkey", False, False, {"unix"}),
        ("gate", False, False, {"unix", "tcp", "tcp-named", "tcp6"}),
        ("parser", False, True, set()),
        ("converter", False, True, set()),
    ],
)
def test_the_sockets_of_a_profile(
    profile: str, bound: bool, lookups: bool, allowed: set[str]
) -> None:
    body = f"{{n: attempt(lambda: socket.socket(*a).close()) for n, a in {KINDS!r}.items()}}"
    said = filtered(body, profile, bound=bound, lookups=lookups)
    assert isinstance(said, dict)
    assert {name for name, error in said.items() if error != "EPERM"} == allowed


@needs_seccomp
def test_the_high_half_of_an_argument_hides_nothing() -> None:
    """The kernel takes a family's low 32 bits alone, and so does the filter."""
    assert filtered("attempt(lambda: call('socket', (1 << 32) | 40, 1, 0))") == "EPERM"
    assert filtered("attempt(lambda: call('socket', (40 << 32) | 1, 1, 0))") == "ok"


@needs_seccomp
def test_flags_and_socket_types_do_not_hide_a_raw_socket() -> None:
    assert filtered("attempt(lambda: call('socket', 2, 3 | 0o2000000 | 0o4000, 0))") == "EPERM"
    assert filtered("attempt(lambda: call('socket', 2, 1 | 0o2000000 | 0o4000, 0))") == "ok"


@needs_seccomp
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (name, errno.errorcode[error])
        for name, error in sorted(PROFILES["web"].denied.items())
        if syscalls.here() and name in syscalls.here().numbers  # type: ignore[union-attr]
    ],
)
def test_calls_that_nobody_needs_are_refused(name: str, expected: str) -> None:
    """Arguments of nonsense: were it let through, the kernel would answer EFAULT, EINVAL, EBADF."""
    assert filtered(f"attempt(lambda: call({name!r}, -1, -1, -1, -1, -1, -1))") == expected


@needs_seccomp
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("call('sendto', -1, 0, 0, 0x20000000, 0, 0)", "EPERM"),
        ("call('sendto', -1, 0, 0, 0x20004000, 0, 0)", "EPERM"),
        ("call('sendto', -1, 0, 0, 0x4000, 0, 0)", "EBADF"),
        ("call('sendmsg', -1, 0, 0x20000000)", "EPERM"),
        ("call('sendmmsg', -1, 0, 1, 0x20000000)", "EPERM"),
        ("call('setsockopt', -1, 6, 30, 0, 0)", "EPERM"),
        ("call('setsockopt', -1, 6, 34, 0, 0)", "EPERM"),
        ("call('setsockopt', -1, 6, 31, 0, 0)", "EPERM"),
        ("call('setsockopt', -1, 0, 4, 0, 0)", "EPERM"),
        ("call('setsockopt', -1, 6, 1, 0, 0)", "EBADF"),
        ("call('setsockopt', -1, 1, 30, 0, 0)", "EBADF"),
        ("call('ioctl', -1, 0x5412, 0)", "EPERM"),
        ("call('ioctl', -1, 0x541C, 0)", "EPERM"),
        ("call('ioctl', -1, 0x5401, 0)", "EBADF"),
        ("call('unshare', 0x10000000)", "EPERM"),
        ("call('unshare', 0x80)", "EPERM"),
        ("call('unshare', 0x400)", "ok"),
        ("call('clone', 0x40000000 | 17, 0, 0, 0, 0)", "EPERM"),
        ("call('clone3', 0, 0)", "ENOSYS"),
        ("socket.socketpair(socket.AF_UNIX)", "ok"),
        ("call('socketpair', 30, 1, 0, 0)", "EPERM"),
    ],
)
def test_arguments_decide(call: str, expected: str) -> None:
    assert filtered(f"attempt(lambda: {call})") == expected


@needs_seccomp
def test_threads_and_children_work_and_are_filtered_too() -> None:
    body = """
import subprocess, threading
found = []
make = lambda: found.append(attempt(lambda: call('socket', 40, 1, 0)))
thread = threading.Thread(target=make)
thread.start()
thread.join()
code = "import socket\\ntry:\\n socket.socket(40, 1)\\nexcept PermissionError:\\n print('EPERM')"
done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
said = [*found, done.stdout.strip()]
"""
    assert filtered(body) == ["EPERM", "EPERM"]


@needs_seccomp
def test_a_filter_holds_the_threads_that_were_there_before_it() -> None:
    code = PRELUDE.replace(
        "profile, bound", "import threading\ngo = threading.Event()\nprofile, bound"
    )
    code = code.replace(
        "assert seccomp",
        "found = []\nt = threading.Thread(target=lambda: (go.wait(), found.append("
        "attempt(lambda: call('socket', 40, 1, 0)))))\nt.start()\nassert seccomp",
    )
    code += "\ngo.set()\nt.join()\nprint(found)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(ROOT), "web", "False", "False"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("['EPERM']", "")


#: mov eax, edi; mov ebx, esi; int 0x80, with rbx kept: a call by the interface of 32 bits.
INT80 = bytes.fromhex("53 89f8 89f3 cd80 5b c3".replace(" ", ""))


@needs_seccomp
@pytest.mark.skipif(platform.machine() != "x86_64", reason="an interface of x86 alone")
def test_the_interface_of_32_bits_ends_the_process() -> None:
    body = f"""
import mmap
page = mmap.mmap(-1, 4096, prot=7)
page.write({INT80!r})
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)(address)(20, 0)  # getpid
"""
    code = f"{PRELUDE}\n{body}"
    arguments = [str(ROOT), "web", "False", "False"]
    done = subprocess.run([sys.executable, "-I", "-c", code, *arguments], check=False)
    assert done.returncode == -31, "SIGSYS"
    unfiltered = code.replace("assert seccomp.install", "str")
    done = subprocess.run([sys.executable, "-I", "-c", unfiltered, *arguments], check=False)
    assert done.returncode in (0, -11), (
        "without a filter the kernel answers, or has no such interface"
    )


@needs_seccomp
@pytest.mark.skipif(platform.machine() != "x86_64", reason="an interface of x86 alone")
def test_the_numbers_of_x32_are_not_there() -> None:
    body = """
number = 0x40000000 | 41
said = attempt(lambda: (_ for _ in ()).throw(OSError(ctypes.get_errno(), "")) if libc.syscall(
    ctypes.c_long(number), 2, 2, 0) < 0 else None)
"""
    assert filtered(body) == "ENOSYS"


def run(code: list[seccomp.Instruction], number: int, arch: int, *arguments: int) -> int:
    """Interpret a filter: what the kernel would answer for a call. Both processors, on any."""
    words = [number, arch, 0, 0]
    for argument in (*arguments, *[0] * (6 - len(arguments))):
        words += [argument & 0xFFFFFFFF, argument >> 32 & 0xFFFFFFFF]
    at, loaded = 0, 0
    while True:
        kind, true, false, operand = code[at]
        at += 1
        match kind:
            case 0x20:
                loaded = words[operand // 4]
            case 0x54:
                loaded &= operand
            case 0x06:
                return operand
            case 0x15:
                at += true if loaded == operand else false
            case 0x35:
                at += true if loaded >= operand else false
            case 0x45:
                at += true if loaded & operand else false
            case _:
                raise AssertionError(f"unknown instruction {kind:#x}")


ALLOW, KILL = 0x7FFF0000, 0x80000000


@pytest.mark.parametrize("arch", [syscalls.X86_64, syscalls.AARCH64], ids=lambda arch: arch.name)
@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_the_program_for_each_processor(arch: syscalls.Arch, profile: str) -> None:
    rules = PROFILES[profile].rules(bound=False, lookups=False)
    code = seccomp.program(rules, arch)
    assert len(code) < 4096, "the kernel takes no more"
    assert all(0 <= jump < 256 for _, true, false, _ in code for jump in (true, false))
    numbers = arch.numbers

    def answer(name: str, *arguments: int) -> int:
        return run(code, numbers[name], arch.audit, *arguments)

    assert answer("socket", 40, 1, 0) == 0x50000 | errno.EPERM
    assert answer("setns") == 0x50000 | errno.EPERM
    assert answer("io_uring_setup") == 0x50000 | errno.ENOSYS
    refused = 0x50000 | errno.EPERM
    assert answer("clone", 17) == (ALLOW if rules.forks else refused)
    assert answer("clone", 0x3D0F00) == ALLOW, "a thread"
    assert answer("prlimit64", 0) == ALLOW
    assert answer("prlimit64", 4711) == refused, "the limits of another process"
    assert run(code, 9999, arch.audit) == ALLOW, "unknown to us: read, write and all the rest"
    assert run(code, numbers["setns"], 0x40000003) == KILL, "i386"
    for name, error in rules.denied.items():
        if name in numbers:
            assert answer(name) == 0x50000 | error, name


def test_no_number_is_given_twice() -> None:
    for arch in (syscalls.X86_64, syscalls.AARCH64):
        assert len(set(arch.numbers.values())) == len(arch.numbers)


def test_every_call_that_a_profile_names_is_in_the_tables() -> None:
    named = {name for profile in PROFILES.values() for name in profile.denied}
    assert named <= set(syscalls.X86_64.numbers)
