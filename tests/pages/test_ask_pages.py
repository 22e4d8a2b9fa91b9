"""The pages of asking, without a browser: who gets what, and what bad input gets."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import DjangoAssertNumQueries

from accounts.models import User
from chat.models import Conversation, Message
from ingest.models import Collection
from tests import people

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None], Client]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def conversation(alice: User, collection: Collection) -> Conversation:
    document = people.make_document(collection)
    return people.make_conversation(alice, document.chunks.get())


def answer_of(conversation: Conversation) -> Message:
    return conversation.messages.get(role=Message.Role.ASSISTANT)


def own_addresses(conversation: Conversation) -> list[tuple[str, str]]:
    answer = answer_of(conversation).pk
    return [
        ("get", reverse("chat:conversation", args=[conversation.pk])),
        ("get", reverse("chat:rename", args=[conversation.pk])),
        ("get", reverse("chat:delete", args=[conversation.pk])),
        ("post", reverse("chat:delete", args=[conversation.pk])),
        ("get", reverse("chat:message", args=[answer])),
        ("post", reverse("chat:stop", args=[answer])),
        ("post", reverse("chat:again", args=[answer])),
        ("post", reverse("chat:rate", args=[answer])),
    ]


def test_the_owner_reads_her_conversation(
    client_for: ClientFor, alice: User, conversation: Conversation
) -> None:
    page = client_for(alice).get(reverse("chat:conversation", args=[conversation.pk]))
    assert page.status_code == 200
    assert people.CANARY in page.content.decode()
    assert "leave.txt" in page.content.decode()


@pytest.mark.parametrize("who", ["bob", "charlie", "admin"])
def test_nobody_else_finds_it(
    client_for: ClientFor, request: pytest.FixtureRequest, conversation: Conversation, who: str
) -> None:
    client = client_for(request.getfixturevalue(who))
    for method, address in own_addresses(conversation):
        response = getattr(client, method)(address)
        assert response.status_code == 404, address
        assert people.CANARY not in response.content.decode()
    assert Conversation.objects.filter(pk=conversation.pk).exists()


def test_an_anonymous_caller_is_sent_to_sign_in(
    client_for: ClientFor, conversation: Conversation
) -> None:
    for method, address in [
        ("get", reverse("chat:ask")),
        ("post", reverse("chat:send")),
        *own_addresses(conversation),
    ]:
        response = getattr(client_for(None), method)(address)
        assert response.status_code == 302, address
        assert response["Location"].startswith(reverse("accounts:sign-in"))


def test_a_wrong_method_changes_nothing(
    client_for: ClientFor, alice: User, conversation: Conversation
) -> None:
    client = client_for(alice)
    answer = answer_of(conversation).pk
    for name in ("chat:stop", "chat:again", "chat:rate"):
        assert client.get(reverse(name, args=[answer])).status_code == 405
    assert client.get(reverse("chat:send")).status_code == 405
    assert client.post(reverse("chat:message", args=[answer])).status_code == 405


def test_a_bad_id_is_not_found(client_for: ClientFor, alice: User) -> None:
    client = client_for(alice)
    for address in (f"/c/{uuid.UUID(int=4)}", "/c/not-an-id", f"/answers/{uuid.uuid4()}"):
        assert client.get(address).status_code == 404


def test_a_question_makes_a_conversation_and_a_streaming_answer(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    sent = {"question": "How many days?", "collections": [str(collection.pk)]}
    page = client_for(bob).post(reverse("chat:send"), sent, headers=HTMX)
    answer = Message.objects.get(role=Message.Role.ASSISTANT, conversation__user=bob)
    assert f'data-stream="{reverse("chat:stream", args=[answer.pk])}"' in page.content.decode()
    assert f'value="{answer.conversation_id}"' in page.content.decode()


def test_without_scripts_a_question_leads_to_its_conversation(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    sent = {"question": "How many days?", "collections": [str(collection.pk)]}
    response = client_for(bob).post(reverse("chat:send"), sent)
    made = Conversation.objects.get(user=bob)
    assert response["Location"] == reverse("chat:conversation", args=[made.pk])


@pytest.mark.parametrize(
    "question", ["", "   ", "\x00", "x" * 50_000], ids=["empty", "blank", "null", "long"]
)
def test_a_question_that_cannot_be_asked_is_refused_in_words(
    client_for: ClientFor, bob: User, collection: Collection, question: str
) -> None:
    sent = {"question": question, "collections": [str(collection.pk)]}
    response = client_for(bob).post(reverse("chat:send"), sent, headers=HTMX)
    assert response.status_code == 422
    assert response["HX-Retarget"] == "#composer-error"
    assert "<p>" in response.content.decode()
    assert not Conversation.objects.exists()


@pytest.mark.parametrize("conversation_id", ["nonsense", str(uuid.UUID(int=4))])
def test_a_conversation_that_is_not_hers_takes_no_question(
    client_for: ClientFor, bob: User, collection: Collection, conversation_id: str
) -> None:
    sent = {
        "question": "How many?",
        "collections": [str(collection.pk)],
        "conversation": conversation_id,
    }
    response = client_for(bob).post(reverse("chat:send"), sent, headers=HTMX)
    assert response.status_code in (404, 422)
    assert not Message.objects.exists()


def test_a_collection_that_she_may_not_read_cannot_be_asked(
    client_for: ClientFor, charlie: User, bob: User, collection: Collection
) -> None:
    people.make_collection(charlie, name="Own")
    sent = {"question": "How many?", "collections": [str(collection.pk)]}
    assert client_for(charlie).post(reverse("chat:send"), sent, headers=HTMX).status_code == 422
    assert not Message.objects.exists()


def test_words_of_models_and_documents_are_escaped(
    client_for: ClientFor, alice: User, collection: Collection
) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    document = people.make_document(collection, text=evil, name="<b>evil</b>.txt")
    conversation = people.make_conversation(alice, document.chunks.get())
    Message.objects.filter(conversation=conversation).update(text=evil)
    page = client_for(alice).get(reverse("chat:conversation", args=[conversation.pk]))
    shown = page.content.decode()
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    assert "<b>evil" not in shown


def test_the_list_of_conversations_costs_the_same_however_long(
    client_for: ClientFor, alice: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_for(alice)
    for number in range(60):
        Conversation.objects.create(user=alice, title=f"Number {number}")
    with django_assert_max_num_queries(12):
        page = client.get(reverse("chat:ask"))
    assert page.content.decode().count('class="title"') == 40
    older = client.get(reverse("chat:conversations"), {"after": 40}, headers=HTMX)
    assert older.content.decode().count('class="title"') == 20
    assert client.get(reverse("chat:conversations"), {"after": "x"}).status_code == 200


def test_a_long_conversation_costs_the_same_as_a_short_one(
    client_for: ClientFor,
    alice: User,
    collection: Collection,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    chunk = people.make_document(collection).chunks.get()
    conversation = people.make_conversation(alice, chunk)
    for ordinal in range(2, 22, 2):
        conversation.messages.create(ordinal=ordinal, role="user", text="And?")
        answer = conversation.messages.create(ordinal=ordinal + 1, role="assistant", text="Yes.")
        answer.sources.create(n=1, chunk=chunk, document=chunk.document)
    client = client_for(alice)
    with django_assert_max_num_queries(20):
        page = client.get(reverse("chat:conversation", args=[conversation.pk]))
    assert page.content.decode().count("leave.txt") >= 10


def test_the_engine_is_named_where_it_only_quotes(
    client_for: ClientFor, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inference.client import get_client

    address = reverse("chat:engine")
    assert not client_for(alice).get(address).content.strip()
    monkeypatch.setattr(type(get_client()), "models", lambda self: [])
    assert "quotes from your documents" in client_for(alice).get(address).content.decode()


def test_rating_is_kept(client_for: ClientFor, alice: User, conversation: Conversation) -> None:
    answer = answer_of(conversation)
    client_for(alice).post(reverse("chat:rate", args=[answer.pk]), {"rating": "-1"}, headers=HTMX)
    answer.refresh_from_db()
    assert answer.feedback.rating == -1
