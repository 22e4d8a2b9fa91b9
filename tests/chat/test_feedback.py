"""Opinions of answers: with a reason, counted without words, and gone with their person."""

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit import actions
from audit.models import Entry
from chat.feedback import MOST_COMMENT, counts, rate
from chat.models import Feedback, Message
from ingest import holds
from ingest.models import Collection
from tests import people

ClientFor = Callable[[User | None], Client]
HTMX = {"HX-Request": "true"}
WORDS = "The <b>kilometre</b> rate is from 2019."


@pytest.fixture
def answer(db: None, alice: User, collection: Collection) -> Message:
    talk = people.make_conversation(alice, people.make_document(collection).chunks.get())
    return talk.messages.get(role=Message.Role.ASSISTANT)


def send(client: Client, answer: Message, **sent: str) -> str:
    address = reverse("chat:rate", args=[answer.pk])
    return client.post(address, sent, headers=HTMX).content.decode()


def test_who_was_not_helped_is_asked_why_and_says_it(
    client_for: ClientFor, alice: User, answer: Message
) -> None:
    client = client_for(alice)
    asked = send(client, answer, rating="-1")
    assert '<details class="why" open>' in asked and 'value="not-in-source"' in asked
    said = send(client, answer, rating="-1", reason="wrong-document", comment=WORDS)
    assert "Thank you." in said and "&lt;b&gt;kilometre" in said
    kept = Feedback.objects.get()
    assert (kept.rating, kept.reason, kept.comment) == (-1, "wrong-document", WORDS)
    page = client.get(reverse("chat:conversation", args=[answer.conversation_id]))
    assert 'value="wrong-document" checked' in page.content.decode()


def test_the_same_thumb_again_leaves_the_reason_and_the_other_takes_it(
    client_for: ClientFor, alice: User, answer: Message
) -> None:
    client = client_for(alice)
    send(client, answer, reason="wrong", comment="x")
    send(client, answer, rating="-1")
    assert Feedback.objects.get().reason == "wrong"
    assert "details" not in send(client, answer, rating="1")
    kept = Feedback.objects.get()
    assert (kept.rating, kept.reason, kept.comment) == (1, "", "")


@pytest.mark.parametrize("reason", ["<script>", "wrong\x00", "WRONG", "x" * 5_000])
def test_another_reason_is_none(alice: User, answer: Message, reason: str) -> None:
    assert rate(alice, answer, -1, reason, "y\x00" * 2_000).reason == ""
    assert len(Feedback.objects.get().comment) == MOST_COMMENT


def test_the_record_has_the_reason_and_no_word(alice: User, answer: Message) -> None:
    rate(alice, answer, -1, "too-long", WORDS)
    data = Entry.objects.get(action=actions.FEEDBACK_GIVEN).data
    assert data == {"rating": -1, "reason": "too-long", "comment": True, "again": False}


def test_administrators_see_counts_and_no_word(
    client_for: ClientFor,
    alice: User,
    admin: User,
    answer: Message,
    api_for: Callable[..., people.Api],
) -> None:
    rate(alice, answer, -1, "incomplete", WORDS)
    page = client_for(admin).get(reverse("evaluation:sets")).content.decode()
    assert "Something is missing: 1" in page and "kilometre" not in page
    assert people.CANARY not in page
    counted = api_for(admin).get("/evaluation/feedback")
    assert counted.json()["reasons"]["incomplete"] == 1
    assert "kilometre" not in json.dumps(counted.json())
    assert api_for(alice).get("/evaluation/feedback").status_code == 403


def test_counts_go_with_the_conversation(alice: User, answer: Message) -> None:
    rate(alice, answer, 1)
    assert counts().helpful == 1
    answer.conversation.delete()
    assert counts().helpful == 0 and not Feedback.objects.exists()


def test_a_hold_keeps_the_first_and_says_so(
    client_for: ClientFor, alice: User, answer: Message
) -> None:
    rate(alice, answer, -1, "wrong")
    officer = people.make_user("Olga", is_compliance=True)
    holds.place(officer, target="user", target_id=alice.pk, reference="case-1")
    said = send(client_for(alice), answer, reason="other", comment="new")
    assert "hold" in said
    assert Feedback.objects.get().reason == "wrong"


def test_the_api_takes_known_reasons(
    api_for: Callable[..., people.Api], alice: User, answer: Message
) -> None:
    api, address = api_for(alice), f"/answers/{answer.pk}/feedback"
    sent = {"rating": -1, "reason": "other", "comment": "x" * 500}
    assert api.post(address, sent).status_code == 204
    for wrong in ({"reason": "because"}, {"comment": "x" * 501}, {"rating": 0}):
        assert api.post(address, sent | wrong).status_code == 422


@pytest.mark.parametrize("sent", [{}, {"rating": ""}, {"rating": "0"}, {"rating": "x"}])
def test_a_thumb_that_says_nothing_is_no_opinion(
    client_for: ClientFor, alice: User, answer: Message, sent: dict[str, str]
) -> None:
    refused = client_for(alice).post(reverse("chat:rate", args=[answer.pk]), sent)
    assert refused.status_code == 422 and not Feedback.objects.exists()
