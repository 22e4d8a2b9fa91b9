"""The audit entry of an answer: who got which passages, and how it ended. Ids and counts, no words."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from accounts.models import User
from audit import actions
from audit.record import record
from chat.ask import Ask
from chat.events import CitationEvent, Done, Event, Failed, Sources, Started
from ingest.claims import free_connection


class Listener(Protocol):
    """Whoever hears the events of an answer (chat/run.py). `finish` may come twice: the first counts."""

    def keep(self, event: Event) -> None: ...

    def finish(self, event: Done | Failed) -> None: ...


def record_answer(
    user: User,
    answer: UUID,
    *,
    status: str,
    code: str,
    model: str,
    passages: Iterable[tuple[object, object]],
    citations: int,
) -> None:
    """Append the entry. `passages` are (document, chunk) ids of what the answer was given."""
    given = list(passages)
    record(
        actions.ANSWERED,
        actor=user,
        target=("answer", answer),
        data={
            "status": status,
            "code": code,
            "model": model,
            "documents": sorted({str(document) for document, _ in given}),
            "chunks": [str(chunk) for _, chunk in given],
            "citations": citations,
        },
    )


class Witness:
    """Hears an answer that is kept nowhere, and records that it was given."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._model = ""
        self._passages: list[tuple[object, object]] = []
        self._citations = 0
        self._over = False

    def keep(self, event: Event) -> None:
        match event:
            case Started():
                self._model = event.model
            case Sources():
                self._passages = [(p.document.id, p.chunk) for p in event.passages]
            case CitationEvent():
                self._citations += 1
            case Done() | Failed():
                self.finish(event)

    def finish(self, event: Done | Failed) -> None:
        if self._over:
            return
        self._over = True
        record_answer(
            self._ask.user,
            self._ask.answer,
            status=event.status if isinstance(event, Done) else "failed",
            code=event.code if isinstance(event, Failed) else "",
            model=self._model,
            passages=self._passages,
            citations=self._citations,
        )
        free_connection()
