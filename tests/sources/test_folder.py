"""A watched folder: only what was touched is read, what is gone goes, and never by mistake."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any
from unittest import mock
from zipfile import ZipFile

import pytest
from django.core.files.base import ContentFile

from accounts.models import User
from audit import actions
from audit.models import Entry
from chat.find import Query, find
from ingest import erase, holds, sync, sync_claim
from ingest.models import Collection, Document, SourceItem, SyncSource
from ingest.sources.base import Item, Place, SourceError
from ingest.sources.folder import FolderSource
from ingest.sync_plan import is_mass
from ingest.upload import upload
from tests import people
from tests.sources.conftest import Make, counted, cycle, living, read_all

pytestmark = pytest.mark.django_db


def write(share: Path, **files: str) -> None:
    for name, text in files.items():
        place = share / name.replace("__", "/")
        place = place if place.suffix else place.with_suffix(".txt")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_run_reads_what_is_there_and_the_next_one_nothing(
    watched: SyncSource, share: Path, collection: Collection
) -> None:
    write(share, leave="28 days.", deep__down__pay="On the 25th.")
    assert counted(cycle(watched)) == {"new": 2}
    assert living(collection) == {
        "Share/leave.txt": sha("28 days."),
        "Share/deep/down/pay.txt": sha("On the 25th."),
    }
    with mock.patch.object(FolderSource, "fetch", side_effect=AssertionError("read again")):
        run = cycle(watched)
    assert counted(run) == {} and run.counts["unchanged"] == 2
    assert watched.last_success_at and not watched.error_code


def test_changed_moved_and_gone(watched: SyncSource, share: Path, collection: Collection) -> None:
    write(share, one="One.", two="Two.", three="Three.", four="Four.")
    cycle(watched)
    two = Document.objects.get(name="two.txt")
    write(share, one="One and a half.")
    (share / "sub").mkdir()
    (share / "two.txt").rename(share / "sub" / "zwei.txt")
    (share / "three.txt").unlink()
    opened: list[str] = []
    real = FolderSource.fetch

    def fetch(self: FolderSource, item: Item) -> Any:
        opened.append(item.path)
        return real(self, item)

    with mock.patch.object(FolderSource, "fetch", fetch):
        run = cycle(watched)
    assert counted(run) == {"changed": 1, "moved": 1, "gone": 1} and opened == ["one.txt"]
    two.refresh_from_db()
    assert (two.path, two.name, two.status) == ("Share/sub", "zwei.txt", "queued")
    assert Document.objects.get(name="three.txt").status == Document.Status.ERASING
    # The older version answers until the newer one is ready (ingest/upload.py).
    assert sorted(Document.objects.filter(name="one.txt").values_list("version", flat=True)) == [
        1,
        2,
    ]
    entry = Entry.objects.filter(action=actions.SOURCE_SYNCED).latest("id")
    assert entry.data["moved"] == 1 and "zwei" not in str(entry.data)


def test_what_is_gone_is_found_no_longer(
    watched: SyncSource, share: Path, collection: Collection, alice: User, vectors: str
) -> None:
    write(share, leave="Annual leave is 28 days.", pay="Salaries are paid on the 25th.")
    cycle(watched)
    read_all()

    def found() -> set[str]:
        asked = Query("How many days is annual leave?", [collection.pk])
        return {passage.text for passage in find(alice, asked, 5).passages}

    assert any("28 days" in text for text in found())
    (share / "leave.txt").unlink()
    cycle(watched)
    assert not any("28 days" in text for text in found())


def test_an_archive_comes_and_goes_with_its_files(
    watched: SyncSource, share: Path, collection: Collection, vectors: str
) -> None:
    with ZipFile(share / "all.zip", "w") as archive:
        archive.writestr("a.txt", "Annual leave is 28 days.")
        archive.writestr("sub/b.txt", "Salaries are paid on the 25th.")
    write(share, other="Other.")
    cycle(watched)
    read_all()
    assert len(living(collection)) == 4
    assert set(collection.documents.values_list("status", flat=True)) == {"ready"}
    assert counted(cycle(watched)) == {}
    (share / "all.zip").unlink()
    assert counted(cycle(watched)) == {"gone": 1}
    assert list(living(collection)) == ["Share/other.txt"]


def test_a_file_over_another_replaces_it(
    watched: SyncSource, share: Path, collection: Collection
) -> None:
    write(share, a="The first.", b="The second.")
    cycle(watched)
    (share / "a.txt").replace(share / "b.txt")
    assert counted(cycle(watched)) == {"moved": 1}
    assert living(collection) == {"Share/b.txt": sha("The first.")}


def test_two_files_that_change_places_keep_their_documents(
    watched: SyncSource, share: Path, collection: Collection
) -> None:
    write(share, a="The first.", b="The second.")
    cycle(watched)
    before = set(collection.documents.values_list("pk", flat=True))
    (share / "a.txt").rename(share / "c.txt")
    (share / "b.txt").rename(share / "a.txt")
    (share / "c.txt").rename(share / "b.txt")
    cycle(watched)
    assert set(collection.documents.exclude(status="erasing").values_list("pk", flat=True)) == (
        before
    )


def test_the_same_bytes_twice_stay_as_long_as_one_is_there(
    watched: SyncSource, share: Path, collection: Collection
) -> None:
    write(share, a="The same.", b="The same.")
    cycle(watched)
    assert Document.objects.count() == 1
    (share / "a.txt").unlink()
    cycle(watched)
    assert living(collection) == {"Share/b.txt": sha("The same.")}
    write(share, c="Keeps the source from being empty.")
    (share / "b.txt").unlink()
    cycle(watched)
    assert living(collection) == {"Share/c.txt": sha("Keeps the source from being empty.")}


def test_one_of_two_alike_is_changed(
    watched: SyncSource, share: Path, collection: Collection, vectors: str
) -> None:
    write(share, a="The same.", b="The same.")
    cycle(watched)
    read_all()
    write(share, a="Another one.")
    cycle(watched)
    read_all()
    assert living(collection) == {
        "Share/a.txt": sha("Another one."),
        "Share/b.txt": sha("The same."),
    }


def test_what_a_person_uploaded_stays_when_the_source_loses_it(
    watched: SyncSource, share: Path, collection: Collection, alice: User
) -> None:
    document = upload(alice, collection, ContentFile(b"By hand."), name="mine.txt").document
    write(share, mine="By hand.", other="Other.")
    cycle(watched)
    (share / "mine.txt").unlink()
    assert counted(cycle(watched)) == {"gone": 1}
    document.refresh_from_db()
    assert document.status == Document.Status.QUEUED


def test_what_a_person_erased_here_is_left_out(
    watched: SyncSource, share: Path, alice: User, collection: Collection
) -> None:
    write(share, secret="Never again.", other="Other.")
    cycle(watched)
    document = Document.objects.get(name="secret.txt")
    erase.erase_document(alice, document)
    assert counted(cycle(watched)) == {"left_out": 1}
    # Neither when it changes nor when it moves.
    write(share, secret="Never again, I said.")
    cycle(watched)
    (share / "secret.txt").rename(share / "renamed.txt")
    cycle(watched)
    assert list(living(collection)) == ["Share/other.txt"]
    assert SourceItem.objects.get(left_out=True).name == "renamed.txt"


def test_what_comes_back_at_the_source_comes_back(
    watched: SyncSource, share: Path, collection: Collection
) -> None:
    write(share, a="A.", b="B.")
    cycle(watched)
    (share / "a.txt").unlink()
    cycle(watched)
    write(share, a="A.")
    assert counted(cycle(watched)) == {"new": 1}
    assert len(living(collection)) == 2


# --- nothing is erased by mistake -------------------------------------------------------------------


def test_a_share_that_is_not_there_erases_nothing(
    watched: SyncSource, share: Path, collection: Collection
) -> None:
    write(share, a="A.", b="B.")
    cycle(watched)
    success = watched.last_success_at
    away = share.with_name("away")
    share.rename(away)
    assert cycle(watched).error_code == "source-missing"
    share.mkdir()  # the empty folder on which it is mounted
    run = cycle(watched)
    assert (run.error_code, watched.deletions_waiting) == ("", 2)
    assert len(living(collection)) == 2
    share.rmdir()
    away.rename(share)
    assert counted(cycle(watched)) == {} and watched.deletions_waiting == 0
    assert success and watched.last_success_at and watched.last_success_at > success


def test_another_file_system_at_the_same_place_is_told(
    watched: SyncSource, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(share, a="A.", b="B.")
    cycle(watched)
    monkeypatch.setattr("ingest.sources.folder._mount_point", lambda path: path.parent.parent)
    (share / "a.txt").unlink()
    assert cycle(watched).error_code == "source-not-mounted"
    assert len(living(collection)) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_without_rights(watched: SyncSource, share: Path, collection: Collection) -> None:
    write(share, sub__a="A.", b="B.")
    cycle(watched)
    (share / "sub").chmod(0)
    assert counted(cycle(watched)) == {"unread": 1}
    (share / "sub").chmod(0o700)
    assert len(living(collection)) == 2


def test_a_folder_that_cannot_be_listed_keeps_its_documents(
    watched: SyncSource, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(share, sub__a="A.", b="B.", c="C.")
    cycle(watched)
    real = os.open

    def broken(path: Any, *args: Any, **options: Any) -> int:
        if path == "sub":
            raise OSError(5, "Input/output error")
        return real(path, *args, **options)

    monkeypatch.setattr("ingest.sources.folder.os.open", broken)
    (share / "c.txt").unlink()
    assert counted(cycle(watched)) == {"unread": 1, "gone": 1}
    assert set(living(collection)) == {"Share/sub/a.txt", "Share/b.txt"}


def test_half_of_all_gone_waits_for_a_manager(
    watched: SyncSource, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.sync_plan.MASS", 3)
    for number in range(6):
        write(share, **{f"file{number}": f"Number {number}."})
    cycle(watched)
    for number in range(4):
        (share / f"file{number}.txt").unlink()
    write(share, new="New.")
    run = cycle(watched)
    assert counted(run) == {"new": 1} and watched.deletions_waiting == 4
    assert len(living(collection)) == 7
    SyncSource.objects.update(deletions_allowed=4)
    assert counted(cycle(watched)) == {"gone": 4}
    assert len(living(collection)) == 3 and watched.deletions_waiting == 0


def test_what_a_mass_deletion_is() -> None:
    for gone, known, listed, mass in (
        (0, 0, 0, False), (1, 1, 0, True), (19, 20, 1, False), (20, 40, 20, False), (20, 39, 19, True)
    ):  # fmt: skip
        assert is_mass(gone, known, listed, 50) is mass, (gone, known)


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_moves_over_other_files_wait_as_deletions_do(
    watched: SyncSource,
    share: Path,
    collection: Collection,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """What was there before is lost by them."""
    monkeypatch.setattr("ingest.sync_plan.MASS", 2)
    settings.SOURCE_DELETE_PERCENT = 30
    write(share, **{f"file{number}": f"Number {number}." for number in range(5)})
    cycle(watched)
    before = living(collection)
    for number in range(2):
        file, over = share / f"file{number}.txt", share / f"file{number + 2}.txt"
        if how == "moved":
            file.replace(over)
        else:
            over.write_text(file.read_text())
            file.unlink()
    for _ in range(2):
        assert counted(cycle(watched)) == {} and watched.deletions_waiting == 2
        assert living(collection) == before
    SyncSource.objects.update(deletions_allowed=2)
    assert counted(cycle(watched)) == {"moved": 2} and watched.deletions_waiting == 0
    assert living(collection) == {
        f"Share/file{number}.txt": sha(f"Number {text}.")
        for number, text in ((2, 0), (3, 1), (4, 4))
    }
    assert counted(cycle(watched)) == {}


def test_a_row_of_moves_loses_nothing(
    watched: SyncSource, share: Path, collection: Collection
) -> None:
    """One goes where another was, which went further: nothing is lost, waits or is made anew."""
    write(share, a="The first.", b="The second.")
    cycle(watched)
    before = set(collection.documents.values_list("pk", flat=True))
    (share / "b.txt").rename(share / "c.txt")
    (share / "a.txt").rename(share / "b.txt")
    cycle(watched)
    assert living(collection) == {
        "Share/b.txt": sha("The first."),
        "Share/c.txt": sha("The second."),
    }
    assert set(collection.documents.exclude(status="erasing").values_list("pk", flat=True)) == (
        before
    )


def test_a_legal_hold_keeps_what_is_gone(
    watched: SyncSource, share: Path, collection: Collection
) -> None:
    officer = people.make_user("Olga", is_compliance=True)
    write(share, held="Held.", other="Other.")
    cycle(watched)
    document = Document.objects.get(name="held.txt")
    hold = holds.place(officer, target="document", target_id=document.pk, reference="case-1")
    (share / "held.txt").unlink()
    assert counted(cycle(watched)) == {"held": 1}
    assert "Share/held.txt" in living(collection)
    holds.release(officer, hold.pk)
    assert counted(cycle(watched)) == {"gone": 1}


def test_a_file_that_is_written_meanwhile_is_read_later(
    watched: SyncSource, share: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(share, a="A.", b="Half of")
    real = os.read

    def slow(descriptor: int, size: int) -> bytes:
        part = real(descriptor, size)
        if part == b"Half of":
            write(share, b="Half of it and more.")
        return part

    with monkeypatch.context() as patched:
        patched.setattr("ingest.sources.folder.os.read", slow)
        assert counted(cycle(watched)) == {"new": 1, "failed": 1}
    cycle(watched)
    assert living(collection)["Share/b.txt"] == sha("Half of it and more.")


# --- hostile names and files ------------------------------------------------------------------------


def test_links_pipes_and_hidden_files_are_no_files(
    watched: SyncSource, share: Path, tmp_path: Path, collection: Collection
) -> None:
    (tmp_path / "outside.txt").write_text("Not yours.")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "away.txt").write_text("Not yours either.")
    (share / "link.txt").symlink_to(tmp_path / "outside.txt")
    (share / "folder").symlink_to(tmp_path / "far")
    os.mkfifo(share / "pipe.txt")
    write(share, fine="Fine.")
    (share / ".hidden.txt").write_text("Hidden.")
    (share / "~$open.docx").write_text("Lock.")
    cycle(watched)
    assert list(living(collection)) == ["Share/fine.txt"]


def test_a_link_in_the_place_of_a_folder_is_not_followed(share: Path, tmp_path: Path) -> None:
    write(share, sub__a="A.")
    source = FolderSource(str(share), Place(roots=(share,)))
    (item,) = source.listing({})
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.txt").write_text("A.")
    shutil.rmtree(share / "sub")
    (share / "sub").symlink_to(tmp_path / "far")
    with pytest.raises(SourceError), source.fetch(item) as parts:
        list(parts)


def test_hostile_names(watched: SyncSource, share: Path, collection: Collection) -> None:
    for name in ("Case.txt", "case.txt", "e\u0301.txt", "\u00e9.txt", "con.txt", "a\u202eb.txt"):
        (share / name).write_text(f"Text of {name!a}.")
    (share / "line\nbreak.txt").write_text("Never.")
    os.close(os.open(os.fsencode(str(share)) + b"/\xff.txt", os.O_CREAT | os.O_WRONLY))
    (share / ("x" * 240 + ".txt")).write_text("Long.")
    run = cycle(watched)
    assert counted(run) == {"new": 7, "unnamed": 2}
    assert len(living(collection)) == 7
    assert counted(cycle(watched)) == {"unnamed": 2}


def test_only_folders_that_a_setting_allows(
    make: Make, share: Path, tmp_path: Path, settings: Any, collection: Collection
) -> None:
    (tmp_path / "other").mkdir()
    (share / "out").symlink_to(tmp_path / "other")
    for path in (tmp_path / "other", share / ".." / "other", share / "out", Path("/etc")):
        assert cycle(make(name=str(hash(path)), settings={"path": str(path)})).error_code == (
            "folder-not-allowed"
        )
    settings.SOURCE_ROOTS = [f"{share}={collection.pk}"]
    assert cycle(make(name="one", settings={"path": str(share)})).error_code == ""
    settings.SOURCE_ROOTS = [f"{share}=0b0f4f2e-0000-4000-8000-000000000000"]
    refused = make(name="two", settings={"path": str(share)})
    assert cycle(refused).error_code == "folder-not-allowed"


def test_patterns(make: Make, share: Path, collection: Collection) -> None:
    write(share, a="A.", old__b="B.", c="C.")
    (share / "film.mp4").write_bytes(b"0" * 10)
    (share / "raw.dat").write_text("Raw.")
    source = make(
        settings={"path": str(share)}, include=["*.txt", "*.dat"], exclude=["old", "C.TXT"]
    )
    assert counted(cycle(source)) == {"new": 2, "skipped": 3}
    assert set(living(collection)) == {"Share/a.txt", "Share/raw.dat"}


# --- who reads --------------------------------------------------------------------------------------


def test_a_second_delivery_finds_the_source_taken(watched: SyncSource, share: Path) -> None:
    write(share, a="A.")
    assert sync_claim.take(watched.pk) is not None
    assert sync_claim.take(watched.pk) is None and sync.run(watched.pk) is None


def test_work_goes_on_where_it_was_interrupted(
    watched: SyncSource, share: Path, collection: Collection
) -> None:
    write(share, a="A.", b="B.", c="C.")
    run = cycle(watched, seconds=0)
    assert counted(run) == {} and watched.last_success_at is None
    assert counted(cycle(watched)) == {"new": 3}


def test_a_run_that_was_killed_leaves_its_documents_to_the_source(
    watched: SyncSource, share: Path, collection: Collection
) -> None:
    write(share, a="A.", b="B.")
    cycle(watched)
    # As if the process had ended between the upload and its row.
    SourceItem.objects.filter(name="a.txt").delete()
    cycle(watched)
    (share / "a.txt").unlink()
    assert counted(cycle(watched)) == {"gone": 1}
    assert list(living(collection)) == ["Share/b.txt"]


def test_a_folder_above_that_becomes_a_link_leads_nowhere_else(
    watched: SyncSource, share: Path, tmp_path: Path, collection: Collection
) -> None:
    write(share, team__deep__pay="Ours.")
    outside = tmp_path / "outside"
    write(outside, deep__pay="Not for us.")
    source = FolderSource(str(share / "team" / "deep"), Place(roots=(share,)))
    (share / "team").rename(share / "before")
    (share / "team").symlink_to(outside)
    with pytest.raises(SourceError, match="source-missing"):
        list(source.listing({}))
