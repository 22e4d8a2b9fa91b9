"""The thread of the web process, and Celery's task."""

import asyncio
import threading
from typing import Any

import pytest
from django.db import connection, connections

from audit import actions, checkpoints, keys
from audit import sealer as sealing
from audit.models import Entry, Seal
from audit.record import record
from audit.sealer import Sealed, Sealer
from audit.tasks import seal
from tests.live import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked after a stop is what the last round left, however long it took."""
    monkeypatch.setattr(sealing, "PATIENCE", 120.0)


def is_sealed() -> bool:
    """By a file: this test's database is in memory, where a reader meets the writer's lock."""
    return checkpoints.head_file().exists()


def test_entries_are_sealed_while_it_runs() -> None:
    record(actions.STARTED)
    sealer = Sealer(seconds=0.05)
    sealer.start()
    try:
        wait_until("the entry is sealed", is_sealed)
    finally:
        sealer.stop()
    assert Seal.objects.exists()


def test_the_stop_seals_what_is_left_and_appends_a_checkpoint() -> None:
    sealer = Sealer(seconds=60)
    sealer.start()
    record(actions.STARTED)
    sealer.stop()
    assert Seal.objects.count() == 1
    assert checkpoints.number() == 1


def test_the_stop_leaves_no_thread() -> None:
    others = set(threading.enumerate())
    sealer = Sealer(seconds=60)
    sealer.start()
    assert "sealer" in {thread.name for thread in set(threading.enumerate()) - others}
    sealer.stop()
    assert "sealer" not in {thread.name for thread in set(threading.enumerate()) - others}


def test_a_key_that_is_damaged_does_not_end_the_thread() -> None:
    file = keys.key_file()
    keys.fingerprint()
    content = file.read_bytes()
    file.write_bytes(b"damaged")
    record(actions.STARTED)
    sealer = Sealer(seconds=0.02)
    sealer.start()
    try:
        threading.Event().wait(0.2)
        assert not is_sealed()
        file.write_bytes(content)
        wait_until("the entry is sealed", is_sealed)
    finally:
        file.write_bytes(content)
        sealer.stop()


@pytest.mark.services
def test_several_at_once_are_harmless() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("NO RACE WAS RUN: `make test-services` brings PostgreSQL")
    sealers = [Sealer(seconds=0.01) for _ in range(3)]
    for sealer in sealers:
        sealer.start()
    try:
        made = [record(actions.STARTED).pk for _ in range(50)]
        wait_until("all is sealed", lambda: not Entry.objects.filter(seal=None).exists())
    finally:
        for sealer in sealers:
            sealer.stop()
    order = list(Seal.objects.filter(entry_id__in=made).values_list("entry_id", flat=True))
    assert order == sorted(made)


def record_one() -> None:
    try:
        record(actions.STARTED)
    finally:
        connections.close_all()


def test_the_server_starts_and_stops_it() -> None:
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[Any] = []

    async def receive() -> Any:
        if sent:
            await asyncio.to_thread(record_one)
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def app(*_: Any) -> None:
        raise AssertionError("only requests go through")

    asyncio.run(Sealed(app, Sealer(seconds=60))({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert Seal.objects.count() == 1


def test_requests_go_through() -> None:
    asked: list[Any] = []

    async def app(scope: Any, *_: Any) -> None:
        asked.append(scope)

    asyncio.run(Sealed(app)({"type": "http"}, None, None))  # type: ignore[arg-type]
    assert asked == [{"type": "http"}]


def test_celerys_task_seals() -> None:
    record(actions.STARTED)
    seal()
    assert Seal.objects.count() == 1
