"""Many write while several seal: each entry gets one place, none is lost, the chain is whole.

Threads on PostgreSQL, whose transactions really overlap; processes on a database file of SQLite.
"""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, connections, transaction

from audit import actions
from audit.models import Entry, Seal
from audit.record import record
from audit.seal import seal
from audit.verify import verify
from tests.live import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, EACH = 4, 60


@pytest.fixture(autouse=True)
def _on_postgresql(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("services") and connection.vendor != "postgresql":
        pytest.skip("NO RACE WAS RUN: `make test-services` brings PostgreSQL")


def at_once(*calls: Callable[[], None]) -> None:
    def attempt(call: Callable[[], None]) -> None:
        try:
            call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        for each in [pool.submit(attempt, call) for call in calls]:
            each.result()


def writer(seed: int) -> Callable[[], None]:
    """Transactions of several entries; every fourth is rolled back."""

    def write() -> None:
        rng = random.Random(seed)
        for number in range(EACH):
            with transaction.atomic():
                for _ in range(rng.randrange(1, 4)):
                    record(actions.STARTED, data={"writer": seed, "number": number})
                if number % 4 == 0:
                    transaction.set_rollback(True)

    return write


def sealer(done: threading.Event) -> Callable[[], None]:
    def work() -> None:
        while not done.is_set():
            seal()

    return work


@pytest.mark.services
def test_writers_and_sealers_at_once() -> None:
    done = threading.Event()
    ended: list[int] = []

    def write(seed: int) -> Callable[[], None]:
        def call() -> None:
            try:
                writer(seed)()
            finally:
                ended.append(seed)
                if len(ended) == WRITERS:
                    done.set()

        return call

    at_once(*[write(seed) for seed in range(WRITERS)], sealer(done), sealer(done))
    seal(everywhere=True)
    verdict = verify()
    assert verdict.faults == []
    assert Seal.objects.count() >= WRITERS * EACH * 3 // 4
    assert not Entry.objects.filter(seal=None).exclude(action=actions.CHECKPOINTS_BEGUN).exists()


@pytest.mark.services
def test_a_transaction_that_ends_late_is_sealed_late() -> None:
    opened, go_on = threading.Event(), threading.Event()
    late: list[int] = []

    def slow() -> None:
        with transaction.atomic():
            late.append(record(actions.STARTED).pk)
            opened.set()
            go_on.wait(60)

    def quick() -> None:
        opened.wait(60)
        record(actions.SIGNED_IN)
        seal()
        go_on.set()

    at_once(slow, quick)
    assert not Seal.objects.filter(entry_id=late[0]).exists()
    seal()
    newer = Seal.objects.get(entry__action=actions.SIGNED_IN)
    assert newer.entry_id > late[0]
    assert Seal.objects.get(entry_id=late[0]).position > newer.position
    assert verify().ok


@pytest.mark.services
def test_writers_do_not_wait_for_the_sealer() -> None:
    """While one transaction seals, another writes and commits."""
    record(actions.STARTED)
    with transaction.atomic():
        seal()
        at_once(sign_in)
    seal()
    assert verify().ok


def sign_in() -> None:
    record(actions.SIGNED_IN)


SCRIPT = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "sovereign.settings"
import django
django.setup()
from audit import actions
from audit.record import record
from audit.seal import seal
print("ready", flush=True)
while True:
    if sys.argv[1] == "seal":
        seal()
    else:
        time.sleep(0.002)
        record(actions.STARTED)
"""


@pytest.mark.live
@pytest.mark.long
def test_killed_sealers_leave_a_chain_that_goes_on(tmp_path: Path) -> None:
    """Four times SIGKILL in the middle of sealing; writers go on meanwhile."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SOVEREIGN_")},
        "SOVEREIGN_DATA_DIR": str(tmp_path),
        "DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "sovereign.settings",
        "SOVEREIGN_LOG_LEVEL": "ERROR",
    }

    def python(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def done(*arguments: str) -> str:
        with python("manage.py", *arguments) as process:
            said = process.communicate()[0]
        assert process.returncode == 0, said
        return said

    done("migrate", "--verbosity", "0")
    writing = python("-c", SCRIPT, "write")
    try:
        for seed in range(4):
            sealing = python("-c", SCRIPT, "seal")
            assert sealing.stdout and sealing.stdout.readline() == "ready\n"
            threading.Event().wait(random.Random(seed).random() / 4)
            sealing.send_signal(signal.SIGKILL)
            sealing.communicate()
    finally:
        writing.kill()
        writing.communicate()
    done("audit", "seal")
    assert "The record is intact." in done("audit", "verify")
