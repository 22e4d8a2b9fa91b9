"""What is erased is gone from every byte, and the receipt says so: a real file, a real Chroma."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.models import Entry
from ingest import canaries, chroma, chroma_files, erase, indexes, lexical, proving, store
from ingest.bytescan import Scanned, Scanner
from ingest.embed import from_bytes
from ingest.models import Collection, Document, Receipt, SourceItem, SyncSource
from tests import people
from tests.ingest.conftest import Add, held_vectors

LEAVE = (
    "# Kestrel lanterns\n\nThe harbour pays 4417 crowns for each kestrel lantern that Wilhelmina "
    "Oosterhuis lights before midnight, and 28 more on Thursdays.\n\n## Repairs\n\nBroken glass is "
    "replaced by the glazier Bartholomew Quillfeather within nineteen days."
)
MEALS = "# Meals\n\nMeals cost 5 euros. Each employee has one voucher a day, on Thursdays two."


def seen(document: Document) -> set[str]:
    """The kinds of place, and of pieces, by which a document that is whole is known."""
    taken = canaries.pieces(document, words=True).canaries()
    proving.tidy_database()
    return set(Scanner(taken).scan(proving.looked_through()).places(taken))


def finished(user: User, document: Document) -> Receipt:
    receipt = erase.erase_document(user, document)
    assert erase.finish_document(document.pk)
    receipt.refresh_from_db()
    return receipt


def test_it_is_seen_before_and_nowhere_after(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    document, other = add("kestrel-lanterns-of-the-harbour.md", LEAVE), add("meals.md", MEALS)
    conversation = people.make_conversation(alice, document.chunks.first())
    answer = conversation.messages.get(ordinal=1)
    answer.text = f"{document.chunks.get(ordinal=0).text} [1]"
    answer.save()
    before = seen(document)
    # The twin of an embedder makes vectors of zeros, which are everybody's: those of rows are not looked for.
    assert {"database/text", "database/terms", "database/extract", "vectors/vector"} <= before
    assert {"vectors/id", "originals/original", "database/name"} <= before
    receipt = finished(alice, document)
    assert receipt.state == "pending" and receipt.sought["text"] >= 4 and receipt.canaries
    proved = proving.prove()
    receipt.refresh_from_db()
    assert proved and (proved.proven, proved.found) == (1, 0), receipt.checks
    assert receipt.state == "proven" and receipt.canaries == [] and receipt.proven_at
    assert receipt.vectors_at and receipt.checks[0]["bytes"] > 100_000
    assert held_vectors(collection.id) == chroma_count(other)
    entry = Entry.objects.get(action=actions.ERASURE_PROVEN)
    assert entry.data["state"] == "proven" and entry.data["found"] == []
    said = str([row.data for row in Entry.objects.all()])
    assert "estrel" not in said and "uillfeather" not in said


def chroma_count(document: Document) -> int:
    dimension = indexes.active().dimension
    rows = document.chunks.values_list("vector", flat=True)
    return sum(len(from_bytes([bytes(row or b"")], dimension)) for row in rows)


def test_the_vectors_were_there_until_the_files_were_made_anew(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    document = add("leave.md", LEAVE)
    add("meals.md", MEALS)
    taken = canaries.pieces(document, words=True).canaries()
    receipt = finished(alice, document)
    places = Scanner(taken).scan(proving.looked_through()).places(taken)
    assert any(place.startswith("vectors/") for place in places)
    folders = set(chroma_files.strays())
    proving.prove()
    assert not folders & set(chroma_files.strays())
    receipt.refresh_from_db()
    assert receipt.state == "proven"


def test_what_is_found_is_told_and_tried_again(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    document = add("leave.md", LEAVE)
    receipt = finished(alice, document)
    logs = on_disk / "logs"
    logs.mkdir()
    (logs / "web.log").write_text(f"somebody logged it: {LEAVE}", encoding="utf-8")
    proved = proving.prove()
    receipt.refresh_from_db()
    assert proved and proved.found == 1 and receipt.state == "found" and receipt.canaries
    assert set(receipt.checks[-1]["found"]) == {"logs/text"}
    entry = Entry.objects.get(action=actions.ERASURE_PROVEN)
    assert entry.data["state"] == "found" and "estrel" not in str(entry.data)
    (logs / "web.log").unlink()
    proving.prove()
    receipt.refresh_from_db()
    assert receipt.state == "proven" and len(receipt.checks) == 2


def test_text_that_another_document_has_too_is_no_trace(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    document = add("leave.md", LEAVE)
    add("copy.md", f"{LEAVE}\n\nA copy with one more line.")
    receipt = finished(alice, document)
    assert "text" not in receipt.sought and receipt.sought["original"] and receipt.sought["vector"]
    proving.prove()
    receipt.refresh_from_db()
    assert receipt.state == "proven"


def test_a_replaced_version_is_proven_without_its_words(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    first = add("leave.md", LEAVE)
    add("leave.md", LEAVE.replace("4417", "4418"))
    receipt = Receipt.objects.get(document_id=first.pk)
    assert receipt.reason == "replaced"
    erase.finish_document(first.pk)
    proving.prove()
    receipt.refresh_from_db()
    assert receipt.state == "proven" and "text" not in receipt.sought


def test_a_file_that_came_back_by_hand_is_no_trace(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    receipt = finished(alice, add("leave.md", LEAVE))
    add("leave.md", LEAVE)
    proving.prove()
    receipt.refresh_from_db()
    assert receipt.state == "proven"
    assert 0 < receipt.checks[-1]["theirs"] <= receipt.checks[-1]["sought"]


def test_a_whole_collection_is_gone_with_its_index(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    for number in range(3):
        add(f"{number}.md", LEAVE.replace("4417", f"{number}417"))
    receipts = erase.erase_collection(alice, collection)
    assert erase.finish_collection(collection.pk)
    proved = proving.prove()
    assert proved and proved.proven == len(receipts) == 3
    assert chroma.names(starts=collection.pk.hex) == []
    assert set(Receipt.objects.values_list("state", flat=True)) == {"proven"}


def test_search_goes_on_while_the_index_is_made_anew(
    on_disk: Path, alice: User, collection: Collection, add: Add, settings: Any
) -> None:
    document, other = add("leave.md", LEAVE), add("meals.md", MEALS)
    vector = from_bytes(
        [bytes(other.chunks.get(ordinal=0).vector or b"")], indexes.active().dimension
    )[0]
    settings.EXACT_SEARCH_CHUNKS = 0
    index = indexes.active()
    before = store.search(vector, [collection.id], 5, index=index)
    finished(alice, document)
    proving.prove()
    after = store.search(vector, [collection.id], 5, index=index)
    assert after and after[0] == before[0]
    assert {hit.chunk for hit in after} <= {chunk.pk for chunk in other.chunks.all()}
    assert lexical.search("lantern", [collection.id], 5, index=index.pk) == []


def test_a_killed_rebuild_is_mended(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    add("meals.md", MEALS)
    [name] = chroma.names(starts=collection.pk.hex)
    held = chroma.count(name)
    chroma.make(name + chroma.NEW)
    chroma.mend()
    assert chroma.names(starts=collection.pk.hex) == [name] and chroma.count(name) == held
    with chroma.client() as client:
        client.get_collection(name, embedding_function=None).modify(name=name + chroma.OLD)
    chroma.make(name + chroma.NEW)
    chroma.mend()
    assert chroma.names(starts=collection.pk.hex) == [name] and chroma.count(name) == held


def test_what_could_not_be_read_proves_nothing(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    receipt = finished(alice, add("leave.md", LEAVE))
    proving._judged(receipt, Scanned(files=2, bytes=100, unread=1), timezone.now(), 0.0)
    receipt.refresh_from_db()
    assert receipt.state == "pending" and receipt.canaries and receipt.proven_at is None
    assert receipt.checks[-1]["unread"] == 1
    proving.prove()
    receipt.refresh_from_db()
    assert receipt.state == "proven"


def test_words_that_a_worker_wrote_late_are_no_living_documents(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    document = add("leave.md", LEAVE)
    chunks = list(document.chunks.all())
    receipt = finished(alice, document)
    lexical.index(document, chunks)
    proved = proving.prove()
    receipt.refresh_from_db()
    assert proved and proved.found == 1 and set(receipt.checks[-1]["found"]) == {"database/terms"}
    lexical.remove_document(document.pk)
    proving.prove()
    receipt.refresh_from_db()
    assert receipt.state == "proven"


def test_a_name_that_its_source_lists_is_no_trace(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    name = "kestrel-lanterns-of-the-harbour.md"
    document = add(name, LEAVE)
    source = SyncSource.objects.create(collection=collection, kind="folder", name="Share")
    SourceItem.objects.create(
        source=source, digest="0", key=name, path="", name=name, version="1", document=document
    )
    receipt = finished(alice, document)
    assert receipt.sought["text"] and "name" not in receipt.sought
    proving.prove()
    receipt.refresh_from_db()
    assert receipt.state == "proven"


def test_a_worker_that_writes_between_two_names_gives_way(
    on_disk: Path, alice: User, collection: Collection, add: Add
) -> None:
    document = add("meals.md", MEALS)
    [name] = chroma.names(starts=collection.pk.hex)
    with chroma.client() as client:
        whole = client.get_collection(name, embedding_function=None)
        held = whole.count()
        whole.modify(name=name + chroma.NEW)
        chroma.make(name)
        chroma._take_name(client, whole, name)
    assert chroma.names(starts=collection.pk.hex) == [name]
    assert chroma.count(name) == held == chroma_count(document)


def test_who_asks_an_index_that_is_just_going_is_answered_by_the_next(
    on_disk: Path, collection: Collection, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = add("meals.md", MEALS)
    [name] = chroma.names(starts=collection.pk.hex)
    chroma.make(name + chroma.OLD)
    with chroma.client() as client:
        going = [client.get_collection(name + chroma.OLD, embedding_function=None)]
    real = chroma._found
    monkeypatch.setattr(
        chroma, "_found", lambda client, name: going.pop() if going else real(client, name)
    )
    with half_gone(str(going[0].id)):
        found = chroma.query(name, np.ones(indexes.active().dimension, np.float32), 9)
    assert not going and {hit.chunk for hit in found} == {each.pk for each in document.chunks.all()}
    chroma.mend()
    assert chroma.names(starts=collection.pk.hex) == [name]


@contextmanager
def half_gone(pk: str) -> Iterator[None]:
    """As Chroma leaves a collection for a moment while it deletes it."""
    place = chroma_files.folder()
    assert place
    with closing(chroma_files._opened(place)) as database:
        rows = database.execute("SELECT * FROM segments WHERE collection = ?", [pk]).fetchall()
        assert rows
        database.execute("DELETE FROM segments WHERE collection = ?", [pk])
        try:
            yield
        finally:
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO segments VALUES ({marks})", rows)  # noqa: S608


def test_chroma_writes_out_no_memory_of_what_was_freed(
    vectors: str, settings: Any, collection: Collection, add: Add, transactional_db: None
) -> None:
    """Room for vectors that are not there yet: without MALLOC_PERTURB_ it held those of the deleted."""
    before = set(Path(settings.CHROMA_DIR).glob("*/data_level0.bin"))
    add("leave.md", LEAVE)
    (made,) = set(Path(settings.CHROMA_DIR).glob("*/data_level0.bin")) - before
    assert len(set(made.read_bytes()[-4_000:])) == 1


@pytest.mark.django_db
def test_pieces_cut_through_no_letter(vectors: str, add: Add) -> None:
    """Others look for them in texts: a piece that is none stopped an erasure for good."""
    text = "\n\n".join(
        f"Wörterprüfungsübung {word} überträgt äußerst größere Änderungen für Straßenläufer."
        for word in ("Kränzlörm", "Füßlöwe", "Möhrchenübel", "Xylößöt", "Näßlichkäfer", "Zürnöl")
    )
    document = add("prüfungsübungsänderungsgröße.md", f"# Übung\n\n{text}")
    found = canaries.pieces(document, words=True)
    assert found.texts
    for window, kind in found.texts.items():
        window.decode("utf-16-le" if kind == "utf-16" else "utf-8")
