"""What the launcher writes outside must not follow links that a program behind the wall laid."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as conf

from audit import checkpoints
from compliance import standing
from sovereign import settings as sovereign_settings
from sovereign.launcher import lock, logfiles, prepare, state, walls
from wall import ownfiles, refusals, status

TRAP = "the user's own file\n"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file outside of what programs behind the wall may change."""
    file = tmp_path / "bashrc"
    file.write_text(TRAP)
    return file


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A folder of the installation."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def _log(folder: Path) -> None:
    with logfiles.open_log(folder / "web.log") as log:
        log.write(b"curl it away\n")


def _wall(folder: Path) -> None:
    status.write(folder, status.Status(wall="guard"))


def _processes(folder: Path) -> None:
    state.write(folder, "http://127.0.0.1:1", [])


def _lock(folder: Path) -> None:
    lock.take(folder / "launcher.lock").close()


def _full(folder: Path) -> None:
    log = folder / "web.log"
    if not log.is_symlink():
        log.write_bytes(b"curl it away\n" * 100)
    logfiles.rotate(log, max_bytes=5)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("web.log", _log),
        ("web.log", _full),
        ("web.log.1", _full),
        (".wall.json.part", _wall),
        ("wall.json", _wall),
        (".processes.json.part", _processes),
        ("launcher.lock", _lock),
    ],
)
def test_a_link_leads_no_writer_out(
    ours: Path, victim: Path, name: str, write: Callable[[Path], None]
) -> None:
    (ours / name).symlink_to(victim)
    write(ours)
    assert victim.read_text() == TRAP


def test_the_standing_is_kept_without_following_a_link(
    ours: Path, victim: Path, settings: object
) -> None:
    settings.EVIDENCE_DIR = ours  # type: ignore[attr-defined]
    (ours / f".standing.json.{os.getpid()}").symlink_to(victim)
    (ours / ".standing.json.part").symlink_to(victim)
    standing._keep({"settings": {}})
    assert victim.read_text() == TRAP
    assert standing.file().is_file()


def _append(folder: Path) -> None:
    refusals.append(folder, b"{}\n")


def _conflict(folder: Path) -> None:
    checkpoints._append(folder / "conflicts.jsonl", b"$(curl it away)")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("refused.jsonl", _append),
        ("conflicts.jsonl", _conflict),
        (".head.json.part", lambda folder: checkpoints.replace(folder / "head.json", b"{}")),
    ],
)
def test_a_command_by_hand_writes_evidence_without_following_a_link(
    ours: Path, victim: Path, name: str, write: Callable[[Path], None]
) -> None:
    (ours / name).symlink_to(victim)
    write(ours)
    assert victim.read_text() == TRAP


def test_a_linked_folder_of_logs_is_refused(ours: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (ours / "logs").symlink_to(tmp_path / "home")
    with pytest.raises(OSError, match="logs"):
        logfiles.open_log(ours / "logs" / "web.log")
    assert not list((tmp_path / "home").iterdir())


def test_a_pipe_holds_nobody_up(ours: Path) -> None:
    os.mkfifo(ours / "web.log")
    _log(ours)
    assert (ours / "web.log").read_bytes() == b"curl it away\n"


def test_a_plain_file_that_cannot_be_opened_is_left(ours: Path) -> None:
    (ours / "web.log").write_text("kept")
    with pytest.raises(FileExistsError):
        ownfiles.opened(ours / "web.log", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    assert (ours / "web.log").read_text() == "kept"


def test_static_files_are_cleared_without_following_a_link(ours: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("kept")
    (ours / "static").mkdir()
    (ours / "static" / "css").symlink_to(home)
    prepare._take_away(ours / "static")
    (ours / "static").symlink_to(home)
    prepare._take_away(ours / "static")
    assert (home / "thesis.txt").read_text() == "kept"
    assert not (ours / "static").exists()


def test_what_the_set_up_installs_cannot_be_written_behind_the_wall() -> None:
    wheels = Path(conf.CACHE_DIR) / "wheels"
    assert not any(folder == wheels or folder in wheels.parents for folder in walls.writable())


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001"),
        ("http://192.0.2.1:80", "default"),
        ("http://127.0.0.1:80@192.0.2.1:80", "default"),
        ("", "default"),
    ],
)
def test_the_vector_store_is_here_whatever_a_process_wrote(
    ours: Path, monkeypatch: pytest.MonkeyPatch, written: str, taken: str
) -> None:
    (ours / "chroma.url").write_text(written)
    monkeypatch.setattr(sovereign_settings, "RUN_DIR", ours)
    assert sovereign_settings._written_by_launcher("chroma.url", "default") == taken
