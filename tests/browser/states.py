"""A collection that holds a document in every state, as rows: no worker takes these any further."""

import zlib
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from ingest.models import Collection, Document, Extract
from ingest.parsers import registry, wire
from ingest.parsers.base import BlockWriter, Limits, ParsedDocument
from tests import people

NAME = "Every state"
HOSTILE = "</td><script>document.title = 'broken'</script><img src=x onerror=alert(1)>"


def fill(manager: User, reader: User) -> None:
    collection = people.make_collection(manager, name=NAME, reader=reader)
    _waiting(collection)
    _working(collection)
    _failed(collection)
    _scan(collection)
    _sheet(collection)
    _archive(collection)


def _put(collection: Collection, name: str, status: str, **fields: Any) -> Document:
    """A row that rests, so that the workers' loop of contents.py leaves it alone."""
    fields.setdefault("lease_until", timezone.now() + timedelta(days=1))
    document = people.make_document(collection, f"Words of {name}.", name=name, status=status)
    Document.objects.filter(pk=document.pk).update(**fields)
    document.refresh_from_db()
    return document


def _waiting(collection: Collection) -> None:
    _put(collection, "minutes-2024.pdf", "queued", media_type=registry.PDF, path="board/minutes")
    _put(collection, "minutes-2025.pdf", "queued", media_type=registry.PDF, path="board/minutes")


def _working(collection: Collection) -> None:
    for name, stage, done, total, more in (
        ("lease.pdf", "parse", 3, 40, {"reading": {"lost": 1}}),
        ("deeds.tiff", "ocr", 3, 40, {"media_type": registry.TIFF}),
        ("talk.pptx", "parse", 12, 30, {"media_type": registry.PPTX}),
        ("manual.docx", "embed", 120, 800, {"media_type": registry.DOCX, "visible": True}),
    ):
        fields = {"media_type": registry.PDF, **more}
        shown = {"stage": stage, "done": done, "total": total, "progress": done / total}
        _put(collection, name, "processing", **shown, **fields)


def _failed(collection: Collection) -> None:
    for name, code, detail in (
        (
            "locked.pdf",
            "encrypted",
            "The file is protected with a password. Upload a copy without it.",
        ),
        ("unlucky.docx", "worker-lost", "Reading this file stopped the worker several times."),
        ("unwanted.pdf", "cancelled", "Reading this document was stopped."),
    ):
        _put(collection, name, "failed", error_code=code, error_detail=detail)


def _scan(collection: Collection) -> None:
    scan = _put(
        collection,
        "contract.pdf",
        "ready",
        media_type=registry.PDF,
        title="Contract of carriage",
        pages=3,
        page_labels=["i", "ii", "1"],
        metadata={"author": "A. Notary", "created": "2019-04-03T10:20:00+02:00"},
        reading={
            "seconds": {"parse": 0.2, "ocr": 8.25, "embed": 1.5},
            "ocr": {"tried": [1, 2, 3], "pages": [1, 3], "confidence": 0.87, "languages": ["eng"]},
        },
        warnings=[
            {"code": "pages-recognised", "count": 2, "total": 3, "names": "i, 1"},
            {"code": "recognised-poorly", "count": 1, "total": 3, "names": "1"},
            {"code": "pages-without-text", "count": 1, "total": 3, "names": "ii"},
        ],
    )
    scan.chunks.update(page=1, confidence=0.93)
    people.make_chunk(scan, "The carrier answers for the goods.", ordinal=1)
    scan.chunks.filter(ordinal=1).update(page=3, confidence=0.52)
    keep(scan, _scanned())


def _scanned() -> ParsedDocument:
    writer = BlockWriter(Limits())
    writer.add("heading", "Contract of carriage", level=1, page=1, confidence=0.98)
    writer.add("paragraph", "Between the harbour and the carrier. " * 12, page=1, confidence=0.93)
    writer.add("list_item", "The carrier answers for the goods.", page=3, confidence=0.52)
    writer.add("note", "Signed in two copies.", page=3, confidence=0.9)
    return writer.document(pages=3, page_labels=("i", "ii", "1"))


def _sheet(collection: Collection) -> None:
    sheet = _put(
        collection,
        "budget.xlsx",
        "ready",
        media_type=registry.XLSX,
        title=f"Budget {HOSTILE}",
        pages=1,
        page_labels=["Budget <b>2026</b>"],
        metadata={"author": HOSTILE},
    )
    sheet.chunks.update(page=1)
    writer = BlockWriter(Limits())
    writer.add("heading", f"Budget {HOSTILE}", level=2, page=1)
    columns = [f"Quarter {n}" for n in range(1, 17)]
    rows = [("Item", *columns), *((f"Row {n}", *["1,234.50"] * 16) for n in range(1, 60))]
    rows[5] = (HOSTILE, *rows[5][1:])
    writer.add("table", "rows", page=1, rows=tuple(rows), header_rows=1)
    writer.add("code", "=SUM(A1:A9)", page=1)
    keep(sheet, writer.document(pages=1))


def _archive(collection: Collection) -> None:
    refused = [
        {
            "name": "films/boat.mp4",
            "code": "unsupported-format",
            "detail": "A video cannot be read.",
        }
    ]
    archive = _put(
        collection, "films.zip", "ready", media_type=registry.ZIP, reading={"refused": refused}
    )
    archive.chunks.all().delete()
    Document.objects.filter(pk=archive.pk).update(chunk_count=0)
    for number in range(3):
        _put(
            collection,
            f"letter-{number}.txt",
            "ready",
            path="server/letters",
            container=archive,
        )


def keep(document: Document, parsed: ParsedDocument) -> None:
    """What was read of it, as the workers keep it."""
    Extract.objects.create(document=document, data=zlib.compress(wire.pack(parsed)))
