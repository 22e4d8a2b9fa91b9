"""Erasure wins every race: whatever was going on, nothing comes back, nothing is half gone, and the
receipt tells the truth, which a look through every byte decides."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from accounts.models import User
from ingest import build, chroma, erase, lexical_sizes, proving, receipts, refill, reindex
from ingest.models import Collection, Document, Receipt
from ingest.pipeline import process_document
from tests.ingest.conftest import Put, held_vectors
from tests.ingest.races import LEAVE, Killed, around, check_gone, swept

pytestmark = pytest.mark.long

#: What a worker does with a document, in the order in which it does it.
STEPS = (
    "ingest.pipeline.parse_isolated",
    "ingest.pipeline.extracts.save",
    "ingest.pipeline.cut",
    "ingest.keep.write_rows",
    "ingest.keep.show",
    "ingest.vectors.take_over",
    "ingest.vectors._embedded",
    "ingest.vectors.store.upsert",
    "ingest.pipeline.probe.probe",
    "ingest.pipeline.keep.ready",
)
#: What an erasure does.
ERASING = (
    "ingest.erase.receipts.prepare",
    "ingest.erase.store.remove_document",
    "ingest.erase.remove_original",
    "ingest.erase.lexical.remove_document",
    "ingest.erase._remove_chunks",
    "ingest.erase.receipts.finish",
)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_while_it_is_made(
    on_disk: Path,
    put: Put,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    when: str,
) -> None:
    document = put("leave.md", LEAVE).document
    done = around(monkeypatch, step, lambda: erase.erase_document(alice, document), when)
    process_document(document.pk)
    assert done
    swept()
    check_gone(document, collection)


@pytest.mark.parametrize("step", STEPS[::2] + STEPS[-1:])
def test_while_its_worker_is_killed(
    on_disk: Path,
    put: Put,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    document = put("leave.md", LEAVE).document
    done = around(
        monkeypatch, step, lambda: erase.erase_document(alice, document), "after", kill=True
    )
    with suppress(Killed):
        process_document(document.pk)
    assert done
    swept()
    check_gone(document, collection)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ERASING)
def test_while_the_erasure_itself_is_killed(
    on_disk: Path,
    put: Put,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    when: str,
) -> None:
    document = put("leave.md", LEAVE).document
    process_document(document.pk)
    erase.erase_document(alice, document)
    done = around(monkeypatch, step, lambda: None, when, kill=True)
    with suppress(Killed):
        erase.finish_document(document.pk)
    assert done and Receipt.objects.get().state == "removing"
    swept()
    check_gone(document, collection)


@pytest.mark.parametrize("when", ["before", "after"])
def test_while_the_vectors_are_made_anew(
    on_disk: Path,
    put: Put,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    document = put("leave.md", LEAVE).document
    process_document(document.pk)
    done = around(
        monkeypatch,
        "ingest.refill.chroma.upsert",
        lambda: erase.erase_document(alice, document),
        when,
    )
    refill.rebuild(collection.pk)
    assert done
    swept()
    check_gone(document, collection)


@pytest.mark.parametrize("when", ["before", "after"])
def test_while_vectors_are_made_anew_and_it_is_gone_at_once(
    on_disk: Path,
    put: Put,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    document = put("leave.md", LEAVE).document
    process_document(document.pk)

    def gone() -> None:
        erase.erase_document(alice, document)
        erase.finish_document(document.pk)

    done = around(monkeypatch, "ingest.refill.chroma.swap", gone, when)
    refill.rebuild(collection.pk)
    names = chroma.names(starts=collection.pk.hex)
    assert done and not [name for name in names if name.endswith((chroma.NEW, chroma.OLD))]
    check_gone(document, collection)


def test_while_a_second_index_is_built(
    on_disk: Path,
    put: Put,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = put("leave.md", LEAVE).document
    process_document(document.pk)
    made = reindex.begin(None, embedder="all-minilm-l6-v2", switch_when_built=False)
    done = around(
        monkeypatch,
        "ingest.vectors.store.upsert",
        lambda: erase.erase_document(alice, document),
        "after",
    )
    build.go_on(made.pk)
    assert done
    swept()
    assert lexical_sizes.of_document(document.pk, made.pk) == 0
    check_gone(document, collection)


def test_while_the_same_file_comes_in_again(
    on_disk: Path, put: Put, alice: User, collection: Collection
) -> None:
    first = put("leave.md", LEAVE).document
    process_document(first.pk)
    erase.erase_document(alice, first)
    second = put("leave.md", LEAVE)
    assert second.was_erased and second.document.pk != first.pk
    swept()
    proving.prove()
    assert Receipt.objects.get().state == "proven"
    assert Document.objects.get().pk == second.document.pk
    assert held_vectors(collection.pk) > 0


@pytest.mark.parametrize("kill", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
def test_a_file_of_an_archive_while_the_others_are_unpacked(
    on_disk: Path,
    put: Put,
    alice: User,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    at_once: bool,
    kill: bool,
) -> None:
    """Another worker goes on with the archive: it does not bring back what was erased meanwhile."""
    data = BytesIO()
    with ZipFile(data, "w") as file:
        file.writestr("leave.md", LEAVE)
        file.writestr("meals.md", "# Meals\n\nMeals cost five euros, drinks another two.")
    archive = put("all.zip", data.getvalue()).document
    gone: list[Document] = []

    def deed() -> None:
        gone.append(Document.objects.get(name="leave.md"))
        erase.erase_document(alice, gone[0])
        if at_once:
            erase.finish_document(gone[0].pk)

    done = around(monkeypatch, "ingest.archives.upload", deed, "after", kill=kill)
    with suppress(Killed):
        process_document(archive.pk)
    assert done
    swept()
    swept()
    assert set(Document.objects.values_list("name", "status")) == {
        *(("all.zip", "ready"), ("meals.md", "ready"))
    }
    check_gone(gone[0], collection, vectors=held_vectors(collection.pk))
    archive.refresh_from_db()
    told = [each["code"] for each in archive.reading["refused"]]
    assert told == (["erased-here"] if kill else [])
    # Packed it is in there as before: the receipt says so, as long as it is true.
    inside = "The archive that it was unpacked from, with it in there"
    receipt = Receipt.objects.get(document_id=gone[0].pk)
    assert inside in [row["what"] for row in receipts.remains(receipt)]
    erase.erase_document(alice, archive)
    swept()
    assert inside not in [row["what"] for row in receipts.remains(receipt)]
