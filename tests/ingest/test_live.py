"""The document flow with a real broker, real workers and a real Chroma, and what kills do to it.

The product runs here on a data folder of its own; the test looks at its database from outside.
"""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import chromadb
import pytest
from celery import Celery

from tests import live

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(900)]

WORDS = [
    "leave",
    "travel",
    "meals",
    "notice",
    "salary",
    "pension",
    "training",
    "laptop",
    "badge",
    "parking",
    "canteen",
    "holiday",
]

#: One process does both: each start of Django costs seconds on a busy machine.
PREPARE = """
from django.core.management import call_command
from accounts.models import User
call_command("migrate", verbosity=0)
User.objects.create_superuser("a@example.com")
"""


@dataclass
class Product:
    """One running product without its pages."""

    folder: Path
    environment: dict[str, str]
    broker: live.Process
    vectors: live.Process
    worker: live.Process

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=live.ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=400,
        )

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(
            f"file:{self.folder}/db.sqlite3?mode=ro", uri=True, timeout=20
        ) as database:
            return database.execute(sql).fetchall()

    def statuses(self) -> Counter[str]:
        return Counter(str(row[0]) for row in self.query("SELECT status FROM ingest_document"))

    def sweep(self) -> None:
        """What beat does every 15 s; here as often as the test looks."""
        with Celery(broker=self.environment["SOVEREIGN_BROKER_URL"], set_as_current=False) as app:
            app.send_task("ingest.tasks.sweep")

    def supervise(self) -> None:
        """As the launcher does. kombu can end a worker that holds messages when its broker dies."""
        if not self.worker.runs:
            self.worker.start()

    def settled(self, count: int) -> bool:
        self.supervise()
        self.sweep()
        time.sleep(0.5)
        states = self.statuses()
        return states["ready"] + states["failed"] == count == states.total()

    def vector_ids(self) -> list[str]:
        port = re.search(r":(\d+)$", self.environment["SOVEREIGN_CHROMA_URL"])
        client = chromadb.HttpClient(port=int(port[1]) if port else 0)
        return [
            pk
            for index in client.list_collections()
            for pk in client.get_collection(index.name, embedding_function=None).get(include=[])[
                "ids"
            ]
        ]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("live")
    vectors, chroma_url = live.chroma(folder)
    broker, broker_url = live.valkey(folder)
    environment = {
        "DJANGO_SETTINGS_MODULE": "sovereign.settings",
        "SOVEREIGN_DATA_DIR": str(folder),
        "SOVEREIGN_CHROMA_URL": chroma_url,
        "SOVEREIGN_BROKER_URL": broker_url,
        "SOVEREIGN_MODELS_URL": "fake:",
        "SOVEREIGN_LEASE_SECONDS": "5",
        "SOVEREIGN_INDEX_GRACE_SECONDS": "0",
    }
    made = Product(folder, environment, broker, vectors, live.worker(folder, environment))
    try:
        done = made.manage("shell", "-c", PREPARE)
        assert done.returncode == 0, done.stderr
        made.worker.start()
        yield made
    finally:
        for process in (made.worker, made.broker, made.vectors):
            process.kill()


def handbook(folder: Path, count: int, paragraphs: int = 60) -> Path:
    """`count` documents of different words, long enough to be interrupted."""
    folder.mkdir()
    for number in range(count):
        lines = [f"# Rules {number}"]
        for part in range(paragraphs):
            topic = WORDS[(number + part) % len(WORDS)]
            lines += [
                f"## Section {part}",
                f"In case {number}-{part} the {topic} is {part} days. " * 12,
            ]
        (folder / f"rules-{number}.md").write_text("\n\n".join(lines))
    return folder


def consistent(product: Product) -> None:
    """Nothing double, nothing missing: documents, chunks, index rows and vectors say the same."""
    chunks = [str(row[0]) for row in product.query("SELECT id FROM ingest_chunk")]
    promised = product.query("SELECT sum(chunk_count) FROM ingest_document WHERE status = 'ready'")
    indexed = [str(row[0]) for row in product.query("SELECT chunk FROM ingest_lexical")]
    # A passage has a vector of its own, and one for each of its pieces: "id/1".
    vectors = [key for key in product.vector_ids() if "/" not in key]
    assert len(chunks) == promised[0][0]
    assert sorted(indexed) == sorted(chunks)
    assert sorted(vectors) == sorted(chunks)


def test_a_folder_is_added_and_waited_for(product: Product, tmp_path: Path) -> None:
    folder = handbook(tmp_path / "few", 3, paragraphs=5)
    (folder / "empty.md").write_text("")
    done = product.manage("add", str(folder), "--collection", "Few", "--create")
    assert done.returncode == 1
    assert "3 added, 0 already there, 1 failed" in done.stdout
    assert "empty.md" in done.stdout and "The file is empty" in done.stdout
    assert product.statuses() == {"ready": 3}
    consistent(product)


