"""The door to conversations: a person sees her own and nobody else's."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from accounts.models import User
from chat.models import Conversation, Message


def conversations_for(user: User) -> QuerySet[Conversation]:
    """The person's own conversations, newest first."""
    return Conversation.objects.filter(user=user) if user.is_active else Conversation.objects.none()


def get_conversation(user: User, pk: UUID | str) -> Conversation:
    """Raises Http404 for any conversation that is not the person's own."""
    conversation = conversations_for(user).filter(pk=pk).first()
    if conversation is None:
        raise Http404
    return conversation


def get_answer(user: User, pk: UUID | str) -> Message:
    """Raises Http404 for any answer outside the person's own conversations."""
    answer = (
        Message.objects.select_related("conversation")
        .filter(pk=pk, role=Message.Role.ASSISTANT, conversation__in=conversations_for(user))
        .first()
    )
    if answer is None:
        raise Http404
    return answer
