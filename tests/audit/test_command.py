"""`manage.py audit`, by its output and its exit codes."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit import actions, checkpoints, keys
from audit.models import Entry
from audit.record import record
from audit.seal import seal
from tests.audit.tampering import entry_at, fill, tampered

pytestmark = pytest.mark.django_db


def audit(*arguments: str | Path) -> str:
    out = StringIO()
    call_command("audit", *map(str, arguments), stdout=out, no_color=True)
    return out.getvalue()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The public key on the officer's machine."""
    file = tmp_path / "kept.pem"
    file.write_text(keys.public_pem())
    return file


def test_verify_says_that_all_is_well(kept: Path) -> None:
    fill(5)
    said = audit("verify", "--key", kept, "--checkpoints", checkpoints.lines_file())
    assert "The record is intact." in said
    assert "6: 5 sealed, 1 wait" in said


def test_verify_is_recorded() -> None:
    fill(2)
    audit("verify")
    entry = Entry.objects.latest("id")
    assert entry.action == actions.RECORD_VERIFIED
    assert (entry.data["ok"], entry.data["position"]) == (True, 2)


def test_verify_names_the_fault_and_ends_with_1() -> None:
    fill(5)
    entry = entry_at(3)
    out = StringIO()
    with (
        tampered(f"UPDATE audit_entry SET actor = 'x' WHERE id = {entry}"),
        pytest.raises(SystemExit) as end,
    ):
        call_command("audit", "verify", stdout=out, no_color=True)
    assert end.value.code == 1
    assert f"FAULT  changed at position 3, entry {entry}: " in out.getvalue()


def test_verify_for_programs() -> None:
    fill(2)
    said = json.loads(audit("verify", "--json"))
    assert (said["ok"], said["sealed"], said["faults"]) == (True, 2, [])


@pytest.mark.parametrize("option", ["--key", "--checkpoints"])
def test_a_file_that_is_not_there_ends_with_2(option: str, tmp_path: Path) -> None:
    fill(1)
    with pytest.raises(CommandError) as refusal:
        audit("verify", option, tmp_path / "none")
    assert refusal.value.returncode == 2


def test_a_key_that_is_none_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nonsense")
    with pytest.raises(CommandError) as refusal:
        audit("verify", "--key", tmp_path / "key.pem")
    assert refusal.value.returncode == 2


def test_export_filters_and_is_recorded() -> None:
    record(actions.SIGNED_OUT)
    record(actions.STARTED)
    said = audit("export", "--action", actions.STARTED, "--since", "2020-01-01")
    assert [json.loads(line)["action"] for line in said.splitlines()] == [actions.STARTED]
    entry = Entry.objects.latest("id")
    assert entry.action == actions.RECORD_EXPORTED
    assert entry.data == {
        "format": "jsonl",
        "entries": 1,
        "action": actions.STARTED,
        "since": "2020-01-01 00:00:00+00:00",
    }


def test_the_names_of_columns_are_no_entry() -> None:
    record(actions.STARTED)
    assert len(audit("export", "--format", "csv").splitlines()) == 2
    assert Entry.objects.latest("id").data["entries"] == 1


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="not a time"):
        audit("export", "--since", "yesterday")


def test_the_key_is_shown() -> None:
    said = audit("key")
    assert said.startswith(keys.public_pem())
    assert keys.fingerprint() in said


def test_a_checkpoint_is_printed() -> None:
    record(actions.STARTED)
    said = audit("checkpoint")
    assert checkpoints.read(said.encode()) is not None


def test_no_checkpoint_of_nothing() -> None:
    with pytest.raises(CommandError) as refusal:
        audit("checkpoint")
    assert refusal.value.returncode == 2


def test_seal_by_hand() -> None:
    record(actions.STARTED)
    assert audit("seal") == "1 sealed.\n"
    assert seal() == 1  # the beginning of the checkpoints
