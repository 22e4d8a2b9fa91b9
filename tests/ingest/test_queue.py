"""Messages, the sweep, and workers that are lost: nothing stays stuck, nothing is tried for ever."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.utils import timezone

from accounts.models import User
from ingest import claims, fair, pipeline, queue, recover, tasks
from ingest.models import Collection, Document
from tests import live
from tests.ingest.broker import broker, delivered  # noqa: F401 (a fixture)
from tests.ingest.conftest import Put
from tests.ingest.test_fair import waiting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("broker")]
Lane, Status = Document.Lane, Document.Status

TEXT = "# Annual leave\n\nEvery employee has 28 days of annual leave per year."
OLD = timezone.now() - timedelta(minutes=5)


def lose(claim: claims.Claim | None) -> Document:
    """The worker is killed, its lease runs out, the sweep comes by."""
    assert claim
    claim.held().update(lease_until=timezone.now() - timedelta(seconds=1))
    recover.expired_leases()
    return Document.objects.get(pk=claim.document)


# --- messages -----------------------------------------------------------------------------------
def test_a_message_is_good_for_whichever_document_comes_next(
    vectors: str, put: Put, alice: User
) -> None:
    first, second = (put(f"{number}.md", f"{TEXT} {number}").document for number in range(2))
    tasks.process(str(second.pk))
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("ready", "queued")
    tasks.process(str(uuid4()))
    second.refresh_from_db()
    assert second.status == "ready"
    tasks.process(str(first.pk))


def test_after_the_broker_lost_everything_the_sweep_sends_for_all(
    alice: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "NUDGES", 30)
    rows = waiting(collection, alice, 70)
    Document.objects.update(created_at=OLD)
    assert recover.lost_messages() == 30
    assert recover.lost_messages() == 0, "they are not through yet"
    taken = 0
    while messages := delivered():
        for _ in messages:
            claim = claims.take_next()
            assert claim
            claim.held().update(status=Status.READY)
            taken += 1
        recover.lost_messages()
    assert taken == len(rows) and claims.take_next() is None


def test_messages_on_their_way_are_not_sent_again(alice: User, collection: Collection) -> None:
    waiting(collection, alice, 3)
    assert recover.lost_messages() == 0


def test_for_slow_documents_as_many_as_may_be_taken(
    alice: User, collection: Collection, settings: Any
) -> None:
    settings.WORKER_PROCESSES = 3
    waiting(collection, alice, 10, lane=Lane.SLOW)
    Document.objects.update(created_at=OLD)
    assert recover.lost_messages() == 2
    assert len(delivered()) == 2
    assert claims.take_next() and claims.take_next()
    assert recover.lost_messages() == 0


def test_who_ends_a_slow_document_wakes_the_next(put: Put) -> None:
    documents = [put(f"{number}.md", f"{TEXT} {number}").document for number in range(3)]
    Document.objects.update(lane=Lane.SLOW)
    documents[0].file.storage.delete(str(documents[0].file.name))
    tasks.process("")
    assert Document.objects.get(pk=documents[0].pk).status == "failed"
    assert delivered() == [(queue.PROCESS, str(documents[1].pk))]


def test_each_is_sent_through_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [str(uuid4()) for _ in range(5)]
    assert queue.send_each(queue.PROCESS, keys) == 5 == queue.depth()
    assert delivered() == [(queue.PROCESS, key) for key in keys]
    assert queue.send_each(queue.PROCESS, []) == 0
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis://127.0.0.1:9")
    assert queue.send_each(queue.PROCESS, keys) == 0


@pytest.mark.live
def test_what_keeps_order_passes_documents_in_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, address = live.valkey(tmp_path)
    try:
        with monkeypatch.context() as there:
            for name in ("broker_read_url", "broker_write_url"):
                there.setattr(current_app.conf, name, address)
            queue.send_each(queue.PROCESS, ["a", "b"])
            assert queue.send("ingest.tasks.sweep") and queue.send(queue.ERASE, "c")
            assert queue.depth() == 4
            order = ["ingest.tasks.sweep", queue.ERASE, queue.PROCESS, queue.PROCESS]
            assert [task for task, _ in delivered()] == order
    finally:
        process.kill()


# --- lost workers -------------------------------------------------------------------------------
def test_a_lost_worker_is_made_good_twice_and_seen(put: Put) -> None:
    document = put("leave.md", TEXT).document
    for lost in (1, 2):
        state = lose(claims.take(document.pk))
        assert (state.status, state.reading["lost"], state.attempts) == ("queued", lost, lost)
    state = lose(claims.take(document.pk))
    assert (state.status, state.error_code, state.reading["lost"]) == ("failed", "worker-lost", 3)
    assert state.visible is False and state.lease is None


def test_who_got_further_may_be_lost_more_often(put: Put) -> None:
    """A document of 5,000 pages outlives many restarts; one that stands still does not."""
    document = put("leave.md", TEXT).document
    for done in range(10):
        claim = claims.take(document.pk)
        assert claim
        claim.kept(done, 100)
        assert lose(claim).status == "queued"
    assert lose(claims.take(document.pk)).status == "queued"
    state = lose(claims.take(document.pk))
    assert (state.status, state.error_code, state.reading["lost"]) == ("failed", "worker-lost", 12)


def test_a_hand_over_is_no_attempt(put: Put) -> None:
    document = put("leave.md", TEXT).document
    for _ in range(6):
        claim = claims.take(document.pk)
        assert claim
        with pytest.raises(claims.HandedOver):
            claims.hand_over(claim, lane=Lane.SLOW)
    for status in ("queued", "queued", "failed"):
        assert lose(claims.take(document.pk)).status == status


def test_what_was_kept_is_shown_after_a_loss(put: Put) -> None:
    document = put("leave.md", TEXT).document
    claim = claims.take(document.pk)
    assert claim
    claim.kept(64, 900, stage="embed", words_at=timezone.now(), visible=True)
    state = lose(claim)
    assert (state.stage, state.done, state.total, state.visible) == ("embed", 64, 900, True)
    claim = claims.take(document.pk)
    assert claim and claim.held().get().stage == "embed"


def test_what_was_not_kept_begins_at_the_beginning(put: Put) -> None:
    document = put("leave.md", TEXT).document
    claim = claims.take(document.pk)
    assert claim
    claim.renew(stage="parse", done=3, total=9, progress=0.3)
    state = lose(claim)
    assert (state.stage, state.done, state.total, state.progress) == ("", 0, 0, 0)


def test_a_worker_that_lives_is_not_taken_for_lost(put: Put) -> None:
    document = put("leave.md", TEXT).document
    claim = claims.take(document.pk)
    assert claim and recover.expired_leases() == 0
    claim.check()


def test_a_loss_is_told_of_a_document_that_became_ready(vectors: str, put: Put) -> None:
    document = put("leave.md", TEXT).document
    lose(claims.take(document.pk))
    pipeline.process_document(document.pk)
    document.refresh_from_db()
    assert document.status == "ready" and document.reading["lost"] == 1


def test_what_failed_for_the_moment_rests_whoever_asks(put: Put) -> None:
    document = put("leave.md", TEXT).document
    claim = claims.take(document.pk)
    assert claim and claims.release(claim, 5, counted=True)
    assert claims.take_next() is None and fair.first() is None
    document.refresh_from_db()
    assert document.attempts == 1
