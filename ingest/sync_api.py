"""The API of sources: what a collection is kept in step with. For managers of the collection."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from ninja import Router, Status

from accounts.auth import requires
from accounts.http import SignedInRequest
from accounts.paging import DEFAULT_LIMIT, Paged, page
from ingest import sync_manage, sync_try
from ingest.access import MANAGER, get_collection
from ingest.sync_schemas import (
    DeletionsIn,
    LookOut,
    PausedIn,
    RunOut,
    SourceIn,
    SourceItemOut,
    SourceOut,
    SourcePut,
    item_out,
    run_out,
    source_out,
)

router = Router(tags=["sources"])

READ = requires("read")
WRITE = requires("write")


@router.get("/collections/{uuid:pk}/sync", auth=READ, response=list[SourceOut])
def list_sources(request: SignedInRequest, pk: UUID) -> list[dict[str, Any]]:
    """What a collection is kept in step with."""
    found = get_collection(request.user, pk, MANAGER)
    return [source_out(source) for source in sync_manage.sources_of(request.user, found)]


@router.post("/collections/{uuid:pk}/sync", auth=WRITE, response={201: SourceOut})
def post_source(request: SignedInRequest, pk: UUID, payload: SourceIn) -> Status[dict[str, Any]]:
    """Follow a source from now on."""
    found = get_collection(request.user, pk, MANAGER)
    return Status(201, source_out(sync_manage.create(request.user, found, payload.draft())))


@router.post("/collections/{uuid:pk}/sync/try", auth=WRITE, response=LookOut)
def try_source(request: SignedInRequest, pk: UUID, payload: SourceIn) -> dict[str, Any]:
    """Look what would be read; nothing is kept."""
    found = get_collection(request.user, pk, MANAGER)
    return asdict(sync_try.look(request.user, found, payload.draft()))


@router.get("/sync/{uuid:pk}", auth=READ, response=SourceOut)
def read_source(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """One source and how it is."""
    return source_out(sync_manage.get_source(request.user, pk))


@router.put("/sync/{uuid:pk}", auth=WRITE, response=SourceOut)
def put_source(request: SignedInRequest, pk: UUID, payload: SourcePut) -> dict[str, Any]:
    """Change everything but kind and name."""
    found = sync_manage.get_source(request.user, pk)
    return source_out(sync_manage.change(request.user, found, payload.draft(found)))


@router.delete("/sync/{uuid:pk}", auth=WRITE, response={204: None})
def delete_source(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Follow it no longer. Its documents stay."""
    sync_manage.remove(request.user, sync_manage.get_source(request.user, pk))
    return Status(204, None)


@router.post("/sync/{uuid:pk}/run", auth=WRITE, response={202: SourceOut})
def run_source(request: SignedInRequest, pk: UUID) -> Status[dict[str, Any]]:
    """Read it as soon as a worker is free."""
    found = sync_manage.get_source(request.user, pk)
    return Status(202, source_out(sync_manage.run_now(request.user, found)))


@router.post("/sync/{uuid:pk}/pause", auth=WRITE, response=SourceOut)
def pause_source(request: SignedInRequest, pk: UUID, payload: PausedIn) -> dict[str, Any]:
    """Stop following it, or go on."""
    found = sync_manage.get_source(request.user, pk)
    return source_out(sync_manage.pause(request.user, found, payload.paused))


@router.post("/sync/{uuid:pk}/deletions", auth=WRITE, response={202: SourceOut})
def allow_deletions(
    request: SignedInRequest, pk: UUID, payload: DeletionsIn
) -> Status[dict[str, Any]]:
    """Let as many documents go as wait because so many are gone at once."""
    found = sync_manage.get_source(request.user, pk)
    allowed = sync_manage.allow_deletions(request.user, found, payload.count)
    return Status(202, source_out(allowed))


@router.get("/sync/{uuid:pk}/runs", auth=READ, response=list[RunOut])
def list_runs(request: SignedInRequest, pk: UUID) -> list[dict[str, Any]]:
    """The last runs, with counts."""
    found = sync_manage.get_source(request.user, pk)
    return [run_out(run) for run in found.runs.all()]


@router.get("/sync/{uuid:pk}/items", auth=READ, response=Paged[SourceItemOut])
def list_items(
    request: SignedInRequest, pk: UUID, cursor: str | None = None, limit: int = DEFAULT_LIMIT
) -> dict[str, Any]:
    """The files of a source, with the documents that they became."""
    found = sync_manage.get_source(request.user, pk)
    rows, after = page(found.items.all(), cursor, limit)
    return {"items": [item_out(row) for row in rows], "next_cursor": after}


@router.post("/sync/{uuid:pk}/items/{int:item}/take", auth=WRITE, response={202: SourceItemOut})
def take_item(request: SignedInRequest, pk: UUID, item: int) -> Status[dict[str, Any]]:
    """Take in again what somebody erased here."""
    found = sync_manage.get_source(request.user, pk)
    return Status(202, item_out(sync_manage.take_again(request.user, found, item)))
