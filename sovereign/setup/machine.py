"""What this machine must have before anything is installed. Each failure is one sentence."""

import errno
import fcntl
import os
import platform
import shutil
import socket
import sys
from pathlib import Path

from tell import SetupError

GIB = 1024**3
#: Measured: .venv 1.9 GB, models 1.4 GB and as much again while they are joined, wheels and data.
FIRST_TIME_GIB = 6.0
LATER_GIB = 0.5
#: Of the builds of llama.cpp (llama_wheel.py), the fastest first. AVX-512 without VNNI (before Ice Lake
#: and Zen 4) is no faster and heats, so it does not count.
_AVX2 = frozenset({"avx2", "fma", "f16c", "bmi2"})
_AVX512 = _AVX2 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
CPU_FLAGS = {"avx512": _AVX512 | {"avx512vbmi", "avx512_vnni"}, "avx2": _AVX2}


def check_python(version: tuple[int, int] | None = None) -> str:
    """Return "3.11"; refuse a Python that the pinned packages are not made for."""
    major, minor = version or sys.version_info[:2]
    if (major, minor) not in {(3, 11), (3, 12)}:
        raise SetupError(
            f"Sovereign needs Python 3.11 (or 3.12) and this is {major}.{minor}: "
            "install it (Debian 12: apt install python3.11 python3.11-venv) "
            "and run `make up PYTHON=python3.11`."
        )
    try:
        import ensurepip  # noqa: F401 (Debian ships it apart from Python)
        import venv  # noqa: F401
    except ImportError as error:
        raise SetupError(
            f"Python's venv module is missing: apt install python{major}.{minor}-venv."
        ) from error
    return f"{major}.{minor}"


def check_disk(folder: Path, need_gib: float) -> str:
    """Return the free space in words; refuse when less than `need_gib` is free at `folder`."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free / GIB
    if free < need_gib:
        raise SetupError(
            f"{existing} has {free:.1f} GB free and the set-up needs {need_gib:.1f} GB: "
            "make room, or point SOVEREIGN_DATA_DIR and SOVEREIGN_CACHE_DIR to a larger disk."
        )
    return f"{free:.0f} GB free"


def check_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write-test"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SetupError(
            f"{folder} cannot be written ({error.strerror}): give this user the right to it, "
            "or choose another folder with SOVEREIGN_DATA_DIR or SOVEREIGN_CACHE_DIR."
        ) from error


def split_address(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise SetupError(f"SOVEREIGN_LISTEN must look like 127.0.0.1:8000, not {address!r}.")
    return host.strip("[]"), int(port)


def check_port(address: str) -> None:
    """Refuse an address that another program already listens on."""
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise SetupError(why_not_listening(address, error)) from error


def why_not_listening(address: str, error: OSError) -> str:
    port = address.rpartition(":")[2]
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken by another program: stop it, or choose another with "
            f"SOVEREIGN_LISTEN=127.0.0.1:{min(int(port) + 1, 65_535)} make up."
        )
    return f"Sovereign cannot listen on {address} ({error.strerror}): set SOVEREIGN_LISTEN."


def check_not_running(lock: Path) -> None:
    """Refuse to change an installation that is in use: the launcher holds `lock` while it runs."""
    if not lock.exists():
        return
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SetupError(
                "Sovereign already runs from this folder: end that one first (Ctrl-C in its "
                "terminal), or see it with `.venv/bin/python manage.py doctor`."
            ) from error


def cores() -> int:
    """Cores that this process may use (containers and `taskset` give fewer than the machine has)."""
    return len(os.sched_getaffinity(0))


def instructions(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The fastest build of llama.cpp that the CPU can run: "avx512", "avx2" or "plain"."""
    if platform.machine() not in {"x86_64", "AMD64"}:
        return "plain"
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "plain"
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
    return next((kind for kind, wanted in CPU_FLAGS.items() if wanted <= set(flags)), "plain")


def has_compiler() -> bool:
    """A C and a C++ compiler. cmake and ninja come with the build where the system has none."""
    names = (("cc", "gcc", "clang"), ("c++", "g++", "clang++"))
    return all(any(shutil.which(name) for name in either) for either in names)
