"""An answer that is kept: claimed once, ended once, whatever happens in between."""

import threading
from collections.abc import Callable, Generator
from datetime import timedelta
from uuid import uuid4

import pytest
from django.http import Http404
from django.utils import timezone

from accounts.models import User
from audit.models import Entry
from chat.ask import Ask
from chat.conversations import (
    QuestionRefused,
    ask_again,
    delete_conversation,
    rename_conversation,
    request_stop,
    start_answer,
)
from chat.events import Condensed, Done, Event, Failed, Sources, Token, Withdrawn
from chat.keeper import Keeper
from chat.models import Conversation, Message
from chat.present import present_answer
from chat.replay import follow
from chat.run import claim, run, run_unstored
from chat.streaming import _produce, events_of
from chat.tasks import sweep
from chat.witness import Given
from ingest.erase import erase_document
from ingest.models import Collection, Document, Grant
from tests.chat.conftest import Add
from tests.chat.inventing import Invents

QUESTION = "How many days of annual leave does every employee have?"


def never() -> bool:
    return False


def finish(message: Message, gone: Callable[[], bool] = never) -> list[Event]:
    events = list(events_of(message, gone))
    message.refresh_from_db()
    return events


def start(user: User, question: str = QUESTION) -> Message:
    return start_answer(user, question=question, collections=None)


def test_what_was_streamed_is_what_is_kept(bob: User, handbook: Collection) -> None:
    message = start(bob)
    events = finish(message)
    assert message.status == Message.Status.COMPLETE
    assert message.text == "".join(event.text for event in events if isinstance(event, Token))
    assert message.sources.exists()
    citation = message.citations.get()
    assert citation.source is not None
    assert "28 days" in citation.source.chunk.text[citation.quote_start : citation.quote_end]  # type: ignore[union-attr]
    entry = Entry.objects.get(action="chat.answer.finish")
    assert entry.actor == str(bob.pk)
    assert "28 days" not in str(entry.data)
    assert QUESTION not in str(entry.data)


