"""Signed statements outside the database, and what is found when somebody changes them."""

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from audit import actions, checkpoints, keys, statement
from audit.models import Entry, Seal
from audit.record import record
from audit.seal import seal
from audit.verify import verify
from tests.audit.tampering import entry_at, fill, tamper

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines() -> Path:
    """Five lines: each after ten entries."""
    fill(9)
    for _ in range(4):
        fill(10)
        checkpoints.write()
    return checkpoints.lines_file()


def codes() -> list[str]:
    return [fault.code for fault in verify().faults]


def change_line(file: Path, number: int, change: Callable[[bytes], bytes]) -> None:
    found = file.read_bytes().splitlines(keepends=True)
    found[number - 1] = change(found[number - 1])
    file.write_bytes(b"".join(found))


# --- when they are written ----------------------------------------------------------------------
def test_nothing_is_said_of_an_empty_record() -> None:
    assert checkpoints.write() is None
    assert not checkpoints.head_file().exists()


def test_each_sealing_is_in_the_head() -> None:
    for expected in (1, 3):
        record(actions.STARTED)
        seal()
        newest = Seal.objects.latest("position")
        head = json.loads(checkpoints.head_file().read_bytes())
        assert (head["position"], head["digest"]) == (expected, newest.digest)


def test_the_first_sealing_begins_the_lines_and_says_so_in_the_record() -> None:
    record(actions.STARTED)
    seal()
    assert len(checkpoints.lines_file().read_bytes().splitlines()) == 1
    assert Entry.objects.latest("id").action == actions.CHECKPOINTS_BEGUN


def test_a_line_comes_each_thousand_entries() -> None:
    fill(1)
    fill(998)
    assert checkpoints.number() == 1
    fill(1)
    assert checkpoints.number() == 2


def test_a_line_comes_each_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    fill(1)
    fill(1)
    assert checkpoints.number() == 1
    monkeypatch.setattr(checkpoints, "EVERY", timedelta(0))
    checkpoints.follow()
    assert checkpoints.number() == 2


def test_a_line_comes_when_it_is_wanted_and_something_is_new() -> None:
    fill(1)
    seal()
    assert checkpoints.write() == checkpoints.write()
    assert checkpoints.number() == 2


def test_what_is_signed_is_documented() -> None:
    fill(1)
    head = json.loads(checkpoints.head_file().read_bytes())
    signature = head.pop("signature")
    assert set(head) == {
        *("format", "installation", "number", "previous", "position", "digest", "entries", "at"),
    }
    assert head["installation"] == keys.fingerprint()
    assert statement.holds({**head, "signature": signature}, keys.public_pem())


def test_a_crash_between_the_line_and_the_head_is_made_up_for(lines: Path) -> None:
    before = checkpoints.head_file().read_bytes()
    fill(1)
    checkpoints.write()
    checkpoints.head_file().write_bytes(before)
    fill(1)
    assert codes() == []


def test_a_crash_before_the_first_head_is_no_head_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoints, "replace", killed)
        fill(1)
    assert not checkpoints.head_file().exists()
    fill(1)
    assert codes() == []
    assert Entry.objects.filter(action=actions.CHECKPOINTS_BEGUN).count() == 1


def test_half_a_line_of_a_crash_goes(lines: Path) -> None:
    with lines.open("ab") as file:
        file.write(b'{"at":"20')
    fill(1)
    checkpoints.write()
    assert codes() == []


# --- what is found ------------------------------------------------------------------------------
def test_untouched_files_are_no_fault(lines: Path) -> None:
    verdict = verify()
    assert verdict.ok
    assert verdict.checkpoints == 6


@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(b'"position":', b'"position":1'),
        lambda line: line.replace(b'"signature":"', b'"signature":"AA'),
        lambda line: line.replace(b":", b": ", 1),
        lambda line: b"\n",
        lambda line: b"[" * 3_000 + b"\n",
        lambda line: b"\xff" + line,
    ],
    ids=["position", "signature", "a-space", "emptied", "deep", "no-text"],
)
def test_a_changed_line(lines: Path, number: int, change: Callable[[bytes], bytes]) -> None:
    change_line(lines, number, change)
    assert "checkpoint-changed" in codes()


