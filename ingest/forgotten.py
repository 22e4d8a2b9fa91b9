"""What was erased is remembered by keyed hashes: no source and no backup brings it back unnoticed.

Once in the database, which sources ask, and once in a file that only ever grows, DATA_DIR/evidence/
erased.jsonl: whoever restores an older backup of the database has there what was erased since.
"""

import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Max
from django.utils import timezone

from ingest.models import Collection, Document, Forgotten, Receipt, SourceItem

#: Erasures after which neither the file nor its place is wanted any more.
FINAL = (Receipt.Reason.ASKED, Receipt.Reason.REPLAYED)

Why = Literal["", "bytes", "place"]

#: What the bytes and the place of a document are hashed as: of its own, or in an archive that was erased.
_ALONE, _WITHIN = ("bytes", "place"), ("bytes within", "place within")


def ledger() -> Path:
    return Path(settings.EVIDENCE_DIR) / "erased.jsonl"


def place_of(document: Document) -> str:
    """The place of a document that no source has: its folder and name."""
    return f"{document.path}/{document.name}"


#: What tells the places of a document; sources add theirs.
PLACES: list[Callable[[Document], Iterable[str]]] = [lambda document: [place_of(document)]]


def places_of(document: Document) -> list[str]:
    return [place for find in PLACES for place in find(document)]


def _keyed(kind: str, collection: UUID, said: str) -> str:
    key = hashlib.sha256(b"sovereign forgotten\0" + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, f"{kind}\0{collection.hex}\0{said}".encode(), "sha256").hexdigest()


def remember(documents: Iterable[Document], *, within: bool = False) -> None:
    """Remember documents that are erased for good, with all their places, and tell the sources that still
    hold them to leave them out. Call it in that transaction. `within`: they go with the archive that they
    were in, and come back with it where a person wants it again."""
    found = list(documents)
    bytes_kind, place_kind = _WITHIN if within else _ALONE
    rows = [
        Forgotten(
            collection_id=document.collection_id,
            document_id=document.pk,
            bytes_key=_keyed(bytes_kind, document.collection_id, document.sha256),
            place_key=_keyed(place_kind, document.collection_id, place),
        )
        for document in found
        for place in dict.fromkeys(places_of(document))
    ]
    Forgotten.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    held = SourceItem.objects.filter(document__in=[document.pk for document in found])
    held.exclude(sha256="").update(left_out=True, owned=False)


def is_forgotten(
    collection: Collection | UUID,
    sha256: str,
    place: str = "",
    *,
    since: datetime | None = None,
    alone: bool = False,
) -> Why:
    """Whether this file was erased from the collection: the same bytes, or what lay at the same place
    (a source's own key; "": no matter where). "" where it was not.

    `since`: erased from then on. `alone`: not with the archive that it was in.
    """
    pk = collection if isinstance(collection, UUID) else collection.pk
    there = Forgotten.objects.filter(collection_id=pk)
    if since is not None:
        there = there.filter(erased_at__gte=since)
    kinds = [_ALONE] if alone else [_ALONE, _WITHIN]
    if there.filter(bytes_key__in=[_keyed(kind, pk, sha256) for kind, _ in kinds]).exists():
        return "bytes"
    if (
        place
        and there.filter(place_key__in=[_keyed(kind, pk, place) for _, kind in kinds]).exists()
    ):
        return "place"
    return ""


def allow(collection: Collection | UUID, sha256: str, place: str = "") -> int:
    """A person brings it back by hand: it is not forgotten any more. Returns how many rows went."""
    pk = collection if isinstance(collection, UUID) else collection.pk
    there, kinds = Forgotten.objects.filter(collection_id=pk), (_ALONE, _WITHIN)
    gone, _ = there.filter(bytes_key__in=[_keyed(kind, pk, sha256) for kind, _ in kinds]).delete()
    if place:
        at = [_keyed(kind, pk, place) for _, kind in kinds]
        gone += there.filter(place_key__in=at).delete()[0]
    return gone


