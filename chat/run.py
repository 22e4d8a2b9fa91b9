"""Runs one stored answer: claims it, keeps what the flow yields, and ends it well.

A running answer is held by a lease that is renewed while it is written; an answer whose lease has
passed was cut off (a killed process): `end_cut_off` says so. What was written stays.
"""

import time
import uuid
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from chat.abstain import abstention
from chat.answer import answer
from chat.ask import Ask
from chat.bounds import MOST_AT_ONCE, Watch, place
from chat.branches import before
from chat.choice import EXTRACTIVE
from chat.condense import Turn
from chat.events import (
    CitationEvent,
    Condensed,
    ConflictEvent,
    Done,
    Event,
    Failed,
    LookedFirst,
    PassageData,
    Sources,
    Started,
    Token,
    Withdrawn,
)
from chat.failures import failed
from chat.models import Citation, Conflict, Message, Source
from chat.witness import Given, Listener, Witness, passages_in, record_answer
from inference.language import detect_language
from ingest.access import collections_for
from ingest.claims import free_connection
from ingest.filters import Filters

log = structlog.get_logger(__name__)

BEAT_SECONDS = 1.0


def claim(message: Message) -> uuid.UUID | None:
    """Take a queued answer; None when somebody else has it or it is over."""
    lease = uuid.uuid4()
    taken = Message.objects.filter(pk=message.pk, status=Message.Status.QUEUED).update(
        status=Message.Status.RUNNING, lease=lease, lease_until=_lease_end()
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
    yield from _heard(ask, Witness(ask), gone)


def _heard(
    ask: Ask, listener: Listener, stopped: Callable[[], bool]
) -> Generator[Event, None, None]:
    watch = Watch(ask.user.pk)
    try:
        with closing(_bounded(ask, lambda: stopped() or watch.lost())) as events:
            for event in events:
                if shown := passages_in(event):
                    watch.needs({uuid.UUID(p.document.collection) for p in shown})
                listener.keep(event)
                yield event
    except GeneratorExit:
        listener.finish(Done("stopped"))
        raise
    except Exception as error:
        # The edge of the flow: whatever went wrong, the answer ends and says so.
        log.exception("answer_crashed", answer=str(ask.answer), error=type(error).__name__)
        event = failed("internal-error")
        listener.keep(event)
        yield event


def _bounded(ask: Ask, stopped: Callable[[], bool]) -> Generator[Event, None, None]:
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
    return Ask(
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


@dataclass(slots=True)
class Kept:
    """What an answer has so far."""

    text: str = ""
    condensed: str = ""


class Keeper:
    """Writes the events of one answer to the database: sources at once, text each second, the end."""

    def __init__(
        self, message: Message, lease: uuid.UUID, given: Given, *, language: str = ""
    ) -> None:
        self._message = message
        self._user = message.conversation.user
        self._given = given
        self._mine = Message.objects.filter(pk=message.pk, lease=lease)
        self._language = language
        self._kept = Kept()
        self._citations: list[CitationEvent] = []
        self._conflicts: list[ConflictEvent] = []
        self._sources: dict[int, Source] = {}
        self._beat = time.monotonic()
        self._stop = False
        self._over = False

    def must_stop(self) -> bool:
        """Renew the lease about once a second; True when a stop was asked for or the lease is lost."""
        if time.monotonic() - self._beat >= BEAT_SECONDS:
            self._beat = time.monotonic()
            renewed = self._mine.filter(stop_requested=False).update(
                lease_until=_lease_end(), text=self._kept.text
            )
            self._stop = not renewed
            free_connection()
        return self._stop

    def keep(self, event: Event) -> None:
        self._given.hear(event)
        match event:
            case Started():
                self._mine.update(model=event.model)
            case Condensed():
                self._kept.condensed = event.question
            case LookedFirst():
                self._mine.update(named=[document.id for document in event.documents])
            case Sources():
                self._keep_sources(event)
            case Token():
                self._kept.text += event.text
            case Withdrawn():
                self._begin_anew()
            case CitationEvent():
                self._citations.append(event)
            case ConflictEvent():
                self._keep_conflict(event)
            case Done() | Failed():
                self.finish(event)

    def _begin_anew(self) -> None:
        """The text is the documents' own from here on: it is shown as such."""
        self._kept.text = ""
        self._citations.clear()
        self._mine.update(model=EXTRACTIVE)

    def _keep_sources(self, event: Sources) -> None:
        rows = [self._source(passage) for passage in event.passages]
        with transaction.atomic():
            self._message.sources.all().delete()
            Source.objects.bulk_create(rows)
        self._sources = {row.n: row for row in rows}

    def _source(self, passage: PassageData) -> Source:
        return Source(
            message=self._message,
            n=passage.n,
            chunk_id=passage.chunk,
            document_id=passage.document.id,
            score=passage.score,
        )

    def _keep_conflict(self, event: ConflictEvent) -> None:
        if event.passage:
            self._sources[event.passage.n] = self._source(event.passage)
        self._conflicts.append(event)

    def finish(self, event: Done | Failed) -> None:
        """End the answer once, in one transaction with its citations and its audit entry.

        Whoever deleted the conversation meanwhile has seen its passages all the same.
        """
        if self._over:
            return
        self._over = True
        status = event.status if isinstance(event, Done) else Message.Status.FAILED
        with transaction.atomic():
            ended = self._mine.update(
                status=status,
                text=self._final_text(status),
                condensed=self._kept.condensed,
                error_code=event.code if isinstance(event, Failed) else "",
                tokens=event.tokens if isinstance(event, Done) else {},
                ms=event.ms if isinstance(event, Done) else {},
                lease=None,
                lease_until=None,
                finished_at=timezone.now(),
            )
            if ended:
                self._keep_citations(status)
            if ended or not Message.objects.filter(pk=self._message.pk).exists():
                self._record(event, status)

    def _final_text(self, status: str) -> str:
        """An answer that nothing supports gives way to the sentence that says so."""
        return abstention(self._language) if status == Message.Status.ABSTAINED else self._kept.text

    def _keep_citations(self, status: str) -> None:
        if status == Message.Status.ABSTAINED:
            return
        Citation.objects.bulk_create(
            Citation(
                message=self._message,
                source=self._sources.get(citation.n),
                sentence_start=citation.sentence[0],
                sentence_end=citation.sentence[1],
                quote_start=citation.quote[0],
                quote_end=citation.quote[1],
                support=citation.support,
            )
            for citation in self._citations
        )
        self._keep_conflicts()

    def _keep_conflicts(self) -> None:
        Source.objects.bulk_create(row for row in self._sources.values() if not row.pk)
        Conflict.objects.bulk_create(
            Conflict(
                message=self._message,
                sentence_start=found.sentence[0],
                sentence_end=found.sentence[1],
                source=self._sources[found.n],
                quote_start=found.quote[0],
                quote_end=found.quote[1],
                other=self._sources[found.other.n],
                other_start=found.other.quote[0],
                other_end=found.other.quote[1],
                newer=found.newer,
                by=found.by or "",
            )
            for found in self._conflicts
        )

    def _record(self, event: Done | Failed, status: str) -> None:
        code = event.code if isinstance(event, Failed) else ""
        record_answer(self._user, self._message.pk, self._given, status=status, code=code)


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
    )
    record_answer(message.conversation.user, message.pk, given, status=status, code=code)


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
