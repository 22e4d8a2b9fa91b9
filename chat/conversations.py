"""What a person does with conversations: ask, rename, stop, delete. Each is one transaction."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.record import record
from chat import branches
from chat.access import conversations_for, get_answer, get_conversation
from chat.assistant_use import KEPT, Choice, chosen, kept, require_somewhere
from chat.models import Assistant, Conversation, Message
from chat.refusals import QuestionRefused
from chat.run import record_ended
from ingest import holds
from ingest.access import collections_for, readable_ids
from ingest.filters import EVERYTHING, Filters, check_documents, still_open
from ingest.models import Collection
from ingest.parsers.clean import seen

__all__ = [
    "QuestionRefused",
    "ask_again",
    "conversations_for",
    "delete_conversation",
    "get_answer",
    "get_conversation",
    "last_filters",
    "question_of",
    "rename_conversation",
    "request_stop",
    "show_branch",
    "start_answer",
]

TITLE_CHARS = 80


def checked_question(question: str) -> str:
    """Return the question stripped. Raises QuestionRefused `question-empty`, `question-too-long`."""
    question = seen(question).strip()
    if not question:
        raise QuestionRefused("question-empty", _("Type a question first."))
    if len(question) > settings.MAX_QUESTION_CHARS:
        raise QuestionRefused(
            "question-too-long",
            _("The question has %(have)d characters; at most %(most)d fit. Shorten it.")
            % {"have": len(question), "most": settings.MAX_QUESTION_CHARS},
        )
    return question


@transaction.atomic
def start_answer(  # noqa: PLR0913 (what a question has)
    user: User,
    *,
    question: str,
    collections: Sequence[UUID] | None,
    conversation: Conversation | None = None,
    filters: Filters = EVERYTHING,
    by_name: bool = True,
    instead_of: Message | None = None,
    assistant: Choice = KEPT,
) -> Message:
    """Store the question and an empty answer, and return the answer (status queued).

    `collections` None means all that the person may read; for a conversation that goes on it means
    those chosen before. `by_name`: whether documents that the question names come first.
    `instead_of`: an answer of hers in whose place it is asked anew; that one stays beside it.
    `assistant`: what it is put to; the conversation keeps it. Raises QuestionRefused, or Http404 for a
    collection or document she may not read.
    """
    question = checked_question(question)
    check_documents(user, filters.documents)
    where = None if collections is None else readable_ids(user, collections)
    conversation = instead_of.conversation if instead_of else conversation
    if conversation is not None:
        conversation = Conversation.objects.select_for_update().get(pk=conversation.pk, user=user)
        _refuse_while_answering(conversation)
    wanted = kept(conversation, instead_of) if assistant == KEPT else assistant
    helper = chosen(user, wanted)
    require_somewhere(user, helper, _searched(conversation, where))
    if conversation is None:
        conversation = Conversation.objects.create(user=user, title=_title(question))
    if where is not None:
        conversation.collections.set(Collection.objects.filter(pk__in=where))
    conversation.updated_at = timezone.now()
    conversation.assistant = helper
    conversation.save(update_fields=["updated_at", "assistant"])
    asked = Message(
        role=Message.Role.USER,
        text=question,
        filters=filters.stored(),
        by_name=by_name,
        after=_after(conversation, instead_of),
    )
    return _add_pair(conversation, asked, helper)


def ask_again(
    user: User,
    answer: Message,
    filters: Filters | None = None,
    *,
    alike: bool = False,
    question: str | None = None,
) -> Message:
    """Ask the question of an answer once more, or another `question` in its place.

    The answer stays beside the new one, with all that was asked after it. `filters` None: those that
    it was asked with, less the documents that `user` can read no longer.
    `alike`: documents that it names are looked at like any other.
    Raises as start_answer.
    """
    asked = question_of(answer)
    return start_answer(
        user,
        question=asked.text if question is None else question,
        collections=None,
        filters=still_open(user, Filters.of(asked.filters)) if filters is None else filters,
        by_name=asked.by_name and not alike,
        instead_of=answer,
    )


def question_of(answer: Message) -> Message:
    """The question that stands right before an answer."""
    return answer.conversation.messages.get(ordinal=answer.ordinal - 1)


@transaction.atomic
def show_branch(user: User, answer: Message) -> None:
    """Look at the branch of this answer: at the newest that went on from it."""
    answer = get_answer(user, answer.pk)
    conversation = answer.conversation
    conversation.shown = branches.newest(branches.parents_of(conversation), answer.ordinal)
    conversation.save(update_fields=["shown"])


def last_filters(conversation: Conversation) -> Filters:
    """What the last question of the shown branch was narrowed to."""
    turns = branches.shown(conversation)
    if not turns:
        return EVERYTHING
    return Filters.of(conversation.messages.get(ordinal=turns[-1].question).filters)


@transaction.atomic
def rename_conversation(user: User, conversation: Conversation, title: str) -> Conversation:
    conversation = get_conversation(user, conversation.pk)
    conversation.title = _title(title) or conversation.title
    conversation.save(update_fields=["title"])
    return conversation


@transaction.atomic
def delete_conversation(user: User, conversation: Conversation) -> None:
    """Delete a conversation with its questions, answers and feedback. Raises Problem `on-hold`."""
    conversation = get_conversation(user, conversation.pk)
    holds.require_free(user=user)
    messages = conversation.messages.count()
    for answer in conversation.messages.filter(status=Message.Status.QUEUED):
        record_ended(answer, status=Message.Status.STOPPED)  # a running one's writer records it
    record(
        actions.CONVERSATION_ERASED,
        actor=user,
        target=("conversation", conversation.pk),
        data={"messages": messages},
    )
    conversation.delete()


@transaction.atomic
def request_stop(user: User, answer: Message) -> None:
    """Ask whoever writes this answer to stop. What was written stays. Harmless when it is done."""
    answer = get_answer(user, answer.pk)
    unfinished = Message.objects.filter(
        pk=answer.pk, status__in=[Message.Status.QUEUED, Message.Status.RUNNING]
    )
    unfinished.update(stop_requested=True)
    # Nobody has begun it: there is no writer who could notice.
    if unfinished.filter(status=Message.Status.QUEUED).update(
        status=Message.Status.STOPPED, finished_at=timezone.now()
    ):
        record_ended(answer, status=Message.Status.STOPPED)


def _searched(conversation: Conversation | None, where: list[UUID] | None) -> list[UUID] | None:
    """Where it will be looked before an assistant narrows it; None: wherever she may read."""
    if where is None and conversation is not None and conversation.collections.exists():
        readable = collections_for(conversation.user).values("pk")
        kept_ones = conversation.collections.filter(pk__in=readable)
        return list(kept_ones.values_list("pk", flat=True))
    return where


def _title(text: str) -> str:
    line = " ".join(seen(text).split())
    return line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1].rstrip() + "…"


def _refuse_while_answering(conversation: Conversation) -> None:
    recent = timezone.now() - timedelta(seconds=settings.LEASE_SECONDS)
    busy = conversation.messages.filter(
        status__in=[Message.Status.QUEUED, Message.Status.RUNNING], created_at__gt=recent
    )
    running = conversation.messages.filter(
        status=Message.Status.RUNNING, lease_until__gt=timezone.now()
    )
    if busy.exists() or running.exists():
        raise QuestionRefused(
            "answer-running",
            _("The last question is still being answered. Wait for it, or stop it."),
        )


def _after(conversation: Conversation, instead_of: Message | None) -> int:
    """What a new question goes on from, by ordinal."""
    if instead_of is not None:
        return branches.parents_of(conversation)[instead_of.ordinal - 1]
    turns = branches.shown(conversation)
    return turns[-1].answer if turns else branches.BEGINNING


def _add_pair(
    conversation: Conversation, question: Message, assistant: Assistant | None
) -> Message:
    last = conversation.messages.aggregate(last=Max("ordinal"))["last"]
    ordinal = 0 if last is None else last + 1
    question.conversation, question.ordinal = conversation, ordinal
    question.save()
    conversation.shown = ordinal + 1
    conversation.save(update_fields=["shown"])
    return Message.objects.create(
        conversation=conversation,
        ordinal=ordinal + 1,
        role=Message.Role.ASSISTANT,
        status=Message.Status.QUEUED,
        assistant=assistant,
        assistant_name=assistant.name if assistant else "",
        assistant_version=assistant.version if assistant else "",
    )