def news() -> tuple[int, int]:
    """Another one after each erasure that is remembered, and after each that is not any more."""
    said = Forgotten.objects.aggregate(count=Count("pk"), last=Max("pk"))
    return said["count"], said["last"] or 0


# --- the file -----------------------------------------------------------------------------------


def lines_of(receipts: Iterable[Receipt]) -> list[dict[str, Any]]:
    """As the file has them: ids, the reason, and keyed hashes."""
    found = list(receipts)
    keys: dict[UUID, list[Forgotten]] = {}
    for row in Forgotten.objects.filter(document_id__in=[each.document_id for each in found]):
        keys.setdefault(row.document_id, []).append(row)
    return [
        {
            "at": receipt.requested_at.isoformat(timespec="seconds"),
            "document": str(receipt.document_id),
            "collection": str(receipt.collection_id),
            "reason": receipt.reason,
            "keys": [[row.bytes_key, row.place_key] for row in keys.get(receipt.document_id, ())],
        }
        for receipt in found
    ]


def append(receipts: Iterable[Receipt], collection: UUID | None = None) -> None:
    """Add erasures to the file, and that of a whole collection; it is on the disk when this returns.
    Twice the same does no harm."""
    lines = lines_of(receipts)
    if collection is not None:
        at = timezone.now().isoformat(timespec="seconds")
        lines.append({"at": at, "collection": str(collection), "reason": "collection"})
    if not lines:
        return
    file = ledger()
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags, 0o600), "ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        opened.write(b"".join(json.dumps(each, sort_keys=True).encode() + b"\n" for each in lines))
        opened.flush()
        os.fsync(opened.fileno())


def complete() -> int:
    """Add the erasures that a crash kept from the file. Returns how many."""
    known = {line.document for line in read(ledger())}
    missing = [
        receipt for receipt in Receipt.objects.iterator() if receipt.document_id not in known
    ]
    append(missing)
    return len(missing)


class Line:
    """One erasure of the file, or of an exported record. A collection alone: all that it had."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.document = _uuid(said.get("document"))
        self.collection = _uuid(said.get("collection"))
        data = said.get("data")
        reason = said.get("reason") or (data.get("reason") if isinstance(data, dict) else "")
        self.reason = str(reason or Receipt.Reason.ASKED)
        self.keys = [tuple(map(str, pair)) for pair in said.get("keys", ()) if len(pair) == 2]
        self.at = _time(said.get("at"))
        action, target = said.get("action", ""), _uuid(said.get("target_id"))
        if action == "ingest.document.erase":
            # Its second entry, when all is gone, does not say why again.
            done = isinstance(data, dict) and data.get("step") == "done"
            self.document = None if done else target
        elif action == "ingest.collection.erase":
            self.collection = target


def _uuid(said: object) -> UUID | None:
    try:
        return UUID(str(said))
    except ValueError:
        return None


def _time(said: object) -> datetime:
    try:
        return datetime.fromisoformat(str(said))
    except ValueError:
        return timezone.now()


def read(*files: Path) -> Iterator[Line]:
    """The erasures in such files: ours, or the record as `audit export --format jsonl` writes it.

    A line that is none (cut off by a crash) is passed over; a file that is not there has none.
    """
    for file in files:
        if not file.exists():
            continue
        with file.open("rb") as opened:
            for raw in opened:
                try:
                    said = json.loads(raw)
                except ValueError:
                    continue
                if isinstance(said, dict):
                    line = Line(said)
                    if line.document or line.collection:
                        yield line


def remember_lines(lines: Iterable[Line]) -> int:
    """Put back into the database what the file remembers: an older backup has none of it."""
    rows = [
        Forgotten(
            collection_id=line.collection,
            document_id=line.document,
            bytes_key=bytes_key,
            place_key=place_key,
            erased_at=line.at,
        )
        for line in lines
        if line.document and line.collection
        for bytes_key, place_key in line.keys
    ]
    before = Forgotten.objects.count()
    Forgotten.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    return Forgotten.objects.count() - before
