"""The figures of docs/sources.md: many files, few of them touched."""

import shutil
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any
from unittest import mock

import pytest

from ingest.models import Collection, SourceItem, SyncSource
from ingest.sources.base import Item, Place
from ingest.sources.folder import FolderSource
from tests.sources.conftest import counted, cycle, living

pytestmark = [pytest.mark.django_db, pytest.mark.long]


def fill(share: Path, count: int) -> None:
    for number in range(count):
        folder = share / f"folder{number % 20}"
        folder.mkdir(exist_ok=True)
        (folder / f"file{number}.txt").write_text(f"Number {number}. " * 40)


def test_of_500_files_only_those_touched_are_read(
    watched: SyncSource, share: Path, collection: Collection, record_property: Any
) -> None:
    fill(share, 500)
    began = monotonic()
    assert counted(cycle(watched)) == {"new": 500}
    first, began = monotonic() - began, monotonic()
    cycle(watched)
    nothing = monotonic() - began
    files = sorted(share.rglob("*.txt"))
    for file in files[:50]:
        file.write_text(f"{file.name} changed.")
    for file in files[50:70]:
        file.rename(share / f"moved-{file.name}")
    for file in files[70:80]:
        file.unlink()
    read: list[str] = []
    real = FolderSource.fetch

    def fetch(self: FolderSource, item: Item) -> Any:
        read.append(item.path)
        return real(self, item)

    with mock.patch.object(FolderSource, "fetch", fetch):
        began = monotonic()
        run = cycle(watched)
    touched = monotonic() - began
    assert counted(run) == {"changed": 50, "moved": 20, "gone": 10} and len(read) == 50
    print(f"500 new {first:.1f} s, nothing {nothing:.2f} s, 80 touched {touched:.1f} s")  # noqa: T201
    record_property("seconds", [first, nothing, touched])


def test_ten_thousand_files(
    watched: SyncSource,
    share: Path,
    collection: Collection,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(share, 10_000)
    settings.SOURCE_MAX_FILES = 9_999
    assert cycle(watched).error_code == "source-too-many"
    settings.SOURCE_MAX_FILES = 100_000
    # Others get their turn after a while, and the next message goes on. Each look at this clock takes a
    # second: on a slow machine the listing alone takes several real ones.
    with monkeypatch.context() as patched:
        patched.setattr("ingest.sync.monotonic", count().__next__)
        run = cycle(watched, seconds=100)
    assert run.counts["new"] == 100 and watched.last_success_at is None
    known = set(watched.items.values_list("digest", flat=True))
    items = FolderSource(str(share), Place(roots=(share,))).listing({})
    SourceItem.objects.bulk_create(
        SourceItem(
            source=watched,
            digest=item.digest,
            key=item.key,
            path=f"Share/{item.key.rpartition('/')[0]}",
            name=item.key.rpartition("/")[2],
            version=item.version,
            same=item.same,
            size=item.size,
        )
        for item in items
        if item.digest not in known
    )
    began = monotonic()
    run = cycle(watched)
    nothing = monotonic() - began
    assert counted(run) == {} and run.counts["unchanged"] == 10_000
    for number in range(19):
        shutil.rmtree(share / f"folder{number}")
    began = monotonic()
    assert counted(cycle(watched)) == {} and watched.deletions_waiting == 9_500
    assert len(living(collection)) == len(known)
    print(f"10,000 nothing {nothing:.1f} s, waiting {monotonic() - began:.1f} s")  # noqa: T201
