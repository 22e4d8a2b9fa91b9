"""The bodies of the accounts calls."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field, StringConstraints

from accounts.models import ApiToken
from accounts.passwords import MAX_LENGTH
from accounts.tokens import DEFAULT_DAYS, MAX_DAYS

# PostgreSQL refuses NUL in text, SQLite keeps it: nobody has one in a name.
Line = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\x00]*$")]
Password = Annotated[str, StringConstraints(max_length=MAX_LENGTH)]
Ids = Annotated[list[UUID], Field(max_length=1_000)]


class Body(Schema):
    """What callers send. An unknown field is a slip that would go unseen, so it is refused."""

    model_config = ConfigDict(extra="forbid")


class TokenIn(Body):
    email: Line
    password: Password
    otp: Line | None = Field(None, description="Second factor. No account asks for one yet.")
    name: Line = ""
    scopes: list[ApiToken.Scope] | None = Field(
        None, max_length=5, description="Left out: all that the person may have."
    )
    days: int = Field(DEFAULT_DAYS, ge=1, le=MAX_DAYS)


class NewTokenOut(Schema):
    id: UUID
    token: str = Field(description="Shown this one time.")
    scopes: list[str]
    expires_at: datetime


class TokenOut(Schema):
    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class GroupRef(Schema):
    id: UUID
    name: str


class Limits(Schema):
    max_upload_mb: int
    max_question_chars: int
    max_answer_tokens: int


class Me(Schema):
    id: UUID
    email: str
    name: str
    is_admin: bool
    is_compliance: bool
    groups: list[GroupRef]
    limits: Limits


class UserOut(Schema):
    id: UUID
    email: str
    name: str
    is_admin: bool
    is_compliance: bool
    is_active: bool
    groups: list[GroupRef]
    created_at: datetime
    last_login: datetime | None


class NewUserOut(UserOut):
    invitation: str | None = Field(None, description="One-time link, shown this one time.")


class UserIn(Body):
    email: Line
    name: Line = ""
    password: Password | None = Field(None, description="Left out: an invitation link is made.")
    is_admin: bool = False
    is_compliance: bool = False
    groups: Ids = []


class UserPatch(Body):
    email: Line = ""
    name: Line = ""
    is_admin: bool = False
    is_compliance: bool = False
    is_active: bool = True
    groups: Ids = []


class LinkOut(Schema):
    link: str = Field(description="One-time link, shown this one time.")


class GroupOut(Schema):
    id: UUID
    name: str
    members: int = Field(description="How many people.")
    created_at: datetime


class GroupIn(Body):
    name: Line
    members: Ids = []


class GroupPatch(Body):
    name: Line = ""
    members: Ids = []
