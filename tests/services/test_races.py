"""Many at once on PostgreSQL, whose transactions do not wait for each other as SQLite's do."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.db import connection, connections
from django.http import Http404

from accounts.bootstrap import first_link, open_installation
from accounts.links import find_link
from accounts.models import User
from accounts.people import change_user
from audit.problems import Problem
from chat.conversations import QuestionRefused, start_answer
from chat.run import claim
from ingest import claims
from ingest.collections import set_grants
from ingest.erase import erase_collection
from ingest.models import Collection, Document, Grant
from ingest.upload import upload
from tests import people

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
REFUSALS = (Problem, Http404, PermissionDenied, QuestionRefused)
MANY = 6


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("NO RACE WAS RUN: `make test-services` brings PostgreSQL")


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What the calls return that are not refused. Any other failure fails the test."""
    start = threading.Barrier(len(calls))

    def attempt(call: Callable[[], object]) -> object:
        start.wait(30)
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        attempts = [pool.submit(attempt, call) for call in calls]
    refused = [each for each in attempts if isinstance(each.exception(), REFUSALS)]
    return [each.result() for each in attempts if each not in refused]


def putting(user: User, collection: Collection, text: str) -> Callable[[], object]:
    return lambda: upload(user, collection, ContentFile(text.encode()), name="leave.txt")


def test_one_worker_takes_a_document(collection: Collection) -> None:
    document = people.make_document(collection, status=Document.Status.QUEUED)
    taken = at_once(*[lambda: claims.take(document.pk)] * MANY)
    assert len(taken) == MANY and len([each for each in taken if each]) == 1
    document.refresh_from_db()
    assert document.attempts == 1


def test_the_same_bytes_are_one_document(alice: User, collection: Collection) -> None:
    done = at_once(*[putting(alice, collection, "28 days.")] * MANY)
    assert len(done) == MANY
    assert Document.objects.count() == 1


def test_files_of_one_name_are_versions_of_each_other(alice: User, collection: Collection) -> None:
    at_once(*(putting(alice, collection, f"{number} days.") for number in range(MANY)))
    versions = Document.objects.order_by("version").values_list("version", flat=True)
    assert list(versions) == list(range(1, MANY + 1))


def test_nothing_comes_into_a_collection_that_is_being_erased(
    alice: User, collection: Collection
) -> None:
    uploads = [putting(alice, collection, f"{number} days.") for number in range(MANY)]
    at_once(*uploads, lambda: erase_collection(alice, collection))
    assert Collection.objects.get().erasing
    assert set(Document.objects.values_list("status", flat=True)) <= {Document.Status.ERASING}


def test_of_two_managers_who_remove_each_other_one_stays(
    alice: User, erin: User, collection: Collection
) -> None:
    Grant.objects.filter(user=erin).update(role=Grant.Role.MANAGER)
    alone = [
        lambda user=user: set_grants(user, collection, [(f"user:{user.pk}", "manager")])
        for user in (alice, erin)
    ]
    assert len(at_once(*alone)) == 1
    assert Grant.objects.count() == 1


def test_of_two_administrators_who_remove_each_other_one_stays(db: None) -> None:
    one, two = (people.make_user(name, is_admin=True) for name in ("One", "Two"))
    at_once(
        lambda: change_user(one, User.objects.get(pk=two.pk), is_admin=False),
        lambda: change_user(two, User.objects.get(pk=one.pk), is_admin=False),
    )
    assert User.objects.filter(is_admin=True).count() == 1


def test_one_set_up_link_makes_one_administrator(db: None) -> None:
    link = find_link((first_link() or "").rstrip("/").rsplit("/", 1)[-1])
    made = at_once(
        *(
            lambda number=number: open_installation(
                link, email=f"a{number}@example.com", name="", password=people.PASSWORD
            )
            for number in range(MANY)
        )
    )
    assert len(made) == User.objects.count() == 1


def test_a_conversation_takes_one_question_at_a_time(bob: User, collection: Collection) -> None:
    conversation = people.make_conversation(bob)
    started = at_once(
        *[
            lambda: start_answer(
                bob, question="How much?", collections=None, conversation=conversation
            )
        ]
        * MANY
    )
    assert len(started) == 1
    assert conversation.messages.count() == 4


def test_one_reader_writes_an_answer(bob: User, collection: Collection) -> None:
    message = start_answer(bob, question="How much?", collections=None)
    leases = at_once(*[lambda: claim(message)] * MANY)
    assert len([lease for lease in leases if lease]) == 1
