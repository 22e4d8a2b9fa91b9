"""Retention of the record: a beginning that goes under a signed statement is no fault, any other is."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audit import actions, checkpoints, keys
from audit import cut as cutting
from audit.cut import cut
from audit.models import Cut, Entry, Seal
from audit.seal import seal
from audit.verify import verify
from tests.audit.tampering import fill, run, tampered

pytestmark = pytest.mark.django_db
OLD = 30


@pytest.fixture
def border(db: None) -> datetime:
    """Thirty entries of last year lie before it, ten after it."""
    old = timezone.now() - timedelta(days=365)
    Entry.objects.bulk_create(Entry(action=actions.STARTED, at=old) for _ in range(OLD))
    fill(10)
    return timezone.now() - timedelta(days=1)


def codes() -> set[str]:
    return {fault.code for fault in verify().faults}


def test_the_old_entries_go_and_the_rest_is_intact(border: datetime) -> None:
    made = cut(border)
    assert made is not None
    assert (made.position, made.entries) == (OLD, OLD)
    assert not Entry.objects.filter(at__lt=border).exists()
    verdict = verify()
    assert (verdict.faults, verdict.cut) == ([], OLD)
    assert verdict.sealed == Seal.objects.count() == Seal.objects.latest("position").position - OLD


def test_it_is_recorded_by_whom(border: datetime, alice: Any) -> None:
    cut(border, actor=alice)
    entry = Entry.objects.get(action=actions.RECORD_CUT)
    assert entry.actor == str(alice.pk)
    assert (entry.data["position"], entry.data["entries"]) == (OLD, OLD)


def test_nothing_old_nothing_done(border: datetime) -> None:
    assert cut(border - timedelta(days=3_000)) is None
    assert not Cut.objects.exists()


def test_a_second_cut_follows_the_first(border: datetime) -> None:
    cut(border)
    fill(5)
    again = cut(timezone.now() + timedelta(seconds=1))
    assert again is not None
    fill(3)
    assert verify().faults == []
    assert verify().cut == again.position


def test_the_cut_stops_at_the_first_entry_that_stays(border: datetime) -> None:
    """A newer one that was sealed between old ones keeps all behind it."""
    old = timezone.now() - timedelta(days=365)
    Entry.objects.create(action=actions.STARTED, at=old)
    seal()
    made = cut(border)
    assert made is not None
    assert made.position == OLD
    assert Entry.objects.filter(at__lt=border).count() == 1


def test_a_crash_in_the_middle_is_finished_later(
    border: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cutting, "finish", lambda: 0)
        cut(border)
    assert verify().ok
    with monkeypatch.context() as patch:
        patch.setattr(cutting, "BATCH", 7)
        assert cutting.finish() == OLD
    assert verify().ok


def test_checkpoints_of_before_the_cut_are_no_fault(border: datetime) -> None:
    checkpoints.write()
    cut(border)
    fill(3)
    checkpoints.write()
    assert verify(copies=[checkpoints.lines_file()]).faults == []


def test_more_was_removed_than_the_statement_says(border: datetime) -> None:
    cut(border)
    with tampered(
        f"DELETE FROM audit_entry WHERE id IN "
        f"(SELECT entry_id FROM audit_seal WHERE position = {OLD + 1})",
        f"DELETE FROM audit_seal WHERE position = {OLD + 1}",
    ):
        assert codes() == {"removed"}


@pytest.mark.parametrize(
    "change",
    [
        f"position = {OLD + 1}",
        "digest = replace(digest, substr(digest, 1, 1), 'x')",
        "entries = 1",
        "announced = announced + 1",
        "signature = ''",
        "signature = 'A' || substr(signature, 2)",
    ],
)
def test_a_changed_statement(border: datetime, change: str) -> None:
    cut(border)
    signature = Cut.objects.get().signature
    if signature.startswith("A") and "'A'" in change:
        change = change.replace("'A'", "'B'")
    with tampered(f"UPDATE audit_cut SET {change}"):
        assert "cut" in codes()


def test_a_statement_that_is_gone(border: datetime) -> None:
    cut(border)
    with tampered("DELETE FROM audit_cut"):
        assert "removed" in codes()


def test_a_statement_of_another_key(border: datetime) -> None:
    """All rights on the database, and no key: the triggers are satisfied, verification is not."""
    keys.key_file().rename(keys.key_file().with_suffix(".kept"))
    try:
        checkpoints.head_file().rename(checkpoints.head_file().with_suffix(".kept"))
        cut(border)
    finally:
        keys.key_file().with_suffix(".kept").replace(keys.key_file())
        checkpoints.head_file().with_suffix(".kept").replace(checkpoints.head_file())
    assert {"cut", "removed"} <= codes()


def test_an_entry_above_the_cut_cannot_go_with_it(border: datetime) -> None:
    cut(border)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        run(f"DELETE FROM audit_seal WHERE position = {OLD + 1}")
    with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_entry")