@pytest.mark.parametrize("byte", range(0, 460, 23))
def test_any_byte_of_the_head(lines: Path, byte: int) -> None:
    content = bytearray(checkpoints.head_file().read_bytes())
    content[byte % len(content)] ^= 1
    checkpoints.head_file().write_bytes(content)
    assert set(codes()) == {"checkpoint-changed"}


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_missing_line(lines: Path, number: int) -> None:
    change_line(lines, number, lambda line: b"")
    assert codes() == ["checkpoint-missing"]


def test_the_lines_are_gone(lines: Path) -> None:
    lines.unlink()
    assert codes() == ["checkpoint-missing"]


def test_the_head_is_gone(lines: Path) -> None:
    checkpoints.head_file().unlink()
    assert codes() == ["checkpoint-missing"]


def test_a_gap_stays_when_more_lines_come(lines: Path) -> None:
    content = lines.read_bytes().splitlines(keepends=True)
    lines.write_bytes(b"".join(content[:-1]))
    fill(10)
    checkpoints.write()
    assert codes() == ["checkpoint-missing"]


def test_a_head_that_was_gone_for_a_while_is_remembered(lines: Path) -> None:
    checkpoints.head_file().unlink()
    fill(1)
    assert codes() == ["checkpoint-conflict"]
    assert Entry.objects.get(action=actions.RECORD_CONTRADICTED).data["code"] == "head-missing"


def test_a_head_that_somebody_changed_is_kept(lines: Path) -> None:
    checkpoints.head_file().write_bytes(b"{}")
    fill(1)
    assert "checkpoint-conflict" in codes()
    kept = json.loads(checkpoints.conflicts_file().read_bytes())
    assert (kept["code"], kept["found"]) == ("head-unsigned", "{}")


def test_a_head_of_another_installation_is_no_head(lines: Path) -> None:
    keys.key_file().rename(keys.key_file().with_suffix(".kept"))
    foreign = statement.signed({"format": checkpoints.FORMAT, "position": 1, "number": 1})
    keys.key_file().with_suffix(".kept").replace(keys.key_file())
    checkpoints.head_file().write_bytes(checkpoints.line_of(foreign))
    assert "checkpoint-changed" in codes()


def test_a_statement_of_another_kind_is_no_checkpoint(lines: Path) -> None:
    said = {"format": "sovereign-cut-1", "position": 1, "number": 1}
    checkpoints.head_file().write_bytes(checkpoints.line_of(statement.signed(said)))
    assert "checkpoint-changed" in codes()


# --- copies elsewhere -----------------------------------------------------------------------------
def test_everything_here_was_put_back_to_an_earlier_state(lines: Path, tmp_path: Path) -> None:
    """Database and files of an hour ago, all of one piece: only the copy knows better."""
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(lines.read_bytes())
    head, content = checkpoints.head_file().read_bytes(), lines.read_bytes()
    fill(5)
    checkpoints.write()
    newer = tmp_path / "newer.jsonl"
    newer.write_bytes(lines.read_bytes())
    first = entry_at(Seal.objects.count() - 4)
    tamper(
        f"DELETE FROM audit_seal WHERE entry_id >= {first}",
        f"DELETE FROM audit_entry WHERE id >= {first}",
    )
    checkpoints.head_file().write_bytes(head)
    lines.write_bytes(content)
    assert verify(copies=[copy]).ok
    assert [fault.code for fault in verify(copies=[newer]).faults] == ["cut-off"]


def test_a_log_that_holds_checkpoints_among_its_words(lines: Path, tmp_path: Path) -> None:
    log = tmp_path / "syslog"
    others = b"<30>1 2026 host cron 1 - - {}\n"
    copied = lines.read_bytes().replace(
        b"{", others + b"<109>1 2026 host sovereign 7 CHECKPOINT - {"
    )
    log.write_bytes(copied)
    verdict = verify(copies=[log])
    assert verdict.ok
    assert verdict.checkpoints == 11


def test_a_copy_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify(copies=[tmp_path / "none"])


def test_a_folder_without_checkpoints_is_a_fault(tmp_path: Path) -> None:
    assert [fault.code for fault in verify(copies=[tmp_path]).faults] == ["checkpoint-missing"]


def test_files_are_for_the_owner_alone(lines: Path) -> None:
    for file in (lines, checkpoints.head_file()):
        assert os.stat(file).st_mode & 0o077 == 0  # noqa: PTH116


def test_lines_say_when(lines: Path) -> None:
    last = next(checkpoints.lines(after=4))
    assert abs(datetime.fromisoformat(last["at"]) - timezone.now()) < timedelta(minutes=5)
