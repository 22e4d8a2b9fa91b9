"""Questions asked anew or in other words: nothing is lost, and one branch is what goes on."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from chat import branches
from chat.branches import BEGINNING, Turn, branch, newest
from chat.conversations import ask_again, last_filters, show_branch, start_answer
from chat.export import as_json, as_markdown
from chat.models import Conversation, Message
from chat.paper import paper
from chat.run import ask_of
from ingest.filters import EVERYTHING, Filters
from ingest.models import Collection
from tests import people

ClientFor = Callable[[User | None], Client]
HTMX = {"HX-Request": "true"}


def test_a_conversation_without_variants_is_one_branch() -> None:
    assert branch({0: BEGINNING, 2: 1}, None) == [Turn(0, 1, (1,)), Turn(2, 3, (3,))]
    assert branch({}, None) == [] and branch({}, 3) == []


def test_each_end_has_its_branch() -> None:
    # 0 -> 2, then 4 instead of 2, then 6 instead of 0
    parents = {0: BEGINNING, 2: 1, 4: 1, 6: BEGINNING}
    assert branch(parents, None) == [Turn(6, 7, (1, 7))]
    assert branch(parents, 3) == [Turn(0, 1, (1, 7)), Turn(2, 3, (3, 5))]
    assert branch(parents, 99) == branch(parents, None)
    assert newest(parents, 1) == 5 and newest(parents, 3) == 3


def test_broken_places_end_a_branch_and_loop_never() -> None:
    assert branch({0: 1, 2: 41}, None) == [Turn(2, 3, (3,))]
    assert branch({0: 1}, 1) == [Turn(0, 1, (1,))]
    assert newest({0: 1}, 1) == 1


@pytest.fixture
def first(db: None, alice: User, collection: Collection) -> Message:
    conversation = people.make_conversation(alice, people.make_document(collection).chunks.get())
    return conversation.messages.get(role=Message.Role.ASSISTANT)


def ended(answer: Message, text: str = "Yes.") -> Message:
    Message.objects.filter(pk=answer.pk).update(status=Message.Status.COMPLETE, text=text)
    answer.refresh_from_db()
    return answer


def follow(alice: User, conversation: Conversation, question: str) -> Message:
    conversation.refresh_from_db()
    asked = start_answer(alice, question=question, collections=None, conversation=conversation)
    return ended(asked, f"To {question}")


def history(answer: Message) -> list[str]:
    return [turn.text for turn in ask_of(answer).history]


def test_asked_in_other_words_the_later_questions_stay_with_the_old_one(
    alice: User, first: Message
) -> None:
    talk = first.conversation
    follow(alice, talk, "And then?")
    other = ended(ask_again(alice, first, question="How many hours?"), "240")
    assert history(other) == []
    third = follow(alice, talk, "And Erin?")
    assert history(third) == ["How many hours?", "240"]
    talk.refresh_from_db()
    assert [turn.variants for turn in branches.shown(talk)] == [(1, 5), (7,)]
    show_branch(alice, first)
    talk.refresh_from_db()
    assert [turn.answer for turn in branches.shown(talk)] == [1, 3]
    fourth = follow(alice, talk, "Why?")
    assert history(fourth)[-2:] == ["And then?", "To And then?"]


def test_filters_are_those_of_the_branch(alice: User, first: Message) -> None:
    narrowed = Filters(languages=frozenset({"de"}))
    ended(ask_again(alice, first, narrowed))
    first.conversation.refresh_from_db()
    assert last_filters(first.conversation) == narrowed
    show_branch(alice, first)
    first.conversation.refresh_from_db()
    assert last_filters(first.conversation) == EVERYTHING


def test_files_for_people_have_what_is_shown_and_json_has_all(alice: User, first: Message) -> None:
    ended(ask_again(alice, first, question="How many hours?"), "240 hours")
    talk = Conversation.objects.get()
    said = as_markdown(paper(alice, talk))
    assert "240 hours" in said and "How much?" not in said
    rows = as_json(alice, talk)["messages"]
    assert [row["shown"] for row in rows] == [False, False, True, True]
    assert [row["after"] for row in rows] == [None, rows[0]["id"], None, rows[2]["id"]]


def test_the_page_shows_one_and_the_way_to_the_other(
    client_for: ClientFor, alice: User, first: Message
) -> None:
    client = client_for(alice)
    address = reverse("chat:edit", args=[first.pk])
    assert "How much?" in client.get(address, headers=HTMX).content.decode()
    sent = client.post(address, {"question": "How many hours <b>a</b> week?"})
    second = Message.objects.latest("ordinal")
    assert sent["Location"].endswith(f"#answer-{second.pk}")
    page = client.get(sent["Location"]).content.decode()
    assert "Answer 2 of 2" in page and reverse("chat:show", args=[first.pk]) in page
    assert "<b>a</b>" not in page and f"answer-{first.pk}" not in page
    back = client.post(reverse("chat:show", args=[first.pk]))
    page = client.get(back["Location"]).content.decode()
    assert "Answer 1 of 2" in page and reverse("chat:show", args=[second.pk]) in page
    assert f"answer-{second.pk}" not in page


@pytest.mark.parametrize("question", ["", "  ", "\x00", "x" * 50_000])
def test_what_cannot_be_asked_changes_nothing(
    client_for: ClientFor, alice: User, first: Message, question: str
) -> None:
    address = reverse("chat:edit", args=[first.pk])
    refused = client_for(alice).post(address, {"question": question})
    assert refused.status_code == 422 and 'role="alert"' in refused.content.decode()
    assert Message.objects.count() == 2


def test_while_it_is_answered_nothing_else_is_asked(
    client_for: ClientFor, alice: User, first: Message
) -> None:
    ask_again(alice, first)
    refused = client_for(alice).post(reverse("chat:edit", args=[first.pk]), {"question": "So?"})
    assert "still being answered" in refused.content.decode()
    assert Message.objects.count() == 4


def test_asked_again_with_scripts_one_exchange_comes_back(
    client_for: ClientFor, alice: User, first: Message
) -> None:
    page = client_for(alice).post(reverse("chat:again", args=[first.pk]), headers=HTMX)
    assert page.content.decode().count('class="exchange"') == 1
    assert "Answer 2 of 2" in page.content.decode()


def test_others_do_neither(client_for: ClientFor, bob: User, first: Message) -> None:
    for name in ("chat:edit", "chat:show"):
        address = reverse(name, args=[first.pk])
        assert client_for(bob).post(address, {"question": "So?"}).status_code == 404
    assert Message.objects.count() == 2


def test_the_api_asks_in_the_place_of_an_answer(
    api_for: Callable[..., people.Api], bob: User, handbook: Collection
) -> None:
    api = api_for(bob)
    asked = {"question": "How many days of annual leave?", "stream": False}
    one = api.post("/answers", asked).json()
    two = api.post("/answers", asked | {"instead_of": one["answer"]}).json()
    assert two["conversation"] == one["conversation"]
    assert api.post(f"/answers/{one['answer']}/show", {}).status_code == 204
    rows = api.get(f"/conversations/{one['conversation']}").json()["messages"]
    assert [row["shown"] for row in rows] == [True, True, False, False]
    both = asked | {"instead_of": one["answer"], "conversation": one["conversation"]}
    assert api.post("/answers", both).status_code == 422
    assert api.post("/answers", asked | {"instead_of": one["conversation"]}).status_code == 404


def test_the_newest_end_of_a_branch() -> None:
    # 0 asks, 1 answers; 2 and 4 ask on from there; 6 on from 5.
    parents = {0: -1, 2: 1, 4: 1, 6: 5}
    assert [branches.newest(parents, answer) for answer in (1, 3, 5, 7)] == [7, 3, 7, 7]
    assert branches.newest({2: 5, 4: 3}, 3) == 5, "what points back ends"
