"""Places in the queue, and guesses that rest on what was measured."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from ingest import claims, estimate
from ingest.models import Collection, Document
from tests.ingest.conftest import Add
from tests.ingest.test_fair import waiting

pytestmark = pytest.mark.django_db
Lane, Status = Document.Lane, Document.Status


@pytest.fixture(autouse=True)
def _alone(settings: Any) -> None:
    settings.WORKER_PROCESSES = 1


def finished(collection: Collection, seconds: dict[str, float], **fields: Any) -> Document:
    """A document that took so many seconds, stage by stage."""
    return Document.objects.create(
        collection=collection,
        sha256=uuid4().hex,
        status=Status.READY,
        ready_at=timezone.now(),
        reading={"seconds": seconds},
        **fields,
    )


def test_places_are_those_in_which_workers_take_them(
    alice: User, erin: User, collection: Collection
) -> None:
    rows = [*waiting(collection, alice, 6), *waiting(collection, erin, 3)]
    places = {pk: wait.position for pk, wait in estimate.waits(rows).items()}
    assert sorted(places.values()) == list(range(1, 10))
    taken = []
    while claim := claims.take_next():
        taken.append(claim.document)
        claim.held().update(status=Status.READY, lease=None)
    assert [places[pk] for pk in taken] == list(range(1, 10))


def test_each_lane_has_its_own_places(alice: User, collection: Collection) -> None:
    slow = waiting(collection, alice, 3, lane=Lane.SLOW)
    (quick,) = waiting(collection, alice)
    places = estimate.waits([quick, *slow])
    assert places[quick.pk].position == 1
    assert [places[one.pk].position for one in slow] == [1, 2, 3]


def test_those_that_are_not_asked_for_are_counted(alice: User, collection: Collection) -> None:
    rows = waiting(collection, alice, 30)
    found = estimate.waits(rows[20:22])
    assert {pk: wait.position for pk, wait in found.items()} == {
        rows[20].pk: 21,
        rows[21].pk: 22,
    }


def test_nothing_measured_no_guess(alice: User, collection: Collection) -> None:
    finished(collection, {"embed": 90}, lane=Lane.SLOW, chunk_count=900)
    rows = waiting(collection, alice, 2)
    claim = claims.take_next()
    assert claim
    at_work = Document.objects.get(pk=claim.document)
    assert estimate.waits([at_work, rows[1]]) == {
        at_work.pk: estimate.Wait(0, None),
        rows[1].pk: estimate.Wait(1, None),
    }


def test_what_has_ended_waits_for_nothing(collection: Collection) -> None:
    assert estimate.waits([finished(collection, {"parse": 1})]) == {}


def test_a_guess_is_a_constant_and_the_size(alice: User, collection: Collection) -> None:
    for size in (0, 1_000_000, 2_000_000):
        finished(collection, {"parse": 1 + size / 1e6, "embed": 1}, bytes=size, chunk_count=10)
    rows = waiting(collection, alice, 3, bytes=3_000_000)
    seconds = [wait.seconds for wait in estimate.waits(rows).values()]
    assert sorted(s or 0 for s in seconds) == [5, 10, 15]


def test_more_workers_wait_less(alice: User, collection: Collection, settings: Any) -> None:
    settings.WORKER_PROCESSES = 4
    finished(collection, {"parse": 1, "embed": 1}, chunk_count=10)
    rows = waiting(collection, alice, 9)
    assert estimate.waits([rows[8]])[rows[8].pk].seconds == 8 * 2 / 4 + 2


def test_passages_that_are_counted_are_worth_more_than_bytes(
    alice: User, collection: Collection
) -> None:
    finished(collection, {"parse": 5, "embed": 90}, lane=Lane.SLOW, chunk_count=900)
    fields = {"lane": Lane.SLOW, "stage": "embed", "chunk_count": 500}
    first, second = waiting(collection, alice, 2, **fields)
    Document.objects.filter(pk=second.pk).update(done=400)
    found = estimate.waits([first, second])
    assert [found[one.pk].seconds for one in (first, second)] == [50, 60]


def test_what_is_in_work_counts_by_how_far_it_is(alice: User, collection: Collection) -> None:
    finished(collection, {"parse": 10, "embed": 10}, chunk_count=100)
    waiting(collection, alice, 2)
    claim = claims.take_next()
    assert claim
    left = []
    for state in (
        {"stage": "parse", "progress": 0, "done": 0, "total": 4},
        {"stage": "parse", "progress": 0.5, "done": 2, "total": 4},
        {"stage": "words", "progress": 0, "done": 0, "total": 200},
        {"stage": "embed", "progress": 0.5, "done": 100, "total": 200},
    ):
        claim.renew(**state)
        found = estimate.waits(Document.objects.all())
        left.append(found[claim.document].seconds)
        (next_up,) = (wait for wait in found.values() if wait.position == 1)
        assert next_up.seconds == (left[-1] or 0) + 20
    assert left == [20, 15, 10, 10]


def test_the_last_ones_count(alice: User, collection: Collection) -> None:
    long_ago = timezone.now() - timedelta(days=1)
    Document.objects.bulk_create(
        Document(
            collection=collection,
            sha256=uuid4().hex,
            status=Status.READY,
            ready_at=long_ago if number < 100 else timezone.now(),
            reading={"seconds": {"parse": 100 if number < 100 else 1}},
        )
        for number in range(200)
    )
    rows = waiting(collection, alice)
    assert estimate.waits(rows)[rows[0].pk].seconds == 1


def test_the_number_of_queries_does_not_grow(
    alice: User, collection: Collection, settings: Any
) -> None:
    finished(collection, {"parse": 1})
    counts = []
    for count in (1, 40):
        rows = waiting(collection, alice, count)
        estimate.forget()
        with CaptureQueriesContext(connection) as asked:
            estimate.waits(rows)
        counts.append(len(asked))
    assert counts == [3, 3]


def test_a_document_that_was_read_is_measured(
    add: Add, alice: User, collection: Collection
) -> None:
    add("leave.md", "# Leave\n\nEvery employee has 28 days of annual leave per year.")
    rows = waiting(collection, alice)
    estimate.forget()
    assert (estimate.waits(rows)[rows[0].pk].seconds or 0) > 0
