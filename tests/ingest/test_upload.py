"""What is taken, what is refused and why, and that a refusal leaves nothing behind."""

import errno
import os
import threading
from pathlib import Path

import pytest
from celery import current_app
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.db import connection, connections, transaction
from django.http import Http404

from accounts.models import User
from audit import actions
from audit.models import Entry
from ingest import queue
from ingest.files import incoming_dir, open_original, originals_dir, remove_leftovers
from ingest.models import Collection, Document
from ingest.upload import UploadRefused, upload
from tests import people
from tests.ingest.conftest import Put

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]


def left_behind() -> list[Path]:
    return list(incoming_dir().glob("*"))


def test_the_original_is_kept_under_its_id_for_the_owner_alone(put: Put) -> None:
    document = put("leave.txt", "Annual leave is 28 days.").document
    file = Path(document.file.path)
    with open_original(document) as opened:
        assert opened.read() == b"Annual leave is 28 days."
    assert file.name == document.id.hex and file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert (document.status, document.bytes, document.media_type) == ("queued", 24, "text/plain")
    assert left_behind() == []
    entry = Entry.objects.get(action=actions.DOCUMENT_UPLOADED)
    assert entry.target_id == str(document.id) and "leave.txt" not in str(entry.data)


def test_the_same_bytes_are_the_document_that_is_there(put: Put) -> None:
    first, second = put("leave.txt", "28 days."), put("other.txt", "28 days.", path="elsewhere")
    assert first.created and not second.created
    assert first.document.pk == second.document.pk
    assert left_behind() == [] and Document.objects.count() == 1


def test_a_new_version_says_which_one_it_replaces(put: Put, erin: User) -> None:
    first = put("leave.txt", "28 days.")
    second, elsewhere = put("leave.txt", "30 days."), put("leave.txt", "31 days.", path="old")
    assert (first.replaces, second.replaces, elsewhere.replaces) == (None, 1, None)
    assert (second.document.version, elsewhere.document.version) == (2, 1)


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_versions_that_come_at_once_are_counted_one_by_one(alice: User) -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        pytest.skip("threads do not share a database in memory: set DATABASE_URL")
    collection = people.make_collection(alice)

    def attempt(number: int) -> None:
        upload(alice, collection, ContentFile(f"{number} days.".encode()), name="leave.txt")
        connections.close_all()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = Document.objects.filter(collection=collection).values_list("version", flat=True)
    assert sorted(versions) == [1, 2, 3, 4, 5, 6]


def test_the_same_bytes_in_another_collection_are_another_document(put: Put, alice: User) -> None:
    other = people.make_collection(alice, name="Other")
    assert put("a.txt", "28 days.").document.pk != put("a.txt", "28 days.", into=other).document.pk


def test_bytes_whose_document_is_being_erased_are_taken_again(put: Put) -> None:
    first = put("leave.txt", "28 days.").document
    Document.objects.filter(pk=first.pk).update(status="erasing")
    assert put("leave.txt", "28 days.").created


def test_the_loser_of_a_race_gets_the_winners_document(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner = put("leave.txt", "28 days.").document
    looks = iter([None, winner])
    monkeypatch.setattr("ingest.upload._same_bytes", lambda *_: next(looks))
    taken = put("leave.txt", "28 days.")
    assert taken.document == winner and not taken.created
    assert left_behind() == [] and Document.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("empty.pdf", b"", "empty-file"),
        ("program.pdf", b"\x7fELF" + bytes(200), "unsupported-format"),
        ("picture.txt", b"GIF89a" + bytes(200), "unsupported-format"),
    ],
)
def test_a_file_of_no_use_is_refused_at_once(put: Put, name: str, data: bytes, code: str) -> None:
    with pytest.raises(UploadRefused) as refusal:
        put(name, data)
    assert refusal.value.code == code and str(refusal.value.detail).endswith(".")
    assert left_behind() == [] and not Document.objects.exists()


def test_content_decides_not_the_extension(put: Put) -> None:
    assert (
        put("report.docx", "Plain words, whatever the name says.").document.media_type
        == "text/plain"
    )


