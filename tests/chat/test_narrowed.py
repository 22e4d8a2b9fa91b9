"""What a question is narrowed to is kept with it: for a reload, a follow-up, and a second try."""

from collections.abc import Callable
from datetime import date
from uuid import uuid4

import pytest
from django.http import Http404
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit.models import Entry
from chat.conversations import ask_again, last_filters, request_stop, start_answer
from chat.events import LookedFirst, Sources
from chat.models import Conversation, Message
from chat.streaming import events_of
from ingest.filters import EVERYTHING, Filters
from ingest.models import Collection, Document, Grant
from tests.chat.conftest import Add
from tests.people import Api

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None], Client]
HTMX = {"HX-Request": "true"}
QUESTION = "How many days of annual leave are there?"


@pytest.fixture
def travel(handbook: Collection) -> Document:
    return Document.objects.get(name="travel.md")


@pytest.fixture
def answer(bob: User, travel: Document) -> Message:
    """An answer that waits for its stream, narrowed to one document."""
    only = Filters(documents=frozenset({travel.pk}))
    return start_answer(bob, question=QUESTION, collections=None, filters=only)


def sources(answer: Message) -> list[str]:
    events = events_of(answer, lambda: False)
    found = next(event for event in events if isinstance(event, Sources))
    list(events)
    return [passage.document.name for passage in found.passages]


def test_filters_come_back_as_they_were_stored() -> None:
    for filters in (
        EVERYTHING,
        Filters(frozenset({uuid4()}), frozenset({"pdf"}), frozenset({"de"}), date(2024, 1, 2)),
        Filters(until=date(2024, 1, 2)),
    ):
        assert Filters.of(filters.stored()) == filters
    assert EVERYTHING.stored() == {}


def test_a_reload_before_the_stream_keeps_them(
    client_for: ClientFor, bob: User, answer: Message, travel: Document
) -> None:
    page = client_for(bob).get(reverse("chat:conversation", args=[answer.conversation_id]))
    assert f'data-stream="{reverse("chat:stream", args=[answer.pk])}"' in page.content.decode()
    assert sources(answer) == ["travel.md"]


def test_a_follow_up_shows_what_is_narrowed(
    client_for: ClientFor, bob: User, answer: Message, travel: Document
) -> None:
    address = reverse("chat:conversation", args=[answer.conversation_id])
    page = client_for(bob).get(address).content.decode()
    assert f'name="document" value="{travel.pk}" checked' in page and "Only in: travel.md" in page
    Grant.objects.filter(user=bob).delete()
    assert "travel.md" not in client_for(bob).get(address).content.decode()


def test_asked_again_they_count_once_more_unless_others_are_sent(
    client_for: ClientFor, bob: User, answer: Message
) -> None:
    sources(answer)
    client = client_for(bob)
    client.post(reverse("chat:again", args=[answer.pk]))
    again = Message.objects.filter(role=Message.Role.ASSISTANT).latest("ordinal")
    assert sources(again) == ["travel.md"]
    client.post(reverse("chat:again", args=[again.pk]), {"filters": "shown"}, headers=HTMX)
    assert last_filters(Conversation.objects.get()) == EVERYTHING


def test_a_document_that_is_gone_narrows_no_second_try(
    bob: User, answer: Message, travel: Document
) -> None:
    sources(answer)
    travel.delete()
    assert sources(ask_again(bob, answer)) == ["leave.md"]


def test_what_may_not_be_read_cannot_be_asked(charlie: User, travel: Document) -> None:
    with pytest.raises(Http404):
        start_answer(
            charlie,
            question=QUESTION,
            collections=None,
            filters=Filters(documents=frozenset({travel.pk})),
        )
    assert not Message.objects.exists()


def test_access_that_is_lost_before_the_stream_finds_nothing(bob: User, answer: Message) -> None:
    Grant.objects.filter(user=bob).delete()
    assert sources(answer) == []


def test_the_record_of_a_question_that_nobody_streamed_has_them(
    bob: User, answer: Message, travel: Document
) -> None:
    request_stop(bob, answer)
    assert Entry.objects.latest("id").data["filter_documents"] == [str(travel.pk)]


def test_a_document_is_asked_from_its_page_and_from_a_search(
    client_for: ClientFor, bob: User, charlie: User, travel: Document
) -> None:
    address = f"{reverse('chat:ask')}?document={travel.pk}"
    page = client_for(bob).get(reverse("ingest:document", args=[travel.pk])).content.decode()
    assert f'href="{address}"' in page
    found = client_for(bob).get(reverse("chat:search"), {"q": 'meal "x" &'}, headers=HTMX)
    assert f'href="{address}&amp;question=meal%20%22x%22%20%26"' in found.content.decode()
    assert "Only in: travel.md" in client_for(bob).get(address).content.decode()
    assert "travel.md" not in client_for(charlie).get(address).content.decode()


GUESTS = "According to the Visitor policy 2024, where are guests met?"


@pytest.fixture
def policy(handbook: Collection, add: Add) -> Document:
    add("one.md", "# Visitor policy 2023\n\nGuests are met at the gate and sign the book.\n")
    return add("two.md", "# Visitor policy 2024\n\nGuests are met at the gate and sign the book.\n")


def first_in(answer: Message) -> list[str]:
    events = list(events_of(Message.objects.get(pk=answer.pk), lambda: False))
    looked = [event for event in events if isinstance(event, LookedFirst)]
    return [document.name for event in looked for document in event.documents]


def test_an_answer_says_where_it_looked_first(
    client_for: ClientFor, bob: User, policy: Document
) -> None:
    answer = start_answer(bob, question=GUESTS, collections=None)
    assert first_in(answer) == ["two.md"]
    assert first_in(answer) == ["two.md"], "again when it is replayed"
    page = client_for(bob).get(reverse("chat:message", args=[answer.pk])).content.decode()
    assert "Looked first in: two.md" in page and "Look everywhere alike" in page
    Document.objects.filter(pk=policy.pk).update(status=Document.Status.ERASING)
    page = client_for(bob).get(reverse("chat:message", args=[answer.pk])).content.decode()
    assert first_in(answer) == [] and "Looked first in" not in page


def test_that_is_taken_back_and_stays_so(
    client_for: ClientFor, bob: User, policy: Document
) -> None:
    answer = start_answer(bob, question=GUESTS, collections=None)
    first_in(answer)
    for asked in ({"alike": "on"}, {}):
        client_for(bob).post(reverse("chat:again", args=[answer.pk]), asked, headers=HTMX)
        answer = Message.objects.filter(role=Message.Role.ASSISTANT).latest("ordinal")
        assert first_in(answer) == []
        page = client_for(bob).get(reverse("chat:message", args=[answer.pk])).content.decode()
        assert "Looked first in" not in page


def test_the_api_says_it_too(bob: User, policy: Document, api_for: Callable[..., Api]) -> None:
    answer = api_for(bob).post("/answers", {"question": GUESTS, "stream": False}).json()
    assert [document["name"] for document in answer["named"]] == ["two.md"]
