"""A hold and a deletion at the same moment, on PostgreSQL: one of them is first, and the other knows."""

import pytest
from django.db import connection

from accounts.models import User
from accounts.people import delete_user
from chat.conversations import delete_conversation
from chat.models import Conversation
from ingest import erase, holds
from ingest.models import Collection, Document
from tests import people
from tests.services.test_races import at_once

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
ROUNDS = 12


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("NO RACE WAS RUN: `make test-services` brings PostgreSQL")


@pytest.fixture
def officer(db: None) -> User:
    return people.make_user("Olga", is_compliance=True)


def held(officer: User, target: str, key: object) -> bool:
    return holds.place(officer, target=target, target_id=key, reference="case-1").pk is not None  # type: ignore[arg-type]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_is_held_keeps_all_its_parts(
    officer: User, erin: User, collection: Collection, number: int
) -> None:
    """The worker's step: either the hold was there before it, or it says that it came too late."""
    document = people.make_document(collection)
    erase.erase_document(erin, document)
    done = at_once(
        lambda: held(officer, "document", document.pk),
        lambda: ("begun", erase._begun(document.pk) is not None),
    )
    document.refresh_from_db()
    began = document.erasure_began_at is not None
    assert (True in done) is not began, done


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_person_is_held_or_gone(officer: User, admin: User, bob: User, number: int) -> None:
    people.make_conversation(bob)
    done = at_once(lambda: held(officer, "user", bob.pk), lambda: ("gone", delete_user(admin, bob)))
    assert len(done) == 1
    kept = True in done
    assert User.objects.filter(pk=bob.pk).exists() is kept
    assert Conversation.objects.exists() is kept


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_conversation_of_a_held_person_is_kept(officer: User, bob: User, number: int) -> None:
    """Gone only where the deletion was first: then the hold was placed after it."""
    conversation = people.make_conversation(bob)
    done = at_once(
        lambda: held(officer, "user", bob.pk),
        lambda: ("gone", delete_conversation(bob, conversation)),
    )
    assert True in done
    assert Conversation.objects.exists() is (len(done) == 1)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_held_collection_is_not_marked_after_the_hold(
    officer: User, alice: User, collection: Collection, number: int
) -> None:
    document = people.make_document(collection)
    at_once(
        lambda: held(officer, "collection", collection.pk),
        lambda: ("marked", erase.erase_collection(alice, collection)),
    )
    assert erase.finish_collection(collection.pk) is False
    assert Document.objects.filter(pk=document.pk, erasure_began_at=None).exists()
