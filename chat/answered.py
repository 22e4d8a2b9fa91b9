"""What an answer took, told to whoever keeps the books (usage/). Asking works without.

A book is kept by a room above this one, which puts itself in when it is loaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

import structlog

from accounts.models import User
from chat.ask import Ask, Way
from chat.events import Done, Event, Failed
from chat.tally import Tally
from ingest.claims import free_connection

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Finished:
    """An answer that ended. `private`: kept nowhere, so nobody is to know whose it was."""

    answer: UUID
    user: User
    way: Way
    private: bool
    status: str
    tally: Tally
    assistant: UUID | None = None
    assistant_name: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """Watt-hours and how they are known; money, where prices are kept.

    `api`: by the name of a list price, what it comes to for the same tokens.
    """

    watt_hours: float | None = None
    known: str = "none"
    currency: str = ""
    electricity: float | None = None
    api: tuple[tuple[str, float], ...] = ()
    #: The same in words: a line, and what stands behind it.
    said: str = ""
    more: tuple[str, ...] = ()

    def money(self) -> dict[str, Any] | None:
        """As events carry it; None where nothing is known."""
        if self.electricity is None and not self.api:
            return None
        listed = [{"name": name, "amount": amount} for name, amount in self.api]
        return {"currency": self.currency, "electricity": self.electricity, "api": listed}


class Book(Protocol):
    def write(self, finished: Finished) -> None: ...

    def price(self, tally: Tally) -> Cost:
        """What it costs today."""
        ...

    def costs(self, answers: Sequence[UUID]) -> Mapping[UUID, Cost]:
        """Of those that are in the book."""
        ...


_books: list[Book] = []


def keep(book: Book) -> None:
    """Let `book` be the one that is written to."""
    _books[:] = [book]


def priced(ask: Ask, event: Event) -> Event:
    """The same event; one that ends an answer says what it took."""
    if isinstance(event, Done) and (cost := taken(ask)):
        return with_cost(event, cost)
    return event


def taken(ask: Ask) -> Cost | None:
    """What the answer took so far, at today's prices; None where no model was asked."""
    return _price(ask.tally) if ask.tally.generations else None


def with_cost(event: Done, cost: Cost) -> Done:
    by = cost.known if cost.watt_hours is not None else None
    return replace(event, energy_wh=cost.watt_hours, energy_by=by, cost=cost.money())


def costs(answers: Sequence[UUID]) -> Mapping[UUID, Cost]:
    return _books[0].costs(answers) if _books else {}


def finish(ask: Ask, status: str, *, private: bool = False) -> None:
    """Write an answer that is over into the book. Nothing that goes wrong there is the asker's trouble."""
    if not _books or (status == "failed" and not ask.tally.generations):
        return
    guise = ask.assistant
    finished = Finished(
        ask.answer,
        ask.user,
        ask.way,
        private,
        status,
        ask.tally,
        assistant=guise.id if guise else None,
        assistant_name=guise.name if guise else "",
    )
    try:
        _books[0].write(finished)
    except Exception as error:
        log.exception("answer_not_counted", answer=str(ask.answer), error=type(error).__name__)
    free_connection()


class Account:
    """Hears an answer and writes it into the book once, right before who asked hears that it is over."""

    def __init__(self, ask: Ask, *, private: bool) -> None:
        self._ask, self._private = ask, private
        self._over = False

    def hear(self, event: Event) -> None:
        if isinstance(event, Done | Failed):
            self.close(event.status if isinstance(event, Done) else "failed")

    def close(self, status: str = "stopped") -> None:
        """May come twice: the first counts."""
        if not self._over:
            self._over = True
            finish(self._ask, status, private=self._private)


def _price(tally: Tally) -> Cost:
    try:
        return _books[0].price(tally) if _books else Cost(tally.watt_hours, tally.known)
    except Exception as error:
        log.exception("answer_not_priced", error=type(error).__name__)
        return Cost(tally.watt_hours, tally.known)
