"""The API of collections, grants, documents and receipts."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from ninja import File, Form, Router, Status
from ninja.files import UploadedFile

from accounts.auth import requires
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.paging import DEFAULT_LIMIT, MAX_LIMIT, Paged, page
from ingest import erase
from ingest.access import EDITOR, MANAGER, get_collection, get_document, roles_on
from ingest.collections import change_collection, create_collection, set_grants
from ingest.documents import (
    cancel,
    cancel_waiting,
    collections_with_counts,
    documents_in,
    original,
    retry,
    retry_failed,
)
from ingest.estimate import waits
from ingest.extracts import blocks
from ingest.models import Collection, Document
from ingest.reads import record_text
from ingest.receipts import get_receipt, receipts_for
from ingest.schemas import (
    BlocksOut,
    CollectionErasedOut,
    CollectionIn,
    CollectionOut,
    CollectionPatch,
    CountOut,
    DocumentOut,
    ErasuresOut,
    GrantIn,
    GrantOut,
    ReceiptOut,
    UnmanagedOut,
    UploadedOut,
    block_out,
    collection_out,
    document_out,
    erasures_out,
    grant_out,
    receipt_out,
    unmanaged_out,
)
from ingest.unmanaged import take_over, unmanaged
from ingest.upload import UploadRefused, upload

router = Router(tags=["collections and documents"])

READ = requires("read")
WRITE = requires("write")
ADMIN = requires("admin")


@router.get("/collections", auth=requires("read", "ask"), response=Paged[CollectionOut])
def list_collections(
    request: SignedInRequest, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> dict[str, Any]:
    """Collections that you may read."""
    rows, after = page(collections_with_counts(request.user), cursor, limit, key=("name", "id"))
    roles = roles_on(request.user, rows)
    items = [collection_out(row, roles[row]) for row in rows if row in roles]
    return {"items": items, "next_cursor": after}


@router.post("/collections", auth=WRITE, response={201: CollectionOut})
def post_collection(request: SignedInRequest, payload: CollectionIn) -> Status[dict[str, Any]]:
    """Make a collection. Nobody but you can read it until you grant it."""
    made = create_collection(request.user, name=payload.name, description=payload.description)
    return Status(201, _collection(request.user, made))


@router.get("/collections/unmanaged", auth=ADMIN, response=Paged[UnmanagedOut])
def list_unmanaged(
    request: SignedInRequest, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> dict[str, Any]:
    """Collections that nobody manages any more. For administrators."""
    rows, after = page(unmanaged(request.user), cursor, limit, key=("name", "id"))
    return {"items": [unmanaged_out(row) for row in rows], "next_cursor": after}


@router.post("/collections/unmanaged/{uuid:pk}", auth=ADMIN, response=CollectionOut)
def post_unmanaged(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """Become the manager of a collection that nobody manages. It is recorded."""
    return _collection(request.user, take_over(request.user, pk))


@router.get("/collections/{uuid:pk}", auth=READ, response=CollectionOut)
def read_collection(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """One collection."""
    return _collection(request.user, get_collection(request.user, pk))


@router.patch("/collections/{uuid:pk}", auth=WRITE, response=CollectionOut)
def patch_collection(
    request: SignedInRequest, pk: UUID, payload: CollectionPatch
) -> dict[str, Any]:
    """Rename or describe a collection. For its managers."""
    found = get_collection(request.user, pk, MANAGER)
    changed = change_collection(
        request.user, found, name=payload.name, description=payload.description
    )
    return _collection(request.user, changed)


@router.delete("/collections/{uuid:pk}", auth=WRITE, response={202: CollectionErasedOut})
def delete_collection(request: SignedInRequest, pk: UUID) -> Status[dict[str, Any]]:
    """Erase a collection and all its documents. For its managers."""
    receipts = erase.erase_collection(request.user, get_collection(request.user, pk, MANAGER))
    return Status(202, {"receipts": [receipt.id for receipt in receipts]})


@router.get("/collections/{uuid:pk}/grants", auth=READ, response=list[GrantOut])
def list_grants(request: SignedInRequest, pk: UUID) -> list[dict[str, Any]]:
    """Who may use a collection. For its managers."""
    found = get_collection(request.user, pk, MANAGER)
    grants = found.grants.select_related("user", "group").order_by("id")
    return [grant_out(grant) for grant in grants]


@router.put("/collections/{uuid:pk}/grants", auth=WRITE, response=list[GrantOut])
def put_grants(request: SignedInRequest, pk: UUID, payload: list[GrantIn]) -> list[dict[str, Any]]:
    """Replace all grants of a collection. For its managers; one manager must stay."""
    found = get_collection(request.user, pk, MANAGER)
    set_grants(request.user, found, [(grant.principal, grant.role) for grant in payload])
    grants = found.grants.select_related("user", "group").order_by("id")
    return [grant_out(grant) for grant in grants]


@router.get("/collections/{uuid:pk}/documents", auth=READ, response=Paged[DocumentOut])
def list_documents(
    request: SignedInRequest,
    pk: UUID,
    status: str = "",
    q: str = "",
    cursor: str | None = None,
    limit: int = DEFAULT_LIMIT,
) -> dict[str, Any]:
    """Documents of a collection, by name."""
    found = get_collection(request.user, pk)
    documents = documents_in(request.user, found, status=status, q=q)
    rows, after = page(documents, cursor, limit, key=("name", "id"))
    waiting = waits(rows)
    items = [document_out(row, waiting.get(row.pk)) for row in rows]
    return {"items": items, "next_cursor": after}


@router.post("/collections/{uuid:pk}/documents", auth=WRITE, response={202: UploadedOut})
def post_documents(
    request: SignedInRequest, pk: UUID, file: File[list[UploadedFile]], path: Form[str] = ""
) -> Status[dict[str, Any]]:
    """Upload one or more files. For editors. The same bytes again: the document that is there.

    The same name in the same folder with other bytes: a new version, which replaces the older one.
    """
    collection = get_collection(request.user, pk, EDITOR)
    documents, refused = [], []
    for one in file:
        name = one.name or ""
        try:
            taken = upload(request.user, collection, one, name=name, path=path)
        except UploadRefused as error:
            refused.append({"name": name, "code": error.code, "detail": str(error.detail)})
        else:
            about = {
                "created": taken.created,
                "replaces": taken.replaces,
                "was_erased": taken.was_erased,
            }
            documents.append(document_out(taken.document) | about)
    return Status(202, {"documents": documents, "refused": refused})


@router.post("/collections/{uuid:pk}/documents/cancel", auth=WRITE, response={202: CountOut})
def cancel_documents(request: SignedInRequest, pk: UUID) -> Status[dict[str, int]]:
    """Stop all that wait: they end as failed with the code `cancelled`. For editors."""
    found = get_collection(request.user, pk, EDITOR)
    return Status(202, {"count": cancel_waiting(request.user, found)})


@router.post("/collections/{uuid:pk}/documents/retry", auth=WRITE, response={202: CountOut})
def retry_documents(request: SignedInRequest, pk: UUID) -> Status[dict[str, int]]:
    """Try all again that failed and that this may help. For editors."""
    found = get_collection(request.user, pk, EDITOR)
    return Status(202, {"count": retry_failed(request.user, found)})


@router.get("/documents/{uuid:pk}", auth=READ, response=DocumentOut)
def read_document(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """One document and how far it is."""
    return _document(get_document(request.user, pk))


@router.get("/documents/{uuid:pk}/blocks", auth=READ, response=BlocksOut)
def read_blocks(
    request: SignedInRequest, pk: UUID, start: int = 0, limit: int = DEFAULT_LIMIT
) -> dict[str, Any]:
    """What was read of it, in reading order. For editors, as long as nobody finds it."""
    found = get_document(request.user, pk)
    if not found.visible:
        get_document(request.user, pk, EDITOR)
    start, limit = max(0, start), max(1, min(limit, MAX_LIMIT))
    some, total = blocks(found, start, limit)
    if some:
        record_text(request.user, found)
    return {"items": [block_out(found, block) for block in some], "start": start, "total": total}


@router.get("/documents/{uuid:pk}/content", auth=READ, response={200: bytes})
def download(request: SignedInRequest, pk: UUID) -> HttpResponseBase:
    """The original bytes, as an attachment."""
    return original(request, request.user, get_document(request.user, pk))


@router.post("/documents/{uuid:pk}/retry", auth=WRITE, response={202: DocumentOut})
def retry_document(request: SignedInRequest, pk: UUID) -> Status[dict[str, Any]]:
    """Try a failed document again. For editors."""
    return Status(202, _document(retry(request.user, get_document(request.user, pk, EDITOR))))


@router.post("/documents/{uuid:pk}/cancel", auth=WRITE, response={202: DocumentOut})
def cancel_document(request: SignedInRequest, pk: UUID) -> Status[dict[str, Any]]:
    """Stop one that waits or is in work: it ends as failed with the code `cancelled`. For editors."""
    found = get_document(request.user, pk, EDITOR)
    cancel(request.user, found)
    return Status(202, _document(get_document(request.user, pk, EDITOR)))


@router.delete("/documents/{uuid:pk}", auth=WRITE, response={202: ReceiptOut})
def delete_document(request: SignedInRequest, pk: UUID) -> Status[dict[str, Any]]:
    """Erase a document everywhere. For editors."""
    found = get_document(request.user, pk, EDITOR)
    return Status(202, receipt_out(erase.erase_document(request.user, found)))


@router.get("/receipts", auth=READ, response=Paged[ReceiptOut])
def list_receipts(
    request: SignedInRequest, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> dict[str, Any]:
    """What you had erased, and what was erased from collections that you manage, the newest first."""
    rows, after = page(receipts_for(request.user), cursor, limit, key=("-requested_at", "id"))
    return {"items": [receipt_out(row) for row in rows], "next_cursor": after}


@router.get("/erasures", auth=ADMIN, response=ErasuresOut)
def read_erasures(request: SignedInRequest) -> dict[str, Any]:
    """How many erasures are proven, and what the stores had of each other last night. For administrators."""
    return erasures_out()


@router.get("/receipts/{uuid:pk}", auth=READ, response=ReceiptOut)
def read_receipt(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """What an erasure removed: for who asked for it, and the collection's managers."""
    return receipt_out(get_receipt(request.user, pk))


def _document(document: Document) -> dict[str, Any]:
    return document_out(document, waits([document]).get(document.pk))


def _collection(user: User, collection: Collection) -> dict[str, Any]:
    found = collections_with_counts(user).get(pk=collection.pk)
    return collection_out(found, roles_on(user, [found])[found])
