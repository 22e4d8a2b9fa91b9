"""Which model writes: the first one, the one that is named, none where a machine reads too slowly."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from chat.answer import answer
from chat.ask import Ask
from chat.choice import chosen_model, least_seconds, too_slow
from chat.events import Started
from inference.fake import FakeClient
from inference.protocol import ModelInfo, ModelsUnavailable, Speed
from ingest.models import Collection

QUESTION = "How many days of annual leave does every employee have?"


class Slow(FakeClient):
    """A machine that reads `prompt` tokens a second."""

    def __init__(self, prompt: float) -> None:
        super().__init__()
        self.prompt = prompt

    def models(self) -> list[ModelInfo]:
        return [replace(info, speed=Speed(self.prompt, 1.0)) for info in super().models()]


@pytest.mark.parametrize(
    ("prompt", "slow"), [(0.0, False), (5.0, True), (9.0, True), (9.2, False), (500.0, False)]
)
def test_a_machine_is_too_slow_where_the_least_takes_a_minute(prompt: float, slow: bool) -> None:
    client = Slow(prompt)
    [model] = client.models()
    assert too_slow(model) is slow
    assert (chosen_model(client, "") is None) is slow


def test_whoever_names_the_model_gets_it() -> None:
    client = Slow(1.0)
    [model] = client.models()
    assert chosen_model(client, model.name) == model
    with pytest.raises(ModelsUnavailable):
        chosen_model(client, "another")


def test_the_model_is_always_asked_where_the_setting_says_so(settings: Any) -> None:
    settings.SLOWEST_FIRST_TOKEN_SECONDS = 0
    client = Slow(0.01)
    assert least_seconds(client.models()[0]) > 10_000
    assert chosen_model(client, "") is not None


def test_a_slow_machine_quotes_and_says_why(
    bob: User, handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(3.0)
    monkeypatch.setattr("chat.answer.get_client", lambda: slow)
    monkeypatch.setattr("chat.views.get_client", lambda: slow)
    started = next(answer(Ask(bob, QUESTION, (handbook.pk,), uuid4()), stopped=lambda: False))
    assert isinstance(started, Started) and started.model == "extractive"
    browser = Client()
    browser.force_login(bob)
    assert b"reads too slowly" in browser.get("/ask/engine").content
