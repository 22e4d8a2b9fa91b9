"""Runs one stored answer: claims it, keeps what the flow yields, and ends it well.

A running answer is held by a lease that is renewed while it is written; an answer whose lease has
passed was cut off (a killed process): `end_cut_off` says so. What was written stays.
"""

import uuid
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from chat import answered
from chat.answer import answer
from chat.ask import Ask
from chat.assistant_use import stored
from chat.bounds import MOST_AT_ONCE, Watch, place
from chat.branches import before
from chat.condense import Turn
from chat.events import (
    Done,
    Event,
)
from chat.failures import failed
from chat.keeper import Keeper, lease_end
from chat.models import Message
from chat.witness import Given, Listener, Witness, passages_in, record_answer
from inference.language import detect_language
from ingest.access import collections_for
from ingest.filters import Filters

log = structlog.get_logger(__name__)


def claim(message: Message) -> uuid.UUID | None:
    """Take a queued answer; None when somebody else has it or it is over."""
    lease = uuid.uuid4()
    taken = Message.objects.filter(pk=message.pk, status=Message.Status.QUEUED).update(
        status=Message.Status.RUNNING, lease=lease, lease_until=lease_end()
    )
    return lease if taken else None


def run(
    message: Message,
    lease: uuid.UUID,
    *,
    options: Ask | None = None,
    gone: Callable[[], bool],
) -> Generator[Event, None, None]:
    """Yield the events of a claimed answer and keep them. `gone()` says that nobody listens."""
    ask = options or ask_of(message)
    given = Given(ask.collections, message.conversation_id, filters=ask.filters)
    keeper = Keeper(message, lease, given, language=detect_language(ask.question))
    yield from _heard(ask, keeper, lambda: gone() or keeper.must_stop())


def run_unstored(ask: Ask, *, gone: Callable[[], bool]) -> Generator[Event, None, None]:
    """Yield the events of an answer that is kept nowhere; the record alone says that it was given."""
    yield from _heard(ask, Witness(ask), gone, private=True)


def _heard(
    ask: Ask, listener: Listener, stopped: Callable[[], bool], *, private: bool = False
) -> Generator[Event, None, None]:
    watch, account = Watch(ask.user.pk), answered.Account(ask, private=private)
    try:
        with closing(_bounded(ask, lambda: stopped() or watch.lost())) as events:
            for event in events:
                if shown := passages_in(event):
                    watch.needs(
                        {uuid.UUID(p.document.collection) for p in shown},
                        {uuid.UUID(p.document.id) for p in shown},
                    )
                event = answered.priced(ask, event)
                listener.keep(event)
                account.hear(event)
                yield event
    except GeneratorExit:
        listener.finish(Done("stopped"))
        raise
    except Exception as error:
        # The edge of the flow: whatever went wrong, the answer ends and says so.
        log.exception("answer_crashed", answer=str(ask.answer), error=type(error).__name__)
        event = failed("internal-error")
        listener.keep(event)
        account.hear(event)
        yield event
    finally:
        account.close()


def _bounded(ask: Ask, stopped: Callable[[], bool]) -> Generator[Event, None, None]:
    if ask.refused:
        yield failed(ask.refused)
        return
    with place(ask.user.pk, "write", MOST_AT_ONCE) as free:
        if free:
            yield from answer(ask, stopped=stopped)
        else:
            yield failed("too-many-answers")


def ask_of(message: Message) -> Ask:
    """The question that a stored answer belongs to, with the turns before it."""
    conversation = message.conversation
    earlier = before(message)
    chosen = list(conversation.collections.values_list("id", flat=True))
    readable = collections_for(conversation.user)
    if chosen:
        readable = readable.filter(id__in=chosen)
    question = earlier[-1]
    asked = Ask(
        user=conversation.user,
        question=question.text,
        filters=Filters.of(question.filters),
        by_name=question.by_name,
        collections=tuple(readable.values_list("id", flat=True)),
        answer=message.pk,
        conversation=conversation.pk,
        history=tuple(
            Turn("user" if turn.role == Message.Role.USER else "assistant", turn.text)
            for turn in earlier[:-1]
        ),
    )
    return stored(asked, message)


def end_cut_off(messages: QuerySet[Message]) -> int:
    """Fail and record those of `messages` that nobody writes any more; return how many.

    Running: its lease has passed. Queued: nobody opened its stream for as long as a lease lasts.
    """
    now = timezone.now()
    cut_off = Q(status=Message.Status.RUNNING, lease_until__lt=now) | Q(
        status=Message.Status.QUEUED, created_at__lt=now - timedelta(seconds=settings.LEASE_SECONDS)
    )
    found = messages.filter(cut_off, role=Message.Role.ASSISTANT)
    return sum(_interrupt(found.filter(pk=message.pk), message) for message in list(found[:1_000]))


@transaction.atomic
def _interrupt(still: QuerySet[Message], message: Message) -> bool:
    ended = still.update(
        status=Message.Status.FAILED,
        error_code="interrupted",
        lease=None,
        lease_until=None,
        finished_at=timezone.now(),
    )
    if ended:
        record_ended(message, status=Message.Status.FAILED, code="interrupted")
    return bool(ended)


def record_ended(message: Message, *, status: str, code: str = "") -> None:
    """Append the entry of an answer that ended without a writer: what is stored says what was shown."""
    ask = ask_of(message)
    given = Given(
        ask.collections,
        message.conversation_id,
        model=message.model,
        passages=list(message.sources.values_list("document_id", "chunk_id")),
        filters=ask.filters,
        assistant=(str(message.assistant_id or ""), message.assistant_version),
    )
    record_answer(message.conversation.user, message.pk, given, status=status, code=code)
