"""Holds the stores against each other: what belongs to nothing, and what is missing somewhere.

Each night, before erasures are proven. What is safe to put right is put right; the rest is told to
administrators. The record has how many of what, each night.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit import actions
from audit.models import Entry
from audit.record import record
from ingest import chroma, chroma_files, convert, files, holds, indexes, lexical, refill, replay
from ingest.access import searchable
from ingest.models import Chunk, Collection, Document, Receipt
from ingest.refill import OURS
from ingest.renewing import renewing

log = structlog.get_logger(__name__)

#: How each is called; what is not put right needs a person.
WORDS: dict[str, str | Promise] = {
    "returned": _("Erased documents that are back, from a backup"),
    "files": _("Files and keys without a document"),
    "scratch": _("Folders of conversions that nobody ended"),
    "missing_files": _("Documents whose original is missing"),
    "vectors": _("Vectors without a passage"),
    "collections": _("Vector indexes of collections that are gone"),
    "folders": _("Folders of vector indexes that are gone"),
    "short": _("Collections whose vector index lacks passages"),
    "words": _("Documents that are gone, in the word index"),
    "missing_words": _("Documents that the word index lacks"),
    "stuck": _("Erasures that do not end"),
}
#: Told only: no program knows what is right.
TOLD = ("missing_files", "stuck")


@dataclass(slots=True)
class Orphans:
    """How many of each kind were found, and how many of these were put right."""

    found: dict[str, int] = field(default_factory=dict)
    mended: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, found: int, mended: int = 0) -> None:
        self.found[kind] = found
        self.mended[kind] = mended

    @property
    def left(self) -> int:
        return sum(self.found.values()) - sum(self.mended.values())


def reconcile() -> Orphans | None:
    """Look, put right, record. None where another process does, or proves. Raises StoreUnavailable."""
    with renewing() as free:
        if not free:
            return None
        result = Orphans()
        for look in _LOOKS:
            look(result)
        _record(result)
    return result


def last() -> Entry | None:
    """The entry of the last time."""
    return Entry.objects.filter(action=actions.ORPHANS_FOUND).order_by("-id").first()


def _record(result: Orphans) -> None:
    record(
        actions.ORPHANS_FOUND,
        target=("stores", ""),
        data={
            **_flat("found", result.found),
            **_flat("mended", result.mended),
            "left": result.left,
        },
    )
    if sum(result.found.values()):
        log.warning("stores.differ", **_flat("found", result.found), left=result.left)


def _flat(word: str, counts: dict[str, int]) -> dict[str, int]:
    return {f"{word}_{kind}": count for kind, count in counts.items() if count}


def _grace() -> timedelta:
    return timedelta(hours=settings.ORPHAN_HOURS)


# --- what came back, files ----------------------------------------------------------------------


def _returned(result: Orphans) -> None:
    found = len(replay.returned())
    result.add("returned", found, len(replay.replay().receipts) if found else 0)


def _files(result: Orphans) -> None:
    found = len(files.leftovers(_grace()))
    result.add("files", found, files.remove_leftovers(_grace()) if found else 0)
    removed = convert.remove_leftovers()
    result.add("scratch", removed, removed)


def _missing_files(result: Orphans) -> None:
    there = _living().filter(original_removed_at__isnull=True).only("file", "id")
    # An upload's row is written a moment before its file has its place.
    settled = there.filter(created_at__lt=timezone.now() - timedelta(hours=1))
    missing = sum(not Path(document.file.path).exists() for document in settled.iterator(500))
    result.add("missing_files", missing)


def _living() -> QuerySet[Document]:
    return Document.objects.exclude(status=Document.Status.ERASING)


# --- vectors ------------------------------------------------------------------------------------


def _vectors(result: Orphans) -> None:
    names = [name for name in chroma.names() if OURS.match(name)]
    known = {pk.hex for pk in Collection.objects.values_list("pk", flat=True)}
    strays = [name for name in names if name.partition("-")[0] not in known]
    chroma.remove(strays)
    result.add("collections", len(strays), len(strays))
    lost = {name: _lost(name) for name in names if name not in strays}
    for name in [name for name, count in lost.items() if count]:
        # Made anew, their bytes are gone from its files as well.
        refill.rebuild(UUID(name.partition("-")[0]))
    count = sum(lost.values())
    result.add("vectors", count, count)


def _lost(name: str) -> int:
    """Vectors of passages that the database does not have: rows come before vectors, always."""
    count = 0
    for keys in chroma.ids(name):
        chunks = {UUID(key.partition("/")[0]) for key in keys}
        there = set(Chunk.objects.filter(pk__in=chunks).values_list("pk", flat=True))
        count += len(chunks - there)
    return count


def _folders(result: Orphans) -> None:
    found = len(chroma_files.strays())
    cleaned = chroma_files.clean() if found else None
    result.add("folders", found, cleaned.folders if cleaned else 0)


def _short(result: Orphans) -> None:
    filled = len(refill.repair())
    result.add("short", filled, filled)


# --- words --------------------------------------------------------------------------------------


def _words(result: Orphans) -> None:
    index = indexes.active()
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT document FROM ingest_lexical_sizes")
        indexed = {UUID(str(pk)) for (pk,) in cursor.fetchall()}
        cursor.execute(
            "SELECT DISTINCT document FROM ingest_lexical_sizes WHERE of_index = %s", [index.pk.hex]
        )
        in_use = {UUID(str(pk)) for (pk,) in cursor.fetchall()}
    # Asked after that: what is indexed meanwhile has its row.
    gone = indexed - set(Document.objects.values_list("pk", flat=True))
    for pk in gone:
        with transaction.atomic():
            lexical.remove_document(pk)
    result.add("words", len(gone), len(gone))
    ready = Document.objects.filter(searchable(), ready_at__isnull=False, chunk_count__gt=0)
    lacking = [document for document in ready.iterator(500) if document.pk not in in_use]
    written = sum(_written(document, index.pk) for document in lacking)
    result.add("missing_words", len(lacking), written)


def _written(document: Document, index: UUID) -> bool:
    with transaction.atomic():
        there = _living().select_for_update().filter(pk=document.pk).first()
        chunks = list(Chunk.objects.filter(document=document, index=index).defer("vector"))
        if there is None or not chunks:
            return False
        lexical.remove_document(document.pk, index=index)
        lexical.index(document, chunks)
    return True


def _stuck(result: Orphans) -> None:
    """Not those that wait for a hold to be released."""
    before = timezone.now() - _grace()
    late = Receipt.objects.filter(finished_at__isnull=True, requested_at__lt=before)
    erasing = Document.objects.filter(pk__in=late.values("document_id"))
    result.add("stuck", erasing.exclude(pk__in=holds.waiting().values("pk")).count())


_LOOKS: tuple[Callable[[Orphans], None], ...] = (
    _returned, _files, _missing_files, _vectors, _short, _folders, _words, _stuck
)  # fmt: skip
