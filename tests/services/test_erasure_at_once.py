"""An erasure and a sync, an export or an import at the same moment, on PostgreSQL: whichever is first, what
was erased is not there afterwards."""

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from accounts.models import User
from ingest import erase
from ingest.models import Collection, Document, Receipt, SourceItem, SyncSource
from ingest.moving import jobs, work
from tests.ingest.conftest import Add, add, put  # noqa: F401 (fixtures)
from tests.ingest.test_moving_races import words_of
from tests.services.test_races import at_once
from tests.sources.conftest import Make, cycle, living, make, share, watched  # noqa: F401 (fixtures)

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]
ROUNDS = range(8)
SECRET = "# Lanterns\n\nCornelia Vanderhoek lights 4417 thistledown lanterns before midnight."


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("NO RACE WAS RUN: `make test-services` brings PostgreSQL")


def later(number: int, deed: Callable[[], object]) -> Callable[[], object]:
    """A little later in each round."""

    def call() -> object:
        time.sleep(number * 0.01)
        return deed()

    return call


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": lambda folder: (folder / "a.md").write_text(f"{SECRET} Since May."),
    "copied": lambda folder: (folder / "b.md").write_text(SECRET),
    "moved": lambda folder: (folder / "a.md").rename(folder / "b.md"),
    "gone": lambda folder: (folder / "a.md").unlink(),
}


@pytest.mark.parametrize("number", ROUNDS)
@pytest.mark.parametrize("change", CHANGES)
def test_with_a_run_over_its_source(
    watched: SyncSource,  # noqa: F811
    share: Path,  # noqa: F811
    alice: User,
    change: str,
    number: int,
) -> None:
    (share / "a.md").write_text(SECRET)
    (share / "other.md").write_text("# Meals\n\nMeals cost five euros.")
    cycle(watched)
    document = Document.objects.get(name="a.md")
    CHANGES[change](share)
    done = at_once(
        lambda: cycle(watched), later(number, lambda: erase.erase_document(alice, document))
    )
    asked = any(isinstance(each, Receipt) for each in done)
    assert asked or change == "gone"
    watched.refresh_from_db()
    assert watched.error_code == ""
    for _ in range(2):
        assert cycle(watched).error_code == ""
    assert list(living(watched.collection)) == ["Share/other.md"]
    if change != "gone":
        count = 2 if change == "copied" else 1
        assert SourceItem.objects.filter(left_out=True).count() == count


@pytest.mark.parametrize("number", ROUNDS)
def test_with_an_export(
    add: Add,  # noqa: F811
    alice: User,
    collection: Collection,
    number: int,
) -> None:
    document = add("leave.md", SECRET)
    add("meals.md", "# Meals\n\nMeals cost five euros.")
    made = jobs.begin_export(alice, collection)
    at_once(lambda: work.run(made.pk), later(number, lambda: erase.erase_document(alice, document)))
    made.refresh_from_db()
    if made.status == "queued":
        work.run(made.pk)
        made.refresh_from_db()
    if made.status == "ended":
        assert made.error_code == "export-withdrawn"
        return
    assert made.status == "done"
    with jobs.download(alice, made) as file:
        assert b"thistledown" not in words_of(file.read())


@pytest.mark.parametrize("number", ROUNDS)
def test_with_an_import(
    add: Add,  # noqa: F811
    alice: User,
    collection: Collection,
    number: int,
) -> None:
    """It was taken in before that, or it asks."""
    document = add("leave.md", SECRET)
    export = jobs.begin_export(alice, collection)
    work.run(export.pk)
    with jobs.download(alice, export) as file:
        made = jobs.begin_import(alice, io.BytesIO(file.read()))
    done = at_once(
        lambda: work.run(made.pk), later(number, lambda: erase.erase_document(alice, document))
    )
    receipt = next(each for each in done if isinstance(each, Receipt))
    for _ in range(2):
        made.refresh_from_db()
        if made.status == "queued":
            work.run(made.pk)
    made.refresh_from_db()
    if made.status == "done":
        assert made.finished_at and receipt.requested_at
        assert Document.objects.filter(collection=made.collection).count() == 1
    else:
        assert (made.status, made.erased) == ("asking", 1)


@pytest.mark.parametrize("number", ROUNDS)
def test_two_people_and_a_source_at_one_document(
    watched: SyncSource,  # noqa: F811
    share: Path,  # noqa: F811
    alice: User,
    erin: User,
    number: int,
) -> None:
    (share / "a.md").write_text(SECRET)
    cycle(watched)
    document = Document.objects.get()
    CHANGES["copied"](share)
    at_once(
        lambda: cycle(watched),
        later(number, lambda: erase.erase_document(alice, document)),
        later(number, lambda: erase.erase_document(erin, document)),
    )
    assert Receipt.objects.filter(document_id=document.pk).count() == 1
    cycle(watched)
    assert living(watched.collection) == {}
