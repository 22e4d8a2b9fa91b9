"""Landlock, tried for real: each attempt runs in a fresh interpreter that was restricted first."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import free_port
from wall import landlock

ROOT = Path(__file__).resolve().parent.parent.parent
ABI = landlock.abi()


def needs(abi: int) -> pytest.MarkDecorator:
    reason = f"NO LANDLOCK {abi}: this kernel has version {ABI}"
    return pytest.mark.skipif(abi > ABI, reason=reason)


PRELUDE = """
import errno, json, os, socket, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from wall import landlock
folder = Path(sys.argv[2])
inside, outside = folder / "inside", folder / "outside"
def attempt(do):
    try:
        do()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"
"""


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name in ("inside", "outside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("text")
    return tmp_path


def restricted(folders: Path, rules: str, body: str) -> object:
    """What the expression `body` gives under Rules(`rules`)."""
    code = f"{PRELUDE}\nlandlock.restrict(landlock.Rules({rules}))\nprint(json.dumps({body}))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(ROOT), str(folders)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs(3)
@pytest.mark.parametrize(
    "change",
    [
        "(d / 'new').write_text('x')",
        "(d / 'file').write_text('x')",
        "os.truncate(d / 'file', 0)",
        "(d / 'file').unlink()",
        "(d / 'sub').mkdir()",
        "(d / 'link').symlink_to('/')",
        "os.mkfifo(d / 'pipe')",
        "socket.socket(socket.AF_UNIX).bind(str(d / 's'))",
        "(d / 'file').rename(d / 'other')",
        "os.link(d / 'file', d / 'other')",
    ],
)
def test_files_change_below_the_writable_folders_alone(folders: Path, change: str) -> None:
    body = f"[attempt(lambda d=d: {change}) for d in (inside, outside)]"
    assert restricted(folders, "writable=(inside,)", body) == ["ok", "EACCES"]


@needs(2)
def test_a_file_is_not_moved_out(folders: Path) -> None:
    body = "attempt(lambda: (inside / 'file').rename(outside / 'moved'))"
    assert restricted(folders, "writable=(inside,)", body) in ("EACCES", "EXDEV")


@needs(3)
def test_one_file_may_be_writable_alone(folders: Path) -> None:
    body = "[attempt(lambda: (outside / n).write_text('x')) for n in ('file', 'new')]"
    assert restricted(folders, "writable=(outside / 'file',)", body) == ["ok", "EACCES"]


@needs(1)
def test_reading_is_free_unless_it_is_restricted(folders: Path) -> None:
    body = "[attempt((d / 'file').read_text) for d in (inside, outside)]"
    assert restricted(folders, "", body) == ["ok", "ok"]
    assert restricted(folders, "readable=(inside,)", body) == ["ok", "EACCES"]
    listing = "[attempt(lambda d=d: os.listdir(d)) for d in (inside, outside)]"
    assert restricted(folders, "readable=(inside,)", listing) == ["ok", "EACCES"]


@needs(1)
def test_an_open_descriptor_may_be_opened_again(folders: Path) -> None:
    rules = "readable=(Path('/proc/self'),), descriptors=(os.open(outside / 'file', 0),)"
    body = (
        "[attempt(lambda: open('/proc/self/fd/3').read()), attempt((outside / 'file').read_text)]"
    )
    assert restricted(folders, rules, body) == ["ok", "ok"], "the rule is the file's"
    unruled = "readable=(Path('/proc/self'),)) if os.open(outside / 'file', 0) else (None"
    assert restricted(folders, unruled, body) == ["EACCES", "EACCES"]


@needs(1)
def test_a_memory_file_needs_no_rule(folders: Path) -> None:
    rules = "readable=(Path('/proc/self'),), descriptors=(os.memfd_create('x'),)"
    assert restricted(folders, rules, "attempt(lambda: open('/proc/self/fd/3').read())") == "ok"


@needs(1)
def test_nothing_can_be_run_where_reading_is_restricted(folders: Path) -> None:
    rules = "readable=(Path('/usr'), Path('/bin'), Path('/lib'), Path('/lib64'))"
    body = "attempt(lambda: os.execv('/bin/true', ['true']))"
    assert restricted(folders, rules, body) == "EACCES"


@needs(1)
def test_devices_may_be_written_and_the_rest_of_dev_not(folders: Path) -> None:
    body = "[attempt(lambda n=n: os.open(n, os.O_WRONLY)) for n in ('/dev/null', '/dev/zero')]"
    assert restricted(folders, "devices=(Path('/dev/null'),)", body) == ["ok", "EACCES"]


@needs(4)
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_tcp_goes_to_listed_ports_alone(folders: Path, host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        port = listener.getsockname()[1]
        body = f"attempt(lambda: socket.create_connection(({host!r}, {port})))"
        assert restricted(folders, f"connect=({port},)", body) == "ok"
        assert restricted(folders, f"connect=({port - 1},)", body) == "EACCES"
        assert restricted(folders, f"bind=({port},)", body) == "EACCES"


@needs(4)
def test_tcp_listens_at_listed_ports_alone(folders: Path) -> None:
    port = free_port()
    body = f"attempt(lambda: socket.create_server(('127.0.0.1', {port})))"
    assert restricted(folders, f"bind=({port},)", body) == "ok"
    assert restricted(folders, f"connect=({port},)", body) == "EACCES"


@needs(6)
def test_processes_outside_get_no_signal_and_are_not_looked_into(folders: Path) -> None:
    parent = os.getpid()
    body = (
        f"[attempt(lambda: os.kill({parent}, 0)), attempt(lambda: os.kill(os.getpid(), 0)),"
        f" attempt(lambda: os.readlink('/proc/{parent}/ns/net'))]"
    )
    assert restricted(folders, "", body) == ["EPERM", "ok", "EACCES"]


@needs(6)
def test_abstract_sockets_of_others_are_out_of_reach(folders: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0sovereign-test-" + str(os.getpid()))
        listener.listen()
        name = listener.getsockname().decode()
        body = f"attempt(lambda: socket.socket(socket.AF_UNIX).connect({name!r}))"
        assert restricted(folders, "", body) == "EPERM"


@needs(1)
def test_a_writable_path_that_is_missing_is_an_error(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from wall import landlock\n"
        "landlock.restrict(landlock.Rules(writable=(Path(sys.argv[2]),)))"
    )
    arguments = [str(ROOT), str(tmp_path / "missing")]
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert "FileNotFoundError" in done.stderr
