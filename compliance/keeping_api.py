"""Holds and retention over HTTP, for compliance officers. The rules are in ingest/holds.py."""

from typing import Any
from uuid import UUID

from ninja import Router, Schema, Status
from pydantic import AwareDatetime, Field

from accounts.api import Cursor, Limit
from accounts.auth import requires
from accounts.http import SignedInRequest
from accounts.paging import DEFAULT_LIMIT, Paged, page
from accounts.schemas import Body, Line
from compliance import retention
from compliance.retention import Standing
from ingest import holds
from ingest.models import Hold

router = Router(tags=["compliance"])

AUDIT = requires("audit")


class HoldIn(Body):
    target: Hold.Target
    target_id: UUID | None = Field(
        None, description="Of the document, collection or person; none for `everything`"
    )
    reference: Line = Field(description="The number of a case; it is kept in the record")


class HoldOut(Schema):
    id: UUID
    target: Hold.Target
    target_id: UUID | None
    reference: str
    placed_at: AwareDatetime
    placed_by: UUID | None = Field(
        alias="placed_by_id", description="Null: from the terminal, or an account that is gone"
    )
    released_at: AwareDatetime | None = Field(description="Null: it holds")
    released_by: UUID | None = Field(alias="released_by_id")


class PurgeOut(Schema):
    """What the last purge found: rows past their time, removed, held, and left over."""

    at: AwareDatetime
    entry: UUID
    before: int
    removed: int
    held: int
    left: int
    ok: bool


class KeptOut(Schema):
    kind: str
    days: int = Field(description="0: for ever")
    older: int = Field(description="Past its time at this moment, what is held included")
    held: int
    last: PurgeOut | None = None


@router.get("/audit/holds", auth=AUDIT, response=Paged[HoldOut], summary="Legal holds")
def list_holds(
    request: SignedInRequest,
    active: bool = False,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> dict[str, Any]:
    """Newest first, released ones included but for `?active=true`."""
    found = holds.active() if active else Hold.objects.all()
    rows, following = page(found, cursor, limit, key=("-placed_at", "id"))
    return {"items": rows, "next_cursor": following}


@router.post("/audit/holds", auth=AUDIT, response={201: HoldOut}, summary="Place a hold")
def place_hold(request: SignedInRequest, body: HoldIn) -> Status[Hold]:
    """422 `bad-reference`, `no-such-target`; 409 `already-held`, `hold-too-late`. It is recorded."""
    made = holds.place(
        request.user, target=body.target, target_id=body.target_id, reference=body.reference
    )
    return Status(201, made)


@router.delete("/audit/holds/{uuid:pk}", auth=AUDIT, response={204: None}, summary="Release a hold")
def release_hold(request: SignedInRequest, pk: UUID) -> Status[None]:
    """What waited for it is erased by the next sweep. 404 where it is released already. Recorded."""
    holds.release(request.user, pk)
    return Status(204, None)


@router.get("/audit/retention", auth=AUDIT, response=list[KeptOut], summary="How long what is kept")
def get_retention(request: SignedInRequest) -> list[dict[str, Any]]:
    """Each kind with its time, what is past it right now, and its last purge."""
    return [_kept(found) for found in retention.standing()]


def _kept(found: Standing) -> dict[str, Any]:
    last = found.last
    return {
        "kind": found.kind.name,
        "days": found.kind.days,
        "older": found.older,
        "held": found.held,
        "last": last and {"at": last.at, "entry": last.uuid, **last.data},
    }
