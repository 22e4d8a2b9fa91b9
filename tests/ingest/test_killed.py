"""Real workers, killed by SIGKILL in the middle of their work, and an erasure: with the next worker it is
complete, no byte of the data folder has a word of it, and its receipt is true.

Originals and exports are plain here: else their bytes would say nothing.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests import live
from tests.ingest.hand import MARK

pytestmark = [pytest.mark.live, pytest.mark.long, pytest.mark.timeout(900)]

#: What the worker is doing when it is killed.
MAKING = (
    "ingest.pipeline.parse_isolated:after",
    "ingest.keep.write_rows:after",
    "ingest.vectors._embedded:before",
    "ingest.vectors.store.upsert:after",
)
ERASING = (
    "ingest.erase.receipts.prepare:before",
    "ingest.erase.receipts.prepare:after",
    "ingest.erase.store.remove_document:after",
    "ingest.erase._remove_chunks:after",
    # In the middle of its last transaction.
    "ingest.erase.receipts.finish:after",
)
PROVING = (
    "ingest.refill.chroma.swap:before",
    "ingest.proving.tidy_database:before",
    "ingest.proving._look:after",
)
SYNCING = (
    "ingest.sync.plan:after",
    "ingest.incoming._copied:after",
    "ingest.upload._same_bytes:before",
    "ingest.sync_take.Taker._taken:before",
    "ingest.sync._ended:before",
)
KEEPING = "ingest.upload.keep_file:after"
#: The last one in the middle of the transaction that ends it: the archive has its place.
EXPORTING = (
    "ingest.moving.writing._passages:after",
    "ingest.moving.work.write:after",
    "ingest.moving.work.record_export:before",
)
BRINGING = ("ingest.moving.taking.take:after", "ingest.moving.work._ask_again:before")
#: Each third step is killed in by default, each one where this is set: forty kills take nine minutes.
EVERY = "SOVEREIGN_TEST_EVERY_KILL" in os.environ
STEPS = (*MAKING, *ERASING, *PROVING, *SYNCING, KEEPING, *EXPORTING, *BRINGING)


def some(steps: tuple[str, ...]) -> tuple[str, ...]:
    return steps if EVERY else steps[::3]


BOTH = pytest.mark.parametrize("first", ["erased", "killed"])


@dataclass
class Hand:
    """tests/ingest/hand.py in a process of its own."""

    environment: dict[str, str]
    log: Path
    process: "subprocess.Popen[str] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.ingest.hand"],
                cwd=live.ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def __call__(self, name: str, *given: str) -> Any:
        assert self.process and self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps([name, *given]) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith(MARK):
                return json.loads(line[1:])
        raise AssertionError(f"{name}: {self.log.read_text()[-2000:]}")

    def end(self) -> None:
        if self.process and self.process.stdin and self.process.stdout:
            self.process.stdin.close()
            self.process.wait(60)
            self.process.stdout.close()


@dataclass
class Site:
    """A product without its pages. `halt_at` and `halted`: files of tests/ingest/halting.py."""

    folder: Path
    share: Path
    hand: Hand
    halt_at: Path
    halted: Path
    worker: live.Process
    collection: str = ""

    def halting(self, step: str) -> None:
        """From now on the worker stops at that step, once."""
        self.halted.unlink(missing_ok=True)
        draft = self.halt_at.with_suffix(".draft")
        draft.write_text(step)
        draft.rename(self.halt_at)

    def kill(self) -> None:
        """All of the worker, at once, where it is; then another one begins."""
        assert self.halted.exists() and self.worker.runs
        self.worker.kill()
        self.worker.start()

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.hand("state")
        return found

    def until(self, what: str, check: Any, seconds: float = 240) -> None:
        """Sweep until it is so: what beat does every 15 s."""

        def now() -> object:
            self.hand("send", "ingest.tasks.sweep")
            time.sleep(0.5)
            return check(self.state())

        live.wait_until(what, now, seconds)

    def ready(self) -> None:
        self.until(
            "all is read", lambda now: {row["status"] for row in now["documents"]} <= {"ready"}
        )

    def halts(self) -> None:
        live.wait_until("it is at that step", self.halted.exists, 240)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    base = tmp_path_factory.mktemp("killed")
    folder, share = base / "data", base / "share"
    for each in (folder, share, base / "run"):
        each.mkdir()
    vectors, chroma_url = live.chroma(folder)
    broker, broker_url = live.valkey(folder)
    # As the launcher writes it, so that Chroma's files are known to be ours.
    (base / "run" / "chroma.url").write_text(chroma_url)
    environment = {
        "DJANGO_SETTINGS_MODULE": "sovereign.settings",
        "SOVEREIGN_DATA_DIR": str(folder),
        "SOVEREIGN_RUN_DIR": str(base / "run"),
        "SOVEREIGN_BROKER_URL": broker_url,
        "SOVEREIGN_MODELS_URL": "fake:",
        "SOVEREIGN_LEASE_SECONDS": "5",
        "SOVEREIGN_ENCRYPT_ORIGINALS": "false",
        "SOVEREIGN_SOURCE_ROOTS": str(share),
    }
    hand, halt_at, halted = Hand(environment, base / "hand.log"), base / "at", base / "halted"
    halt = {"HALT_STEPS": " ".join(STEPS), "HALT_AT": str(halt_at), "HALTED": str(halted)}
    worker = live.worker(folder, {**environment, **halt})
    worker.command += ["-I", "tests.ingest.halting"]
    try:
        hand.start()
        collection = hand("begin", str(share))["collection"]
        worker.start()
        yield Site(folder, share, hand, halt_at, halted, worker, collection)
    finally:
        hand.end()
        for process in (worker, broker, vectors):
            process.kill()


@dataclass
class Case:
    """What is erased: its words, and its id once it is there. What was erased once is not taken from its
    place again, so each has a name of its own."""

    mark: str
    pk: str = ""

    @property
    def name(self) -> str:
        return f"{self.mark[:7]}.md"

    @property
    def text(self) -> str:
        return (
            f"# Lanterns\n\nThe keeper {self.mark}berg lights {self.mark} lanterns at dusk.\n\n## Pay\n\n"
            f"For each of them {self.mark}stad pays nine crowns, and eleven on holidays."
        )


@pytest.fixture
def case() -> Case:
    # Letters alone: one word for every index.
    return Case("q" + "".join(chr(ord("a") + int(digit, 16)) for digit in uuid4().hex[:12]))


def bytes_with(folder: Path, mark: str) -> list[str]:
    """Files of the data folder with that word, in either form of it."""
    forms = [mark.encode(), mark.encode("utf-16-le")]
    found = list[str]()
    for parent, _folders, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            # The worker and Chroma go on: a file of theirs may go between two looks.
            with suppress(FileNotFoundError):
                if path.is_file() and any(form in path.read_bytes() for form in forms):
                    found.append(str(path.relative_to(folder)))
    return found


def check(site: Site, case: Case) -> None:
    """Nothing of it is left, whoever looks; its receipt says so, and so do the files."""

    def done(now: dict[str, Any]) -> bool:
        states = {pk: row["state"] for pk, row in now["receipts"].items()}
        living = {row["pk"] for row in now["documents"]}
        return case.pk not in living and states[case.pk] == "proven"

    def proved(now: dict[str, Any]) -> bool:
        if any(row["finished_at"] is None for row in now["receipts"].values()):
            return False
        site.hand("send", "ingest.tasks.prove")
        time.sleep(1)
        return done(site.state())

    site.hand("lapse")
    site.until("its erasure is proven", proved)
    now = site.state()
    receipt = now["receipts"][case.pk]
    assert receipt["checks"][-1]["found"] == {} and receipt["checks"][-1]["unread"] == 0
    assert not [text for text in now["texts"] if case.mark in text]
    assert bytes_with(site.folder, case.mark) == []


def wipe(site: Site) -> None:
    """Each case begins with an empty share, and a worker."""
    for path in site.share.iterdir():
        path.unlink()
    (site.share / "meals.md").write_text("# Meals\n\nMeals cost five euros, drinks another two.")
    if not site.worker.runs:
        site.worker.start()


# --- a document that is made, or taken away -----------------------------------------------------------


@BOTH
@pytest.mark.parametrize("step", some(MAKING))
def test_while_it_is_made(site: Site, case: Case, step: str, first: str) -> None:
    wipe(site)
    site.halting(step)
    case.pk = site.hand("put", case.name, case.text)
    site.halts()
    if first == "erased":
        site.hand("erase", case.pk)
        site.kill()
    else:
        site.kill()
        site.hand("erase", case.pk)
    check(site, case)


@pytest.mark.parametrize("step", some(ERASING))
def test_while_it_is_taken_away(site: Site, case: Case, step: str) -> None:
    wipe(site)
    case.pk = site.hand("put", case.name, case.text)
    site.ready()
    site.halting(step)
    site.hand("erase", case.pk)
    site.halts()
    site.kill()
    check(site, case)


@pytest.mark.parametrize("step", some(PROVING))
def test_while_it_is_proven(site: Site, case: Case, step: str) -> None:
    wipe(site)
    case.pk = site.hand("put", case.name, case.text)
    site.ready()
    site.halting(step)
    site.hand("erase", case.pk)
    site.until("it is out of the stores", lambda now: now["receipts"][case.pk]["finished_at"])
    site.hand("send", "ingest.tasks.prove")
    site.halts()
    assert site.state()["receipts"][case.pk]["state"] == "pending"
    site.kill()
    check(site, case)


# --- a source ---------------------------------------------------------------------------------------------


def synced(site: Site) -> None:
    """Read the source to the end of a run."""
    before = site.state()["runs"]
    site.hand("lapse")
    site.hand("sync")
    site.until("the source is read", lambda now: now["runs"][-1:] != before[-1:])
    assert site.state()["runs"][-1][1] == ""


@BOTH
@pytest.mark.parametrize("step", some(SYNCING))
def test_while_its_source_is_read(site: Site, case: Case, step: str, first: str) -> None:
    """A copy of it has come there."""
    wipe(site)
    (site.share / case.name).write_text(case.text)
    synced(site)
    site.ready()
    rows = site.state()["documents"]
    case.pk = next(row["pk"] for row in rows if row["name"] == case.name)
    shutil.copyfile(site.share / case.name, site.share / f"copy-{case.name}")
    site.halting(step)
    site.hand("sync")
    site.halts()
    if first == "erased":
        site.hand("erase", case.pk)
        site.kill()
    else:
        site.kill()
        site.hand("erase", case.pk)
    synced(site)
    assert site.state()["left_out"] == sorted([case.name, f"copy-{case.name}"])
    check(site, case)
    synced(site)
    site.ready()
    assert not [text for text in site.state()["texts"] if case.mark in text]


def test_killed_between_a_file_and_its_row(site: Site, case: Case) -> None:
    """In the middle of the transaction: the file has its place, and no document knows it."""
    wipe(site)
    site.halting(KEEPING)
    (site.share / case.name).write_text(case.text)
    site.hand("sync")
    site.halts()
    site.kill()
    synced(site)
    site.ready()
    rows = site.state()["documents"]
    case.pk = next(row["pk"] for row in rows if row["name"] == case.name)
    site.hand("erase", case.pk)
    check(site, case)


# --- exports and imports ------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["erased", "killed", "begun again"])
@pytest.mark.parametrize("step", some(EXPORTING))
def test_while_it_is_exported(site: Site, case: Case, step: str, first: str) -> None:
    wipe(site)
    case.pk = site.hand("put", case.name, case.text)
    site.hand("put", f"other-{case.name}", "# Meals\n\nDrinks cost two euros on weekdays.")
    site.ready()
    site.halting(step)
    pk = site.hand("export")
    site.halts()
    # Who is in a transaction has the database for herself.
    if first == "erased" and "record_export" not in step:
        site.hand("erase", case.pk)
        site.kill()
    else:
        site.kill()
        if first == "begun again":
            site.hand("lapse")
            site.until("it is done", lambda now: now["transfers"][pk]["status"] == "done")
        site.hand("erase", case.pk)
    site.hand("lapse")
    ends = "ended" if first == "begun again" else "done"
    site.until("it is over", lambda now: now["transfers"][pk]["status"] == ends)
    if ends == "done":
        assert case.mark not in site.hand("members", pk)
    check(site, case)


@BOTH
@pytest.mark.parametrize("step", some(BRINGING))
def test_while_an_archive_with_it_is_taken_in(
    site: Site, case: Case, step: str, first: str
) -> None:
    wipe(site)
    case.pk = site.hand("put", case.name, case.text)
    site.ready()
    made = site.hand("export")
    site.until("it is done", lambda now: now["transfers"][made]["status"] == "done")
    site.halting(step)
    pk = site.hand("bring", made)
    site.halts()
    if first == "erased":
        site.hand("erase", case.pk)
        site.kill()
    else:
        site.kill()
        site.hand("erase", case.pk)
    site.hand("lapse")
    site.until("it asks", lambda now: now["transfers"][pk]["status"] == "asking")
    assert site.state()["transfers"][pk]["erased"] == 1
    site.hand("give_up", pk)
    site.until(
        "nothing of it is left",
        lambda now: {row["collection_id"] for row in now["documents"]} == {site.collection},
    )
    check(site, case)
