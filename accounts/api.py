"""The API of people: tokens, me, users, groups. The rules are in the services that the pages use."""

from typing import Annotated, Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import authenticate
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema, Status

from accounts import groups, people, tokens
from accounts.auth import requires
from accounts.http import SignedInRequest
from accounts.models import Group, User
from accounts.paging import DEFAULT_LIMIT, MAX_LIMIT, Paged, page
from accounts.schemas import (
    GroupIn,
    GroupOut,
    GroupPatch,
    LinkOut,
    Me,
    NewTokenOut,
    NewUserOut,
    TokenIn,
    TokenOut,
    UserIn,
    UserOut,
    UserPatch,
)
from audit.problems import Problem

router = Router(tags=["accounts"])

Cursor = Annotated[str | None, Query(max_length=1_000)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Search = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]


@router.post(
    "/tokens", response={201: NewTokenOut}, auth=None, summary="Make a token by e-mail and password"
)
def create_token(request: HttpRequest, body: TokenIn) -> Status[object]:
    """401 `bad-credentials` for any wrong pair; 429 `locked-out` after repeated failures."""
    user = authenticate(request, username=body.email.strip().lower(), password=body.password)
    if not isinstance(user, User):
        detail = _("E-mail and password do not belong together. Check both and try again.")
        raise Problem(401, "bad-credentials", detail)
    made = tokens.create_token(user, name=body.name, scopes=body.scopes, days=body.days)
    return Status(
        201,
        {
            "id": made.token.id,
            "token": made.secret,
            "scopes": made.token.scopes,
            "expires_at": made.token.expires_at,
        },
    )


@router.get("/tokens", response=Paged[TokenOut], auth=requires("read"), summary="One's own tokens")
def list_tokens(
    request: SignedInRequest, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> object:
    rows, following = page(request.user.tokens.all(), cursor, limit, key=("-created_at", "id"))
    return {"items": rows, "next_cursor": following}


@router.delete(
    "/tokens/{uuid:pk}", response={204: None}, auth=requires("write"), summary="Revoke a token"
)
def revoke_token(request: SignedInRequest, pk: UUID) -> Status[None]:
    tokens.revoke_token(request.user, pk)
    return Status(204, None)


@router.get("/me", response=Me, auth=requires(), summary="Who am I, and within which limits")
def me(request: SignedInRequest) -> object:
    user = request.user
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "is_admin": user.is_admin,
        "is_compliance": user.is_compliance,
        "groups": list(user.groups.all()),
        "limits": {
            "max_upload_mb": settings.MAX_UPLOAD_MB,
            "max_question_chars": settings.MAX_QUESTION_CHARS,
            "max_answer_tokens": settings.MAX_ANSWER_TOKENS,
        },
    }


@router.get("/users", response=Paged[UserOut], auth=requires("admin"), summary="People")
def list_users(
    request: SignedInRequest, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT, q: Search = ""
) -> object:
    found = people.search_users(q).prefetch_related("groups")
    rows, following = page(found, cursor, limit, key=("email",))
    return {"items": rows, "next_cursor": following}


@router.post(
    "/users", response={201: NewUserOut}, auth=requires("admin"), summary="Make or invite a person"
)
def create_user(request: SignedInRequest, body: UserIn) -> Status[object]:
    made = people.create_user(request.user, **body.dict())
    invitation = request.build_absolute_uri(made.link) if made.link else None
    return Status(201, NewUserOut(**UserOut.from_orm(made.user).dict(), invitation=invitation))


@router.get("/users/{uuid:pk}", response=UserOut, auth=requires("admin"), summary="One person")
def get_user(request: SignedInRequest, pk: UUID) -> User:
    return people.get_user(request.user, pk)


@router.patch(
    "/users/{uuid:pk}", response=UserOut, auth=requires("admin"), summary="Change a person"
)
def change_user(request: SignedInRequest, pk: UUID, body: UserPatch) -> User:
    """Only the fields that are sent change. `is_active: false` ends sessions and tokens at once."""
    return people.change_user(request.user, people.get_user(request.user, pk), **_sent(body))


@router.delete(
    "/users/{uuid:pk}", response={204: None}, auth=requires("admin"), summary="Delete a person"
)
def delete_user(request: SignedInRequest, pk: UUID) -> Status[None]:
    people.delete_user(request.user, people.get_user(request.user, pk))
    return Status(204, None)


@router.post(
    "/users/{uuid:pk}/link",
    response={201: LinkOut},
    auth=requires("admin"),
    summary="Make a link that sets a person's password",
)
def create_link(request: SignedInRequest, pk: UUID) -> Status[object]:
    path = people.reset_link(request.user, people.get_user(request.user, pk))
    return Status(201, {"link": request.build_absolute_uri(path)})


@router.get("/groups", response=Paged[GroupOut], auth=requires("admin"), summary="Groups")
def list_groups(
    request: SignedInRequest, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT, q: Search = ""
) -> object:
    rows, following = page(_counted().filter(name__icontains=q), cursor, limit, key=("name",))
    return {"items": rows, "next_cursor": following}


@router.post("/groups", response={201: GroupOut}, auth=requires("admin"), summary="Make a group")
def create_group(request: SignedInRequest, body: GroupIn) -> Status[object]:
    group = groups.create_group(request.user, name=body.name, members=body.members)
    return Status(201, _counted().get(pk=group.pk))


@router.get("/groups/{uuid:pk}", response=GroupOut, auth=requires("admin"), summary="One group")
def get_group(request: SignedInRequest, pk: UUID) -> Group:
    return _counted().get(pk=groups.get_group(request.user, pk).pk)


@router.get(
    "/groups/{uuid:pk}/members",
    response=Paged[UserOut],
    auth=requires("admin"),
    summary="Who is in a group",
)
def list_members(
    request: SignedInRequest, pk: UUID, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> object:
    found = groups.get_group(request.user, pk).users.prefetch_related("groups")
    rows, following = page(found, cursor, limit, key=("email",))
    return {"items": rows, "next_cursor": following}


@router.patch(
    "/groups/{uuid:pk}", response=GroupOut, auth=requires("admin"), summary="Change a group"
)
def change_group(request: SignedInRequest, pk: UUID, body: GroupPatch) -> Group:
    """Only the fields that are sent change; `members` says anew who is in it."""
    group = groups.change_group(request.user, groups.get_group(request.user, pk), **_sent(body))
    return _counted().get(pk=group.pk)


@router.delete(
    "/groups/{uuid:pk}", response={204: None}, auth=requires("admin"), summary="Delete a group"
)
def delete_group(request: SignedInRequest, pk: UUID) -> Status[None]:
    groups.delete_group(request.user, groups.get_group(request.user, pk))
    return Status(204, None)


def _counted() -> QuerySet[Group]:
    return Group.objects.annotate(members=Count("users"))


def _sent(body: Schema) -> dict[str, Any]:
    return body.dict(exclude_unset=True)