def test_what_was_withdrawn_is_not_kept(
    bob: User, handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.answer.get_client", lambda: Invents("It is 77 days."))
    message = start(bob)
    finish(message)
    assert message.status == Message.Status.COMPLETE and message.model == "extractive"
    assert "77" not in message.text and "28 days" in message.text
    for citation in message.citations.all():
        assert citation.source and citation.support == "verified"
        assert citation.sentence_end <= len(message.text)
    entry = Entry.objects.get(action="chat.answer.finish")
    assert entry.data["model"] == "fake" and entry.data["prompt_sha256"], "the model has read them"
    assert entry.data["citations"] == message.citations.count()


def test_a_killed_writer_leaves_no_withdrawn_words_and_what_it_leans_on(bob: User) -> None:
    message = start(bob)
    lease = claim(message)
    assert lease
    keeper = Keeper(message, lease, Given(()))
    keeper.keep(Condensed("It is 30 days.\nAnd then?"))
    keeper.keep(Token("The moon is made of cheese."))
    Message.objects.filter(pk=message.pk).update(text="The moon is made of cheese.")
    keeper.keep(Withdrawn())
    Message.objects.filter(pk=message.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sweep() == 1
    message.refresh_from_db()
    assert (message.status, message.text, message.model) == ("failed", "", "extractive")
    assert message.condensed == "It is 30 days.\nAnd then?"


def test_an_answer_is_claimed_once(bob: User, handbook: Collection) -> None:
    message = start(bob)
    assert claim(message)
    assert claim(message) is None


def test_a_second_reader_gets_the_same_answer(bob: User, handbook: Collection) -> None:
    message = start(bob)
    first, second = finish(message), finish(message)
    assert "".join(e.text for e in first if isinstance(e, Token)) == "".join(
        e.text for e in second if isinstance(e, Token)
    )
    assert isinstance(second[-1], Done)
    assert len([e for e in second if isinstance(e, Sources)]) == 1


def test_a_reader_who_leaves_stops_the_answer_and_keeps_its_words(
    bob: User, handbook: Collection
) -> None:
    message = start(bob)
    lease = claim(message)
    assert lease
    events = run(message, lease, gone=never)
    for event in events:
        if isinstance(event, Token):
            break
    events.close()
    message.refresh_from_db()
    assert message.status == Message.Status.STOPPED
    assert message.text


def test_stop_before_anybody_began(bob: User, handbook: Collection) -> None:
    message = start(bob)
    request_stop(bob, message)
    events = finish(message)
    assert message.status == Message.Status.STOPPED
    assert isinstance(events[-1], Done)
    assert events[-1].status == "stopped"


def test_a_cut_off_answer_says_so_and_can_be_asked_again(bob: User, handbook: Collection) -> None:
    message = start(bob)
    assert claim(message)
    Message.objects.filter(pk=message.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sweep() == 1
    assert sweep() == 0
    message.refresh_from_db()
    assert present_answer(bob, message).error_code == "interrupted"
    assert isinstance(finish(message)[-1], Failed)
    again = ask_again(bob, message)
    finish(again)
    assert again.status == Message.Status.COMPLETE
    assert again.ordinal == message.ordinal + 2


def test_a_cut_off_answer_is_recorded_with_what_it_was_given(
    bob: User, handbook: Collection
) -> None:
    message = start(bob)
    lease = claim(message)
    assert lease
    events = run(message, lease, gone=never)
    assert any(isinstance(event, Sources) for event in events)
    Message.objects.filter(pk=message.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sweep() == 1
    events.close()
    entry = Entry.objects.get(action="chat.answer.finish")
    assert (entry.data["status"], entry.data["code"]) == ("failed", "interrupted")
    assert entry.data["documents"] and entry.actor == str(bob.pk)


def test_who_follows_a_killed_writer_is_told_without_a_sweep(
    bob: User, handbook: Collection
) -> None:
    message = start(bob)
    assert claim(message)
    Message.objects.filter(pk=message.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    last = finish(message)[-1]
    assert isinstance(last, Failed) and last.code == "interrupted"


def test_an_answer_that_is_kept_nowhere_is_recorded(bob: User, handbook: Collection) -> None:
    ask = Ask(bob, QUESTION, (handbook.pk,), uuid4())
    assert isinstance(list(run_unstored(ask, gone=never))[-1], Done)
    entry = Entry.objects.get(action="chat.answer.finish")
    assert entry.target_id == str(ask.answer) and entry.actor == str(bob.pk)
    assert entry.data["documents"] and entry.data["status"] == "complete"
    assert QUESTION not in str(entry.data) and not Message.objects.exists()


def test_one_that_its_reader_left_is_recorded_too(bob: User, handbook: Collection) -> None:
    events = run_unstored(Ask(bob, QUESTION, (handbook.pk,), uuid4()), gone=never)
    next(event for event in events if isinstance(event, Token))
    events.close()
    assert Entry.objects.get(action="chat.answer.finish").data["status"] == "stopped"


def test_a_conversation_that_is_deleted_while_it_is_followed_ends_the_stream(
    bob: User, handbook: Collection
) -> None:
    message = start(bob)
    assert claim(message)
    sent: list[str | None] = []

    def events(gone: Callable[[], bool]) -> Generator[Event, None, None]:
        following = follow(message, gone=gone)
        delete_conversation(bob, message.conversation)
        return following

    _produce(events, threading.Event(), sent.append)
    assert sent[-1] is None
    assert "internal-error" in str(sent[-2])


def test_a_writer_who_lost_the_lease_changes_nothing(bob: User, handbook: Collection) -> None:
    message = start(bob)
    lease = claim(message)
    assert lease
    Message.objects.filter(pk=message.pk).update(
        status="failed", error_code="interrupted", lease=None
    )
    list(run(message, lease, gone=never))
    message.refresh_from_db()
    assert message.status == Message.Status.FAILED
    assert not Entry.objects.filter(action="chat.answer.finish").exists()


def test_one_question_at_a_time_in_a_conversation(bob: User, handbook: Collection) -> None:
    message = start(bob)
    with pytest.raises(QuestionRefused) as refused:
        start_answer(bob, question="And?", collections=None, conversation=message.conversation)
    assert refused.value.code == "answer-running"


@pytest.mark.parametrize(
    ("question", "code"), [(" \n\x00 ", "question-empty"), ("x" * 50_000, "question-too-long")]
)
def test_questions_that_cannot_be_asked(
    bob: User, handbook: Collection, question: str, code: str
) -> None:
    with pytest.raises(QuestionRefused) as refused:
        start(bob, question)
    assert refused.value.code == code
    assert not Conversation.objects.exists()


def test_a_collection_that_one_may_not_read_does_not_exist(
    charlie: User, handbook: Collection
) -> None:
    with pytest.raises(Http404):
        start_answer(charlie, question=QUESTION, collections=[handbook.pk])


def test_a_conversation_belongs_to_one_person(bob: User, alice: User, handbook: Collection) -> None:
    conversation = start(bob).conversation
    with pytest.raises(Http404):
        delete_conversation(alice, conversation)
    with pytest.raises(Http404):
        rename_conversation(alice, conversation, "Mine")
    delete_conversation(bob, conversation)
    assert not Message.objects.exists()
    assert Entry.objects.filter(action="chat.conversation.erase").exists()


def test_the_page_shows_sentences_with_their_chips(bob: User, handbook: Collection) -> None:
    message = start(bob)
    finish(message)
    shown = present_answer(bob, message)
    [[segment]] = shown.paragraphs
    assert segment.support == "verified"
    assert "[1]" not in segment.text
    [chip] = segment.citations
    assert chip.document_name == "leave.md"
    assert "28 days" in chip.quote


def test_lost_access_takes_the_quotes_away(bob: User, handbook: Collection) -> None:
    message = start(bob)
    finish(message)
    Grant.objects.filter(user=bob).delete()
    shown = present_answer(bob, message)
    assert all(source.erased for source in shown.sources)
    assert not any(segment.citations for paragraph in shown.paragraphs for segment in paragraph)
    events = finish(message)
    assert next(event for event in events if isinstance(event, Sources)).passages == ()


def test_an_erased_document_leaves_the_answer_without_its_words(
    bob: User, alice: User, handbook: Collection
) -> None:
    message = start(bob)
    finish(message)
    for document in Document.objects.filter(collection=handbook):
        erase_document(alice, document)
    assert all(source.erased for source in present_answer(bob, message).sources)


def test_hostile_text_stays_text(bob: User, collection: Collection, add: Add) -> None:
    add(
        "evil.md",
        "# Leave\n\nAnnual leave <img src=x onerror=alert(1)> is 12 days ![x](//evil.example/a.png).",
    )
    message = start(bob, "How many days is annual leave?")
    finish(message)
    shown = present_answer(bob, message)
    assert all(
        isinstance(segment.text, str) for paragraph in shown.paragraphs for segment in paragraph
    )
    assert message.status == Message.Status.COMPLETE
