"""Erasure against exports and imports: no archive leaves with what was erased, none brings it back unasked,
and the receipt says what left before."""

import io
import zipfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import User
from evaluation.imports import import_questions
from evaluation.sets import create_set
from ingest import abandoned, erase, forgotten, proving, receipts
from ingest.models import Collection, Document, Receipt, Transfer
from ingest.moving import files, jobs, undoing, work, writing
from tests import people
from tests.ingest.conftest import Add
from tests.ingest.races import LEAVE, Killed, around, check_gone, swept

#: Rooms whose steps are named below.
ROOMS = (work, writing)
EXPORTING = (
    "ingest.moving.work.write",
    "ingest.moving.writing._documents",
    "ingest.moving.writing._document",
    "ingest.moving.writing._original",
    "ingest.moving.writing._passages",
    "ingest.moving.writing._manifest",
)
BRINGING = (
    "ingest.moving.work.erased_here",
    "ingest.moving.work._begun",
    "ingest.moving.taking.take",
    "ingest.moving.work._take",
    "ingest.moving.work._ask_again",
)


@pytest.fixture
def leave(on_disk: Path, add: Add, settings: object) -> Document:
    """One of two documents; the files of exports are plain, so that their bytes can be looked at."""
    settings.ENCRYPT_ORIGINALS = False  # type: ignore[attr-defined]
    add("meals.md", "# Meals\n\nMeals cost five euros, drinks another two.")
    return add("leave.md", LEAVE)


def gone(alice: User, document: Document, *, at_once: bool) -> None:
    erase.erase_document(alice, document)
    if at_once:
        erase.finish_document(document.pk)


def late() -> None:
    """Time passes: leases run out, the sweeps come."""
    past = timezone.now() - timedelta(seconds=60)
    Transfer.objects.filter(lease_until__isnull=False).update(lease_until=past)
    jobs.sweep()
    undoing.clean_up()


def run_all() -> None:
    for _ in range(3):
        for pk in Transfer.objects.filter(status="queued").values_list("pk", flat=True):
            work.run(pk)


