"""Whose turn it is: each generation says who asks, by an id that names nobody."""

from collections.abc import Generator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from pytest_django import Settings

from accounts.models import User
from chat.answer import answer
from chat.ask import Ask
from chat.events import Started
from chat.run import run_unstored
from inference.client import get_client
from inference.fake import FakeClient, FakeEngine
from inference.protocol import ChatMessage, Piece, Sampling
from ingest.models import Collection
from tests.chat.test_answer import ask
from tests.inference.parts import running

QUESTION = "How many days of annual leave does every employee have?"


class _Notes(FakeClient):
    """Remembers who asked for what."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, int]] = []

    def chat(
        self,
        messages: Sequence[ChatMessage],
        sampling: Sampling,
        *,
        model: str = "",
        asker: str = "",
        seconds: float = 0.0,
    ) -> Generator[Piece, None, None]:
        self.asked.append((asker, sampling.max_tokens))
        return super().chat(messages, sampling)


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> _Notes:
    made = _Notes()
    monkeypatch.setattr("chat.answer.get_client", lambda: made)
    return made


def test_the_look_and_its_answer_name_the_same_asker(
    bob: User, handbook: Collection, notes: _Notes
) -> None:
    ask(bob, QUESTION, handbook)
    ask(bob, "How high is the daily meal allowance in Germany?", handbook)
    askers = {asker for asker, _ in notes.asked}
    assert len(notes.asked) == 4 and len(askers) == 1
    assert [most == 1 for _, most in notes.asked] == [True, False, True, False]


def test_an_asker_is_nobody_s_name_and_no_two_people(
    bob: User, alice: User, handbook: Collection, notes: _Notes
) -> None:
    asked = Ask(bob, QUESTION, (handbook.pk,), uuid4())
    list(run_unstored(asked, gone=lambda: False))
    ask(alice, QUESTION, handbook)
    private, other = notes.asked[0][0], notes.asked[-1][0]
    assert private and other and private != other
    told = (str(bob.pk), bob.pk.hex, bob.email, bob.email.split("@")[0])
    assert not any(name in private for name in told)


def test_nobody_is_ahead_while_a_seat_is_free(
    bob: User, handbook: Collection, settings: Settings, tmp_path: Path
) -> None:
    settings.MODELS_URL = f"unix:{tmp_path / 'm.sock'}"

    def ahead() -> int:
        events = answer(Ask(bob, QUESTION, (handbook.pk,), uuid4()), stopped=lambda: False)
        return next(event.queue for event in events if isinstance(event, Started))

    engine = FakeEngine(seconds=0.05, parallel=2)
    long = [ChatMessage("user", f"[1] Leave days {'and on ' * 400}.\n\nQuestion: leave days?")]
    with running(settings.MODELS_URL, tmp_path, engine=lambda: engine):
        client = get_client()
        assert ahead() == 0
        running_ones = [client.chat(long, Sampling(max_tokens=900)) for _ in range(2)]
        next(running_ones[0])
        assert ahead() == 0
        next(running_ones[1])
        assert ahead() == 1
        for each in running_ones:
            each.close()
