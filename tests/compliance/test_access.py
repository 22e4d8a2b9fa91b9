"""Who read this, why can this person read it, what can this person read: told without content."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.record import record
from compliance import access
from ingest.access import collections_for
from ingest.collections import set_grants
from ingest.models import Collection, Document
from tests import people
from tests.compliance.people import ClientFor, make_officer

URL = "/compliance/access"


@pytest.fixture
def olga(db: None) -> User:
    return make_officer()


@pytest.fixture
def client(olga: User, client_for: ClientFor) -> Client:
    return client_for(olga)


@pytest.fixture
def document(collection: Collection) -> Document:
    return people.make_document(collection, name="secret-plan.txt")


def ask(client: Client, question: str, **fields: object) -> Any:
    return client.get(
        URL, {"question": question} | {name: str(value) for name, value in fields.items()}
    )


# --- who read this ------------------------------------------------------------------------------
def test_downloads_and_answers_are_readings(bob: User, erin: User, document: Document) -> None:
    record(actions.DOCUMENT_DOWNLOADED, actor=bob, target=("document", document.pk))
    record(actions.ANSWERED, actor=erin, data={"documents": [str(uuid4()), str(document.pk)]})
    record(actions.ANSWERED, actor=erin, data={"documents": [str(document.pk)]})
    found = {reading.user: reading for reading in access.who_read([document.pk]).people}
    assert found.keys() == {bob, erin}
    assert found[bob].downloaded == 1 and found[bob].answered == 0
    assert found[erin].answered == 2


@pytest.mark.parametrize(("there", "complete"), [(2, True), (3, False)])
def test_a_bound_that_was_hit_is_said(
    client: Client,
    bob: User,
    document: Document,
    monkeypatch: pytest.MonkeyPatch,
    there: int,
    complete: bool,
) -> None:
    monkeypatch.setattr(access, "LOOKED_THROUGH", 2)
    for _number in range(there):
        record(actions.ANSWERED, actor=bob, data={"documents": [str(document.pk)]})
    for subject in (document.pk, document.collection_id):
        page = ask(client, "read", subject=subject)
        (reading,) = page.context["readings"]
        assert (reading.answered, page.context["complete"]) == (2, complete)
        assert ("more answers and searches than this page" not in page.content.decode()) == complete
    found = access.who_read([document.pk])
    assert (found.people[0].answered, found.complete) == (2, complete)


@pytest.mark.parametrize(("listed", "said"), [(3, False), (2, True)])
def test_people_that_are_left_out_are_counted(
    client: Client,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    listed: int,
    said: bool,
) -> None:
    monkeypatch.setattr("compliance.views.access.LISTED", listed)
    page = ask(client, "read", subject=collection.pk)
    assert len(page.context["people"]) == listed
    sentence = f"3 people can read it. The first {listed} are listed"
    assert (sentence in " ".join(page.content.decode().split())) == said


def test_other_documents_are_no_readings(bob: User, document: Document) -> None:
    record(actions.DOCUMENT_DOWNLOADED, actor=bob, target=("document", uuid4()))
    record(actions.SEARCHED, actor=bob, data={"documents": [str(uuid4())]})
    assert access.who_read([document.pk]).people == []


def test_of_a_deleted_person_the_id_is_left(bob: User, document: Document) -> None:
    record(actions.DOCUMENT_DOWNLOADED, actor=bob, target=("document", document.pk))
    key = str(bob.pk)
    bob.delete()
    (reading,) = access.who_read([document.pk]).people
    assert reading.actor == key and reading.user is None


def test_a_collection_sums_its_documents(
    client: Client, bob: User, collection: Collection, document: Document
) -> None:
    other = people.make_document(collection, text="Other words.", name="other.txt")
    for pk in (document.pk, other.pk):
        record(actions.ANSWERED, actor=bob, data={"documents": [str(pk)]})
    page = ask(client, "read", subject=collection.name)
    (reading,) = page.context["readings"]
    assert reading.user == bob and reading.answered == 2
    assert {user.email for user, _role in page.context["people"]} == {
        "alice@example.com", "bob@example.com", "erin@example.com",
    }  # fmt: skip


def test_the_page_names_people_and_no_document(
    client: Client, bob: User, document: Document
) -> None:
    record(actions.DOCUMENT_DOWNLOADED, actor=bob, target=("document", document.pk))
    text = ask(client, "read", subject=document.pk).content.decode()
    assert "bob@example.com" in text and str(document.pk) in text
    assert "secret-plan" not in text and people.CANARY not in text


def test_an_erased_document_is_still_answered_for(client: Client, bob: User) -> None:
    gone = uuid4()
    record(actions.DOCUMENT_DOWNLOADED, actor=bob, target=("document", gone))
    text = ask(client, "read", subject=gone).content.decode()
    assert "bob@example.com" in text and "not here now" in text


# --- why ----------------------------------------------------------------------------------------
def test_ways_tell_person_group_and_everyone(
    alice: User, bob: User, collection: Collection
) -> None:
    group = people.make_group("Sales", bob)
    set_grants(
        alice,
        collection,
        [
            (f"user:{alice.pk}", "manager"),
            (f"user:{bob.pk}", "editor"),
            (f"group:{group.pk}", "reader"),
            ("everyone", "reader"),
        ],
    )
    found = access.ways(bob, collection)
    assert found[0].how == "person"
    assert {(way.how, way.role, way.group) for way in found} == {
        ("person", "editor", ""),
        ("group", "reader", "Sales"),
        ("everyone", "reader", ""),
    }
    assert {way.by for way in found} == {alice}


def test_a_stranger_has_no_way(charlie: User, collection: Collection) -> None:
    assert access.ways(charlie, collection) == []


def test_a_deactivated_person_has_no_way(bob: User, collection: Collection) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    bob.refresh_from_db()
    assert access.ways(bob, collection) == [] and access.reach(bob) == []


def test_the_page_says_the_path_in_words(
    client: Client, alice: User, bob: User, collection: Collection, document: Document
) -> None:
    group = people.make_group("Sales", bob)
    set_grants(
        alice, collection, [(f"user:{alice.pk}", "manager"), (f"group:{group.pk}", "reader")]
    )
    text = ask(client, "why", person="bob@example.com", subject=document.pk).content.decode()
    assert "can read" in text and "through the group “Sales”" in text
    assert "given by alice@example.com" in text and "secret-plan" not in text


def test_the_page_says_that_there_is_none(
    client: Client, charlie: User, collection: Collection
) -> None:
    text = ask(client, "why", person=charlie.pk, subject=collection.pk).content.decode()
    assert "cannot read it" in text and "No grant of" in text


# --- what can this person read ------------------------------------------------------------------
def test_reach_is_what_the_door_says(bob: User, collection: Collection) -> None:
    people.grant(people.make_collection(None, name="Open"), None, "reader")
    people.make_collection(None, name="Closed")
    found = access.reach(bob)
    assert [item.collection for item in found] == list(collections_for(bob).order_by("name"))
    assert [item.collection.name for item in found] == ["Handbook", "Open"]


def test_reach_on_the_page(client: Client, bob: User, collection: Collection) -> None:
    text = ask(client, "reach", person="bob@example.com").content.decode()
    assert "Handbook" in text and "by a role of their own" in text


# --- asked wrongly, recorded always -------------------------------------------------------------
@pytest.mark.parametrize(
    ("question", "fields"),
    [
        ("read", {"subject": "No such name"}),
        ("read", {}),
        ("why", {"person": "nobody@example.com", "subject": "x"}),
        ("reach", {"person": "nonsense"}),
        ("reach", {"person": "system"}),
        ("reach", {"person": "x" * 300}),
        ("read", {"subject": "a\x00b"}),
    ],
)
def test_wrong_questions_are_said_at_the_field(
    client: Client, question: str, fields: dict[str, str]
) -> None:
    answer = ask(client, question, **fields)
    assert answer.status_code == 422 and b"errorlist" in answer.content
    assert not Entry.objects.filter(action=actions.ACCESS_EXPLAINED).exists()


def test_two_collections_of_one_name_need_an_id(client: Client, collection: Collection) -> None:
    people.make_collection(None, name="handbook")
    answer = ask(client, "read", subject="Handbook")
    assert answer.status_code == 422 and b"Several collections" in answer.content


@pytest.mark.parametrize("question", ["read", "why", "reach"])
def test_each_question_is_recorded(
    client: Client, olga: User, bob: User, document: Document, question: str
) -> None:
    ask(client, question, person=bob.pk, subject=document.pk)
    entry = Entry.objects.get(action=actions.ACCESS_EXPLAINED)
    assert entry.actor == str(olga.pk) and entry.data["question"] == question
    assert entry.target_id in {str(document.pk), str(bob.pk)}
    assert "@" not in str(entry.data)


def test_nobody_else_asks(bob: User, admin: User, client_for: ClientFor) -> None:
    for user in (bob, admin):
        assert client_for(user).get(reverse("compliance:access")).status_code == 403