def words_of(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return b"\n".join(file.read(name) for name in file.namelist())


def check_export(alice: User, made: Transfer) -> None:
    made.refresh_from_db()
    assert (made.status, made.counts["documents"]) == ("done", 1)
    with jobs.download(alice, made) as file:
        words = words_of(file.read())
    assert b"five euros" in words and b"estrel" not in words


@pytest.mark.long
@pytest.mark.parametrize("kill", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", EXPORTING)
def test_while_it_is_packed(
    leave: Document,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    when: str,
    kill: bool,
) -> None:
    made = jobs.begin_export(alice, collection)
    at_once = when == "after"
    with monkeypatch.context() as patched, suppress(Killed):
        done = around(patched, step, lambda: gone(alice, leave, at_once=at_once), when, kill=kill)
        work.run(made.pk)
    assert done
    late()
    run_all()
    check_export(alice, made)
    swept()
    kept = Document.objects.get().chunks.count()
    assert kept
    proving.prove()
    receipt = Receipt.objects.get()
    assert receipt.state == "proven", receipt.checks
    assert [path.name for path in files.folder().iterdir()] == [made.pk.hex]


@pytest.mark.long
@pytest.mark.parametrize("step", EXPORTING)
def test_when_its_worker_was_killed_before_it_was_erased(
    leave: Document,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """What it had written lies there until somebody looks."""
    made = jobs.begin_export(alice, collection)
    with monkeypatch.context() as patched, suppress(Killed):
        # As the kernel does: the draft is neither finished nor removed, and nobody holds it.
        patched.setattr(Path, "unlink", lambda *_given, **_named: None)
        around(patched, step, lambda: None, "after", kill=True)
        work.run(made.pk)
    assert [path for path in files.folder().iterdir() if "." in path.name]
    late()
    gone(alice, leave, at_once=True)
    abandoned.remove(young=0)
    run_all()
    check_export(alice, made)
    check_gone(leave, collection, vectors=_vectors(collection))


def _vectors(collection: Collection) -> int:
    from tests.ingest.conftest import held_vectors

    return held_vectors(collection.pk)


@pytest.mark.long
def test_the_receipt_says_what_left_before(
    leave: Document, alice: User, collection: Collection, tmp_path: Path
) -> None:
    made = jobs.begin_export(alice, collection)
    work.run(made.pk)
    made.refresh_from_db()
    for _ in range(2):
        jobs.download(alice, made).close()
    call_command("export_collection", str(collection.pk), str(tmp_path / "a.zip"))
    gone(alice, leave, at_once=True)
    proving.prove()
    receipt = Receipt.objects.get()
    assert receipt.removed["exports"] == 1 and receipt.kept["archives"] == 3
    said = [row["what"] for row in receipts.remains(receipt)]
    assert "Exports that may hold it and were taken along before: 3" in said
    assert receipt.state == "proven"
    # What is made from now on is without it, and stays.
    again = jobs.begin_export(alice, collection)
    work.run(again.pk)
    swept()
    check_export(alice, again)


@pytest.mark.django_db
def test_a_document_that_came_after_the_export_had_begun(
    add: Add, alice: User, collection: Collection
) -> None:
    """It is listed a moment later: the archive has it."""
    made = jobs.begin_export(alice, collection)
    claim = jobs.take(made.pk)
    assert claim is not None
    document = people.make_document(collection)
    work.export(claim)
    made.refresh_from_db()
    assert made.status == "done" and made.counts["documents"] == 1
    older = people.make_document(collection, "Later.", "later.txt")
    erase.erase_document(alice, older)
    made.refresh_from_db()
    assert made.status == "done"
    erase.erase_document(alice, document)
    made.refresh_from_db()
    assert (made.status, made.error_code) == ("ended", "export-withdrawn")


@pytest.mark.django_db
def test_an_export_after_the_erasure_outlives_its_end(
    alice: User, collection: Collection, vectors: str
) -> None:
    """It is made between the moment that it is hidden and the moment that it is gone."""
    document = people.make_document(collection)
    people.make_document(collection, "Later.", "later.txt")
    erase.erase_document(alice, document)
    made = jobs.begin_export(alice, collection)
    work.run(made.pk)
    erase.finish_document(document.pk)
    made.refresh_from_db()
    assert made.status == "done" and made.counts["documents"] == 1


@pytest.mark.django_db
def test_golden_questions_that_quote_it_do_not_leave(
    add: Add, admin: User, alice: User, collection: Collection
) -> None:
    document = add("leave.md", LEAVE)
    people.grant(collection, admin, "manager")
    made = create_set(admin, name="Golden", collections=[collection.pk])
    line = (
        '{"id": "q1", "type": "fact", "language": "en", "question": "What is paid?", "answer": "4417", '
        '"evidence": [{"file": "leave.md", "page_or_section": "", "quote": "pays 4417 crowns"}]}'
    )
    assert import_questions(admin, made, line.encode(), "jsonl").created == 1
    people.make_document(collection, "Later.", "later.txt")
    erase.erase_document(alice, document)
    export = jobs.begin_export(admin, collection)
    work.run(export.pk)
    export.refresh_from_db()
    with jobs.download(admin, export) as file:
        assert b"4417" not in words_of(file.read())


@pytest.mark.long
def test_the_command_gives_up_where_something_was_erased_meanwhile(
    leave: Document,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    file = tmp_path / "a.zip"
    around(
        monkeypatch,
        "ingest.moving.writing._manifest",
        lambda: gone(alice, leave, at_once=True),
        "before",
    )
    with pytest.raises(CommandError, match="erased meanwhile"):
        call_command("export_collection", str(collection.pk), str(file))
    assert list(tmp_path.glob("a.zip*")) == []


# --- in -----------------------------------------------------------------------------------------------


def exported(alice: User, collection: Collection) -> bytes:
    made = jobs.begin_export(alice, collection)
    work.run(made.pk)
    with jobs.download(alice, made) as file:
        return file.read()


@pytest.mark.long
@pytest.mark.parametrize("kill", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", BRINGING)
def test_while_an_archive_that_holds_it_is_taken_in(
    leave: Document,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    when: str,
    kill: bool,
) -> None:
    """It is asked about, as if it had been erased before; given up, nothing of it is left."""
    made = jobs.begin_import(alice, io.BytesIO(exported(alice, collection)))
    at_once = when == "after"
    with monkeypatch.context() as patched, suppress(Killed):
        done = around(patched, step, lambda: gone(alice, leave, at_once=at_once), when, kill=kill)
        work.run(made.pk)
    assert done
    late()
    run_all()
    made.refresh_from_db()
    assert (made.status, made.erased) == ("asking", 1)
    assert Collection.objects.filter(grants__user=alice).get() == collection
    jobs.give_up(alice, made)
    late()
    swept()
    assert Collection.objects.count() == 1 and Document.objects.count() == 1
    check_gone(leave, collection, vectors=_vectors(collection))
    assert not list(files.folder().iterdir())


@pytest.mark.long
def test_another_erasure_meanwhile_asks_nothing(
    leave: Document, alice: User, monkeypatch: pytest.MonkeyPatch, collection: Collection
) -> None:
    other = people.make_document(people.make_collection(alice, "Other"), "Elsewhere.")
    made = jobs.begin_import(alice, io.BytesIO(exported(alice, collection)))
    for step in ("ingest.moving.work._take", "ingest.moving.work._ask_again"):
        around(monkeypatch, step, lambda: None, "after")
    around(
        monkeypatch,
        "ingest.moving.work._ask_again",
        lambda: erase.erase_document(alice, other),
        "after",
    )
    work.run(made.pk)
    run_all()
    made.refresh_from_db()
    assert made.status == "done" and made.counts["documents"] == 2


@pytest.mark.long
@pytest.mark.parametrize("kill", [False, True])
@pytest.mark.parametrize("what", ["document", "collection"])
@pytest.mark.parametrize("step", BRINGING[2:])
def test_what_is_being_made_is_erased_by_whoever_runs_the_machine(
    leave: Document,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    what: str,
    kill: bool,
) -> None:
    made = jobs.begin_import(alice, io.BytesIO(exported(alice, collection)))
    taken: list[Document] = []

    def deed() -> None:
        new = Collection.objects.exclude(pk=collection.pk).get()
        taken[:] = new.documents.order_by("words_at")[:1]
        if what == "collection":
            erase.erase_collection(None, new)
        else:
            erase.erase_document(None, taken[0])

    with monkeypatch.context() as patched, suppress(Killed):
        done = around(patched, step, deed, "after", kill=kill)
        work.run(made.pk)
    assert done and taken
    late()
    run_all()
    made.refresh_from_db()
    for pk in erase.due_collections().values_list("pk", flat=True):
        erase.finish_collection(pk)
    swept()
    late()
    assert not Document.objects.filter(pk=taken[0].pk).exists()
    if what == "collection":
        assert made.status == "failed" and Collection.objects.count() == 1
        assert Document.objects.count() == 2
    else:
        assert made.status == "done" and Document.objects.count() == 3
    assert not Receipt.objects.filter(finished_at__isnull=True).exists()
    assert set(Receipt.objects.values_list("state", flat=True)) <= {"pending", "proven"}


@pytest.mark.django_db
def test_news_are_told_of_what_is_remembered_and_of_what_is_not(
    alice: User, collection: Collection
) -> None:
    document = people.make_document(collection)
    before = forgotten.news()
    erase.erase_document(alice, document)
    after = forgotten.news()
    forgotten.allow(collection, document.sha256)
    assert len({before, after, forgotten.news()}) == 2 and before != after
