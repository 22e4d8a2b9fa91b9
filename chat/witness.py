"""The audit entry of an answer: who got which passages, and how it ended. Ids and counts, no words."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from accounts.models import User
from audit import actions
from audit.record import Data, record
from chat import pack
from chat.ask import Ask
from chat.choice import EXTRACTIVE
from chat.events import (
    CitationEvent,
    ConflictEvent,
    Done,
    Event,
    Failed,
    PassageData,
    Sources,
    Started,
    Withdrawn,
)
from ingest.claims import free_connection
from ingest.filters import Filters


class Listener(Protocol):
    """Whoever hears the events of an answer (chat/run.py). `finish` may come twice: the first counts."""

    def keep(self, event: Event) -> None: ...

    def finish(self, event: Done | Failed) -> None: ...


@dataclass(slots=True)
class Given:
    """What an answer was made from: the model, where was looked, what was shown.

    `passages` are (document, chunk) ids. `conversation` is None for an answer that is kept nowhere.
    """

    collections: Sequence[UUID]
    conversation: UUID | None = None
    model: str = ""
    model_sha256: str = ""
    passages: Sequence[tuple[object, object]] = ()
    citations: int = 0
    conflicts: int = 0
    filters: Filters = field(default_factory=Filters)
    #: Id (empty for one that is tried) and version.
    assistant: tuple[str, str] = ("", "")

    def hear(self, event: Event) -> None:
        match event:
            case Started():
                self.model, self.model_sha256 = event.model, event.sha256
                self.assistant = event.assistant, event.assistant_version
            case Sources():
                self.passages = [(p.document.id, p.chunk) for p in event.passages]
            case CitationEvent():
                self.citations += 1
            case Withdrawn():
                self.citations = 0
            case ConflictEvent():
                self.conflicts += 1
                self.passages = [
                    *self.passages,
                    *((p.document.id, p.chunk) for p in passages_in(event)),
                ]

    def data(self) -> Data:
        return {
            "conversation": str(self.conversation) if self.conversation else None,
            "collections": sorted(str(pk) for pk in self.collections),
            "documents": distinct(document for document, _ in self.passages),
            "chunks": [str(chunk) for _, chunk in self.passages],
            "model": self.model,
            "model_sha256": self.model_sha256,
            "prompt_sha256": "" if self.model in ("", EXTRACTIVE) else pack.version(),
            **self.filters.recorded(),
            **self._assistant(),
        }

    def _assistant(self) -> Data:
        which, version = self.assistant
        return {"assistant": which, "assistant_version": version} if version else {}


def passages_in(event: Event) -> Sequence[PassageData]:
    """The passages that an event shows for the first time."""
    match event:
        case Sources():
            return event.passages
        case ConflictEvent():
            return [event.passage] if event.passage else []
    return []


def distinct(keys: Iterable[object]) -> list[str]:
    return sorted({str(key) for key in keys if key})


def record_answer(user: User, answer: UUID, given: Given, *, status: str, code: str) -> None:
    """Append the entry of an answer that ended, however it did."""
    how: Data = {
        "status": status,
        "code": code,
        "citations": given.citations,
        **({"conflicts": given.conflicts} if given.conflicts else {}),
    }
    record(actions.ANSWERED, actor=user, target=("answer", answer), data={**how, **given.data()})


class Witness:
    """Hears an answer that is kept nowhere, and records that it was given.

    Twice: before its passages are shown, since nothing else remembers them if the process is killed,
    and at its end.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._given = Given(ask.collections, filters=ask.filters)
        self._over = False

    def keep(self, event: Event) -> None:
        self._given.hear(event)
        if passages_in(event):
            self._begin()
        if isinstance(event, Done | Failed):
            self.finish(event)

    def _begin(self) -> None:
        target = ("answer", self._ask.answer)
        record(actions.ANSWER_BEGUN, actor=self._ask.user, target=target, data=self._given.data())

    def finish(self, event: Done | Failed) -> None:
        if self._over:
            return
        self._over = True
        record_answer(
            self._ask.user,
            self._ask.answer,
            self._given,
            status=event.status if isinstance(event, Done) else "failed",
            code=event.code if isinstance(event, Failed) else "",
        )
        free_connection()
