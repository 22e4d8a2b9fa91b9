"""After a backup was put back: what was erased since is erased again, before anybody finds it.

The backup's own record knows nothing of it. What does is the file that grows beside the database
(ingest/forgotten.py), or an export of the record.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog
from django.db.models import QuerySet
from django.http import Http404

from audit.problems import Problem
from ingest import erase, forgotten
from ingest.forgotten import Line
from ingest.models import Collection, Document, Receipt

log = structlog.get_logger(__name__)

Reason = Receipt.Reason
#: Documents that one query names.
BATCH = 500


@dataclass(slots=True)
class Replayed:
    """What was erased again. `held`: what a legal hold keeps. `remembered`: rows that were put back."""

    receipts: list[Receipt] = field(default_factory=list)
    collections: list[UUID] = field(default_factory=list)
    held: list[UUID] = field(default_factory=list)
    remembered: int = 0


def replay(files: Sequence[Path] | None = None) -> Replayed:
    """Erase again what these files say was erased. Twice does no harm; files that are not there are none."""
    done = Replayed()
    # Read once: it grows by what is erased here.
    lines = list(forgotten.read(*(files or [forgotten.ledger()])))
    done.remembered = forgotten.remember_lines(lines)
    for collection in _collections(lines):
        _again(done, collection.pk, partial(_collection, done, collection))
    for document in returned(lines):
        _again(done, document.pk, partial(_document, done, document))
    if done.receipts or done.held:
        log.warning("erasure.replayed", documents=len(done.receipts), held=len(done.held))
    return done


_known: list[float] = []


def has_news() -> bool:
    """Whether the file is another than when this process last looked, and names documents that are there."""
    try:
        changed = forgotten.ledger().stat().st_mtime
    except FileNotFoundError:
        return False
    if _known == [changed]:
        return False
    _known[:] = [changed]
    return bool(returned())


def returned(lines: Iterable[Line] | None = None) -> list[Document]:
    """Documents that are there although they were erased: of the file, where no `lines` are given."""
    found = forgotten.read(forgotten.ledger()) if lines is None else lines
    reasons = {line.document: line.reason for line in found if line.document}
    keys, there = sorted(reasons), list[Document]()
    for start in range(0, len(keys), BATCH):
        there += _living().filter(pk__in=keys[start : start + BATCH])
    return [each for each in there if reasons[each.pk] != Reason.REPLACED or _is_old(each)]


def _is_old(document: Document) -> bool:
    """Whether the version that replaced it is there: a backup may be older than that, too."""
    same = _living().filter(
        collection=document.collection_id, path=document.path, name=document.name
    )
    return same.filter(version__gt=document.version, ready_at__isnull=False).exists()


def _living() -> QuerySet[Document]:
    return Document.objects.exclude(status=Document.Status.ERASING)


def _collections(lines: Sequence[Line]) -> list[Collection]:
    """Those that were erased as a whole: only an export of the record names them alone."""
    keys = {line.collection for line in lines if line.collection and not line.document}
    return list(Collection.objects.filter(pk__in=keys, erasing=False))


def _again(done: Replayed, pk: UUID, deed: Callable[[], None]) -> None:
    try:
        deed()
    except Problem:
        done.held.append(pk)
    except Http404:
        return


def _collection(done: Replayed, collection: Collection) -> None:
    done.receipts += erase.erase_collection(None, collection)
    done.collections.append(collection.pk)


def _document(done: Replayed, document: Document) -> None:
    done.receipts.append(erase.erase_document(None, document, reason=Reason.REPLAYED))
