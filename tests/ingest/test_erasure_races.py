"""Erasure wins every race: whatever was going on, nothing comes back, nothing is half gone, and the
receipt tells the truth, which a look through every byte decides."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

import ingest
from accounts.models import User
from ingest import (
    build,
    chroma,
    erase,
    files,
    keys,
    lexical_sizes,
    proving,
    recover,
    refill,
    reindex,
)
from ingest.indexes import active
from ingest.models import Chunk, Collection, Document, Extract, Receipt
from ingest.pipeline import process_document
from tests.ingest.conftest import Put, held_vectors

pytestmark = pytest.mark.long

LEAVE = (
    "# Kestrel lanterns\n\nThe harbour pays 4417 crowns for each kestrel lantern that Wilhelmina "
    "Oosterhuis lights before midnight, and 28 more on Thursdays.\n\n## Repairs\n\nBroken glass is "
    "replaced by the glazier Bartholomew Quillfeather within nineteen days."
)


class Killed(BaseException):
    """As by SIGKILL: nobody above tidies up."""


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


def around(
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    deed: Callable[[], object],
    when: str,
    kill: bool = False,
) -> list[bool]:
    """Do `deed` once, before or after `step`; then, perhaps, the process is killed. What is
    returned says whether it came to that."""
    module, name = step.rsplit(".", 1)
    owner: Any = ingest
    for part in module.split(".")[1:]:
        owner = getattr(owner, part)
    real, done = getattr(owner, name), list[bool]()

    def once() -> None:
        if not done:
            done.append(True)
            deed()
            if kill:
                raise Killed

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            once()
        result = real(*arguments, **named)
        if when == "after":
            once()
        return result

    monkeypatch.setattr(owner, name, wrapped)
    return done


def swept() -> None:
    """What the sweeps do after a while: leases have run out."""
    past = timezone.now() - timedelta(seconds=60)
    Document.objects.filter(lease_until__isnull=False).update(lease_until=past)
    recover.expired_leases()
    for pk in erase.due().values_list("pk", flat=True):
        erase.finish_document(pk)
    for pk in Document.objects.filter(status="queued").values_list("pk", flat=True):
        process_document(pk)


def check_gone(document: Document, collection: Collection, *, vectors: int = 0) -> None:
    pk = document.pk
    assert not Document.objects.filter(pk=pk).exists()
    assert not Chunk.objects.filter(document_id=pk).exists()
    assert not Extract.objects.filter(document_id=pk).exists()
    assert lexical_sizes.of_document(pk, active().pk) == 0
    assert held_vectors(collection.pk) == vectors
    assert not (files.originals_dir() / pk.hex[:2] / pk.hex).exists()
    assert not keys.key_path(pk).exists()
    proving.prove()
    receipt = Receipt.objects.get(document_id=pk)
    assert receipt.state == "proven" and receipt.finished_at, receipt.checks
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ingest_lexical WHERE text LIKE '%kestrel%'")
        assert cursor.fetchone()[0] == 0


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
    assert done and not [name for name in chroma.names() if name.endswith((chroma.NEW, chroma.OLD))]
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
