"""Documents that went through the real pipeline: real Chroma, fake models for speed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.db.models import QuerySet

from accounts.models import User
from ingest import chroma, convert
from ingest.embed import texts
from ingest.exact import matrices
from ingest.models import Chunk, Collection, Document
from ingest.pipeline import process_document
from ingest.upload import Uploaded, upload

Put = Callable[..., Uploaded]
Add = Callable[..., Document]


def held_vectors(collection_id: UUID) -> int:
    """How many vectors Chroma holds of a collection, whatever index they belong to."""
    return sum(chroma.count(name) for name in chroma.names(starts=collection_id.hex))


def made_vectors(chunks: QuerySet[Chunk]) -> int:
    """How many vectors the passages have: one of the whole, one of each piece."""
    return sum(len(texts(*row)) for row in chunks.values_list("context", "text"))


@pytest.fixture
def on_disk(transactional_db: None, tmp_path: Path, settings: Any, vectors: str) -> Iterator[Path]:
    """A data folder whose bytes can be looked at: the database is a file in it, not memory. Chroma's
    files are those of the run's server."""
    if connection.vendor != "sqlite":
        pytest.skip("bytes of PostgreSQL lie elsewhere")
    folder = tmp_path / "data"
    folder.mkdir()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(folder / "db.sqlite3")])
    settings.DATA_DIR, settings.MEDIA_ROOT = folder, folder / "documents"
    settings.EVIDENCE_DIR = folder / "evidence"
    settings.MASTER_KEY_FILE = folder / "secrets" / "master_key"
    memory, name = connection.connection, connection.settings_dict["NAME"]
    connection.connection, connection.settings_dict["NAME"] = None, str(folder / "db.sqlite3")
    try:
        yield folder
    finally:
        connection.close()
        connection.connection, connection.settings_dict["NAME"] = memory, name


@pytest.fixture
def folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own: rows of other tests are rolled back, their files are not, and
    whoever counts what is left behind would count those too."""
    settings.DATA_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "documents"
    settings.MASTER_KEY_FILE = tmp_path / "secrets" / "master_key"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(convert, "places", lambda: [scratch, scratch])
    return tmp_path


@pytest.fixture
def whole_passages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passage has one vector, so that vectors count passages."""
    monkeypatch.setattr("ingest.embed.pieces", lambda _text: ())


@pytest.fixture(autouse=True)
def _no_kept_vectors() -> None:
    matrices.clear()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read here is quick work, however busy the machine is."""
    monkeypatch.setattr("ingest.pipeline.QUICK_SECONDS", 3_600.0)


@pytest.fixture
def put(alice: User, collection: Collection) -> Put:
    """`put("name.txt", "text")` uploads as Alice."""

    def make(
        name: str,
        data: str | bytes,
        *,
        into: Collection | None = None,
        user: User | None = None,
        path: str = "",
    ) -> Uploaded:
        raw = data.encode() if isinstance(data, str) else data
        return upload(
            user or alice, into or collection, ContentFile(raw, name), name=name, path=path
        )

    return make


@pytest.fixture
def add(vectors: str, put: Put) -> Add:
    """`add("name.txt", "text")` uploads, processes and returns the document as it stands then."""

    def make(name: str, data: str | bytes, **where: object) -> Document:
        document = put(name, data, **where).document
        process_document(document.pk)
        document.refresh_from_db()
        if document.status == Document.Status.QUEUED and document.lane == Document.Lane.SLOW:
            process_document(document.pk)
            document.refresh_from_db()
        return document

    return make
