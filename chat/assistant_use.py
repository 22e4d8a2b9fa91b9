"""A question put to an assistant: what that changes of it, and what it never does.

It searches what the assistant names and the asker may read. Instructions are words to the model; the
look that decides whether to answer is not shown them, and each sentence is checked as ever.
"""

from collections.abc import Collection as Some
from dataclasses import replace
from typing import Literal
from uuid import UUID

from accounts.models import User
from chat.ask import Ask, Guise
from chat.assistant_access import usable, within
from chat.failures import detail_of
from chat.models import Assistant, Conversation, Message
from chat.refusals import QuestionRefused
from ingest.access import readable_ids

KEPT: Literal["kept"] = "kept"
#: An assistant by its id, none, or what the conversation had.
Choice = UUID | None | Literal["kept"]


def chosen(user: User, choice: UUID | None) -> Assistant | None:
    """The assistant that is meant. Raises QuestionRefused `assistant-closed`."""
    if choice is None:
        return None
    found = usable(user).filter(pk=choice).first()
    if found is None:
        raise QuestionRefused("assistant-closed", detail_of("assistant-closed"))
    return found


def kept(conversation: Conversation | None, instead_of: Message | None) -> UUID | None:
    """What the question is put to where nothing else is said: as before."""
    if instead_of is not None:
        return instead_of.assistant_id
    return conversation.assistant_id if conversation else None


def require_somewhere(
    user: User, assistant: Assistant | None, collections: Some[UUID] | None
) -> None:
    """Raises QuestionRefused `assistant-nowhere` where it would search none of `collections` (None: all)."""
    if assistant and not within(assistant, readable_ids(user, collections)):
        raise QuestionRefused("assistant-nowhere", detail_of("assistant-nowhere"))


def put_to(ask: Ask, assistant: Assistant) -> Ask:
    """`ask` as this assistant answers it, in those of its collections that the assistant searches.

    What `ask` says of model, temperature and length of its own goes first.
    """
    return replace(
        ask,
        collections=tuple(within(assistant, ask.collections)),
        model=ask.model or assistant.model,
        temperature=assistant.temperature if ask.temperature is None else ask.temperature,
        max_tokens=ask.max_tokens or assistant.answer_tokens,
        assistant=guise_of(assistant),
    )


def guise_of(assistant: Assistant) -> Guise:
    return Guise(
        name=assistant.name,
        version=assistant.version,
        instructions=assistant.instructions,
        model=assistant.model,
        id=assistant.pk,
    )


def stored(ask: Ask, answer: Message) -> Ask:
    """The question of a stored answer, put to what the answer names; refused where that is closed now."""
    if not answer.assistant_name:
        return ask
    found = usable(ask.user).filter(pk=answer.assistant_id or UUID(int=0)).first()
    return put_to(ask, found) if found else replace(ask, refused="assistant-closed")
