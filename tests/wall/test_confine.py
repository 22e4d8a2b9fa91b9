"""The wrapper as the launcher, compose and systemd call it: confine, then become the program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wall import landlock, seccomp
from wall.profiles import PROFILES

PROGRAM = Path(landlock.__file__).with_name("confine.py")
PYTHON = (sys.executable, "-I", "-c")
walls = pytest.mark.skipif(
    not (seccomp.available() and landlock.abi() >= 4),
    reason=f"NO WALLS TO TEST: seccomp {seccomp.available()}, Landlock {landlock.abi()}",
)


def confine(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(PROGRAM), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@walls
def test_a_program_is_confined_and_has_no_rights(tmp_path: Path) -> None:
    done = confine("--profile", "web", "--write", str(tmp_path), "--", "cat", "/proc/self/status")
    status = dict(line.split(":\t", 1) for line in done.stdout.splitlines())
    capabilities = {name: int(status[name], 16) for name in status if name.startswith("Cap")}
    assert set(capabilities.values()) == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


@walls
def test_options_say_where_to_write_and_connect(tmp_path: Path) -> None:
    for name in ("data", "other"):
        (tmp_path / name).mkdir()
    code = (
        "import pathlib, socket, sys\n"
        "for name in ('data', 'other'):\n"
        "    try: pathlib.Path(sys.argv[1], name, 'x').write_text('')\n"
        "    except PermissionError: print('no', name)\n"
        "for port in (1, 2):\n"
        "    try: socket.create_connection(('127.0.0.1', port))\n"
        "    except PermissionError: print('no', port)\n"
        "    except ConnectionRefusedError: print('asked', port)\n"
    )
    folder = str(tmp_path / "data")
    # Not "web", which may write temporary files: the folders of a test lie among them.
    options = ("--profile", "gate", "--connect", "1", "--write", folder, "--")
    done = confine(*options, *PYTHON, code, str(tmp_path))
    assert (done.stdout.splitlines(), done.stderr) == (["no other", "asked 1", "no 2"], "")


@walls
@pytest.mark.parametrize(
    ("options", "said"),
    [((), "no 1"), (("--connect", "1"), "asked 1\nno 2"), (("--bind", "9"), "no 1")],
)
def test_the_models_reach_the_ports_that_they_are_given(
    options: tuple[str, ...], said: str
) -> None:
    """Answers may come from servers elsewhere; without one there is no internet socket at all."""
    code = (
        "import socket\n"
        "for port in (1, 2):\n"
        "    try: socket.create_connection(('127.0.0.1', port))\n"
        "    except PermissionError: print('no', port)\n"
        "    except ConnectionRefusedError: print('asked', port)\n"
    )
    done = confine("--profile", "models", *options, "--", *PYTHON, code)
    assert done.stdout.startswith(said), done.stderr


@pytest.mark.skipif(
    landlock.abi() < 6,
    reason=f"SIGNALS CROSS HERE: Landlock {landlock.abi()}, 6 is needed (docs/wall.md)",
)
@pytest.mark.parametrize("profile", sorted(set(PROFILES) - {"parser", "converter"}))
def test_the_same_users_other_programs_get_no_signal(profile: str) -> None:
    code = (
        "import os, signal, subprocess, sys\n"
        "def tried(pid):\n"
        "    ways = [lambda: os.kill(pid, signal.SIGTERM), lambda: os.killpg(pid, signal.SIGTERM),\n"
        "            lambda: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGTERM)]\n"
        "    for way in ways:\n"
        "        try: way()\n"
        "        except PermissionError: yield 'no'\n"
        "        else: yield 'sent'\n"
        "print(*tried(int(sys.argv[1])))\n"
        "os.kill(os.getpid(), 0)\n"
        "own = subprocess.Popen(['sleep', '60'])\n"
        "own.terminate()\n"
        "print(own.wait())\n"
    )
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        try:
            done = confine("--profile", profile, "--", *PYTHON, code, str(other.pid))
            assert (done.stdout.splitlines(), done.stderr) == (["no no no", "-15"], "")
            assert other.poll() is None, "it lives on"
        finally:
            other.kill()


def test_the_programs_arguments_environment_and_status_are_its_own() -> None:
    code = "import os, sys; print(sys.argv[1:], os.environ['SAID']); sys.exit(7)"
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            str(PROGRAM),
            "--profile",
            "command",
            "--",
            *PYTHON,
            code,
            "--",
            "a b",
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "SAID": "kept"},
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "['--', 'a b'] kept\n")


def test_it_becomes_the_program_and_keeps_the_process_id() -> None:
    code = "import os; print(os.getpid())"
    process = subprocess.Popen(
        [sys.executable, "-I", str(PROGRAM), "--profile", "web", "--", *PYTHON, code],
        stdout=subprocess.PIPE,
        text=True,
    )
    said, _ = process.communicate()
    assert int(said) == process.pid


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ((), 2, "a program must be named, after --"),
        (("--profile", "web", "--"), 2, "a program must be named, after --"),
        (("--", "true"), 2, "--profile is one of web, worker, chroma"),
        (("--profile", "wep", "--", "true"), 2, "--profile is one of web, worker, chroma"),
        (("--profile", "web", "--connect", "x", "--", "true"), 2, "--connect takes a port"),
        (("--profile", "web", "--bind", "65536", "--", "true"), 2, "--bind takes a port"),
        (("--profile", "web", "--write", "/no/such", "--", "true"), 2, "no such file or folder"),
        (("--profile", "web", "--write", "--", "true"), 2, "no such file or folder"),
        (("--profile", "web", "--wirte", "/etc", "--", "true"), 2, "unknown option: --wirte"),
        (("--profile", "web", "--", "no-such-program"), 127, "no such program: no-such-program"),
        (("--profile", "web", "--", "/etc"), 127, "no such program"),
    ],
)
def test_mistakes_end_in_a_sentence_and_start_nothing(
    arguments: tuple[str, ...], status: int, sentence: str
) -> None:
    done = confine(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("confine: ")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@walls
def test_a_program_that_may_not_be_run_is_refused_with_a_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    done = confine("--profile", "web", "--", str(broken))
    assert done.returncode == 126
    assert done.stderr.startswith("confine: ")
    assert "Traceback" not in done.stderr


@walls
def test_confinement_adds_up_and_never_loosens(tmp_path: Path) -> None:
    inner = ("--profile", "web", "--connect", "1", "--connect", "2", "--")
    code = (
        "import socket\n"
        "for port in (1, 2):\n"
        "    try: socket.create_connection(('127.0.0.1', port))\n"
        "    except PermissionError: print('no', port)\n"
        "    except ConnectionRefusedError: print('asked', port)\n"
    )
    outer = ("--profile", "web", "--connect", "1", "--")
    done = confine(*outer, sys.executable, "-I", str(PROGRAM), *inner, *PYTHON, code)
    assert (done.stdout.splitlines(), done.stderr) == (["asked 1", "no 2"], "")
