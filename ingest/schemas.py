"""The shapes of this room's API calls."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db.models import Count
from ninja import Schema
from pydantic import Field

from ingest import reconcile
from ingest.estimate import Wait
from ingest.models import Collection, Document, Grant, Receipt
from ingest.parsers.base import Block
from ingest.places import place
from ingest.receipts import as_json, next_proof

Role = Literal["reader", "editor", "manager"]


class CollectionIn(Schema):
    name: str
    description: str = ""


class CollectionPatch(Schema):
    name: str | None = None
    description: str | None = None


class CollectionOut(Schema):
    id: UUID
    name: str
    description: str
    role: Role
    documents: int
    ready: int
    created_at: datetime


class UnmanagedOut(Schema):
    id: UUID
    name: str
    documents: int
    created_at: datetime


class GrantIn(Schema):
    principal: str = Field(max_length=60)
    role: Role


class GrantOut(Schema):
    principal: str
    role: Role
    name: str


class ErrorOut(Schema):
    code: str
    detail: str


class WarningOut(Schema):
    code: str
    detail: str


class DocumentOut(Schema):
    id: UUID
    collection: UUID
    name: str
    path: str
    title: str
    media_type: str
    language: str
    bytes: int
    sha256: str
    status: Literal["queued", "processing", "ready", "failed", "erasing"]
    stage: str
    progress: float
    done: int
    total: int
    searchable: Literal["no", "words", "meaning"] = Field(
        description="Found by its words as soon as it is read, by its meaning once it is ready."
    )
    position: int | None = Field(description="Its place in the queue; null where it does not wait.")
    wait_seconds: int | None = Field(description="Until it is ready: a guess from measured speed.")
    error: ErrorOut | None
    warnings: list[WarningOut]
    pages: int | None
    metadata: dict[str, str]
    container: UUID | None = Field(description="The archive that it was unpacked from.")
    chunks: int
    version: int
    created_at: datetime
    ready_at: datetime | None


class CountOut(Schema):
    count: int


class BlockOut(Schema):
    kind: Literal["heading", "paragraph", "list_item", "table", "caption", "note", "code"]
    text: str
    level: int
    page: int | None
    page_label: str
    rows: list[list[str]]
    header_rows: int
    confidence: float | None = Field(description="0 to 1, for recognised text.")


class BlocksOut(Schema):
    items: list[BlockOut]
    start: int
    total: int


class RefusedOut(Schema):
    name: str
    code: str
    detail: str


class TakenOut(DocumentOut):
    created: bool = Field(description="False: the same bytes were there already.")
    replaces: int | None = Field(
        description="The version of the same name that goes when this one is ready."
    )
    was_erased: bool = Field(description="It was erased from the collection before.")


class UploadedOut(Schema):
    documents: list[TakenOut]
    refused: list[RefusedOut]


class CheckOut(Schema):
    at: datetime
    files: int
    bytes: int
    unread: int
    sought: int
    theirs: int = Field(0, description="Pieces that documents hold which are not erased.")
    seconds: float
    here: list[str] = Field(description="Stores whose bytes can be seen from here.")
    found: dict[str, int] = Field(description="Kind of place and kind of piece: how many.")


class RemainsOut(Schema):
    what: str
    until: str


class ReceiptOut(Schema):
    id: UUID
    document: UUID
    collection: UUID
    requested_at: datetime
    finished_at: datetime | None
    removed: dict[str, int]
    reason: Literal["asked", "collection", "replaced", "source", "replayed"]
    state: Literal["removing", "pending", "proven", "found", "removed"]
    vectors_at: datetime | None = Field(
        description="When the files of the vector store were made anew."
    )
    proven_at: datetime | None
    kept: dict[str, int]
    sought: dict[str, int] = Field(description="Pieces that were looked for, by kind; no words.")
    checks: list[CheckOut]
    remains: list[RemainsOut]


class ErasuresOut(Schema):
    states: dict[str, int] = Field(description="Receipts by state.")
    reconciled_at: datetime | None
    stores: dict[str, int] = Field(
        description="The last time: found_KIND, and mended_KIND of them; left is what needs a person."
    )
    next_proof: datetime


class CollectionErasedOut(Schema):
    receipts: list[UUID]


def erasures_out() -> dict[str, Any]:
    states = Receipt.objects.order_by().values_list("state").annotate(Count("id"))
    last = reconcile.last()
    return {
        "states": dict(states),
        "reconciled_at": last.at if last else None,
        "stores": last.data if last else {},
        "next_proof": next_proof(),
    }


def collection_out(collection: Collection, role: str) -> dict[str, Any]:
    """A collection from `collections_with_counts`."""
    return {
        "id": collection.id,
        "name": collection.name,
        "description": collection.description,
        "role": role,
        "documents": getattr(collection, "document_count", 0),
        "ready": getattr(collection, "ready_count", 0),
        "created_at": collection.created_at,
    }


def unmanaged_out(collection: Collection) -> dict[str, Any]:
    """A collection from `unmanaged`: its name and size, for who has no role on it."""
    return {
        "id": collection.id,
        "name": collection.name,
        "documents": getattr(collection, "document_count", 0),
        "created_at": collection.created_at,
    }


def grant_out(grant: Grant) -> dict[str, Any]:
    return {
        "principal": grant.principal,
        "role": grant.role,
        "name": str(grant.user or grant.group or ""),
    }


def document_out(document: Document, wait: Wait | None = None) -> dict[str, Any]:
    """A document and, where it waits, its place in the queue (ingest/estimate.py)."""
    error = {"code": document.error_code, "detail": document.reason}
    return {
        "id": document.id,
        "collection": document.collection_id,
        "name": document.name,
        "path": document.path,
        "title": document.title,
        "media_type": document.media_type,
        "language": document.language,
        "bytes": document.bytes,
        "sha256": document.sha256,
        "status": document.status,
        "stage": document.stage,
        "progress": document.progress,
        "done": document.done,
        "total": document.total,
        "searchable": _searchable(document),
        "position": (wait and wait.position) or None,
        "wait_seconds": wait.seconds if wait else None,
        "error": error if document.error_code else None,
        "warnings": document.notices,
        "pages": document.pages,
        "metadata": document.metadata,
        "container": document.container_id,
        "chunks": document.chunk_count,
        "version": document.version,
        "created_at": document.created_at,
        "ready_at": document.ready_at,
    }


def _searchable(document: Document) -> str:
    if document.status == Document.Status.READY:
        return "meaning"
    return "words" if document.visible else "no"


def block_out(document: Document, block: Block) -> dict[str, Any]:
    return {
        "kind": block.kind,
        "text": block.text,
        "level": block.level,
        "page": block.page,
        "page_label": place(document, block.page),
        "rows": [list(row) for row in block.rows],
        "header_rows": block.header_rows,
        "confidence": block.confidence,
    }


def receipt_out(receipt: Receipt) -> dict[str, Any]:
    return as_json(receipt)
