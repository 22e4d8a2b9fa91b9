"""Copies of the checkpoints where this installation can only add."""

import os
import re
import socket
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit import checkpoints, places
from audit.verify import verify
from tests.audit.tampering import fill
from tests.live import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def share(tmp_path: Path, settings: Any) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    settings.CHECKPOINT_DIR = str(folder)
    return folder


def lines(count: int) -> None:
    for _ in range(count):
        fill(2)
        checkpoints.write()


def deliver() -> None:
    """To the end, on a machine however busy."""
    places.deliver(patience=120)


def copied(share: Path) -> int:
    return len(places.share_file(share).read_bytes().splitlines())


def test_nothing_is_set_by_default(settings: Any) -> None:
    assert (settings.CHECKPOINT_DIR, settings.CHECKPOINT_SYSLOG) == ("", "")
    assert places.configured() == {}


def test_each_line_goes_to_the_share(share: Path) -> None:
    lines(3)
    deliver()
    assert places.share_file(share).read_bytes() == checkpoints.lines_file().read_bytes()
    assert places.state()["directory"] == {
        "number": 3,
        "error": "",
        "at": places.state()["directory"]["at"],
    }


def test_what_went_there_verifies(share: Path) -> None:
    lines(3)
    deliver()
    assert verify(copies=[share]).ok
    assert verify(copies=[places.share_file(share)]).ok


def test_a_line_goes_there_once(share: Path) -> None:
    lines(2)
    deliver()
    deliver()
    assert copied(share) == 2


def test_what_is_on_the_share_is_never_shortened(share: Path) -> None:
    places.share_file(share).write_bytes(b"what was there\n")
    lines(1)
    deliver()
    assert places.share_file(share).read_bytes().startswith(b"what was there\n")


def test_a_share_that_is_gone_is_reported_and_made_up_for(
    share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "AGAIN", timedelta(hours=1))
    share.rmdir()
    lines(2)
    deliver()
    assert places.state()["directory"]["error"] == "No such file or directory"
    share.mkdir()
    deliver()
    assert list(share.iterdir()) == []  # not before its time
    monkeypatch.setattr(places, "AGAIN", timedelta(0))
    deliver()
    assert copied(share) == 2
    assert places.state()["directory"]["error"] == ""


def test_a_share_that_hangs_holds_up_nobody(share: Path) -> None:
    """Opening a named pipe that nobody reads waits for ever, as a dead share does."""
    os.mkfifo(places.share_file(share))
    lines(1)
    others = set(threading.enumerate())
    places.deliver(patience=0.2)
    wait_until("it is noted", lambda: "directory" in places.state())
    assert places.state()["directory"]["error"] == "no-answer"
    places.deliver(patience=0.2)
    waiting = [each for each in set(threading.enumerate()) - others if each.name == "checkpoints"]
    assert len(waiting) == 1
    # Let the thread go: somebody reads.
    with places.share_file(share).open("rb") as pipe:
        assert pipe.read(1) == b"{"
        waiting[0].join(30)


def test_a_share_that_takes_new_files_only(share: Path) -> None:
    """Not even root may open this file of the kernel for writing."""
    places.share_file(share).symlink_to("/proc/sys/kernel/ostype")
    lines(2)
    deliver()
    assert [file.read_bytes() for file in sorted(share.glob("sovereign-*-0*.jsonl"))] == (
        checkpoints.lines_file().read_bytes().splitlines(keepends=True)
    )


def test_a_system_log_gets_one_datagram_a_line(tmp_path: Path, settings: Any) -> None:
    settings.CHECKPOINT_SYSLOG = str(tmp_path / "log")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(settings.CHECKPOINT_SYSLOG)
        log.settimeout(30)
        lines(2)
        deliver()
        got = [log.recv(10_000).decode() for _ in range(2)]
    head = r"<109>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ sovereign \d+ CHECKPOINT - \{"
    assert all(re.match(head, each) for each in got)
    (tmp_path / "kept").write_text("\n".join(got))
    assert verify(copies=[tmp_path / "kept"]).ok


def test_a_log_that_is_gone_is_reported(tmp_path: Path, settings: Any) -> None:
    settings.CHECKPOINT_SYSLOG = str(tmp_path / "none")
    lines(1)
    deliver()
    assert places.state()["syslog"]["error"] == "No such file or directory"


@pytest.mark.parametrize(
    "content",
    ["", "[]", "7", '{"directory": 1}', '{"directory": {"number": 1, "error": "", "at": "soon"}}'],
)
def test_what_was_known_of_the_places_is_damaged(share: Path, content: str) -> None:
    """All is sent again; the copy holds lines twice then, and verifies."""
    lines(2)
    deliver()
    (checkpoints.folder() / "places.json").write_text(content)
    deliver()
    assert copied(share) == 4
    assert places.state()["directory"]["number"] == 2
    assert verify(copies=[share]).ok
