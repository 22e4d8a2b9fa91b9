"""One question of a run: what the product finds, or what it answers. Stored nowhere but in the result."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from accounts.models import User
from chat import answered
from chat.abstain import ABSTAINED_STATUS, abstention
from chat.answer import answer
from chat.ask import Ask
from chat.condense import Turn
from chat.events import Done, Event, Failed, Sources, Token, Withdrawn
from chat.retrieve import Mode
from evaluation.assisted import put
from evaluation.measures import K
from evaluation.scores import Found
from evaluation.searching import search
from inference.client import get_client
from inference.language import detect_language
from inference.protocol import ModelsUnavailable
from ingest.models import Index

#: Failures of an answer that waiting mends: the run waits, and asks again.
PASSING = frozenset(
    {"models-down", "models-silent", "models-lost", "models-loading", "vectors-unavailable"}
)
LOOK_SECONDS = 1.0
#: How often an answer makes way for people before it is written all the same.
MOST_INTERRUPTIONS = 3

Data = dict[str, Any]


class Interrupted(Exception):
    """The run is to stop, or another worker has it."""


@dataclass(slots=True)
class Outcome:
    """`passages` as Result.passages keeps them, `found` the same with their texts, in the same order."""

    passages: list[Data] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    ms: int | None = None
    confidence: float | None = None
    answer: str = ""
    status: str = "complete"
    code: str = ""

    def add(self, chunk: object, document: object, score: float, text: str) -> None:
        ids = {"chunk": str(chunk), "document": str(document)}
        self.passages.append({**ids, "rank": len(self.passages) + 1, "score": round(score, 4)})
        self.found.append(Found(text, str(document)))


def find_passages(
    user: User,
    question: Mapping[str, Any],
    collections: Sequence[UUID],
    index: Index,
    mode: Mode = "hybrid",
) -> Outcome:
    """The first K passages and the milliseconds. Raises ModelsUnavailable, StoreUnavailable."""
    outcome = Outcome()
    started = time.perf_counter()
    turns = _turns(question)
    for passage in search(user, question["question"], turns, collections, index, K, mode):
        outcome.add(passage.chunk, passage.document, passage.score, passage.text)
    outcome.ms = round((time.perf_counter() - started) * 1000)
    return outcome


def write_answer(
    user: User,
    question: Mapping[str, Any],
    collections: Sequence[UUID],
    config: Mapping[str, Any],
    *,
    stopped: Callable[[], bool],
) -> Outcome:
    """An answer as people get it, by the model and assistant of `config`; `ms` is that of its first token.

    It makes way for people who wait for the model, and begins anew when none does. Raises Interrupted
    once `stopped` says so, ModelsUnavailable for what passes.
    """
    asked = Ask(
        user=user,
        question=question["question"],
        collections=tuple(collections),
        answer=uuid4(),
        history=tuple(_turns(question)),
        model=config["model"],
        way="evaluation",
    )
    asked, code = put(asked, config)
    outcome = Outcome(status="failed", code=code)
    if code:
        return outcome
    try:
        outcome = _patiently(asked, stopped)
    finally:
        answered.finish(asked, outcome.status)
    if outcome.code in PASSING:
        raise ModelsUnavailable(outcome.code, "")
    return outcome


def _patiently(asked: Ask, stopped: Callable[[], bool]) -> Outcome:
    """Raises Interrupted."""
    for attempt in range(MOST_INTERRUPTIONS + 1):
        _wait_for_people(stopped)
        look = _Look(stopped, patient=attempt < MOST_INTERRUPTIONS)
        outcome = _written(asked, look)
        if not look.people:
            break
    if look.stop:
        raise Interrupted
    return outcome


@dataclass(slots=True)
class _Look:
    """Asks about once a second whether to stop, and whether somebody waits for the model."""

    stopped: Callable[[], bool]
    patient: bool
    stop: bool = False
    people: bool = False
    _at: float = field(default_factory=time.monotonic)

    def __call__(self) -> bool:
        if time.monotonic() - self._at >= LOOK_SECONDS:
            self._at = time.monotonic()
            self.stop = self.stopped()
            # What is written now is one of them.
            self.people = not self.stop and self.patient and _at_work() > 1
        return self.stop or self.people


def _wait_for_people(stopped: Callable[[], bool]) -> None:
    """Until nobody waits, for a minute at most. Raises Interrupted."""
    for _second in range(60):
        if stopped():
            raise Interrupted
        if not _at_work():
            return
        time.sleep(LOOK_SECONDS)


def _at_work() -> int:
    """Generations that wait or run: beside one of these a person's answer is slower."""
    found = get_client().health().get("queue")
    return found if isinstance(found, int) else 0


def _written(asked: Ask, stopped: Callable[[], bool]) -> Outcome:
    outcome = Outcome(status="failed")
    with closing(answer(asked, stopped=stopped)) as events:
        for event in events:
            _hear(event, outcome)
    if outcome.status == ABSTAINED_STATUS:  # what is shown in its place (chat/run.py)
        outcome.answer = abstention(detect_language(asked.question))
    return outcome


def _hear(event: Event, outcome: Outcome) -> None:
    match event:
        case Sources():
            for passage in event.passages:
                outcome.add(passage.chunk, passage.document.id, passage.score, passage.text)
        case Token():
            outcome.answer += event.text
        case Withdrawn():
            outcome.answer = ""
        case Done():
            outcome.status, outcome.ms = event.status, event.ms.get("first_token")
            outcome.confidence = event.confidence
        case Failed():
            outcome.code = event.code


def _turns(question: Mapping[str, Any]) -> list[Turn]:
    return [Turn(turn["role"], turn["content"]) for turn in question["history"]]
