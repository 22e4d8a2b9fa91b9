"""A person erases a document while a run over its source is at it: it stays erased, the source is told to
leave it out, and the run goes on with the rest."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.problems import Problem
from ingest import erase, files, holds, proving, sync, sync_gone, sync_manage, sync_rows, upload
from ingest.models import Chunk, Collection, Document, Receipt, SourceItem, SyncSource
from ingest.pipeline import process_document
from ingest.sources import folder
from tests import people
from tests.ingest.conftest import on_disk  # noqa: F401 (a fixture)
from tests.ingest.races import LEAVE, around, swept
from tests.sources.conftest import Make, counted, cycle, living, read_all

#: Rooms whose steps are named below.
ROOMS = (sync, sync_gone, sync_rows, upload, folder)
OTHER = "# Meals\n\nMeals cost five euros, drinks another two."
#: What becomes of the file at its source, and at which steps of the run that follows it is erased here.
READ = (
    "ingest.sync.plan",
    "ingest.sources.folder.FolderSource.fetch",
    "ingest.incoming._copied",
    "ingest.upload.require_clean",
    "ingest.upload._same_bytes",
    "ingest.sync_take.Taker._taken",
    "ingest.sync._ended",
)
CASES = [
    *(("as before", step) for step in (READ[0], READ[-1])),
    *(("changed", step) for step in (*READ, "ingest.upload._kept")),
    *(("copied", step) for step in READ),
    *(("moved and touched", step) for step in READ),
    *(("moved", step) for step in (READ[0], "ingest.sync.sync_rows.rekey", READ[-1])),
    *(("moved over another", step) for step in (READ[0], "ingest.sync.sync_rows.rekey")),
    *(
        ("gone", step)
        for step in (
            *(READ[0], "ingest.sync_gone.surely_gone"),
            *("ingest.sync_gone.sync_documents.forget", READ[-1]),
        )
    ),
]


def moved(share: Path) -> None:
    (share / "leave.md").rename(share / "urlaub.md")


def touched(share: Path) -> None:
    moved(share)
    os.utime(share / "urlaub.md", (1_700_000_000, 1_700_000_000))


CHANGES: dict[str, Callable[[Path], object]] = {
    "as before": lambda share: None,
    "changed": lambda share: (share / "leave.md").write_text(f"{LEAVE}\n\nSince May."),
    "copied": lambda share: shutil.copyfile(share / "leave.md", share / "copy.md"),
    "moved": moved,
    "moved and touched": touched,
    "moved over another": lambda share: (share / "leave.md").replace(share / "notes.md"),
    "gone": lambda share: (share / "leave.md").unlink(),
}


@pytest.fixture
def leave(
    on_disk: Path,  # noqa: F811
    watched: SyncSource,
    share: Path,
) -> Document:
    """Three files that were read; one of them goes."""
    (share / "leave.md").write_text(LEAVE)
    (share / "meals.md").write_text(OTHER)
    (share / "notes.md").write_text("# Notes\n\nThe porter has the keys.")
    cycle(watched)
    read_all()
    return Document.objects.get(name="leave.md")


def gone(alice: User, document: Document, *, at_once: bool) -> None:
    erase.erase_document(alice, document)
    if at_once:
        erase.finish_document(document.pk)


def check(source: SyncSource, document: Document, *, left_out: int | None = None) -> None:
    """It is gone with all that came of it, proven, and two more cycles do not bring it back."""
    collection = source.collection
    for _ in range(2):
        swept()
        assert cycle(source).error_code == ""
        read_all()
    swept()
    assert "Share/meals.md" in living(collection)
    assert not Chunk.objects.filter(text__contains="estrel").exists()
    assert not Document.objects.filter(pk=document.pk).exists()
    if left_out is not None:
        assert SourceItem.objects.filter(left_out=True, document=None).count() == left_out
    proving.prove()
    receipts = list(Receipt.objects.filter(reason="asked"))
    assert document.pk in {receipt.document_id for receipt in receipts}
    assert {receipt.state for receipt in Receipt.objects.all()} <= {"proven", "removed"}
    assert all(receipt.finished_at for receipt in receipts)
    there = {path.name for path in files.originals_dir().rglob("*") if path.is_file()}
    assert there == {pk.hex for pk in Document.objects.values_list("pk", flat=True)}


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("change", "step"), CASES)
def test_in_the_middle_of_a_run(
    leave: Document,
    watched: SyncSource,
    share: Path,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    step: str,
    when: str,
) -> None:
    CHANGES[change](share)

    def deed() -> None:
        # By the run itself it is gone already where it is no longer at its source.
        if Document.objects.filter(pk=leave.pk).exclude(status="erasing").exists():
            gone(alice, leave, at_once=when == "after")

    with monkeypatch.context() as patched:
        done = around(patched, step, deed, when)
        run = cycle(watched)
    assert done and run.error_code == ""
    if not Receipt.objects.filter(document_id=leave.pk, reason="asked").exists():
        assert change == "gone" and Receipt.objects.get().reason == "source"
        Receipt.objects.update(reason="asked")
    there = {"copied": 2, "gone": 0}.get(change, 1)
    check(watched, leave, left_out=there)


@pytest.mark.long
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    "step",
    [
        "ingest.pipeline.parse_isolated",
        "ingest.keep.write_rows",
        "ingest.vectors.store.upsert",
        "ingest.pipeline.keep.ready",
    ],
)
def test_while_what_a_run_brought_is_read(
    leave: Document,
    watched: SyncSource,
    share: Path,
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    at_once: bool,
) -> None:
    """Its newer version is at work, and the source is read once more at that moment."""
    CHANGES["changed"](share)
    cycle(watched)
    newer = Document.objects.get(name="leave.md", version=2)

    def deed() -> None:
        older = at_once and Document.objects.filter(pk=leave.pk).exclude(status="erasing").exists()
        gone(alice, leave if older else newer, at_once=at_once)
        cycle(watched)

    with monkeypatch.context() as patched:
        done = around(patched, step, deed, "after")
        process_document(newer.pk)
    assert done
    check(watched, newer, left_out=1)
    assert Receipt.objects.get(document_id=leave.pk).state == "proven"


@pytest.mark.long
def test_what_waits_in_the_queue(
    leave: Document, watched: SyncSource, share: Path, alice: User
) -> None:
    (share / "late.md").write_text(LEAVE.replace("4417", "4418"))
    cycle(watched)
    late = Document.objects.get(name="late.md")
    assert late.status == "queued"
    gone(alice, late, at_once=True)
    gone(alice, leave, at_once=True)
    check(watched, late, left_out=2)


@pytest.mark.long
@pytest.mark.parametrize("back", ["the same", "changed", "elsewhere"])
def test_a_source_that_is_away_while_it_is_erased(
    leave: Document, watched: SyncSource, share: Path, alice: User, back: str
) -> None:
    away = share.with_name("away")
    share.rename(away)
    gone(alice, leave, at_once=True)
    assert cycle(watched).error_code == "source-missing"
    away.rename(share)
    if back == "changed":
        CHANGES["changed"](share)
    elif back == "elsewhere":
        touched(share)
    check(watched, leave, left_out=1)


@pytest.mark.long
def test_a_file_that_was_away_when_it_was_erased_and_comes_back(
    leave: Document, watched: SyncSource, share: Path, alice: User
) -> None:
    gone(alice, leave, at_once=True)
    (share / "leave.md").rename(share.with_name("leave.md"))
    assert counted(cycle(watched)) == {"left_out": 1, "gone": 1}
    assert not SourceItem.objects.filter(left_out=True).exists()
    (share / "sub").mkdir()
    share.with_name("leave.md").rename(share / "sub" / "back.md")
    check(watched, leave, left_out=1)


@pytest.mark.long
def test_a_collection_that_is_erased_while_its_source_is_read(
    leave: Document,
    watched: SyncSource,
    share: Path,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (share / "new.md").write_text(LEAVE.replace("4417", "4418"))

    def deed() -> None:
        erase.erase_collection(alice, collection)

    done = around(monkeypatch, "ingest.upload.require_clean", deed, "after")
    assert cycle(watched).error_code == "source-taken"
    assert done and sync.run(watched.pk) is None
    swept()
    assert erase.finish_collection(collection.pk)
    assert not Document.objects.exists() and not SyncSource.objects.exists()
    proving.prove()
    assert set(Receipt.objects.values_list("state", flat=True)) == {"proven"}
    assert not [path for path in files.originals_dir().rglob("*") if path.is_file()]


# --- what is told, and who is told ------------------------------------------------------------------


def write(share: Path, **texts: str) -> None:
    for name, text in texts.items():
        (share / f"{name}.txt").write_text(text)


@pytest.fixture
def secret(watched: SyncSource, share: Path, db: None) -> Document:
    write(share, secret="Never again.", other="Other.")
    cycle(watched)
    return Document.objects.get(name="secret.txt")


def test_the_page_says_so_at_once_and_the_next_cycle_heeds_it(
    secret: Document,
    watched: SyncSource,
    share: Path,
    alice: User,
    client_for: Callable[[User | None], Client],
) -> None:
    page = reverse("ingest:source", args=[watched.pk])
    client = client_for(alice)
    assert b"Erased here" not in client.get(page).content
    erase.erase_document(alice, secret)
    assert b"Erased here" in client.get(page).content
    write(share, copy="Never again.")
    assert counted(cycle(watched)) == {"left_out": 1}
    assert client.get(page).content.count(b"Erased here") == 2
    assert list(living(watched.collection)) == ["Share/other.txt"]


@pytest.mark.parametrize("erased", ["the older", "the newer"])
def test_a_file_goes_with_all_its_versions(
    secret: Document, watched: SyncSource, share: Path, alice: User, erased: str
) -> None:
    """Else the newer one would come back as what was erased, or the older one answer for ever."""
    Document.objects.filter(pk=secret.pk).update(status="ready", visible=True)
    write(share, secret="Never again, I said.")
    cycle(watched)
    newer = Document.objects.get(name="secret.txt", version=2)
    wanted = secret if erased == "the older" else newer
    assert erase.erase_document(alice, wanted).document_id == wanted.pk
    assert list(living(watched.collection)) == ["Share/other.txt"]
    assert Receipt.objects.count() == 2
    assert SourceItem.objects.get(name="secret.txt").left_out
    assert counted(cycle(watched)) == {"left_out": 1}


def test_a_version_under_a_hold_keeps_the_others(
    secret: Document, watched: SyncSource, share: Path, alice: User
) -> None:
    write(share, secret="Never again, I said.")
    cycle(watched)
    holds.place(None, target="document", target_id=secret.pk, reference="case-1")
    with pytest.raises(Problem):
        erase.erase_document(alice, Document.objects.get(version=2))
    assert len(living(watched.collection)) == 2 and not Receipt.objects.exists()
    assert not SourceItem.objects.filter(left_out=True).exists()


def test_versions_that_a_person_uploaded_are_erased_one_by_one(
    secret: Document, watched: SyncSource, alice: User
) -> None:
    Document.objects.filter(pk=secret.pk).update(uploaded_by=alice)
    twin = people.make_document(watched.collection, "Another.", "secret.txt", path="Share")
    erase.erase_document(alice, secret)
    twin.refresh_from_db()
    assert twin.status == "ready"


def test_a_file_that_becomes_what_was_erased_elsewhere_goes(
    secret: Document, watched: SyncSource, share: Path, alice: User
) -> None:
    erase.erase_document(alice, secret)
    write(share, other="Never again.")
    cycle(watched)
    assert living(watched.collection) == {}
    assert set(Receipt.objects.values_list("reason", flat=True)) == {"asked", "source"}
    assert SourceItem.objects.filter(left_out=True).count() == 2


def test_another_source_of_the_same_file_is_told_as_well(
    secret: Document, watched: SyncSource, make: Make, share: Path, alice: User
) -> None:
    second = make(name="Second", settings={"path": str(share)})
    cycle(second)
    erase.erase_document(alice, secret)
    assert SourceItem.objects.filter(left_out=True).count() == 2
    for source in (watched, second):
        assert counted(cycle(source))["left_out"] == 1
    assert len(living(watched.collection)) == 1


# --- inside archives ----------------------------------------------------------------------------------


def pack(share: Path, **texts: str) -> None:
    with ZipFile(share / "all.zip", "w") as archive:
        for name, text in texts.items():
            archive.writestr(f"{name}.txt", text)


def test_what_was_erased_does_not_come_back_in_an_archive(
    secret: Document, watched: SyncSource, share: Path, alice: User, vectors: str
) -> None:
    erase.erase_document(alice, secret)
    pack(share, secret="Never again.", pay="On the 25th.")
    cycle(watched)
    read_all()
    assert set(living(watched.collection)) == {
        *("Share/other.txt", "Share/all.zip", "Share/all/pay.txt")
    }
    refused = Document.objects.get(name="all.zip").reading["refused"]
    assert [(each["name"], each["code"]) for each in refused] == [("secret.txt", "erased-here")]


def test_a_file_of_an_archive_stays_erased_when_the_archive_changes(
    watched: SyncSource, share: Path, alice: User, vectors: str
) -> None:
    pack(share, secret="Never again.", pay="On the 25th.")
    cycle(watched)
    read_all()
    erase.erase_document(alice, Document.objects.get(name="secret.txt"))
    for text in ("Never again.", "Never again, I said."):
        pack(share, secret=text, pay="On the 25th.", more=text[::-1])
        cycle(watched)
        read_all()
        assert "Share/all/secret.txt" not in living(watched.collection)
    assert "Share/all/more.txt" in living(watched.collection)


def test_an_archive_that_is_taken_in_again_has_its_files(
    watched: SyncSource, share: Path, alice: User, vectors: str
) -> None:
    """But for those that were erased by themselves before; and by themselves they do not come, either."""
    pack(share, secret="Never again.", pay="On the 25th.")
    write(share, other="Other.")
    cycle(watched)
    read_all()
    erase.erase_document(alice, Document.objects.get(name="secret.txt"))
    erase.erase_document(alice, Document.objects.get(name="all.zip"))
    swept()
    write(share, loose="On the 25th.")
    cycle(watched)
    assert list(living(watched.collection)) == ["Share/other.txt"]
    sync_manage.take_again(alice, watched, SourceItem.objects.get(name="all.zip").pk)
    cycle(watched)
    read_all()
    assert set(living(watched.collection)) == {
        *("Share/other.txt", "Share/all.zip", "Share/all/pay.txt")
    }
