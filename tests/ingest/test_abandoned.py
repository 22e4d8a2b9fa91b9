"""What killed processes left goes; what somebody is writing stays."""

import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

from accounts.models import User
from ingest import abandoned, keys, vault
from ingest.files import incoming_dir, originals_dir
from ingest.held import held, left_behind
from ingest.models import Collection, Document
from ingest.moving import files as transfers
from tests.ingest.conftest import Put
from tests.ingest.moving import make_export

HOLDER = """
import sys, time
from pathlib import Path
from ingest.held import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"words")
    return path


def young(*paths: Path) -> None:
    """Made just now, however long ago that is on a busy machine."""
    for path in paths:
        os.utime(path, (time.time() + 60, time.time() + 60))


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    path = make(tmp_path / "a")
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        assert left_behind([path], 0) == []
        process.kill()
        process.wait()
    assert left_behind([path], 0) == [path]
    young(path)
    assert left_behind([path]) == []
    os.utime(path, (1, 1))
    assert left_behind([path, tmp_path / "none"]) == [path]


@pytest.mark.django_db
def test_half_written_files_go_but_for_those_that_are_held(folder: Path) -> None:
    half = [
        make(incoming_dir() / uuid4().hex),
        make(folder / "transfers" / f"{uuid4().hex}.{uuid4().hex}"),
    ]
    clone = folder / "tmp" / "git-abc"
    make(clone / "objects" / "pack")
    kept = make(folder / "tmp" / "renewing.lock")
    with held(half[0]), held(clone):
        assert abandoned.remove(young=0) == 1
    assert half[0].exists() and clone.exists() and not half[1].exists()
    young(half[0], clone)
    assert abandoned.remove() == 0
    assert abandoned.remove(young=-61) == 2
    assert not half[0].exists() and not clone.exists() and kept.exists()


@pytest.mark.django_db
def test_an_original_whose_row_never_came(put: Put, folder: Path) -> None:
    document = put("leave.txt", "28 days.").document
    pk = uuid4()
    orphan = make(originals_dir() / pk.hex[:2] / pk.hex)
    keys.save(vault.new_key(), pk)
    draft = make(orphan.with_name(f"{pk.hex}.draft"))
    assert abandoned.remove() == 0
    with held(orphan):
        assert abandoned.remove(settled=-1) == 0
    assert abandoned.remove(settled=-1) == 1
    assert not orphan.exists() and not keys.key_path(pk).exists()
    assert Path(document.file.path).exists() and keys.key_path(document.pk).exists()
    assert draft.exists()


@pytest.mark.django_db
def test_an_upload_is_held_until_its_row_is_there(
    put: Put, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[bool]()

    def record(document: Document) -> None:
        seen.append(Path(document.file.path).exists())
        seen.append(bool(abandoned.remove(young=0, settled=-1)))

    monkeypatch.setattr("ingest.upload.queue.send_on_commit", lambda _task, pk: record(
        Document.objects.get(pk=pk)
    ))  # fmt: skip
    document = put("leave.txt", "28 days.").document
    assert seen == [True, False] and Path(document.file.path).exists()


@pytest.mark.django_db
def test_an_archive_that_is_no_ones_goes(folder: Path, alice: User, collection: Collection) -> None:
    made = make_export(alice, collection)
    place = transfers.folder() / made.pk.hex
    assert transfers.remove_leftovers() == 0 and place.exists()
    type(made).objects.update(status="running")
    with held(place):
        assert transfers.remove_leftovers() == 0
    assert transfers.remove_leftovers() == 1 and not place.exists()
