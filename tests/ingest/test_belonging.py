"""With the database of another folder, or an older one, nothing that cannot be had again is cleaned up."""

import os
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from audit import actions, belonging, checkpoints
from audit.record import record
from audit.seal import seal
from ingest import abandoned, files
from ingest.moving import files as transfers
from tests.audit.tampering import tampered

pytestmark = pytest.mark.django_db


@pytest.fixture
def original(folder: Path) -> Path:
    """One whose document this database does not know, from the day before yesterday."""
    path = files.originals_dir() / "ab" / uuid4().hex
    path.parent.mkdir(parents=True)
    path.write_bytes(b"words")
    long_ago = (timezone.now() - timedelta(days=2)).timestamp()
    os.utime(path, (long_ago, long_ago))
    return path


def written() -> None:
    record(actions.ORPHANS_FOUND, data={"left": 0})
    seal(everywhere=True)
    checkpoints.follow()


def test_what_nobody_knows_goes_where_the_evidence_agrees(original: Path) -> None:
    assert not belonging.doubtful()
    written()
    assert not belonging.doubtful()
    assert files.remove_leftovers() == 1 and not original.exists()


def test_it_stays_where_the_database_is_another(original: Path) -> None:
    written()
    with tampered("DELETE FROM audit_seal"):
        assert belonging.doubtful()
        assert files.remove_leftovers() == 0
        assert abandoned.remove(young=0, settled=-1) == 0
    assert original.exists()
    assert abandoned.remove(young=0, settled=-1) == 1


def test_so_do_archives_that_no_transfer_has(folder: Path) -> None:
    written()
    archive = transfers.folder() / uuid4().hex
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(b"words")
    with tampered("DELETE FROM audit_seal"):
        assert transfers.remove_leftovers() == 0 and archive.exists()
    assert transfers.remove_leftovers() == 1


def test_it_stays_for_a_week_after_the_evidence_was_contradicted(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written()
    with tampered("UPDATE audit_seal SET digest = 'another'"):
        checkpoints.follow()
        assert checkpoints.conflicts_file().exists()
        assert files.remove_leftovers() == 0 and original.exists()
    assert belonging.doubtful()
    checkpoints.head_file().unlink()
    monkeypatch.setattr(belonging, "DOUBT", timedelta(0))
    assert files.remove_leftovers() == 1


def test_a_line_that_cannot_be_read_is_a_doubt() -> None:
    written()
    checkpoints.conflicts_file().write_bytes(b"{half\n")
    assert belonging.doubtful()


def test_where_the_evidence_may_not_be_read_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def closed() -> Path:
        raise PermissionError

    monkeypatch.setattr(checkpoints, "folder", closed)
    assert not belonging.doubtful()
