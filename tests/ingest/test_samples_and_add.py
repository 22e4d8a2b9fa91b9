"""The sample handbook, and the commands that bring documents in."""

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from accounts.signals import first_admin_created
from ingest import erase
from ingest.access import MANAGER, collections_for
from ingest.models import Collection, Document, Grant
from ingest.samples import SAMPLE, load_samples
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def samples(tmp_path: Path, settings: Any) -> Path:
    """Two small sample documents instead of the real ones, for speed."""
    folder = tmp_path / "handbook" / "people"
    folder.mkdir(parents=True)
    (folder / "leave.md").write_text("# Leave\n\n28 days.")
    (folder / "sick.md").write_text("# Sick leave\n\nCall before nine.")
    (folder / ".hidden").write_text("not a document")
    settings.SAMPLES_DIR = tmp_path
    return folder


def test_the_real_samples_are_taken_as_a_whole(settings: Any) -> None:
    files = [file for file in (settings.SAMPLES_DIR / "handbook").rglob("*") if file.is_file()]
    assert load_samples() == len(files) >= 12
    assert set(Document.objects.values_list("status", flat=True)) == {"queued"}


def test_samples_are_loaded_once_and_everyone_reads_them(
    samples: Path, charlie: User, django_assert_max_num_queries: Any
) -> None:
    assert load_samples() == 2
    assert collections_for(charlie).get().pk == SAMPLE
    assert set(Document.objects.values_list("path", "name")) == {
        ("people", "leave.md"),
        ("people", "sick.md"),
    }
    with django_assert_max_num_queries(2):
        assert load_samples() == 0


def test_an_interrupted_load_is_finished_and_a_new_sample_added(samples: Path) -> None:
    load_samples()
    (samples / "more.md").write_text("# Canteen\n\nLunch is at noon.")
    Document.objects.filter(name="sick.md").delete()
    assert load_samples() == 2
    assert Document.objects.count() == 3


def test_what_somebody_erased_stays_erased(samples: Path, admin: User, vectors: str) -> None:
    load_samples()
    collection = Collection.objects.get()
    erase.erase_document(admin, Document.objects.get(name="sick.md"))
    erase.finish_document(Document.objects.get(name="sick.md").pk)
    assert load_samples() == 0
    erase.erase_collection(admin, collection)
    assert load_samples() == 0
    erase.finish_collection(collection.pk)
    (samples / "more.md").write_text("# Canteen\n\nLunch is at noon.")
    assert load_samples() == 0 and not Collection.objects.exists()


def test_the_first_administrator_manages_the_samples_whichever_comes_first(
    samples: Path, admin: User
) -> None:
    load_samples()
    assert collections_for(admin, MANAGER).get().pk == SAMPLE
    late = people.make_user("Late", is_admin=True)
    first_admin_created.send(sender=User, user=late)
    assert Grant.objects.get(user=late).role == "manager"


def test_without_samples_the_first_administrator_is_welcome_too(admin: User) -> None:
    first_admin_created.send(sender=User, user=admin)
    assert not Grant.objects.exists()


def test_the_command_says_what_it_did(samples: Path) -> None:
    out = StringIO()
    call_command("load_samples", stdout=out)
    call_command("load_samples", stdout=out)
    assert "2 documents taken" in out.getvalue() and "nothing to do" in out.getvalue()


def add(*arguments: str) -> str:
    out = StringIO()
    call_command("add", *arguments, stdout=out)
    return out.getvalue()


def test_add_takes_a_folder_and_reads_it_here_without_a_worker(
    vectors: str, samples: Path, alice: User, collection: Collection
) -> None:
    out = add(str(samples), "--collection", "Handbook", "--owner", "alice@example.com")
    assert "2 added, 0 already there, 0 failed" in out
    assert set(Document.objects.values_list("status", "uploaded_by")) == {("ready", alice.pk)}


def test_add_reads_what_lies_in_an_archive_past_what_rests(
    vectors: str, samples: Path, alice: User, collection: Collection
) -> None:
    add(str(samples), "--collection", "Handbook", "--owner", "alice@example.com", "--no-wait")
    Document.objects.update(lease_until=timezone.now() + timedelta(seconds=1))
    folder = samples.parent / "packed"
    folder.mkdir()
    with ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("badges.md", "# Badges\n\nLost badges are reported to the front desk.")
        archive.writestr("empty.md", "")
        archive.writestr("picture.html", "<html><body><img src='x.png'></body></html>")
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("add", str(folder), "--collection", "Handbook", stdout=out)
    assert "1 added, 0 already there, 1 failed" in out.getvalue()
    assert "more/picture.html" in out.getvalue()
    assert Document.objects.get(name="badges.md").status == "ready"


def test_add_tells_what_failed_and_goes_on(
    vectors: str, samples: Path, collection: Collection
) -> None:
    (samples / "empty[bold].md").write_text("")
    (samples / "picture.html").write_text("<html><body><img src='x.png'></body></html>")
    out = StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("add", str(samples), "--collection", str(collection.pk), stdout=out)
    assert end.value.code == 1
    text = out.getvalue()
    assert "3 added, 0 already there, 2 failed" in text
    assert "empty[bold].md" in text and "picture.html" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/nowhere", "--collection", "Handbook"], "There is no /nowhere"),
        (["{folder}", "--collection", "Missing"], "Add --create"),
        (["{folder}", "--collection", "Twice"], "More than one"),
        (
            ["{folder}", "--collection", "Handbook", "--owner", "nobody@example.com"],
            "Nobody signs in as",
        ),
        (
            ["{folder}", "--collection", "Handbook", "--owner", "bob@example.com"],
            "There is no collection",
        ),
        (["{folder}", "--collection", "New", "--create"], "--owner EMAIL"),
        (["{empty}", "--collection", "Handbook"], "There are no files"),
    ],
)
def test_add_says_what_is_wrong_with_its_arguments(
    samples: Path,
    tmp_path: Path,
    collection: Collection,
    alice: User,
    arguments: list[str],
    words: str,
) -> None:
    people.make_collection(alice, name="Twice")
    people.make_collection(alice, name="Twice")
    (tmp_path / "empty").mkdir()
    filled = [text.format(folder=samples, empty=tmp_path / "empty") for text in arguments]
    with pytest.raises(CommandError, match=words):
        add(*filled)
    assert not Document.objects.exists()
