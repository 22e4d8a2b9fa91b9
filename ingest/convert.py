"""Old Word and PowerPoint files become new ones, slides a PDF, by LibreOffice where it is installed.

The new file is read by its format's parser like any other, in a child of its own. All that comes of
the document here lies in memory: the scratch folder is on the memory's file system where that has
room, and what is given back has no name (memfd_create(2)).
"""

import contextlib
import fcntl
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from ingest import office_child, office_choices
from ingest.held import held, left_behind
from ingest.parsers.base import ParseError
from ingest.parsers.registry import DOC, ODP, PPT, PPTX
from wall.profiles import SCRATCH

MEMORY_MB = 2_048
#: The largest file that it may write, and all that it may have written.
MAX_FILE_MB, MAX_SCRATCH_MB = 256, 512
#: Free bytes that the memory's file system must have, besides ten times the document.
_LEAST_FREE = 64 << 20
_CHECK_SECONDS = 1.0
_PREFIX = "sovereign-convert-"
_NEAR_LIMIT = 0.6
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
_CHILD = Path(office_child.__file__)
_ROOT = _CHILD.parent.parent
_ENDINGS = {DOC: "doc", PPT: "ppt", PPTX: "pptx", ODP: "odp"}
_NEWER = {DOC: "docx", PPT: "pptx"}


def program() -> Path | None:
    """The folder of LibreOffice's programs: that of the setting, or of `soffice` on the path."""
    found = shutil.which(settings.LIBREOFFICE or "soffice")
    if found is None:
        return None
    folder = Path(found).resolve().parent
    return folder if any((folder / name).exists() for name in office_child.LIBRARIES) else None


@contextmanager
def converted(
    source: Path | int, media_type: str, check: Callable[[], None] | None = None
) -> Iterator[int]:
    """An open descriptor of `source` (a path or a descriptor, read from its start) in the newer format
    that registry.CONVERTED names. `check` is called about once a second and may raise to stop it.

    Raises ParseError `needs-libreoffice`, `convert-failed`, `parse-timeout`, `parse-memory`. The child
    and all of its files are gone when this returns.
    """
    folder = program()
    if folder is None:
        raise ParseError(
            "needs-libreoffice",
            "Old Word and PowerPoint files need LibreOffice, which is not installed. Save the file as "
            "DOCX or PPTX, or ask an administrator to install it.",
        )
    with _made(folder, source, (_ENDINGS[media_type], _NEWER[media_type]), check) as descriptor:
        yield descriptor


@contextmanager
def drawn(source: Path | int, media_type: str, seconds: int) -> Iterator[int]:
    """Slides as a PDF, slide n its page n, within `seconds`: else as converted()."""
    folder = program()
    if folder is None:
        raise ParseError("needs-libreoffice", "LibreOffice is not installed.")
    with _made(folder, source, (_ENDINGS[media_type], "pdf"), None, seconds) as descriptor:
        yield descriptor


