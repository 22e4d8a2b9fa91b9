"""Whatever one store has and another lacks is found, told, and put right where that is safe."""

import os
import time
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from django.conf import settings

from accounts.models import User
from audit import actions
from audit.models import Entry
from ingest import (
    chroma,
    erase,
    files,
    forgotten,
    indexes,
    lexical,
    lexical_sizes,
    night,
    reconcile,
)
from ingest.models import Chunk, Collection, Document, Receipt
from ingest.renewing import renewing
from sovereign.kept import erasures
from tests.ingest.conftest import Add, held_vectors

pytestmark = pytest.mark.django_db

TEXT = "# Lanterns\n\nKestrel lanterns are lit at night by the harbour."


def looked() -> reconcile.Orphans:
    found = reconcile.reconcile()
    assert found is not None
    return found


def told(found: reconcile.Orphans) -> dict[str, int]:
    return {kind: count for kind, count in found.found.items() if count}


@pytest.fixture(autouse=True)
def _nothing_of_others(vectors: str, db: None, folder: Path) -> None:
    chroma.remove(chroma.names())


def test_where_all_is_well_nothing_is_told(add: Add) -> None:
    add("lanterns.md", TEXT)
    looked()
    found = looked()
    assert told(found) == {} and found.left == 0
    entry = Entry.objects.filter(action=actions.ORPHANS_FOUND).latest("id")
    assert entry.data == {"left": 0} and reconcile.last() == entry


def test_vectors_of_nothing_are_made_to_go_from_the_files(add: Add, collection: Collection) -> None:
    document = add("lanterns.md", TEXT)
    held = held_vectors(collection.pk)
    [name] = chroma.names(starts=collection.pk.hex)
    row = np.ones((1, indexes.active().dimension), np.float32)
    chroma.upsert(name, uuid4(), [uuid4()], [row])
    chroma.upsert(f"{uuid4().hex}-{indexes.active().pk.hex}", uuid4(), [uuid4()], [row])
    found = told(looked())
    assert found.pop("folders", 0) >= 0
    assert found == {"vectors": 1, "collections": 1}
    assert held_vectors(collection.pk) == held and len(chroma.names()) == 1
    assert Document.objects.get() == document


def test_a_collection_whose_vectors_are_gone_is_filled(add: Add, collection: Collection) -> None:
    add("lanterns.md", TEXT)
    held = held_vectors(collection.pk)
    chroma.remove(chroma.names())
    assert told(looked())["short"] == 1 and held_vectors(collection.pk) == held


def test_words_are_held_against_documents(add: Add, collection: Collection) -> None:
    document, other = add("lanterns.md", TEXT), add("meals.md", "# Meals\n\nMeals cost 5 euros.")
    lexical.remove_document(document.pk)
    chunk = other.chunks.get()
    Chunk.objects.filter(pk=chunk.pk).delete()
    Document.objects.filter(pk=other.pk).delete()
    found = told(looked())
    assert (found["words"], found["missing_words"], found["vectors"]) == (1, 1, 1)
    index = indexes.active().pk
    assert [hit.chunk for hit in lexical.search("lantern", [collection.pk], 5, index=index)]
    assert lexical_sizes.of_document(other.pk, index) == 0
    assert told(looked()).keys() <= {"folders"}


def test_files_of_nothing_go_after_a_grace_period_and_missing_ones_are_told(add: Add) -> None:
    document = add("lanterns.md", TEXT)
    orphan = files.originals_dir() / "ab" / uuid4().hex
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"nobody's")
    assert "files" not in told(looked()) and orphan.exists()
    old = time.time() - (settings.ORPHAN_HOURS + 1) * 3600
    os.utime(orphan, (old, old))
    Path(document.file.path).unlink()
    Document.objects.update(created_at="2026-01-01T00:00:00Z")
    found = looked()
    assert told(found) == {"files": 1, "missing_files": 1} and found.left == 1
    assert not orphan.exists()


def test_an_erasure_that_does_not_end_is_told(add: Add, alice: User) -> None:
    document = add("lanterns.md", TEXT)
    erase.erase_document(alice, document)
    Receipt.objects.update(requested_at="2026-01-01T00:00:00Z")
    assert told(looked())["stuck"] == 1


def test_one_at_a_time_and_once_a_night(add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    assert night.due()
    with renewing() as free:
        assert free and reconcile.reconcile() is None
    orphans, proved = night.run()
    assert orphans and proved and proved.proven == 0 and not night.due()
    monkeypatch.setattr(settings, "CHROMA_URL", "http://127.0.0.1:9")
    orphans, proved = night.run()
    assert orphans is None and proved, "nothing waits: proving needs no Chroma, and has its night"


def test_the_doctor_says_what_wants_a_person(add: Add, alice: User) -> None:
    document = add("lanterns.md", TEXT)
    looked()
    looked()
    assert erasures().ok
    receipt = erase.erase_document(alice, document)
    Receipt.objects.filter(pk=receipt.pk).update(state="found")
    found = erasures()
    assert not found.ok and "1 with traces" in found.detail and not found.needed
    forgotten.append([receipt])
    Document.objects.update(status="ready")
    assert "--replay" in erasures().advice
