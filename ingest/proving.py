"""Proves erasures: the vector store's files are made anew, every byte is looked through, receipts say so.

At night for all that is pending, or at once for some (`manage.py erase --now`). One at a time on a
machine. Ended in the middle, the next one begins again: nothing is proven before its look has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from ingest import abandoned, bytescan, chroma_files, convert, forgotten, lexical, receipts, refill
from ingest.bytescan import Scanned, Scanner
from ingest.models import Collection, Receipt
from ingest.renewing import renewing
from ingest.shared import shared

log = structlog.get_logger(__name__)

#: Receipts of one look: some hundred bytes of memory for each thing that is looked for.
MOST = 5_000
#: Kinds of place that a database keeps freed bytes in.
_OF_DATABASE = ("database", "database-log")
#: Tables of PostgreSQL in which words or vectors of documents stood.
_TABLES = (
    "ingest_chunk",
    "ingest_document",
    "ingest_extract",
    "ingest_lexical",
    "chat_message",
    "evaluation_question",
    "evaluation_result",
)


@dataclass(frozen=True, slots=True)
class Proved:
    """How a round ended. `vectors`: how many were written anew."""

    proven: int
    found: int
    vectors: int
    bytes: int
    files: int
    seconds: float


def prove(*, collections: Sequence[UUID] | None = None, wait: bool = False) -> Proved | None:
    """Prove what is pending, of these collections alone where they are given.

    None where another process proves right now; `wait`: for that one. Raises StoreUnavailable.
    """
    with renewing(wait=wait) as free:
        return _proved(collections) if free else None


def _proved(collections: Sequence[UUID] | None) -> Proved:
    start = perf_counter()
    forgotten.complete()
    waiting = list(receipts.to_prove(collections=collections)[:MOST])
    if not waiting:
        return Proved(0, 0, 0, 0, 0, round(perf_counter() - start, 2))
    began = timezone.now()
    vectors = _renew_vectors(waiting, began)
    tidy_database()
    abandoned.remove()
    scanned = _look(waiting)
    if _again_in(scanned, waiting):
        write_database_anew()
        scanned = _look(waiting)
    seconds = round(perf_counter() - start, 2)
    found = sum(_judged(receipt, scanned, began, seconds) for receipt in waiting)
    log.info("erasure.checked", receipts=len(waiting), found=found, bytes=scanned.bytes)
    if scanned.unread:
        log.warning("erasure.unread", files=scanned.unread)
    proven = 0 if scanned.unread else len(waiting) - found
    return Proved(proven, found, vectors, scanned.bytes, scanned.files, seconds)


def _renew_vectors(waiting: Sequence[Receipt], began: datetime) -> int:
    """Make anew what held vectors of these, and take away what it was before."""
    pending = {receipt.collection_id for receipt in waiting if receipt.vectors_at is None}
    again = {receipt.collection_id for receipt in waiting if receipt.state == Receipt.State.FOUND}
    there = Collection.objects.filter(pk__in=pending | again, erasing=False)
    written = sum(refill.rebuild(pk) for pk in there.values_list("pk", flat=True))
    if pending or again:
        chroma_files.clean()
    Receipt.objects.filter(pk__in=[receipt.pk for receipt in waiting]).update(vectors_at=began)
    return written


def tidy_database() -> None:
    """What the database itself keeps of rows that are gone: merged away, its log begun anew."""
    lexical.forget()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for name in _TABLES:
                cursor.execute(f"VACUUM {connection.ops.quote_name(name)}")


def write_database_anew() -> None:
    """SQLite moves rows between pages and may leave old bytes behind them: VACUUM does not."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def looked_through() -> dict[Path, str]:
    """Every file that could hold a byte of a document, with the kind of its place."""
    found = bytescan.places(Path(settings.DATA_DIR))
    vectors = chroma_files.folder()
    if vectors is not None and not vectors.is_relative_to(settings.DATA_DIR):
        found |= dict.fromkeys(bytescan.places(vectors), "vectors")
    for folder in convert.leftovers():
        found |= dict.fromkeys(bytescan.places(folder), "temporary")
    return found


def _look(waiting: Sequence[Receipt]) -> Scanned:
    """Every byte, less what living documents hold as well."""
    every = [one for receipt in waiting for one in receipts.sought(receipt)]
    scanned = Scanner(every).scan(looked_through())
    if scanned.found:
        seen = {strong for strong, _place, _kind in scanned.found}
        scanned.theirs = shared([one for one in every if one.strong in seen])
        for key in [key for key in scanned.found if key[0] in scanned.theirs]:
            del scanned.found[key]
    return scanned


def _again_in(scanned: Scanned, waiting: Sequence[Receipt]) -> bool:
    """Whether something was found in the database's own file."""
    places = {
        place.partition("/")[0]
        for receipt in waiting
        for place in scanned.places(receipts.sought(receipt))
    }
    return not places.isdisjoint(_OF_DATABASE)


def _judged(receipt: Receipt, scanned: Scanned, began: datetime, seconds: float) -> bool:
    """Write the look into a receipt; whether something of it was found."""
    sought = receipts.sought(receipt)
    places = scanned.places(sought)
    check: dict[str, Any] = {
        "at": began.isoformat(timespec="seconds"),
        "files": scanned.files,
        "bytes": scanned.bytes,
        "unread": scanned.unread,
        "sought": len(receipt.canaries),
        "theirs": sum(one.strong in scanned.theirs for one in sought),
        "seconds": seconds,
        "here": here(),
    }
    receipts.judge(receipt, check, places)
    if places:
        log.warning("erasure.found", receipt=str(receipt.pk), places=sorted(places))
    return bool(places)


def here() -> list[str]:
    """Which stores lie where a look can see their bytes."""
    stores = ["files"]
    if connection.vendor == "sqlite":
        stores.append("database")
    if chroma_files.folder() is not None or settings.EMBEDDED["vectors"]:
        stores.append("vectors")
    return stores
