"""The API of shared conversations. Pages use the same functions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import Http404
from ninja import Field, Router, Schema, Status

from accounts.auth import requires
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.paging import Paged, page
from chat import branches
from chat.access import get_conversation
from chat.export import message_json, with_all
from chat.models import Message, Share
from chat.reads import record_read
from chat.schemas import CitationOut, ConflictOut, ErrorOut, SourceOut
from chat.share_access import get_own_share, get_shared, is_own, shared_with
from chat.share_audience import MOST_RECIPIENTS, lacking, named, recipients_of
from chat.share_reading import Reading, pairs_of, read_shared, record_opened
from chat.shares import change_recipients, share_answer, shares_of, withdraw

router = Router(tags=["Sharing"])

#: `user:` and the longest address that there is (RFC 5321).
Principal = Annotated[str, Field(max_length=300)]
Principals = Annotated[list[Principal], Field(max_length=MOST_RECIPIENTS)]


class RecipientsIn(Schema):
    """Each `user:ID`, `user:E-MAIL` or `group:ID`."""

    recipients: Principals


class ShareIn(RecipientsIn):
    """`answer`: the last one that is shared; left out, the newest of the branch that the page shows."""

    answer: UUID | None = None


class RecipientOut(Schema):
    principal: str
    name: str


class LackingOut(Schema):
    """`people` of the `of` who are meant would not see `answers` of the shared answers now."""

    principal: str
    people: int
    of: int
    answers: int


class ShareOut(Schema):
    id: UUID
    conversation: UUID
    answer: UUID
    answers: int
    recipients: list[RecipientOut]
    lacking: list[LackingOut]
    created_at: datetime
    expires_at: datetime | None


class WithheldOut(Schema):
    closed: int
    erased: int


class SharedOut(Schema):
    """`title` is the first question that is open to the caller; empty where none is."""

    id: UUID
    title: str
    shared_by: str
    created_at: datetime
    expires_at: datetime | None
    answers: int
    withheld: WithheldOut


class SharedMessageOut(Schema):
    id: UUID
    role: Literal["user", "assistant"]
    status: str
    text: str
    model: str
    assistant: str
    created_at: datetime
    error: ErrorOut | None
    passages: list[SourceOut]
    citations: list[CitationOut]
    conflicts: list[ConflictOut]


class SharedDetail(SharedOut):
    messages: list[SharedMessageOut]


@router.get(
    "/conversations/{uuid:pk}/shares", auth=requires("ask", "read"), response=list[ShareOut]
)
def list_shares(request: SignedInRequest, pk: UUID) -> list[dict[str, Any]]:
    """With whom a conversation of one's own is shared now."""
    return _shares_out(request.user, shares_of(get_conversation(request.user, pk)))


@router.post("/conversations/{uuid:pk}/shares", auth=requires("ask"), response={201: ShareOut})
def post_share(request: SignedInRequest, pk: UUID, payload: ShareIn) -> Status[dict[str, Any]]:
    """Share what leads up to an answer with people and groups."""
    answer = _answer(request.user, pk, payload.answer)
    share = share_answer(request.user, answer, named(request.user, payload.recipients))
    return Status(201, _shares_out(request.user, [share])[0])


@router.get("/shared", auth=requires("ask", "read"), response=Paged[SharedOut])
def list_shared(request: SignedInRequest, cursor: str = "", limit: int = 50) -> dict[str, Any]:
    """What others share with the caller, newest first."""
    found = shared_with(request.user)
    rows, next_cursor = page(found, cursor, min(limit, 50), key=("-created_at", "id"))
    items = [_shared_out(reading) for reading in read_shared(request.user, rows)]
    return {"items": items, "next_cursor": next_cursor}


@router.get("/shared/{uuid:pk}", auth=requires("ask", "read"), response=SharedDetail)
def show_shared(request: SignedInRequest, pk: UUID) -> dict[str, Any]:
    """A shared conversation: the answers whose sources the caller may all read now."""
    found = get_shared(request.user, pk)
    reading = read_shared(request.user, [found])[0]
    if is_own(request.user, found):
        record_read(request.user, reading.answers, reading.chunks)
    else:
        record_opened(request.user, reading)
    places = [each.pk for pair in reading.pairs for each in (pair.question, pair.answer)]
    rows = with_all(Message.objects.filter(pk__in=places)).order_by("ordinal")
    messages = [message_json(request.user, row, reading.chunks) for row in rows]
    return {**_shared_out(reading), "messages": messages}


@router.patch("/shared/{uuid:pk}", auth=requires("ask"), response=ShareOut)
def change_share(request: SignedInRequest, pk: UUID, payload: RecipientsIn) -> dict[str, Any]:
    """Say anew with whom it is shared. For its owner."""
    share = get_own_share(request.user, pk)
    share = change_recipients(request.user, share, named(request.user, payload.recipients))
    return _shares_out(request.user, [share])[0]


@router.delete("/shared/{uuid:pk}", auth=requires("ask"), response={204: None})
def end_share(request: SignedInRequest, pk: UUID) -> Status[None]:
    """Share it no longer. For its owner."""
    withdraw(request.user, get_own_share(request.user, pk))
    return Status(204, None)


def _answer(user: User, conversation: UUID, answer: UUID | None) -> Message:
    found = get_conversation(user, conversation)
    answers = found.messages.filter(role=Message.Role.ASSISTANT)
    if answer is None:
        turns = branches.shown(found)
        last = answers.filter(ordinal=turns[-1].answer).first() if turns else None
    else:
        last = answers.filter(pk=answer).first()
    if last is None:
        raise Http404
    return last


def _shares_out(owner: User, shares: Sequence[Share]) -> list[dict[str, Any]]:
    pairs = pairs_of(shares)
    return [_share_out(owner, share, [each.answer for each in pairs[share.pk]]) for share in shares]


def _share_out(owner: User, share: Share, answers: Sequence[Message]) -> dict[str, Any]:
    recipients = recipients_of(share)
    return {
        "id": share.pk,
        "conversation": share.conversation_id,
        "answer": answers[-1].pk,
        "answers": len(answers),
        "recipients": [
            {"principal": principal, "name": name}
            for principal, name in zip(recipients.principals(), recipients.names(), strict=True)
        ],
        "lacking": lacking(owner, answers, recipients),
        "created_at": share.created_at,
        "expires_at": share.expires_at,
    }


def _shared_out(reading: Reading) -> dict[str, Any]:
    return {
        "id": reading.share.pk,
        "title": reading.title,
        "shared_by": str(reading.share.conversation.user),
        "created_at": reading.share.created_at,
        "expires_at": reading.share.expires_at,
        "answers": len(reading.pairs),
        "withheld": {"closed": reading.closed, "erased": reading.erased},
    }