def test_kills_of_the_worker_lose_nothing_and_double_nothing(
    product: Product, tmp_path: Path
) -> None:
    before = product.statuses().total()
    folder = handbook(tmp_path / "many", 20)
    # Nobody reads before somebody looks: a quick worker would be done with all of them.
    product.worker.kill()
    done = product.manage("add", str(folder), "--collection", "Many", "--create", "--no-wait")
    assert done.returncode == 0, done.stdout + done.stderr
    product.worker.start()
    killed_at_work = 0
    for _ in range(3):
        live.wait_until(
            "a document is being read", lambda: product.statuses()["processing"], 120, 0.02
        )
        product.worker.kill()
        killed_at_work += product.statuses()["processing"]
        product.worker.start()
    assert killed_at_work
    live.wait_until("all is ready", lambda: product.settled(before + 20), 400)
    assert product.statuses() == {"ready": before + 20}
    consistent(product)


def test_chroma_and_the_broker_killed_and_back(product: Product, tmp_path: Path) -> None:
    before = product.statuses().total()
    product.vectors.kill()
    one, two = (
        handbook(tmp_path / "one", 3, paragraphs=5),
        handbook(tmp_path / "two", 3, paragraphs=4),
    )
    product.manage("add", str(one), "--collection", "Later", "--create", "--no-wait")
    live.wait_until(
        "they were tried", lambda: b"vectors-unavailable" in product.worker.log.read_bytes(), 120
    )
    product.broker.kill()
    # It ends: by its default the library tries for ever.
    done = product.manage("add", str(two), "--collection", "Silent", "--create", "--no-wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert product.statuses()["failed"] == 0
    product.vectors.start()
    product.broker.start()
    live.wait_until(
        "the broker answers", lambda: live.answers(str(product.folder / "valkey.sock")), 60
    )
    live.wait_until("all is ready", lambda: product.settled(before + 6), 400)
    assert product.statuses() == {"ready": before + 6}
    consistent(product)


def test_kills_of_the_worker_while_another_index_is_built(product: Product, tmp_path: Path) -> None:
    folder = handbook(tmp_path / "again", 12)
    assert product.manage("add", str(folder), "--collection", "Again", "--create").returncode == 0
    ready = product.statuses()["ready"]
    # Nobody builds before somebody looks: what is built is never seen being built.
    product.worker.kill()
    done = product.manage("reindex", "--embedder", "all-minilm-l6-v2")
    assert done.returncode == 0, done.stdout + done.stderr
    killed_at_work = 0
    for _ in range(3):
        live.wait_until("it is being built", lambda: is_built(product), 120, 0.02)
        product.worker.kill()
        killed_at_work += held(product)
        product.worker.start()
    assert killed_at_work
    live.wait_until("it is in use, the other one gone", lambda: switched(product), 400)
    assert product.statuses() == {"ready": ready}
    consistent(product)


def held(product: Product) -> int:
    """Whether a worker, killed or not, holds the index that is built."""
    rows = "SELECT count(*) FROM ingest_index WHERE state = 'building' AND lease IS NOT NULL"
    return int(str(product.query(rows)[0][0]))


def is_built(product: Product) -> int:
    """Without a sweep: fifty a second go before the one message that begins it."""
    product.supervise()
    return held(product)


def switched(product: Product) -> bool:
    product.supervise()
    product.sweep()
    time.sleep(0.5)
    rows = product.query("SELECT state, embedder FROM ingest_index")
    return rows == [("active", "all-minilm-l6-v2")]


def test_without_a_worker_the_command_does_the_work(product: Product, tmp_path: Path) -> None:
    product.worker.kill()
    folder = handbook(tmp_path / "here", 1, paragraphs=5)
    done = product.manage("add", str(folder), "--collection", "Few")
    assert done.returncode == 0 and "0 added, 1 already there, 0 failed" in done.stdout
    (folder / "more.md").write_text("# Badges\n\nLost badges are reported to the front desk.")
    done = product.manage("add", str(folder / "more.md"), "--collection", "Few")
    assert done.returncode == 0 and "1 added" in done.stdout
    consistent(product)


def test_a_worker_whose_clock_was_lost_ends(product: Product) -> None:
    """The launcher starts it again; without its beat nothing would be swept, sealed or purged."""
    command = [*live.worker(product.folder, {}).command, "-B", "-n", "clock@%h"]
    schedule = product.folder / "beat-of-clock"
    process = live.Process(
        [*command, "-s", str(schedule)], product.folder / "clock.log", product.environment
    )
    process.start()
    try:
        log = process.log
        live.wait_until("it is ready", lambda: "ready." in log.read_text("utf-8", "replace"), 120)
        for child in children(process):
            os.kill(child, signal.SIGKILL)  # its pool's are replaced, its clock is not
        live.wait_until("it has ended", lambda: not process.runs, 120)
        assert "worker.clock.lost" in log.read_text("utf-8", "replace")
    finally:
        process.kill()


def children(process: live.Process) -> list[int]:
    assert process._child
    pid = process._child.pid
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