@contextmanager
def _made(
    folder: Path,
    source: Path | int,
    endings: tuple[str, str],
    check: Callable[[], None] | None,
    seconds: int | None = None,
) -> Iterator[int]:
    before, after = endings
    with _opened(source) as file, _scratch(os.fstat(file.fileno()).st_size) as scratch:
        with (scratch / f"document.{before}").open("xb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
        target = scratch / "out" / f"document.{after}"
        _run(folder, scratch, f"document.{before}", f"out/{target.name}", check, seconds)
        with _taken(target) as descriptor:
            shutil.rmtree(scratch, ignore_errors=True)
            yield descriptor


def _opened(source: Path | int) -> BinaryIO:
    """A description of its own, so that the place in the given one stays."""
    return Path(f"/proc/self/fd/{source}" if isinstance(source, int) else source).open("rb")


@contextmanager
def _scratch(size: int) -> Iterator[Path]:
    remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_roomy(10 * size + _LEAST_FREE)))
    try:
        for name in ("home", "tmp", "out"):
            (folder / name).mkdir(0o700)
        choices = folder / "home" / "profile" / "user" / "registrymodifications.xcu"
        choices.parent.mkdir(parents=True)
        choices.write_text(office_choices.written(), encoding="utf-8")
        with held(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def places() -> list[Path]:
    """Where scratch folders may lie: the memory's file system, then the temporary folder."""
    return [SCRATCH[0], Path(tempfile.gettempdir())]


def _roomy(size: int) -> Path:
    """Where a scratch folder goes: into memory, where there is room."""
    memory, disk = places()
    try:
        roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= size
    except OSError:
        roomy = False
    return memory if roomy else disk


def leftovers() -> list[Path]:
    """Our scratch folders."""
    found = []
    for place in places():
        for folder in place.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                if folder.lstat().st_uid == os.geteuid():
                    found.append(folder)
    return found


def remove_leftovers() -> int:
    """Of workers that were killed: nobody holds them, and a child dies with its worker."""
    found = left_behind(leftovers())
    for folder in found:
        shutil.rmtree(folder, ignore_errors=True)
    return len(found)


def _run(
    folder: Path,
    scratch: Path,
    source: str,
    target: str,
    check: Callable[[], None] | None,
    seconds: int | None = None,
) -> None:
    """Start the child, wait for its end, end it. Raises ParseError, and what `check` raises."""
    seconds = settings.CONVERT_SECONDS if seconds is None else seconds
    request = {
        "root": str(_ROOT),
        "program": str(folder),
        "scratch": str(scratch),
        "source": source,
        "target": target,
        "cpu_seconds": seconds,
        "memory_mb": MEMORY_MB,
        "file_mb": MAX_FILE_MB,
    }
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", str(_CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=scratch,
        env=_environment(scratch),
        start_new_session=True,
    )
    in_time = False
    try:
        if child.stdin is not None:
            with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
                pipe.write(json.dumps(request).encode() + b"\n")
        in_time = _wait(child.pid, time.monotonic() + 2 * seconds, scratch, check)
    finally:
        status, usage = _end(child)
    _judge(
        status, usage, (scratch / office_child.LOADED).exists(), in_time=in_time, seconds=seconds
    )


def _environment(scratch: Path) -> dict[str, str]:
    """Nothing of the worker's: it holds secrets."""
    folders = {"HOME": str(scratch / "home"), "TMPDIR": str(scratch / "tmp")}
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **folders}


def _wait(pid: int, deadline: float, scratch: Path, check: Callable[[], None] | None) -> bool:
    """Until the child has ended; False where it was too slow. Raises ParseError for what it wrote."""
    looked = time.monotonic()
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        now = time.monotonic()
        if now > deadline:
            return False
        if now - looked >= _CHECK_SECONDS:
            looked = now
            if _written(scratch) > MAX_SCRATCH_MB << 20:
                raise _failed()
            if check is not None:
                check()
        time.sleep(0.02)
    return True


def _written(folder: Path) -> int:
    """Bytes below a folder that is being written."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(path, name).lstat().st_size
    return total


def _end(child: subprocess.Popen[bytes]) -> tuple[int, resource.struct_rusage]:
    """Kill the whole group, reap the child: its exit code (negative: signal) and what it used."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, usage


def _judge(
    status: int, usage: resource.struct_rusage, loaded: bool, *, in_time: bool, seconds: int
) -> None:
    """Raises ParseError unless the file was saved."""
    if not in_time or status == -signal.SIGXCPU or usage.ru_utime + usage.ru_stime >= seconds:
        raise ParseError(
            "parse-timeout",
            f"Converting the file took more than {seconds} seconds. Save it as DOCX or PPTX.",
        )
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if status < 0 and max(ours, _NEAR_LIMIT * MEMORY_MB * 1024) < usage.ru_maxrss:
        raise ParseError(
            "parse-memory",
            f"Converting the file took more than {MEMORY_MB:,} MB of memory. Save it as DOCX or PPTX.",
        )
    if not loaded:
        raise ParseError(
            "needs-libreoffice",
            "LibreOffice is installed but cannot be used. Save the file as DOCX or PPTX, or tell an "
            "administrator.",
        )
    if status != office_child.SAVED:
        raise _failed()


@contextmanager
def _taken(target: Path) -> Iterator[int]:
    """The new file in memory, which nobody changes. Its writer is not trusted: it may be a link."""
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _failed() from error
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or not about.st_size:
        os.close(descriptor)
        raise _failed()
    with os.fdopen(descriptor, "rb") as file:
        memory = os.memfd_create("converted", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with os.fdopen(memory, "wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
            copy.flush()
            fcntl.fcntl(copy, fcntl.F_ADD_SEALS, _SEALS)
            yield copy.fileno()


def _failed() -> ParseError:
    return ParseError(
        "convert-failed",
        "LibreOffice cannot read the file, which is damaged or protected. Open it in the program that "
        "made it and save it as DOCX or PPTX.",
    )
