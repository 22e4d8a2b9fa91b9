"""The API of exports and imports of collections. Each is its maker's alone."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase
from ninja import File, Router, Schema, Status
from ninja.files import UploadedFile
from pydantic import Field

from accounts.auth import requires
from accounts.http import SignedInRequest
from accounts.paging import DEFAULT_LIMIT, Paged, page
from ingest.access import MANAGER, get_collection
from ingest.documents import streamed
from ingest.models import Transfer
from ingest.moving import jobs

router = Router(tags=["exports and imports"])

READ = requires("read")
WRITE = requires("write")


class TransferOut(Schema):
    id: UUID
    kind: Literal["export", "import"]
    status: Literal["queued", "running", "asking", "done", "failed", "ended"]
    collection: UUID | None
    done: int
    total: int
    bytes: int
    sha256: str
    erased: int
    signed_by: str
    counts: dict[str, Any]
    created_at: datetime
    finished_at: datetime | None
    ends_at: datetime | None
    error_code: str
    detail: str


class ConfirmIn(Schema):
    erased: int = Field(ge=1)


def transfer_out(transfer: Transfer) -> dict[str, Any]:
    same = ("id", "kind", "status", "done", "total", "bytes", "sha256", "erased", "signed_by")
    named = {name: getattr(transfer, name) for name in (*same, "created_at", "finished_at")}
    is_export, is_done = transfer.kind == Transfer.Kind.EXPORT, transfer.status == "done"
    shown = transfer.collection_id if is_export or is_done else None
    named |= {"collection": shown, "error_code": transfer.error_code}
    named |= {"ends_at": jobs.ends_at(transfer) if is_export and is_done else None}
    return {**named, "counts": transfer.counts, "detail": transfer.reason}


@router.get("/collections/{uuid:pk}/export", auth=READ, response=list[TransferOut])
def list_exports(request: SignedInRequest, pk: UUID) -> list[dict[str, Any]]:
    """Your exports of a collection, the newest first. For its managers."""
    found = get_collection(request.user, pk, MANAGER)
    rows = jobs.mine(request.user, Transfer.Kind.EXPORT).filter(collection=found)[:20]
    return [transfer_out(row) for row in rows]


@router.post("/collections/{uuid:pk}/export", auth=WRITE, response={202: TransferOut})
def post_export(request: SignedInRequest, pk: UUID) -> Status[dict[str, Any]]:
    """Have the archive of a collection made. For its managers."""
    found = get_collection(request.user, pk, MANAGER)
    return Status(202, transfer_out(jobs.begin_export(request.user, found)))


@router.get("/exports/{uuid:pk}", auth=READ, response=TransferOut)
def read_export(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """How far it is."""
    return transfer_out(jobs.of(request.user, pk, Transfer.Kind.EXPORT))


@router.get("/exports/{uuid:pk}/content", auth=READ, response={200: bytes})
def export_content(request: SignedInRequest, pk: UUID) -> HttpResponseBase:
    """The archive: plain, whatever the data folder is. It is recorded."""
    return archive_of(request, request.user, pk)


@router.delete("/exports/{uuid:pk}", auth=WRITE, response={204: None})
def delete_export(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Take it away."""
    jobs.give_up(request.user, jobs.of(request.user, pk, Transfer.Kind.EXPORT))
    return Status(204, None)


@router.get("/imports", auth=READ, response=Paged[TransferOut])
def list_imports(
    request: SignedInRequest, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> dict[str, Any]:
    """Your imports, the newest first."""
    found = jobs.mine(request.user, Transfer.Kind.IMPORT)
    rows, after = page(found, cursor, limit, key=("-created_at", "id"))
    return {"items": [transfer_out(row) for row in rows], "next_cursor": after}


@router.post("/imports", auth=WRITE, response={202: TransferOut})
def post_import(request: SignedInRequest, file: File[UploadedFile]) -> Status[dict[str, Any]]:
    """Make a new collection of an archive. All of it is checked first."""
    return Status(202, transfer_out(jobs.begin_import(request.user, file)))  # type: ignore[arg-type]


@router.get("/imports/{uuid:pk}", auth=READ, response=TransferOut)
def read_import(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """How far it is, what is wrong with it, or what it asks."""
    return transfer_out(jobs.of(request.user, pk, Transfer.Kind.IMPORT))


@router.post("/imports/{uuid:pk}/confirm", auth=WRITE, response={202: TransferOut})
def confirm_import(
    request: SignedInRequest, pk: UUID, payload: ConfirmIn
) -> Status[dict[str, Any]]:
    """Take in so many documents that were erased here on purpose."""
    found = jobs.of(request.user, pk, Transfer.Kind.IMPORT)
    return Status(202, transfer_out(jobs.confirm(request.user, found, payload.erased)))


@router.delete("/imports/{uuid:pk}", auth=WRITE, response={204: None})
def delete_import(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Give it up: nothing of it is left. One that is done stays what it is."""
    jobs.give_up(request.user, jobs.of(request.user, pk, Transfer.Kind.IMPORT))
    return Status(204, None)


def archive_of(request: HttpRequest, user: Any, pk: UUID) -> HttpResponseBase:
    """The archive as an attachment; pages send it, too."""
    found = jobs.of(user, pk, Transfer.Kind.EXPORT)
    file = jobs.download(user, found)
    name = f"collection-{found.created_at:%Y%m%d}-{found.pk.hex[:8]}.zip"
    response = streamed(request, file, "application/zip", name)
    response["Content-Length"] = str(found.bytes)
    response["X-Content-Type-Options"] = "nosniff"
    return response
