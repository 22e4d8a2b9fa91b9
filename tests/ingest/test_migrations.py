"""What an older release kept is found as before after the migrations of indexes."""

from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from ingest.models import Chunk, Index

pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]


def to(*targets: tuple[str, str]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets))
    return MigrationExecutor(connection).loader.project_state(list(targets)).apps


def latest() -> list[tuple[str, str]]:
    return list(MigrationExecutor(connection).loader.graph.leaf_nodes())


def test_passages_of_an_older_release_become_the_index_in_use() -> None:
    newest = latest()
    with connection.schema_editor() as editor:
        for model in (Chunk, Index):
            editor.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608
    try:
        old = to(("ingest", "0006_index_of_chunks"))
        index = old.get_model("ingest", "Index").objects.create(
            id=uuid4(), state="active", embedder="e5", chunking="1", activated_at=timezone.now()
        )
        collection = old.get_model("ingest", "Collection").objects.create(name="Old")
        document = old.get_model("ingest", "Document").objects.create(
            collection=collection, name="a.txt", sha256="0" * 64, status="ready"
        )
        old.get_model("ingest", "Chunk").objects.create(
            index=index,
            document=document,
            ordinal=0,
            text="a",
            start=0,
            end=1,
            vector=np.ones(384, "<f2").tobytes(),
        )
    finally:
        to(*newest)
    assert Index.objects.get(pk=index.pk).dimension == 384
