"""The question flow from end to end, with the fake model."""

from dataclasses import replace
from uuid import uuid4

import pytest
from django.conf import settings

from accounts.models import User
from audit.models import Entry
from chat.answer import answer
from chat.ask import Ask
from chat.collected import collected
from chat.condense import Turn
from chat.events import (
    CitationEvent,
    Condensed,
    Done,
    Event,
    Failed,
    Instant,
    Sources,
    Started,
    Token,
    Withdrawn,
)
from ingest.models import Collection, Grant
from tests import people
from tests.chat.conftest import Add
from tests.chat.inventing import Invents


def ask(user: User, question: str, *collections: Collection, **options: object) -> list[Event]:
    asked = Ask(user, question, tuple(c.pk for c in collections), uuid4())
    return list(answer(replace(asked, **options), stopped=lambda: False))  # type: ignore[arg-type]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def test_sources_come_first_then_the_answer_then_its_citations(
    bob: User, handbook: Collection
) -> None:
    events = ask(bob, "How many days of annual leave does every employee have?", handbook)
    assert [type(event) for event in events[:2]] == [Started, Sources]
    assert "28 days" in text_of(events)
    citation = next(event for event in events if isinstance(event, CitationEvent))
    sources = next(event for event in events if isinstance(event, Sources))
    passage = sources.passages[citation.n - 1]
    assert "28 days" in passage.text[slice(*citation.quote)]
    assert passage.document.name == "leave.md"
    done = events[-1]
    assert isinstance(done, Done)
    assert done.status == "complete"
    assert done.ms["retrieve"] <= done.ms["first_token"] <= done.ms["total"]


def test_what_the_documents_say_nearest_is_there_before_the_model_has_read(
    bob: User, handbook: Collection
) -> None:
    events = ask(bob, "How many days of annual leave does every employee have?", handbook)
    names = [event.name for event in events]
    assert names.index("sources") + 1 == names.index("instant") < names.index("token")
    instant = next(event for event in events if isinstance(event, Instant))
    sources = next(event for event in events if isinstance(event, Sources))
    assert any("28 days" in quote.text for quote in instant.quotes)
    for quote in instant.quotes:
        assert sources.passages[quote.n - 1].text[slice(*quote.quote)] == quote.text


def test_without_a_model_the_answer_is_made_of_quotes_and_they_do_not_come_twice(
    bob: User, handbook: Collection
) -> None:
    question = "How many days of annual leave does every employee have?"
    events = ask(bob, question, handbook, model="extractive")
    assert not [event for event in events if isinstance(event, Instant)]
    assert "28 days" in text_of(events)
    supports = {event.support for event in events if isinstance(event, CitationEvent)}
    assert supports == {"verified"}


def test_a_follow_up_is_searched_with_its_turns(bob: User, handbook: Collection) -> None:
    history = (
        Turn("user", "What is the daily meal allowance in Germany?"),
        Turn("assistant", "45 euros."),
    )
    events = ask(bob, "And what is the allowance in Switzerland?", handbook, history=history)
    assert any(isinstance(event, Condensed) for event in events)
    assert "60 euros" in text_of(events)


@pytest.mark.parametrize(
    "question", ["Who won the chess championship yesterday?", "Quel est le salaire du directeur?"]
)
def test_what_the_documents_do_not_say_is_said_so(
    bob: User, handbook: Collection, question: str
) -> None:
    events = ask(bob, question, handbook)
    done = events[-1]
    assert isinstance(done, Done)
    assert done.status == "abstained"
    assert all(event.support == "none" for event in events if isinstance(event, CitationEvent))


def test_an_answer_says_how_sure_it_is(bob: User, handbook: Collection) -> None:
    events = ask(bob, "How many days of annual leave does every employee have?", handbook)
    done = events[-1]
    assert isinstance(done, Done) and done.confidence is not None
    assert settings.ABSTAIN_BELOW <= done.confidence <= 1
    assert "signals" not in done.data() and done.data()["confidence"] == done.confidence


