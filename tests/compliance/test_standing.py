"""What a start records: itself, and what changed since the last one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from audit import actions
from audit.models import Entry
from compliance import standing
from inference.registry import Registry
from sovereign.settings.env import IN_FORCE, KNOWN
from tests.inference.parts import SMALL
from wall.status import Status, write

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _installation(tmp_path: Path) -> Iterator[None]:
    with override_settings(
        EVIDENCE_DIR=tmp_path / "evidence",
        RUN_DIR=tmp_path,
        MODELS_DIR=tmp_path / "models",
        IN_FORCE={"SOVEREIGN_THREADS": "0"},
    ):
        yield


def changes() -> list[tuple[str, Any]]:
    entries = Entry.objects.filter(action__in=standing.CHANGES.values()).order_by("id")
    return [(entry.action, entry.data["names"]) for entry in entries]


def test_a_first_start_is_recorded_and_changes_nothing() -> None:
    call_command("record_start")
    entry = Entry.objects.get(action=actions.STARTED)
    assert (entry.data["version"], len(entry.data["code"])) == (settings.VERSION, 64)
    assert changes() == []


def test_a_start_like_the_last_records_no_change() -> None:
    standing.record_start()
    assert standing.record_start() == []
    assert Entry.objects.filter(action=actions.STARTED).count() == 2


def test_a_changed_setting_is_named_and_its_value_is_not_in_the_record() -> None:
    standing.record_start()
    with override_settings(IN_FORCE={"SOVEREIGN_THREADS": "no-number", "SOVEREIGN_HTTPS": "True"}):
        standing.record_start()
    names = ["SOVEREIGN_HTTPS", "SOVEREIGN_THREADS"]
    assert changes() == [(actions.SETTINGS_CHANGED, names)]
    assert "no-number" not in str(list(Entry.objects.values_list("data", flat=True)))


def test_a_new_model_is_named(tmp_path: Path) -> None:
    standing.record_start()
    (tmp_path / "ours.gguf").write_bytes(SMALL)
    Registry(tmp_path / "models").add(tmp_path / "ours.gguf", name="ours")
    standing.record_start()
    assert changes() == [(actions.MODELS_CHANGED, ["ours/ours.gguf"])]


def test_another_wall_is_recorded(tmp_path: Path) -> None:
    write(tmp_path, Status(wall="namespace", seccomp=True))
    standing.record_start()
    write(tmp_path, Status(wall="guard"))
    standing.record_start()
    assert changes() == [(actions.WALL_CHANGED, ["seccomp", "wall"])]


def test_a_new_gate_is_recorded(tmp_path: Path) -> None:
    write(tmp_path, Status(wall="namespace"))
    standing.record_start()
    gate: Any = {"name": "mail", "host": "mail.example.org", "address": "192.0.2.9", "port": 25}
    write(tmp_path, Status(wall="namespace", gates=[gate]))
    standing.record_start()
    assert changes() == [(actions.WALL_CHANGED, ["gate mail"])]


def test_what_is_kept_is_for_its_owner_alone() -> None:
    standing.record_start()
    assert standing.file().stat().st_mode & 0o777 == 0o600


def test_every_known_setting_has_a_value_in_force() -> None:
    assert IN_FORCE.keys() == KNOWN.keys()
