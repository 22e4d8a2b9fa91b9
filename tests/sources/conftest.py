"""Sources of real files and real servers on loopback, and the collection that follows them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from ingest import sync
from ingest.models import Collection, Document, SyncRun, SyncSource
from ingest.pipeline import process_document

Make = Callable[..., SyncSource]
Cycle = Callable[..., SyncRun]


@pytest.fixture
def share(tmp_path: Path, settings: Any) -> Path:
    """A folder that may be watched."""
    folder = tmp_path / "share"
    folder.mkdir()
    settings.SOURCE_ROOTS = [str(folder)]
    return folder


@pytest.fixture
def secrets(tmp_path: Path, settings: Any) -> Path:
    """Where secret files lie."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    settings.SOURCE_SECRETS_DIR = str(folder)
    return folder


@pytest.fixture
def make(collection: Collection) -> Make:
    def made(kind: str = "folder", name: str = "Share", **fields: Any) -> SyncSource:
        return SyncSource.objects.create(collection=collection, kind=kind, name=name, **fields)

    return made


@pytest.fixture
def watched(make: Make, share: Path) -> SyncSource:
    return make(settings={"path": str(share)})


def cycle(source: SyncSource, **options: Any) -> SyncRun:
    """One run over a source, now."""
    SyncSource.objects.filter(pk=source.pk).update(next_at=timezone.now())
    run = sync.run(source.pk, **options)
    assert run is not None
    source.refresh_from_db()
    run.refresh_from_db()
    return run


def read_all() -> None:
    """What the workers do: every document that waits is read."""
    while waiting := Document.objects.filter(status=Document.Status.QUEUED).first():
        process_document(waiting.pk)


def living(collection: Collection) -> dict[str, str]:
    """Path and SHA-256 of what is not being erased."""
    rows = collection.documents.exclude(status=Document.Status.ERASING)
    return {f"{row.path}/{row.name}": row.sha256 for row in rows}


def counted(run: SyncRun) -> dict[str, int]:
    """Counts without those of what was looked at."""
    return {key: value for key, value in run.counts.items() if key not in ("seen", "unchanged")}
