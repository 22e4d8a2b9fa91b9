"""`manage.py erase`: a document or a collection everywhere, with its proof; what came back, once more."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.http import Http404

from audit.problems import Problem
from ingest import erase, forgotten, proving, receipts, replay
from ingest.models import Collection, Document, Receipt
from ingest.store import StoreUnavailable


class Command(BaseCommand):
    help = (
        "Erase a document or a collection everywhere, by its id. With --now the vector store's files are "
        "made anew and every byte is looked through at once; else that is done at night."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("target", nargs="?", type=UUID, help="id of a document or collection")
        parser.add_argument("--now", action="store_true", help="prove it now, and what else waits")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="receipts as JSON")
        parser.add_argument(
            "--replay",
            nargs="*",
            type=Path,
            metavar="FILE",
            help="after a restore: erase again what was erased since, by these files "
            "(evidence/erased.jsonl, or an exported record); default: that of this folder",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            made = self._erased(options)
            proved = proving.prove(wait=True) if options["now"] else None
        except Problem as problem:
            raise CommandError(f"{problem.code}: {problem.detail}") from problem
        except StoreUnavailable as error:
            raise CommandError(str(error.detail)) from error
        fresh = list(Receipt.objects.filter(pk__in=[receipt.pk for receipt in made]))
        self._tell(fresh, as_json=options["json"])
        if proved and not options["json"]:
            self.stdout.write(
                f"{proved.proven} proven, {proved.found} with traces: {proved.bytes:,} bytes in "
                f"{proved.files:,} files, {proved.vectors:,} vectors made anew, {proved.seconds} s."
            )
        if any(receipt.state == Receipt.State.FOUND for receipt in fresh):
            raise CommandError("Something of it was found: the receipt says where.")

    def _erased(self, options: dict[str, Any]) -> list[Receipt]:
        if options["replay"] is not None:
            return self._replayed(options["replay"] or [forgotten.ledger()])
        if options["target"] is None:
            if not options["now"]:
                raise CommandError("Give the id of a document or a collection.")
            return []
        return self._one(options["target"], yes=options["yes"])

    def _one(self, pk: UUID, *, yes: bool) -> list[Receipt]:
        document = Document.objects.filter(pk=pk).first()
        collection = Collection.objects.filter(pk=pk).first()
        if document is None and collection is None:
            raise CommandError("There is no such document or collection.")
        if not yes and not self._sure(document, collection):
            raise CommandError("Nothing was erased.")
        try:
            if document is not None:
                made = [erase.erase_document(None, document)]
                _finish_documents(made)
            else:
                assert collection is not None  # noqa: S101 (one of both)
                made = erase.erase_collection(None, collection)
                erase.finish_collection(collection.pk)
        except Http404 as error:
            raise CommandError("It is being erased already.") from error
        return made

    def _sure(self, document: Document | None, collection: Collection | None) -> bool:
        count = 1 if document else collection.documents.count() if collection else 0
        name = (document or collection) and str(document or collection)
        answer = input(f"Erase “{name}” ({count} documents) for good? Type yes: ")
        return answer.strip().lower() == "yes"

    def _replayed(self, files: list[Path]) -> list[Receipt]:
        missing = [file for file in files if not file.exists()]
        if missing:
            raise CommandError(f"There is no file {missing[0]}.")
        again = replay.replay(files)
        for pk in again.held:
            self.stderr.write(f"{pk}: under a legal hold; it stays.")
        if again.remembered:
            self.stdout.write(f"{again.remembered} erasures are remembered again.")
        _finish_documents(again.receipts)
        for pk in again.collections:
            erase.finish_collection(pk)
        return again.receipts

    def _tell(self, made: list[Receipt], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps([receipts.as_json(each) for each in made], indent=1))
            return
        for receipt in made:
            self.stdout.write(f"{receipt.pk} document {receipt.document_id}: {receipt.state}")
        if not made:
            self.stdout.write("Nothing was to be erased.")


def _finish_documents(made: list[Receipt]) -> None:
    """Here and now; what a worker is still writing, it or the sweep finishes."""
    for receipt in made:
        for pk in Receipt.objects.filter(
            document_id=receipt.document_id, finished_at__isnull=True
        ).values_list("document_id", flat=True):
            erase.finish_document(pk)
