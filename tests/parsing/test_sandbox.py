"""The child process that reads one file, with real files and real limits."""

import errno
import os
import resource
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from statistics import median

import pytest

from ingest.parsers import sandbox, wire
from ingest.parsers.base import Limits, Notice, ParseError
from ingest.parsers.registry import DOCX, HTML, MARKDOWN, PDF, TEXT
from tests.parsing import files
from wall import landlock

ROOT = Path(__file__).parent.parent.parent


def test_the_same_as_in_this_process(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = files.pdf(tmp_path / "a.pdf", 4, blank=(3,))
    assert files.isolated(path, PDF, on_progress=lambda *each: told.append(each)) == files.parse(
        path, PDF
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    path = files.word(tmp_path / "a.docx")
    assert files.isolated(path, DOCX) == files.parse(path, DOCX)


def test_a_descriptor_of_a_file_without_a_name(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", 2)
    with tempfile.TemporaryFile(dir=tmp_path) as unlinked:
        unlinked.write(path.read_bytes())
        unlinked.flush()
        assert files.isolated(unlinked.fileno(), PDF) == files.parse(path, PDF)
        assert unlinked.tell() == path.stat().st_size, "its position is the caller's own"
    memory = os.memfd_create("original", os.MFD_CLOEXEC)
    os.write(memory, path.read_bytes())
    assert files.isolated(memory, PDF) == files.parse(path, PDF)
    os.close(memory)


def test_the_parsers_own_errors_cross(tmp_path: Path) -> None:
    locked = files.pdf(tmp_path / "a.pdf", 1, password="x")
    assert files.code_of(files.isolated, locked, PDF) == "encrypted"
    assert files.code_of(files.isolated, locked, "image/gif") == "unsupported-format"


def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> Path:
    """Make the sandbox start a child whose reading of a text file is `body`."""
    source = (ROOT / "ingest/parsers/child.py").read_text(encoding="utf-8")
    start = source.index("    from ingest.parsers.registry import parser_for")
    end = source.index("def _confine")
    script = tmp_path / "child.py"
    script.write_text(
        source[:start] + textwrap.indent(textwrap.dedent(body), "    ") + "\n\n" + source[end:]
    )
    monkeypatch.setattr(sandbox, "_CHILD", script)
    path = tmp_path / "a.txt"
    path.write_text("text")
    return path


@pytest.mark.parametrize(
    ("body", "bounds", "code"),
    [
        ("import time; time.sleep(3_600)", {"wall_seconds": 1}, "parse-timeout"),
        ("while True: pass", {"cpu_seconds": 1}, "parse-timeout"),
        ("x = [b'x' * 1000 for _ in range(10**9)]", {"memory_mb": 256}, "parse-memory"),
        ("import os; os.kill(os.getpid(), 11)", {}, "parse-crashed"),
        ("raise KeyError('bug')", {}, "parse-crashed"),
        ("import os; os.write(3, b'R 5\\nhello'); os._exit(0)", {}, "parse-crashed"),
        ("import os; os.write(3, b'R 99999999999\\n'); os._exit(0)", {}, "parse-crashed"),
        ("import os; os.write(3, b'x' * 10_000_000)", {}, "parse-crashed"),
        (
            "open(f'/proc/self/cwd{__file__}.large', 'wb').write(bytes(9 << 20))",
            {},
            "parse-crashed",
        ),
    ],
)
def test_whatever_the_child_does_ends_as_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, bounds: dict[str, int], code: str
) -> None:
    path = child(monkeypatch, tmp_path, body)
    # Where a bound did not hold, another code would say so, or this would not end.
    given = {"cpu_seconds": 1_000, "wall_seconds": 1_000} | bounds
    assert files.code_of(files.isolated, path, TEXT, **given) == code


def test_a_large_worker_does_not_make_every_crash_one_of_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = child(monkeypatch, tmp_path, "import os; os.kill(os.getpid(), 11)")
    ballast = bytearray(300 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert files.code_of(files.isolated, path, TEXT, memory_mb=256) == "parse-crashed"


def test_it_starts_threads_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process of its own would have time and memory anew, and outlive it in a session of its own."""
    body = """
        import os, threading
        from ingest.parsers.base import ParseError
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        for start in (os.fork, lambda: os.posix_spawn("/bin/true", ["true"], {})):
            try:
                if start() == 0:
                    os._exit(0)
            except PermissionError:
                continue
            raise ParseError("allowed", "It went through.")
        raise ParseError("refused", "As it should be.")
    """
    path = child(monkeypatch, tmp_path, body)
    assert files.code_of(files.isolated, path, TEXT) == "refused"


def test_memory_files_are_bounded_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    body = """
        import os
        held = []
        while True:
            held.append(os.memfd_create("more"))
            if len(held) > 40:
                return
    """
    path = child(monkeypatch, tmp_path, body)
    assert files.code_of(files.isolated, path, TEXT) == "parse-crashed"


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.socket(socket.AF_UNIX)",
        "import socket; socket.socketpair()",
        "import os; os.execv('/bin/true', ['true'])",
        "import subprocess; subprocess.run(['/bin/true'])",
        "open('/etc/passwd').read()",
        f"open({str(ROOT / 'manage.py')!r}).read()",
        "open(other).read()",
        "import os; os.listdir(os.path.dirname(other))",
        "import os; open(f'/proc/{os.getppid()}/environ').read()",
        "import os; os.readlink(f'/proc/{os.getppid()}/exe')",
        "open('/dev/shm/x', 'w')",
        "open('/tmp/x', 'w')",
        "open(other, 'a')",
        "open(path, 'a')",
        "import os; os.unlink(other)",
        "import os; os.truncate(other, 0)",
        "import os; os.chmod(other, 0o777)",
        "import os; os.utime(other)",
        "import os; os.setxattr(other, 'user.x', b'x')",
        "import os; os.kill(os.getppid(), 0)",
        "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)",
        "import os; os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "import os; os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0))",
        "import os; os.setsid()",
        "import os; os.link(other, other + '2')",
    ],
)
def test_it_may_only_read_its_document(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, attempt: str
) -> None:
    if landlock.abi() < 6:
        pytest.skip(f"NO WHOLE LANDLOCK: this kernel has version {landlock.abi()}, 6 is needed")
    other = tmp_path / "another.txt"
    other.write_text("another document")
    body = f"""
        from ingest.parsers.base import ParseError
        other = {str(other)!r}
        try:
            {attempt}
        except PermissionError:
            raise ParseError("refused", "As it should be.")
        raise ParseError("allowed", "It went through.")
    """
    path = child(monkeypatch, tmp_path, body)
    assert files.code_of(files.isolated, path, TEXT) == "refused"
    assert other.read_text() == "another document"


def test_it_proves_what_it_may_not(tmp_path: Path) -> None:
    said = sandbox.prove()
    assert (said["role"], said["refused"]) == ("parser", 0)
    assert said["facts"]["seccomp"] == 2
    assert said["facts"]["no_new_privs"]
    kinds = {probe["kind"]: probe for probe in said["probes"]}
    assert {"tcp", "udp", "name", "child", "shell", "raw", "vsock", "io_uring"} <= set(kinds)
    assert [kind for kind, probe in kinds.items() if not probe["refused"]] == []
    assert kinds["ctypes-tcp"]["layer"] == "seccomp", "the kernel refuses, not Python alone"


def test_it_knows_nothing_of_its_parent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOVEREIGN_SECRET_KEY", "hunter2")
    path = child(
        monkeypatch,
        tmp_path,
        """
        import os, socket
        from ingest.parsers.base import ParseError
        found = [name for name in os.environ if "SOVEREIGN" in name]
        try:
            socket.create_connection(("127.0.0.1", 9), 1)
        except OSError as error:
            found.append(str(error.errno))
        raise ParseError("told", " ".join(found) + f" {len(os.listdir('/proc/self/fd'))}.")
        """,
    )
    with pytest.raises(ParseError) as caught:
        files.isolated(path, TEXT)
    told = caught.value.detail.rstrip(".").split()
    assert told[0] == str(errno.EACCES), "the guard, before the kernel"
    assert int(told[-1]) <= 7, "no descriptors of the parent"


def test_a_pdf_that_breaks_pdfium_gets_a_second_reader(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = files.pdf(tmp_path / "a.pdf", 1)
    body = """
        import os
        if media_type == "application/pdf":
            os.abort()
        from ingest.parsers.registry import parser_for
        return parser_for(media_type).parse(path, limits)
    """
    child(monkeypatch, tmp_path, body)
    assert files.isolated(path, PDF).warnings == (Notice("pdf-without-layout"),)


def test_huge_text_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        for _ in range(200):
            file.write(b"A sentence of some words. " * 40_330)
    assert path.stat().st_size > 200_000_000
    assert files.code_of(files.isolated, path, TEXT) == "too-much-text"
    assert files.code_of(files.isolated, path, HTML) == "too-much-text"
    assert files.code_of(files.isolated, path, MARKDOWN) == "too-much-text"


def test_a_small_file_costs_little(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("A short text.")

    def used() -> float:
        """Seconds of processors, of all children so far."""
        said = resource.getrusage(resource.RUSAGE_CHILDREN)
        return said.ru_utime + said.ru_stime

    costs = list[float]()
    for _ in range(10):
        before = used()
        files.isolated(path, TEXT)
        costs.append(used() - before)
    # One that shares its processor with others may take longer.
    assert median(costs) < 0.3


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[]", b"null", b'["t",1,[],{},[],[],[["heading","x"]]]', b"\xff", b"[" * 9_999),
        b'["t",Infinity,[],{},[],[],[]]',
    ],
)
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        wire.unpack(data, Limits())


def test_what_comes_back_is_checked() -> None:
    with pytest.raises(ValueError, match="not a block"):
        wire.unpack(b'["t",1,[],{},[],[],[["script","x",0,null,[],0,[],null]]]', Limits())
    with pytest.raises(ParseError, match="too-much-text"):
        wire.unpack(
            b'["t",1,[],{},[],[],[["heading","xxxxx",0,null,[],0,[],null]]]', Limits(max_chars=3)
        )


def test_parsers_are_imported_when_asked_for() -> None:
    code = (
        "import sys, ingest.parsers.registry, ingest.parsers.sandbox, ingest.guard, ingest.chunk\n"
        "heavy = {'pypdfium2', 'pypdf', 'docx', 'selectolax', 'markdown_it', 'django'}\n"
        "sys.exit(','.join(heavy & set(sys.modules)) or 0)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
