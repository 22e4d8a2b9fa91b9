"""What an answer took is told once, whoever asked and however it ended."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.models import User
from chat import answered
from chat.answered import Cost, Finished
from chat.ask import Ask
from chat.events import Done, Event, Token
from chat.run import run_unstored
from chat.tally import Tally, counted
from inference.fake import FakeClient
from inference.protocol import ChatMessage, ModelsUnavailable, Piece, Sampling, Spent, Usage
from ingest.models import Collection

pytestmark = pytest.mark.django_db


class Kept:
    """A book in memory."""

    def __init__(self) -> None:
        self.rows: list[Finished] = []
        self.broken = False

    def write(self, finished: Finished) -> None:
        if self.broken:
            raise RuntimeError
        self.rows.append(finished)

    def price(self, tally: Tally) -> Cost:
        return Cost(0.5, "rapl", "EUR", 0.0001, (("Big API", 0.003),))

    def costs(self, answers: Sequence[UUID]) -> Mapping[UUID, Cost]:
        return {}


@pytest.fixture
def book() -> Iterator[Kept]:
    before = list(answered._books)
    kept = Kept()
    answered.keep(kept)
    yield kept
    answered._books[:] = before


@pytest.fixture
def ask(bob: User, handbook: Collection) -> Ask:
    question = "How many days of annual leave does every employee have?"
    return Ask(bob, question, (handbook.pk,), uuid4())


def test_an_answer_is_told_once_with_what_its_generations_took(book: Kept, ask: Ask) -> None:
    events = list(run_unstored(ask, gone=lambda: False))
    done = events[-1]
    assert isinstance(done, Done)
    (row,) = book.rows
    assert (row.answer, row.status, row.way, row.private) == (ask.answer, done.status, "page", True)
    assert row.tally.model == "fake" and row.tally.engine == "fake"
    assert row.tally.look.prompt > 0 < row.tally.text.prompt
    assert row.tally.text.prompt == done.tokens["prompt"]
    assert done.energy_wh == 0.5 and done.energy_by == "rapl"
    assert done.cost == {
        "currency": "EUR",
        "electricity": 0.0001,
        "api": [{"name": "Big API", "amount": 0.003}],
    }


def test_the_row_is_there_before_the_asker_hears_the_end(book: Kept, ask: Ask) -> None:
    for event in run_unstored(ask, gone=lambda: False):
        assert len(book.rows) == isinstance(event, Done)


def test_who_leaves_is_counted_as_stopped(book: Kept, ask: Ask) -> None:
    events = run_unstored(ask, gone=lambda: False)
    with closing(events):
        for event in events:
            if isinstance(event, Token):
                break
    (row,) = book.rows
    assert row.status == "stopped"


def test_a_book_that_fails_costs_nobody_the_answer(book: Kept, ask: Ask) -> None:
    book.broken = True
    events = list(run_unstored(ask, gone=lambda: False))
    assert isinstance(events[-1], Done)


def test_without_a_book_nothing_is_told(book: Kept, ask: Ask) -> None:
    answered._books.clear()
    events: list[Event] = list(run_unstored(ask, gone=lambda: False))
    done = events[-1]
    assert isinstance(done, Done) and done.cost is None


class Slow(FakeClient):
    """Says three words with an account after the second, and may break off."""

    def __init__(self, *, breaks: bool = False) -> None:
        super().__init__()
        self.breaks = breaks

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling, **how: Any
    ) -> Generator[Piece, None, None]:
        yield Piece()
        yield Piece("one ")
        yield Piece("two ", spent=Spent(0.1, 2.0, 0.5, 36.0, "rapl"))
        if self.breaks:
            raise ModelsUnavailable("models-lost", "")
        yield Piece("three", "stop", Usage(100, 60, 3), spent=Spent(0.1, 2.0, 1.0, 72.0, "rapl"))


def talk(client: Slow, tally: Tally, tokens: int, pieces: int = 100) -> None:
    said = counted(client, tally).chat([], Sampling(max_tokens=tokens))
    with closing(said) as read:
        for number, _piece in enumerate(read, 1):
            if number == pieces:
                return


def test_look_and_text_are_counted_apart() -> None:
    tally = Tally()
    talk(Slow(), tally, 1)
    talk(Slow(), tally, 64)
    for stage in (tally.look, tally.text):
        assert (stage.prompt, stage.cached, stage.written) == (100, 60, 3)
        assert (stage.waiting, stage.reading, stage.writing) == (0.1, 2.0, 1.0)
    assert tally.generations == 2
    assert tally.watt_hours == pytest.approx(2 * 72 / 3600)
    assert tally.known == "rapl"


def test_one_that_is_stopped_counts_what_was_seen_of_it() -> None:
    tally = Tally()
    talk(Slow(), tally, 1)
    talk(Slow(), tally, 64, pieces=3)
    assert (tally.text.prompt, tally.text.written) == (100, 2), "the look read about the same"
    assert tally.text.joules == 36.0


def test_one_that_breaks_off_counts_as_well() -> None:
    tally = Tally()
    with pytest.raises(ModelsUnavailable):
        talk(Slow(breaks=True), tally, 64)
    assert (tally.text.generations, tally.text.written, tally.text.joules) == (1, 2, 36.0)


def test_one_that_said_nothing_yet_counts_nothing() -> None:
    tally = Tally()
    talk(Slow(), tally, 64, pieces=1)
    assert tally.generations == 0
    assert tally.watt_hours is None
