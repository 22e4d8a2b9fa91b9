"""The API of assistants. Pages use the same functions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db import transaction
from ninja import Field, Router, Schema, Status
from pydantic import ConfigDict

from accounts.auth import requires
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.paging import Paged, page
from chat.assistant_access import (
    EDITOR,
    OWNER,
    USER,
    assistants_for,
    get_assistant,
    reach,
    readable_by,
    roles_on,
)
from chat.assistants import (
    MOST_COLLECTIONS,
    MOST_STARTERS,
    Draft,
    archive,
    change_assistant,
    create_assistant,
    delete_assistant,
    draft_of,
    set_grants,
    take_over,
)
from chat.models import Assistant, AssistantGrant

router = Router(tags=["Assistants"])

READ = requires("ask", "read")
WRITE = requires("write")

Text = Annotated[str, Field(max_length=100_000)]
Ids = Annotated[list[UUID], Field(max_length=MOST_COLLECTIONS)]
Starters = Annotated[list[Text], Field(max_length=MOST_STARTERS)]
Temperature = Annotated[float, Field(ge=0, le=1)]
Tokens = Annotated[int, Field(ge=0, le=4_096)]


class AssistantIn(Schema):
    """`everywhere`: it searches all that its asker may read, instead of `collections`."""

    model_config = ConfigDict(extra="forbid")
    name: Text
    description: Text = ""
    model: Text = ""
    instructions: Text = ""
    everywhere: bool = False
    collections: Ids = Field(default_factory=list)
    temperature: Temperature = 0.0
    answer_tokens: Tokens = 0
    starters: Starters = Field(default_factory=list)


class AssistantPatch(Schema):
    """What is left out stays. `archived` is for its owner."""

    model_config = ConfigDict(extra="forbid")
    name: Text | None = None
    description: Text | None = None
    model: Text | None = None
    instructions: Text | None = None
    everywhere: bool | None = None
    collections: Ids | None = None
    temperature: Temperature | None = None
    answer_tokens: Tokens | None = None
    starters: Starters | None = None
    archived: bool | None = None


class AssistantOut(Schema):
    """`collections`: those that the caller reaches through it; `closed`: how many more it names."""

    id: UUID
    name: str
    description: str
    owner: str
    role: Literal["user", "editor", "owner"]
    model: str
    instructions: str
    everywhere: bool
    collections: list[UUID]
    closed: int
    temperature: float
    answer_tokens: int
    starters: list[str]
    version: str
    archived: bool
    created_at: datetime
    updated_at: datetime


class AssistantGrantIn(Schema):
    principal: Annotated[str, Field(max_length=300)]
    role: Annotated[str, Field(max_length=20)]


class AssistantGrantOut(Schema):
    principal: str
    role: str


@router.get("/assistants", auth=READ, response=Paged[AssistantOut])
def list_assistants(request: SignedInRequest, cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """Those that the caller may use, archived ones too."""
    found = assistants_for(request.user).select_related("owner").prefetch_related("collections")
    rows, after = page(found, cursor, limit, key=("name", "id"))
    return {"items": _all_out(request.user, rows), "next_cursor": after}


@router.post("/assistants", auth=WRITE, response={201: AssistantOut})
def post_assistant(request: SignedInRequest, payload: AssistantIn) -> Status[dict[str, Any]]:
    """Make one. Nobody else can use it until it is shared."""
    said = payload.dict()
    made = create_assistant(request.user, _draft(Draft(name=""), said))
    return Status(201, _out(request.user, made))


@router.get("/assistants/{uuid:pk}", auth=READ, response=AssistantOut)
def show_assistant(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """One of them."""
    return _out(request.user, get_assistant(request.user, pk))


@router.patch("/assistants/{uuid:pk}", auth=WRITE, response=AssistantOut)
def patch_assistant(request: SignedInRequest, pk: UUID, payload: AssistantPatch) -> dict[str, Any]:
    """Change what is sent. For its editors and owner."""
    said = {name: value for name, value in payload.dict().items() if value is not None}
    archived = said.pop("archived", None)
    found = get_assistant(request.user, pk, EDITOR if archived is None else OWNER)
    with transaction.atomic():
        if said:
            draft = _draft(draft_of(request.user, found), said)
            found = change_assistant(request.user, found, draft)
        if archived is not None:
            found = archive(request.user, found, archived=archived)
    return _out(request.user, found)


@router.delete("/assistants/{uuid:pk}", auth=WRITE, response={204: None})
def erase_assistant(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Delete it for everybody. Conversations stay. For its owner."""
    delete_assistant(request.user, get_assistant(request.user, pk, OWNER))
    return Status(204, None)


@router.get("/assistants/{uuid:pk}/grants", auth=READ, response=list[AssistantGrantOut])
def list_assistant_grants(request: SignedInRequest, pk: UUID) -> list[dict[str, str]]:
    """Who else may use or change it. For its owner."""
    found = get_assistant(request.user, pk, OWNER)
    return _grants_out(list(found.grants.order_by("id")))


@router.put("/assistants/{uuid:pk}/grants", auth=WRITE, response=list[AssistantGrantOut])
def put_assistant_grants(
    request: SignedInRequest, pk: UUID, payload: list[AssistantGrantIn]
) -> list[dict[str, str]]:
    """Say anew who else may use or change it. For its owner."""
    found = get_assistant(request.user, pk, OWNER)
    wanted = [(grant.principal, grant.role) for grant in payload]
    return _grants_out(set_grants(request.user, found, wanted))


@router.post("/assistants/{uuid:pk}/take", auth=WRITE, response=AssistantOut)
def take_assistant(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """Own one whose owner has gone. For administrators."""
    return _out(request.user, take_over(request.user, pk))


def _draft(before: Draft, said: dict[str, Any]) -> Draft:
    lists = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
    return replace(before, **{**said, **lists})


def _out(user: User, assistant: Assistant) -> dict[str, Any]:
    return _all_out(user, [assistant])[0]


def _all_out(user: User, assistants: Sequence[Assistant]) -> list[dict[str, Any]]:
    readable, roles = readable_by(user), roles_on(user, assistants)
    return [_one_out(each, readable, roles.get(each.pk, USER)) for each in assistants]


def _one_out(assistant: Assistant, readable: list[UUID], role: str) -> dict[str, Any]:
    reached, closed = reach(assistant, readable)
    same = ("id", "name", "description", "model", "instructions", "everywhere", "temperature")
    more = ("answer_tokens", "starters", "version", "created_at", "updated_at")
    return {name: getattr(assistant, name) for name in (*same, *more)} | {
        "owner": str(assistant.owner or ""),
        "role": role,
        "collections": reached,
        "closed": closed,
        "archived": assistant.archived_at is not None,
    }


def _grants_out(grants: Sequence[AssistantGrant]) -> list[dict[str, str]]:
    return [{"principal": grant.principal, "role": grant.role} for grant in grants]
