"""Answers under way: what one person can take from all, and what stays open after access has ended."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from accounts.models import User
from chat import bounds
from chat.ask import Ask
from chat.bounds import MOST_AT_ONCE, place
from chat.conversations import start_answer
from chat.events import Done, Event, Failed, Sources
from chat.run import claim, run, run_unstored
from ingest.models import Collection, Grant
from tests import people

QUESTION = "How many days of annual leave do I have?"
Ends = Callable[[User, Collection], object]


def take_grant(user: User, _collection: Collection) -> object:
    return Grant.objects.filter(user=user).delete()


def deactivate(user: User, _collection: Collection) -> object:
    return User.objects.filter(pk=user.pk).update(is_active=False)


def delete(user: User, _collection: Collection) -> object:
    return User.objects.get(pk=user.pk).delete()


@pytest.mark.parametrize("end", [take_grant, deactivate])
@pytest.mark.parametrize("kept", [True, False], ids=["stored", "unstored"])
def test_access_that_ends_ends_the_answer(
    monkeypatch: pytest.MonkeyPatch,
    bob: User,
    handbook: Collection,
    end: Ends,
    kept: bool,
) -> None:
    monkeypatch.setattr(bounds, "CHECK_SECONDS", 0.0)
    if kept:
        message = start_answer(bob, question=QUESTION, collections=[handbook.pk])
        lease = claim(message)
        assert lease
        events = run(message, lease, gone=lambda: False)
    else:
        ask = Ask(bob, QUESTION, (handbook.pk,), uuid4())
        events = run_unstored(ask, gone=lambda: False)
    for event in events:
        if isinstance(event, Sources):
            break
    end(bob, handbook)
    rest: list[Event] = list(events)
    assert isinstance(rest[-1], Done) and rest[-1].status == "stopped"
    # The look of the model at the passages, and at most the piece that was on its way.
    assert len(rest) <= 3


def test_one_person_does_not_take_all_places(
    api_for: Callable[..., people.Api],
    bob: User,
    erin: User,
    handbook: Collection,
) -> None:
    question = {"question": QUESTION, "store": False, "stream": False}
    held = [place(bob.pk, "write", MOST_AT_ONCE) for _ in range(MOST_AT_ONCE)]
    for each in held:
        assert each.__enter__()
    refused = api_for(bob).post("/answers", question)
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-answers")
    assert api_for(erin).post("/answers", question).status_code == 200
    held.pop().__exit__(None, None, None)
    assert api_for(bob).post("/answers", question).status_code == 200
    for each in held:
        each.__exit__(None, None, None)
    assert not {user for _kind, user in bounds._running} & {bob.pk, erin.pk}


def test_a_refused_answer_ends_and_says_so(bob: User, handbook: Collection) -> None:
    nobody: UUID = bob.pk
    message = start_answer(bob, question=QUESTION, collections=[handbook.pk])
    lease = claim(message)
    assert lease
    held = [place(nobody, "write", MOST_AT_ONCE) for _ in range(MOST_AT_ONCE)]
    for each in held:
        each.__enter__()
    events = list(run(message, lease, gone=lambda: False))
    for each in held:
        each.__exit__(None, None, None)
    message.refresh_from_db()
    assert isinstance(events[-1], Failed) and message.error_code == "too-many-answers"
