"""A folder of documents and its questions, put into the product and named the same way in both."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.product import Product
from evaluation.scores import Found

POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Corpus:
    """`document_of` maps an evidence's file to its document, `file_of` the other way.

    Two files of the same bytes are one document; its file is the first of them.
    """

    collection: UUID
    document_of: dict[str, UUID]
    file_of: dict[UUID, str]
    failed: dict[str, str]
    seconds: float

    def canonical(self, file: str) -> str:
        document = self.document_of.get(file)
        return self.file_of[document] if document else file

    def found(self, passages: Iterable[Any]) -> list[Found]:
        """Passages of the product (chat.rank.Passage) as the scores take them."""
        return [Found(each.text, self.file_of.get(each.document, "?")) for each in passages]


def read_questions(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def answerable_here(questions: Sequence[dict[str, Any]], corpus: Corpus) -> list[dict[str, Any]]:
    """The questions whose evidence files are all in the corpus, with canonical file names."""
    kept = []
    for question in questions:
        files = [item["file"] for item in question["evidence"]]
        if all(file in corpus.document_of for file in files):
            kept.append(
                {
                    **question,
                    "evidence": [
                        {**item, "file": corpus.canonical(item["file"])}
                        for item in question["evidence"]
                    ],
                    "also_in": [corpus.canonical(file) for file in question.get("also_in", ())],
                }
            )
    return kept


def ingest(product: Product, folder: Path, name: str) -> Corpus:
    """Upload every file of `folder` and wait until each is ready or failed.

    Files that are there already cost nothing: the product knows them by their bytes.
    """
    from django.core.files.base import File

    from ingest.collections import create_collection
    from ingest.models import Collection
    from ingest.upload import UploadRefused, upload

    started = time.monotonic()
    collection = Collection.objects.filter(name=name).first() or create_collection(
        product.user, name=name
    )
    document_of: dict[str, UUID] = {}
    file_of: dict[UUID, str] = {}
    failed: dict[str, str] = {}
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    for file in files:
        relative = file.relative_to(folder.parent)
        try:
            with file.open("rb") as handle:
                taken = upload(
                    product.user,
                    collection,
                    File(handle),
                    name=file.name,
                    path=relative.parent.as_posix(),
                )
        except UploadRefused as refused:
            failed[relative.as_posix()] = refused.code
            continue
        document_of[relative.as_posix()] = taken.document.pk
        file_of.setdefault(taken.document.pk, relative.as_posix())
    failed |= _wait(collection, file_of)
    return Corpus(collection.pk, document_of, file_of, failed, time.monotonic() - started)


def _wait(collection: Any, file_of: dict[UUID, str]) -> dict[str, str]:
    """Wait until nothing is in work; return the error code of each file that failed."""
    from ingest.models import Document

    documents = Document.objects.filter(collection=collection)
    busy = documents.filter(status__in=["queued", "processing"])
    last = 0
    while waiting := busy.count():
        if waiting != last:
            print(f"{waiting} documents in work", file=sys.stderr, flush=True)
        last = waiting
        time.sleep(POLL_SECONDS)
    return {
        file_of.get(document.pk, document.name): document.error_code
        for document in documents.filter(status="failed")
    }