def test_a_file_that_is_too_large_is_refused_with_the_limit(put: Put, settings: object) -> None:
    settings.MAX_UPLOAD_MB = 1  # type: ignore[attr-defined]
    with pytest.raises(UploadRefused) as refusal:
        put("large.txt", "a" * 1_000_001)
    assert refusal.value.code == "file-too-large" and refusal.value.status == 413
    assert "1 MB" in str(refusal.value.detail) and left_behind() == []


@pytest.mark.parametrize(
    "name",
    [
        "x" * 300 + ".txt",
        "../../etc/passwd",
        "C:\\secret\\a.txt",
        "a\x00b\n.txt",
        "<script>.txt",
        "\u202etxt.exe",
    ],
)
def test_hostile_names_become_short_and_flat(put: Put, name: str) -> None:
    document = put(name, f"Words of {len(name)}.").document
    assert 0 < len(document.name) <= 255 and document.name.isprintable()
    assert not {"/", "\\", "\x00", "\u202e"} & set(document.name)
    assert Path(document.file.path).parent.parent == originals_dir()


@pytest.mark.parametrize(
    "path", ["../../etc", "a/../../b", "..", "a\x00b", "a\nb", "x/" * 600 + "y" * 400]
)
def test_a_hostile_folder_path_is_refused(put: Put, path: str) -> None:
    with pytest.raises(UploadRefused) as refusal:
        put("leave.txt", "28 days.", path=path)
    assert refusal.value.code == "bad-path" and left_behind() == []


def test_a_folder_path_is_made_plain(put: Put) -> None:
    assert (
        put("leave.txt", "28 days.", path="/people//./leave\\old/").document.path
        == "people/leave/old"
    )


@pytest.mark.parametrize("first", [True, False])
def test_a_full_disk_is_said(
    put: Put, folder: Path, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    """The first upload makes the master key."""
    if not first:
        put("other.txt", "Other words.")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UploadRefused) as refusal:
        put("leave.txt", "28 days.")
    assert refusal.value.code == "disk-full" and left_behind() == []
    assert list((folder / "secrets").glob(".*")) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broker", ["redis+socket:///nowhere/valkey.sock", "redis://127.0.0.1:9"])
def test_without_a_broker_the_document_waits_and_the_upload_does_not(
    put: Put, monkeypatch: pytest.MonkeyPatch, broker: str
) -> None:
    """It ends: by its default the library tries for ever."""
    monkeypatch.setattr(current_app.conf, "broker_write_url", broker)
    document = put("leave.txt", "28 days.").document
    assert Document.objects.get(pk=document.pk).status == "queued"
    assert queue.send(queue.PROCESS, str(document.pk)) is False
    with pytest.raises(queue.BrokerUnavailable):
        queue.depth()
    assert queue.workers() is False


def test_a_transaction_that_fails_leaves_no_file(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("ingest.upload.queue.send_on_commit", broken)
    before = {file for file in originals_dir().rglob("*") if file.is_file()}
    with pytest.raises(RuntimeError), transaction.atomic():
        put("leave.txt", "28 days.")
    assert {file for file in originals_dir().rglob("*") if file.is_file()} == before
    assert left_behind() == []


def test_readers_and_strangers_cannot_upload(
    collection: Collection, bob: User, charlie: User, erin: User
) -> None:
    def as_(user: User) -> Document:
        return upload(user, collection, ContentFile(b"28 days."), name="a.txt").document

    with pytest.raises(PermissionDenied):
        as_(bob)
    with pytest.raises(Http404):
        as_(charlie)
    assert as_(erin).uploaded_by == erin


def test_what_a_crash_left_is_removed_a_day_later(put: Put) -> None:
    document = put("leave.txt", "28 days.").document
    orphan = originals_dir() / "ab" / ("ab" * 16)
    orphan.parent.mkdir(exist_ok=True)
    fresh, stale = incoming_dir() / "fresh", incoming_dir() / "stale"
    for file in (orphan, fresh, stale):
        file.write_text("words")
    for file in (orphan, stale, Path(document.file.path)):
        os.utime(file, (1, 1))
    remove_leftovers()
    assert not orphan.exists() and not stale.exists()
    assert fresh.exists() and Path(document.file.path).exists()
    fresh.unlink()
