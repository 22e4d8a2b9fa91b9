"""Sharing inside the company: who opens what, and what each sees of it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from chat.models import Citation, Conversation, Message, Share, Source
from chat.share_audience import erased_answers, lacking, named
from chat.share_reading import read_shared
from chat.shares import MOST_SHARES, share_answer, withdraw
from ingest.models import Collection, Document, Grant
from tests import people
from tests.people import Api

ClientFor = Callable[[User | None], Client]
SECRET = "osprey-salary-9921"


def turn(
    talk: Conversation, question: str, text: str, *documents: Document, **fields: Any
) -> Message:
    """One more question and answer, resting on the first passage of each document."""
    at = talk.messages.count()
    after = fields.pop("after", at - 1)
    Message.objects.create(
        conversation=talk, ordinal=at, role=Message.Role.USER, text=question, after=after
    )
    answer = Message.objects.create(
        conversation=talk,
        ordinal=at + 1,
        role=Message.Role.ASSISTANT,
        text=text,
        finished_at=timezone.now(),
        **fields,
    )
    for n, document in enumerate(documents, 1):
        chunk = document.chunks.first()
        source = Source.objects.create(message=answer, n=n, chunk=chunk, document=document)
        Citation.objects.create(
            message=answer, source=source, sentence_start=0, sentence_end=5, quote_end=6,
            support="verified",
        )  # fmt: skip
    talk.shown = at + 1
    talk.save()
    return answer


@pytest.fixture
def open_document(collection: Collection, bob: User) -> Document:
    if not collection.grants.filter(user=bob).exists():
        people.grant(collection, bob, Grant.Role.READER)
    return people.make_document(collection, "Annual leave is 30 days.", name="leave.txt")


@pytest.fixture
def secret(alice: User) -> Document:
    closed = people.make_collection(alice, name="Board")
    return people.make_document(closed, f"The salary is {SECRET}.", name="salaries.txt")


@pytest.fixture
def talk(alice: User, open_document: Document, secret: Document) -> Conversation:
    """Three questions: about leave, about a secret, and about nothing that is there."""
    talk = Conversation.objects.create(user=alice, title="How many days?")
    turn(talk, "How many days?", "It is 30 days [1].", open_document)
    turn(talk, f"Which {SECRET}?", f"It is {SECRET} [1].", secret)
    turn(talk, "What about the moon?", "", status=Message.Status.ABSTAINED)
    return talk


def last(talk: Conversation) -> Message:
    assert talk.shown is not None
    return talk.messages.get(ordinal=talk.shown)


def shared(talk: Conversation, *principals: str, answer: Message | None = None) -> Share:
    recipients = named(talk.user, principals or ["user:bob@example.com"])
    return share_answer(talk.user, answer or last(talk), recipients)


def page(client: Client, path: str, **sent: str) -> str:
    response = client.get(path, sent)
    assert response.status_code == 200, (path, response.status_code)
    return response.content.decode()


# --- what a reader sees -------------------------------------------------------------------------
def test_a_reader_sees_what_rests_on_her_documents_alone(
    client_for: ClientFor, talk: Conversation, bob: User
) -> None:
    share = shared(talk)
    said = page(client_for(bob), f"/shared/{share.pk}/")
    assert "How many days?" in said and "30 days" in said and "What about the moon?" in said
    assert SECRET not in said and "salaries.txt" not in said
    assert "1 answer is withheld" in said
    assert "<form" not in said.split("<main", 1)[1], "nothing is done there"
    listed = page(client_for(bob), "/shared/")
    assert "How many days?" in listed and "Shared by Alice" in listed and SECRET not in listed


def test_rights_are_looked_at_each_time(
    client_for: ClientFor, talk: Conversation, bob: User, collection: Collection, secret: Document
) -> None:
    share, client = shared(talk), client_for(bob)
    grant = people.grant(secret.collection, bob, Grant.Role.READER)
    assert SECRET in page(client, f"/shared/{share.pk}/")
    grant.delete()
    collection.grants.filter(user=bob).delete()
    said = page(client, f"/shared/{share.pk}/")
    assert "30 days" not in said and "How many days?" not in said and SECRET not in said
    assert "2 answers are withheld" in said and "What about the moon?" in said
    assert "How many days?" not in page(client, "/shared/")


def test_an_answer_with_one_closed_source_among_open_ones_is_withheld_whole(
    talk: Conversation, bob: User, open_document: Document, secret: Document
) -> None:
    turn(talk, "Both?", "Both [1] [2].", open_document, secret)
    reading = read_shared(bob, [shared(talk)])[0]
    assert [pair.question.text for pair in reading.pairs] == [
        "How many days?",
        "What about the moon?",
    ]
    assert (reading.closed, reading.erased) == (2, 0)


def test_a_conversation_is_shared_so_many_times_at_once(
    client_for: ClientFor, talk: Conversation, alice: User
) -> None:
    made = [shared(talk) for _ in range(MOST_SHARES)]
    with pytest.raises(Problem, match="too-many-shares"):
        shared(talk)
    first = talk.messages.get(ordinal=1)
    told = {"who": "person", "email": "bob@example.com", "sure": "on"}
    page_ = client_for(alice).post(f"/answers/{first.pk}/share", told)
    assert page_.status_code == 409 and "shared 20 times" in page_.content.decode()
    withdraw(alice, made[0])
    assert shared(talk)


def test_what_was_cut_off_after_a_withheld_answer_is_withheld_too(
    alice: User, bob: User, open_document: Document, secret: Document
) -> None:
    """A killed writer of an older release has not kept what its question was joined with."""
    talk = Conversation.objects.create(user=alice, title="x")
    turn(talk, f"Which {SECRET}?", f"It is {SECRET} [1].", secret)
    cut = {"status": "failed", "error_code": "interrupted"}
    turn(talk, "And a day?", f"{SECRET} a day [1].", open_document, **cut)
    turn(talk, "What about the moon?", "It is round.", open_document)
    [reading] = read_shared(bob, [shared(talk)])
    assert [pair.question.text for pair in reading.pairs] == ["What about the moon?"]
    assert reading.closed == 2


def test_what_leans_on_a_withheld_answer_is_withheld_too(
    talk: Conversation, bob: User, open_document: Document
) -> None:
    """Its condensed question, and perhaps its text, have the words of what came before."""
    turn(talk, "And then?", "30.", open_document, condensed=f"It is {SECRET}\nAnd then?")
    turn(talk, "By itself?", "30.", open_document)
    reading = read_shared(bob, [shared(talk)])[0]
    assert [pair.question.text for pair in reading.pairs][-1] == "By itself?"
    assert reading.closed == 2 and SECRET not in str(reading.pairs)


def test_an_erased_source_closes_its_answer_to_others(
    client_for: ClientFor, talk: Conversation, bob: User, alice: User, secret: Document
) -> None:
    """Nobody can tell any more who could have read it: the words of the answer stay with its owner."""
    share = shared(talk)
    secret.delete()
    said = page(client_for(bob), f"/shared/{share.pk}/")
    assert SECRET not in said and "a document that it rests on was erased" in said
    answers = list(talk.messages.filter(role="assistant").prefetch_related("sources"))
    assert erased_answers(answers) == 1
    assert SECRET in page(client_for(alice), f"/c/{talk.pk}")


def test_later_and_other_branches_are_not_shown(
    talk: Conversation, bob: User, open_document: Document
) -> None:
    first = talk.messages.get(ordinal=1)
    share = shared(talk, answer=first)
    turn(talk, "Later?", "Later [1].", open_document)
    turn(talk, "In other words?", "Other [1].", open_document, after=-1)
    other = shared(talk)
    told = [[p.question.text for p in each.pairs] for each in read_shared(bob, [share, other])]
    assert told == [["How many days?"], ["In other words?"]]


def test_the_owners_title_and_opinion_stay_with_her(
    client_for: ClientFor, talk: Conversation, bob: User
) -> None:
    talk.title = f"About {SECRET}"
    talk.save()
    share = shared(talk)
    for path in ("/shared/", f"/shared/{share.pk}/", "/"):
        assert SECRET not in page(client_for(bob), path)


# --- who opens it -------------------------------------------------------------------------------
def test_only_those_who_are_named_open_it(
    client_for: ClientFor, talk: Conversation, alice: User, bob: User, charlie: User, admin: User
) -> None:
    share = shared(talk)
    path = f"/shared/{share.pk}/"
    for user, status in ((alice, 200), (bob, 200), (charlie, 404), (admin, 404), (None, 302)):
        assert client_for(user).get(path).status_code == status, user
    answer = talk.messages.get(ordinal=1)
    for user, status in ((alice, 200), (bob, 200), (charlie, 404), (admin, 404)):
        assert client_for(user).get(f"/answers/{answer.pk}/sources/1/").status_code == status, user
    closed = talk.messages.get(ordinal=3)
    assert client_for(bob).get(f"/answers/{closed.pk}/sources/1/").status_code == 404
    for path in (f"/c/{talk.pk}", f"/answers/{answer.pk}", f"/answers/{answer.pk}/stream"):
        assert client_for(bob).get(path).status_code == 404, path


def test_a_member_of_a_group_opens_it_as_long_as_she_is_in_it(
    client_for: ClientFor, talk: Conversation, bob: User
) -> None:
    group = people.make_group("Sales", bob)
    share = shared(talk, f"group:{group.pk}")
    path = f"/shared/{share.pk}/"
    assert client_for(bob).get(path).status_code == 200
    group.users.remove(bob)
    assert client_for(bob).get(path).status_code == 404


@pytest.mark.parametrize("ends", ["withdrawn", "over", "inactive owner", "deleted"])
def test_it_ends_at_once(
    client_for: ClientFor, talk: Conversation, bob: User, alice: User, ends: str
) -> None:
    share, client = shared(talk), client_for(bob)
    answer = talk.messages.get(ordinal=1)
    match ends:
        case "withdrawn":
            withdraw(alice, share)
        case "over":
            Share.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        case "inactive owner":
            User.objects.filter(pk=alice.pk).update(is_active=False)
        case "deleted":
            talk.delete()
            assert not Share.objects.exists()
    for path in (f"/shared/{share.pk}/", f"/answers/{answer.pk}/sources/1/"):
        assert client.get(path).status_code == 404, path
    assert Api(bob).get(f"/shared/{share.pk}").status_code == 404
    assert "How many days?" not in page(client, "/shared/")


def test_how_long_is_a_setting(talk: Conversation, settings: object) -> None:
    share = shared(talk)
    assert share.expires_at and abs((share.expires_at - timezone.now()).days - 90) <= 1
    settings.SHARE_DAYS = 0  # type: ignore[attr-defined]
    assert shared(talk).expires_at is None


def test_a_running_answer_is_not_shared(
    client_for: ClientFor, talk: Conversation, alice: User
) -> None:
    answer = turn(talk, "Now?", "", status=Message.Status.RUNNING)
    with pytest.raises(Problem) as refused:
        shared(talk)
    assert refused.value.code == "answer-running"
    assert client_for(alice).get(f"/answers/{answer.pk}/share").status_code == 302


# --- the owner's pages --------------------------------------------------------------------------
def test_the_owner_is_told_who_lacks_what_before_it_is_shared(
    client_for: ClientFor, talk: Conversation, alice: User, bob: User
) -> None:
    client, path = client_for(alice), f"/answers/{last(talk).pk}/share"
    assert "You share 3 questions" in page(client, path)
    sent = {"who": "person", "email": "bob@example.com"}
    asked = client.post(path, sent).content.decode()
    assert "Bob may not read all documents" in asked and "salaries.txt" in asked
    assert "1 of 3 answer" in asked and not Share.objects.exists()
    assert client.post(path, {**sent, "sure": "on"}).status_code == 302
    share = Share.objects.get()
    assert list(share.users.all()) == [bob]
    assert "Shared with Bob" in page(client, f"/c/{talk.pk}")
    assert "Bob" in page(client, f"/c/{talk.pk}/shares")


def test_of_a_group_numbers_are_told_and_no_names(
    talk: Conversation, alice: User, bob: User, charlie: User, secret: Document
) -> None:
    group = people.make_group("Sales", alice, bob, charlie)
    people.grant(secret.collection, bob, Grant.Role.READER)
    answers = list(
        talk.messages.filter(role="assistant").order_by("ordinal").prefetch_related("sources")
    )
    told = lacking(alice, answers, named(alice, [f"group:{group.pk}"]))
    assert [(each.people, each.of, each.answers) for each in told] == [(1, 2, 2)]
    assert told[0].documents == ("leave.txt", "salaries.txt") and "Charlie" not in str(told)


def test_documents_that_the_owner_reads_no_longer_are_not_named(
    talk: Conversation, alice: User, bob: User, secret: Document
) -> None:
    answers = list(talk.messages.filter(role="assistant").prefetch_related("sources"))
    secret.collection.grants.all().delete()
    told = lacking(alice, answers, named(alice, ["user:bob@example.com"]))
    assert told[0].answers == 1 and told[0].documents == ()


def test_readers_are_added_and_removed_and_with_the_last_it_ends(
    client_for: ClientFor, talk: Conversation, alice: User, bob: User, charlie: User
) -> None:
    share, client = shared(talk), client_for(alice)
    sent = {"who": "person", "email": charlie.email, "sure": "on"}
    client.post(f"/answers/{last(talk).pk}/share", sent)
    assert set(share.users.all()) == {bob, charlie} and Share.objects.count() == 1
    client.post(f"/shared/{share.pk}/remove", {"principal": f"user:{bob.pk}"})
    assert client_for(bob).get(f"/shared/{share.pk}/").status_code == 404
    assert client_for(charlie).get(f"/shared/{share.pk}/").status_code == 200
    client.post(f"/shared/{share.pk}/remove", {"principal": f"user:{charlie.pk}"})
    share.refresh_from_db()
    assert share.withdrawn_at and "shared with nobody" in page(client, f"/c/{talk.pk}/shares")


def test_a_reader_decides_nothing(client_for: ClientFor, talk: Conversation, bob: User) -> None:
    share, client = shared(talk), client_for(bob)
    assert client.post(f"/shared/{share.pk}/remove", {}).status_code == 404
    assert client.post(f"/shared/{share.pk}/end").status_code == 404
    assert client.post(f"/answers/{last(talk).pk}/share").status_code == 404
    api = Api(bob)
    assert api.patch(f"/shared/{share.pk}", {"recipients": []}).status_code == 404
    assert api.delete(f"/shared/{share.pk}").status_code == 404
    assert api.get(f"/conversations/{talk.pk}/shares").status_code == 404
    share.refresh_from_db()
    assert share.withdrawn_at is None


@pytest.mark.parametrize(
    ("principals", "code"),
    [
        ([], "no-recipient"),
        (["user:alice@example.com"], "own-share"),
        (["user:nobody@example.com"], "unknown-principal"),
        (["everyone"], "unknown-principal"),
        (["group:x", "user:\x00"], "unknown-principal"),
        ([f"user:{n}@example.com" for n in range(101)], "too-many-recipients"),
    ],
)
def test_bad_recipients(alice: User, principals: list[str], code: str) -> None:
    with pytest.raises(Problem) as refused:
        named(alice, principals)
    assert refused.value.code == code


def test_who_may_not_sign_in_is_not_named(alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    with pytest.raises(Problem):
        named(alice, [f"user:{bob.pk}"])


# --- API, record, bounds ------------------------------------------------------------------------
def test_the_api_shares_shows_and_withdraws(
    talk: Conversation, alice: User, bob: User, charlie: User
) -> None:
    api = Api(alice)
    made = api.post(f"/conversations/{talk.pk}/shares", {"recipients": ["user:bob@example.com"]})
    assert made.status_code == 201, made.content
    share = made.json()
    assert share["answers"] == 3 and share["answer"] == str(last(talk).pk)
    assert share["lacking"] == [{"principal": f"user:{bob.pk}", "people": 1, "of": 1, "answers": 1}]
    assert api.get(f"/conversations/{talk.pk}/shares").json() == [share]
    listed = Api(bob).get("/shared").json()["items"]
    assert [(each["title"], each["shared_by"]) for each in listed] == [("How many days?", "Alice")]
    seen = Api(bob).get(f"/shared/{share['id']}").json()
    assert [each["role"] for each in seen["messages"]] == ["user", "assistant"] * 2
    assert seen["withheld"] == {"closed": 1, "erased": 0} and SECRET not in json.dumps(seen)
    assert seen["messages"][1]["passages"][0]["text"] == "Annual leave is 30 days."
    sent = {"recipients": [f"user:{charlie.pk}"]}
    changed = api.patch(f"/shared/{share['id']}", sent).json()
    assert [each["principal"] for each in changed["recipients"]] == [f"user:{charlie.pk}"]
    assert Api(bob).get(f"/shared/{share['id']}").status_code == 404
    assert api.delete(f"/shared/{share['id']}").status_code == 204
    assert api.delete(f"/shared/{share['id']}").status_code == 404
    assert api.get(f"/conversations/{talk.pk}/shares").json() == []


def test_an_answer_of_another_conversation_is_not_there(talk: Conversation, alice: User) -> None:
    other = people.make_conversation(alice)
    sent = {"recipients": ["user:bob@example.com"], "answer": str(last(talk).pk)}
    assert Api(alice).post(f"/conversations/{other.pk}/shares", sent).status_code == 404


def test_the_record_says_what_a_reader_was_shown(
    client_for: ClientFor, talk: Conversation, bob: User, open_document: Document
) -> None:
    share, client = shared(talk), client_for(bob)
    for _time in range(2):  # one visit
        page(client, f"/shared/{share.pk}/")
    entry = Entry.objects.get(action=actions.SHARE_OPENED)
    assert entry.actor == str(bob.pk) and entry.target_id == str(share.pk)
    assert entry.data["documents"] == [str(open_document.pk)]
    assert (entry.data["answers"], entry.data["withheld"], entry.data["erased"]) == (2, 1, 0)
    made = Entry.objects.get(action=actions.SHARED)
    assert made.data["recipients"] == [f"user:{bob.pk}"] and made.data["answers"] == 3
    assert SECRET not in str(list(Entry.objects.values()))


def test_queries_do_not_grow_with_answers(
    talk: Conversation,
    bob: User,
    open_document: Document,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(27):
        turn(talk, f"Question {number}?", "It is 30 days [1].", open_document)
    share = shared(talk)
    api, client = Api(bob), Client()
    client.force_login(bob, backend="accounts.backends.EmailBackend")
    with django_assert_max_num_queries(30):
        assert "Question 26?" in page(client, f"/shared/{share.pk}/?all=1")
    with django_assert_max_num_queries(30):
        assert len(api.get(f"/shared/{share.pk}").json()["messages"]) == 58
    for _number in range(5):
        shared(talk)
    with django_assert_max_num_queries(25):
        page(client, "/shared/")


def test_a_persons_file_lists_what_she_shares_and_what_is_shared_with_her(
    talk: Conversation, alice: User, bob: User
) -> None:
    from accounts import belongings

    share = shared(talk)
    assert belongings.parts["shares.json"](alice)[0]["recipients"] == [f"user:{bob.pk}"]
    assert belongings.parts["shared-with-me.json"](bob)[0]["id"] == share.pk
    assert belongings.parts["shares.json"](bob) == []
