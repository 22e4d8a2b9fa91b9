"""Something happens in the middle of something else, and what has to be true afterwards."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

import ingest
from ingest import erase, files, keys, lexical_sizes, proving, recover
from ingest.indexes import active
from ingest.models import Chunk, Collection, Document, Extract, Receipt
from ingest.pipeline import process_document
from tests.ingest.conftest import held_vectors

LEAVE = (
    "# Kestrel lanterns\n\nThe harbour pays 4417 crowns for each kestrel lantern that Wilhelmina "
    "Oosterhuis lights before midnight, and 28 more on Thursdays.\n\n## Repairs\n\nBroken glass is "
    "replaced by the glazier Bartholomew Quillfeather within nineteen days."
)


class Killed(BaseException):
    """As by SIGKILL: nobody above tidies up."""


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
