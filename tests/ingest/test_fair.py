"""Whose turn it is: no upload, however large, makes another person's one file wait."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import User
from ingest import claims, fair, queue
from ingest.models import Collection, Document
from tests import people
from tests.ingest.broker import broker  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]
Lane, Status = Document.Lane, Document.Status


def waiting(
    collection: Collection, user: User | None, count: int = 1, **fields: Any
) -> list[Document]:
    """`count` documents of `user` that come to wait now, in this order."""
    now = timezone.now()
    rows = [
        Document(
            collection=collection,
            uploaded_by=user,
            name=f"{number}.txt",
            sha256=uuid4().hex,
            created_at=now + timedelta(microseconds=number),
            **fields,
        )
        for number in range(count)
    ]
    fair.place(rows)
    return Document.objects.bulk_create(rows, batch_size=500)


def taken(count: int) -> list[Document]:
    """The next `count` documents that workers take; each is ready before the next one is taken."""
    found = []
    for _ in range(count):
        claim = claims.take_next()
        if claim is None:
            break
        found.append(Document.objects.get(pk=claim.document))
        claim.held().update(status=Status.READY, lease=None)
    return found


def test_one_file_does_not_wait_for_five_thousand(
    alice: User, erin: User, collection: Collection
) -> None:
    waiting(collection, alice, 5_000)
    assert len(taken(3)) == 3
    at_work = claims.take_next()
    (file,) = waiting(collection, erin)
    assert file in taken(2)
    assert at_work and at_work.held().exists()


def test_one_file_does_not_wait_where_nobody_works_yet(
    alice: User, erin: User, collection: Collection
) -> None:
    waiting(collection, alice, 300)
    taken(120)
    (file,) = waiting(collection, erin)
    assert file in taken(2)


def test_the_upload_of_one_person_into_two_collections_goes_on_in_both(
    alice: User, collection: Collection
) -> None:
    other = people.make_collection(alice, "Other")
    waiting(collection, alice, 200)
    taken(50)
    waiting(other, alice, 20)
    assert Counter(each.collection for each in taken(20))[other] in (9, 10, 11)


def test_what_the_system_adds_is_a_flow_of_its_own(alice: User, collection: Collection) -> None:
    waiting(collection, None, 50)
    (file,) = waiting(collection, alice)
    assert file in taken(2)


def test_files_of_one_flow_keep_their_order(alice: User, collection: Collection) -> None:
    files = waiting(collection, alice, 20)
    assert taken(20) == files


def test_who_feeds_one_file_at_a_time_does_not_starve_a_bulk_upload(
    alice: User, erin: User, collection: Collection
) -> None:
    waiting(collection, alice, 50)
    of_alice = 0
    waiting(collection, erin)
    for _ in range(20):
        claim = claims.take_next()
        assert claim
        document = Document.objects.get(pk=claim.document)
        if document.uploaded_by == erin:
            waiting(collection, erin)
        of_alice += document.uploaded_by == alice
        claim.held().update(status=Status.READY, lease=None)
    assert of_alice >= 9


def test_large_files_cost_more_than_small_ones(
    alice: User, erin: User, collection: Collection
) -> None:
    waiting(collection, alice, 30, bytes=90_000_000)
    waiting(collection, erin, 30)
    assert Counter(each.uploaded_by for each in taken(22))[erin] >= 19


def test_who_rests_is_passed_by(alice: User, collection: Collection) -> None:
    first, second = waiting(collection, alice, 2)
    Document.objects.filter(pk=first.pk).update(lease_until=timezone.now() + timedelta(seconds=60))
    assert taken(2) == [second]
    Document.objects.filter(pk=first.pk).update(lease_until=timezone.now())
    assert taken(2) == [first]


def test_when_nobody_waits_any_more_time_begins_anew(alice: User, collection: Collection) -> None:
    waiting(collection, alice, 5)
    taken(5)
    assert fair.virtual_time() == 0


# --- lanes --------------------------------------------------------------------------------------
@pytest.mark.parametrize(("processes", "at_once"), [(1, 1), (2, 1), (4, 3)])
def test_slow_documents_leave_a_worker_to_quick_ones(
    alice: User, collection: Collection, settings: Any, processes: int, at_once: int
) -> None:
    settings.WORKER_PROCESSES = processes
    waiting(collection, alice, 10, lane=Lane.SLOW)
    held = [claims.take_next() for _ in range(5)]
    assert len([claim for claim in held if claim and claim.lane == Lane.SLOW]) == at_once
    (quick,) = waiting(collection, alice)
    assert taken(3) == [quick]
    claim = next(claim for claim in held if claim)
    claim.held().update(status=Status.READY, lease=None)
    assert [each.lane for each in taken(1)] == [Lane.SLOW]


def test_a_slow_document_gets_its_turn_while_quick_ones_keep_coming(
    alice: User, erin: User, collection: Collection, settings: Any
) -> None:
    settings.WORKER_PROCESSES = 1
    waiting(collection, alice, 50)
    taken(10)
    (slow,) = waiting(collection, erin, lane=Lane.SLOW)
    waiting(collection, alice, 50)
    assert slow in taken(2)


def slow_at_work(collection: Collection, user: User, seconds: float) -> claims.Claim:
    """A slow document that has been worked on for so long."""
    (document,) = waiting(collection, user, lane=Lane.SLOW, stage="embed", done=64, total=900)
    claim = claims.take_next()
    assert claim and claim.document == document.pk
    claim.began -= seconds
    return claim


def test_with_one_worker_a_slow_document_makes_way_for_quick_ones(
    alice: User,
    erin: User,
    collection: Collection,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.WORKER_PROCESSES = 1
    claim = slow_at_work(collection, alice, 0)
    # Not a moment longer, however slow this machine is: that would cost its flow more.
    monkeypatch.setattr(claims, "monotonic", lambda: claim.began + 21)
    claims.yield_if_waited_for(claim)
    files = waiting(collection, erin, 30)
    with pytest.raises(claims.HandedOver):
        claims.yield_if_waited_for(claim)
    document = Document.objects.get(pk=claim.document)
    assert (document.status, document.lane, document.attempts) == ("queued", Lane.SLOW, 0)
    assert (document.stage, document.done, document.total) == ("embed", 64, 900)
    after = taken(15)
    assert 8 <= after.index(document) <= 11, "as many small files as the time would have read"
    assert set(after) - {document} <= set(files)


def test_it_goes_on_while_nobody_waits_for_it(
    alice: User, erin: User, collection: Collection, settings: Any
) -> None:
    settings.WORKER_PROCESSES = 1
    fresh = slow_at_work(collection, alice, 5)
    waiting(collection, erin)
    claims.yield_if_waited_for(fresh)
    settings.WORKER_PROCESSES = 2
    fresh.began -= 30
    claims.yield_if_waited_for(fresh)
    waiting(collection, alice, lane=Lane.SLOW)
    claims.yield_if_waited_for(fresh)
    assert fresh.held().exists(), "there is another worker, and its own flow gains nothing"


def test_a_single_worker_makes_way_for_what_keeps_order(
    alice: User, collection: Collection, settings: Any
) -> None:
    claim = slow_at_work(collection, alice, 21)
    assert queue.send("ingest.tasks.sweep")
    claims.yield_if_waited_for(claim)
    settings.WORKER_PROCESSES = 1
    with pytest.raises(claims.HandedOver):
        claims.yield_if_waited_for(claim)


def test_a_quick_document_is_not_handed_over(
    alice: User, collection: Collection, settings: Any
) -> None:
    settings.WORKER_PROCESSES = 1
    waiting(collection, alice, 2)
    claim = claims.take_next()
    assert claim and queue.send("ingest.tasks.sweep")
    claim.began -= 30
    claims.yield_if_waited_for(claim)
    assert claim.held().exists()


def test_slow_documents_of_different_people_take_turns(
    alice: User, erin: User, collection: Collection
) -> None:
    claim = slow_at_work(collection, alice, 21)
    (other,) = waiting(collection, erin, lane=Lane.SLOW)
    with pytest.raises(claims.HandedOver):
        claims.yield_if_waited_for(claim)
    assert taken(1) == [other]


def test_a_hand_over_goes_to_the_lane_and_the_stage_that_it_names(
    alice: User, collection: Collection
) -> None:
    waiting(collection, alice, 3)
    claim = claims.take_next()
    assert claim
    claim.renew(stage="parse", done=3, total=3, progress=1)
    with pytest.raises(claims.HandedOver):
        claims.hand_over(claim, lane=Lane.SLOW, stage="embed")
    document = Document.objects.get(pk=claim.document)
    assert (document.status, document.lane, document.stage) == ("queued", Lane.SLOW, "embed")
    assert (document.done, document.progress, document.attempts) == (0, 0, 0)
    assert document.lease is None and document.turn > 0
    with pytest.raises(claims.LeaseLost) as lost:
        claims.hand_over(claim, lane=Lane.SLOW)
    assert not isinstance(lost.value, claims.HandedOver)


# --- for any arrivals -----------------------------------------------------------------------------
class Arrivals(TestCase):
    """Whatever comes when: while two flows wait, neither gets more than a file ahead."""

    @bounds(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6)), min_size=2, max_size=6))
    def test_flows_that_wait_are_served_alike(self, arrivals: list[tuple[int, int]]) -> None:
        users = [people.make_user(f"u{number}{uuid4().hex}") for number in range(3)]
        collection = people.make_collection(users[0])
        for who, count in arrivals:
            waiting(collection, users[who], count)
            taken(1)
        left = Counter(
            Document.objects.filter(status="queued").values_list("uploaded_by", flat=True)
        )
        order = [each.uploaded_by_id for each in taken(sum(left.values()))]
        assert Counter(order) == left
        for person in left:
            places = [at for at, each in enumerate(order) if each == person]
            # Between two files of one flow come at most two of each other flow.
            for before, after in pairwise(places):
                between = Counter(order[before + 1 : after])
                assert max(between.values(), default=0) <= 2
