"""Writes one answer to the database while its events come: sources at once, text each second, the end."""

import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat import forgotten
from chat.abstain import abstention
from chat.choice import EXTRACTIVE
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
from chat.models import Citation, Conflict, Message, Source
from chat.witness import Given, record_answer
from ingest.claims import free_connection

BEAT_SECONDS = 1.0


@dataclass(slots=True)
class Kept:
    """What an answer has so far."""

    text: str = ""


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
        self._passages: dict[int, str] = {}
        self._beat = time.monotonic()
        self._stop = False
        self._over = False

    def must_stop(self) -> bool:
        """Renew the lease about once a second; True when a stop was asked for or the lease is lost."""
        if time.monotonic() - self._beat >= BEAT_SECONDS:
            self._beat = time.monotonic()
            renewed = self._mine.filter(stop_requested=False).update(
                lease_until=lease_end(), text=self._kept.text
            )
            self._stop = not renewed
            free_connection()
        return self._stop

    def keep(self, event: Event) -> None:
        self._given.hear(event)
        match event:
            case Started():
                version = event.assistant_version
                self._mine.update(model=event.model, assistant_version=version)
            case Condensed():
                # At once: who looks at what a killed process left must know what it leans on. Once: an
                # erasure may take words out of it meanwhile.
                self._mine.update(condensed=event.question)
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
        self._mine.update(model=EXTRACTIVE, text="")

    def _keep_sources(self, event: Sources) -> None:
        rows = [self._source(passage) for passage in event.passages]
        with transaction.atomic():
            self._message.sources.all().delete()
            Source.objects.bulk_create(rows)
        self._sources = {row.n: row for row in rows}

    def _given_passages(self) -> list[tuple[Source, str]]:
        return [(row, self._passages.get(n, "")) for n, row in self._sources.items() if row.pk]

    def _source(self, passage: PassageData) -> Source:
        self._passages[passage.n] = passage.text
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
                error_code=event.code if isinstance(event, Failed) else "",
                tokens=event.tokens if isinstance(event, Done) else {},
                ms=event.ms if isinstance(event, Done) else {},
                lease=None,
                lease_until=None,
                finished_at=timezone.now(),
            )
            if ended:
                self._keep_citations(status)
                forgotten.forget_what_nobody_says(self._message)
                forgotten.cut_if_erased(self._message, self._given_passages())
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


def lease_end() -> datetime:
    """Until when whoever writes an answer has it for itself, from now on."""
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