def test_an_answer_that_is_less_sure_than_wanted_is_not_given(
    bob: User, handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "How many days of annual leave does every employee have?"
    monkeypatch.setattr(settings, "ABSTAIN_BELOW", 0.9999)
    done = ask(bob, question, handbook)[-1]
    assert isinstance(done, Done) and done.status == "abstained" and done.confidence
    monkeypatch.setattr(settings, "ABSTAIN_BELOW", 0.0)
    assert ask(bob, question, handbook)[-1].data()["status"] == "complete"


@pytest.mark.parametrize(
    "said", ["The gardener waters 99 lemon trees.", "It is 77 days. The caretaker counts them."]
)
def test_what_stands_nowhere_gives_way_to_the_documents_own_words(
    bob: User, handbook: Collection, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setattr("chat.answer.get_client", lambda: Invents(said))
    events = ask(bob, "How many days of annual leave does every employee have?", handbook)
    at = next(i for i, event in enumerate(events) if isinstance(event, Withdrawn))
    before, after = events[:at], events[at:]
    assert text_of(before).startswith(said[:5])
    assert "28 days" in text_of(after) and said not in text_of(after)
    cited = [event for event in after if isinstance(event, CitationEvent)]
    assert cited and {event.support for event in cited} == {"verified"}
    assert cited[0].sentence[0] == 0, "positions count from the beginning of the new text"
    done = events[-1]
    assert isinstance(done, Done) and done.status == "complete" and done.confidence
    told = collected(events)
    assert told["text"] == text_of(after) and told["model"] == "extractive"
    assert len(told["citations"]) == len(cited)


def test_a_model_that_says_so_itself_abstains(
    bob: User, handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.answer.get_client", lambda: Invents("The documents do not say."))
    events = ask(bob, "How many days of annual leave does every employee have?", handbook)
    assert not any(isinstance(event, Withdrawn) for event in events)
    assert isinstance(events[-1], Done) and events[-1].status == "abstained"


def test_quotes_are_given_however_high_the_threshold(
    bob: User, handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ABSTAIN_BELOW", 1.0)
    question = "How many days of annual leave does every employee have?"
    done = ask(bob, question, handbook, model="extractive")[-1]
    assert isinstance(done, Done) and (done.status, done.confidence) == ("complete", None)


def test_an_empty_collection_abstains(bob: User, collection: Collection) -> None:
    events = ask(bob, "How many days?", collection)
    assert isinstance(events[-1], Done)
    assert events[-1].status == "abstained"
    assert text_of(events) == "The documents do not say."


def test_without_a_chat_model_the_answer_is_a_quote(bob: User, handbook: Collection) -> None:
    events = ask(bob, "How many days of annual leave?", handbook, model="extractive")
    assert isinstance(events[0], Started)
    assert events[0].model == "extractive"
    citations = [event for event in events if isinstance(event, CitationEvent)]
    assert citations
    assert all(citation.support == "verified" for citation in citations)


def test_an_unknown_model_fails_with_its_code(bob: User, handbook: Collection) -> None:
    [failed] = ask(bob, "How many days?", handbook, model="no-such-model")
    assert isinstance(failed, Failed)
    assert failed.code == "model-unknown"


def test_a_stranger_gets_nothing_even_with_the_id(charlie: User, handbook: Collection) -> None:
    events = ask(charlie, "How many days of annual leave?", handbook)
    assert next(event for event in events if isinstance(event, Sources)).passages == ()
    assert isinstance(events[-1], Done)
    assert events[-1].status == "abstained"


def test_a_grant_that_ends_ends_the_answers(bob: User, handbook: Collection) -> None:
    Grant.objects.filter(collection=handbook, user=bob).delete()
    events = ask(bob, "How many days of annual leave?", handbook)
    assert next(event for event in events if isinstance(event, Sources)).passages == ()


def test_passages_of_another_collection_never_mix_in(
    bob: User, charlie: User, handbook: Collection, add: Add
) -> None:
    secret = people.make_collection(charlie, "Secret")
    add(
        "secret.md",
        f"# Annual leave\n\nAnnual leave of the board is 99 days {people.CANARY}.",
        secret,
        charlie,
    )
    events = ask(bob, "How many days of annual leave?", handbook, secret)
    assert people.CANARY not in repr(events)
    assert not Entry.objects.filter(action="ingest.access.fault").exists()


def test_a_stop_ends_the_writing_and_keeps_the_words(bob: User, handbook: Collection) -> None:
    calls = iter(range(100))
    asked = Ask(
        bob, "How many days of annual leave does every employee have?", (handbook.pk,), uuid4()
    )
    events = list(answer(asked, stopped=lambda: next(calls) >= 6))
    assert isinstance(events[-1], Done)
    assert events[-1].status == "stopped"
    assert 0 < len(text_of(events)) < 40
