"""Many workers at one queue on PostgreSQL: each document once, slow ones never too many."""

from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from ingest import claims, documents, fair
from ingest.models import Collection, Document
from tests import people
from tests.ingest.test_fair import waiting
from tests.services.test_races import MANY, at_once

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
ROUNDS = 8


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("NO RACE WAS RUN: `make test-services` brings PostgreSQL")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_workers_take_different_documents(
    alice: User, erin: User, collection: Collection, number: int
) -> None:
    waiting(collection, alice, 4)
    waiting(collection, erin, 4)
    taken = [claim for claim in at_once(*[claims.take_next] * MANY) if claim]
    assert len({claim.document for claim in taken}) == MANY  # type: ignore[attr-defined]
    assert set(Document.objects.values_list("attempts", flat=True)) == {0, 1}


@pytest.mark.parametrize("number", range(ROUNDS))
def test_slow_documents_never_take_all_workers(
    alice: User, collection: Collection, settings: Any, number: int
) -> None:
    settings.WORKER_PROCESSES = 3
    waiting(collection, alice, MANY, lane=Document.Lane.SLOW)
    taken = [claim for claim in at_once(*[claims.take_next] * MANY) if claim]
    assert len(taken) == fair.slow_workers() == 2


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_is_stopped_while_it_is_taken_is_stopped(
    erin: User, collection: Collection, number: int
) -> None:
    document = people.make_document(collection, status=Document.Status.QUEUED)
    claim, _stopped = at_once(claims.take_next, lambda: documents.cancel(erin, document))
    document.refresh_from_db()
    assert (document.status, document.error_code) == ("failed", "cancelled")
    if claim:
        with pytest.raises(claims.LeaseLost):
            claim.check()  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_all_that_wait_are_stopped_or_taken(
    erin: User, collection: Collection, number: int
) -> None:
    waiting(collection, erin, MANY)
    *taken, stopped = at_once(
        *[claims.take_next] * 3, lambda: documents.cancel_waiting(erin, collection)
    )
    at_work = [claim for claim in taken if claim]
    assert stopped == MANY - len(at_work)
    assert Document.objects.filter(status="processing").count() == len(at_work)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_second_try_is_queued_once(erin: User, collection: Collection, number: int) -> None:
    rows = waiting(collection, erin, 5)
    documents.cancel_waiting(erin, collection)
    counts = at_once(*[lambda: documents.retry_failed(erin, collection)] * 3)
    assert sum(counts) == len(rows)  # type: ignore[arg-type]
