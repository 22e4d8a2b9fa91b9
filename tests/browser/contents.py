"""What is in the product when the browser tests begin, and the work that Celery would do."""

import sqlite3
import time
import traceback
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.record import record
from evaluation.models import Run
from evaluation.tasks import work as ask
from ingest import build, erase
from ingest.models import Collection, Document, Receipt
from ingest.pipeline import process_document
from ingest.samples import SAMPLE
from ingest.tasks import reindex
from ingest.upload import upload
from sovereign import browser_reports
from tests import people
from tests.browser import states, year

HANDBOOK = [
    "people/annual-leave.md",
    "people/remote-work.docx",
    "people/sick-leave.md",
    "travel/travel-and-expenses.pdf",
    "it/information-security.html",
]
#: Long enough to be stopped in the middle.
LONG = "The ballad of the lighthouse goes " + "on and on over the water " * 60 + "to its end.\n"


def fill() -> None:
    call_command("migrate", verbosity=0)
    alice, bob, erin = (people.make_user(name) for name in ("Alice", "Bob", "Erin"))
    people.make_user("Dana", is_admin=True)
    greta = people.make_user("Greta", is_admin=True)
    people.make_user("Charlie")
    people.make_user("Olga", is_compliance=True)
    samples = Collection.objects.create(
        pk=SAMPLE, name="Sample handbook", description="An invented company's handbook."
    )
    people.grant(samples, alice, "manager")
    people.grant(samples, bob, "reader")
    people.grant(samples, erin, "editor")
    people.grant(samples, greta, "reader")
    folder = Path(settings.SAMPLES_DIR) / "handbook"
    for name in HANDBOOK:
        take(samples, Path(name).name, (folder / name).read_bytes())
    states.fill(alice, bob)
    disagreeing()
    year.fill()
    take(people.make_collection(alice, name="Poems"), "ballad.txt", LONG.encode())
    _receipts(samples, erin)


PARKING = """# Parking

## Fees

A parking space in the garage costs {price} euros a month. It is taken from the salary.
"""


def disagreeing() -> None:
    """Two versions of one file, that only Vera reads."""
    rules = people.make_collection(people.make_user("Vera"), name="Rules")
    take(rules, "parking 2023.md", PARKING.format(price=35).encode())
    dated = "---\ndate: 2025-02-01\n---\n" + PARKING.format(price=40)
    take(rules, "parking 2025.md", dated.encode())


def take(collection: Collection, name: str, data: bytes) -> None:
    document = upload(None, collection, ContentFile(data, name=name), name=name).document
    process_document(document.id)


#: Rounds of work() after which it looks although nothing was written: what waited for its time.
PATIENCE = 10


def work() -> None:
    """What Celery's workers do, one after the other; looked for when something was written."""
    seen, rounds = -1, 0
    with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"])) as watch:
        while True:
            written = watch.execute("PRAGMA data_version").fetchone()[0]
            rounds += 1
            if written != seen or rounds > PATIENCE:
                # Read before the round: what it writes itself is looked at once more.
                seen, rounds = written, 0
                try:
                    _round()
                except OperationalError:
                    # As a worker goes on behind a task that failed: the server's log shows it.
                    traceback.print_exc()
            time.sleep(0.2)


def _round() -> None:
    waiting = Document.objects.filter(status=Document.Status.QUEUED)
    for pk in list(waiting.values_list("pk", flat=True)):
        process_document(pk)
    for pk in list(erase.due().values_list("pk", flat=True)):
        erase.finish_document(pk)
    _measure()
    browser_reports.collect()
    connection.close()


def _measure() -> None:
    """Runs over golden questions, and indexes that are built or replaced."""
    for pk in list(Run.objects.filter(status=Run.Status.QUEUED).values_list("pk", flat=True)):
        ask(str(pk))
    for pk in list(build.due().values_list("pk", flat=True)):
        reindex(str(pk))


def _receipts(collection: Collection, user: User) -> None:
    """One of each state; erin asked for them."""
    for number, (state, _label) in enumerate(Receipt.State.choices):
        then = timezone.now() - timedelta(hours=5 + number)
        looked = state in ("proven", "found")
        check = {"at": then.isoformat(), "files": 1_240, "bytes": 287_910_893, "unread": 0}
        check |= {"sought": 43, "seconds": 8.4, "here": ["files", "database", "vectors"]}
        check |= {"found": {"logs/text": 2} if state == "found" else {}}
        Receipt.objects.create(
            document_id=uuid4(),
            collection_id=collection.pk,
            requested_by=user,
            requested_at=then,
            finished_at=None if state == "removing" else then,
            state=state,
            removed={"files": 1, "bytes": 48_113, "chunks": 21, "answers": 3},
            sought={"text": 12, "vector": 12, "extract": 4, "original": 4, "id": 5},
            checks=[check] if looked else [],
            vectors_at=then if looked else None,
            proven_at=then if state == "proven" else None,
        )
    found = {"found_vectors": 7, "mended_vectors": 7, "found_missing_files": 1, "left": 1}
    record(actions.ORPHANS_FOUND, data=found)
