"""`manage.py export_collection`: a collection as one archive, in a file of one's own."""

import os
from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from ingest.models import Collection
from ingest.moving import sealed, work
from ingest.moving.archive import ArchiveError
from ingest.moving.passphrase import passphrase_in
from ingest.moving.work import BeginAgain
from ingest.moving.writing import Hashed, write
from ingest.reasons import sentence


class Command(BaseCommand):
    help = (
        "Write a collection (documents, what was read, passages, vectors, golden questions) into one "
        "archive. The originals in it are plain: use --passphrase-file, or keep it as what it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("collection", type=UUID)
        parser.add_argument("file", type=Path, help="must not be there yet")
        parser.add_argument("--passphrase-file", type=Path, help="encrypt with its first line")

    def handle(self, *_: Any, **options: Any) -> None:
        collection = Collection.objects.filter(pk=options["collection"], erasing=False).first()
        if collection is None:
            raise CommandError("no-such-collection: there is no collection with this id.")
        secret = passphrase_in(options["passphrase_file"]) if options["passphrase_file"] else b""
        draft = options["file"].with_name(options["file"].name + ".part")
        if options["file"].exists():
            raise CommandError(f"{options['file']} is there already.")
        try:
            self._write(collection, draft, options["file"], secret)
        except ArchiveError as error:
            raise CommandError(f"{error.code}: {sentence(error.code)}") from error
        except BeginAgain as error:
            raise CommandError("A document was erased meanwhile: run it again.") from error
        finally:
            draft.unlink(missing_ok=True)

    def _write(self, collection: Collection, draft: Path, file: Path, secret: bytes) -> None:
        start = perf_counter()
        descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            plain = sealed.writer(opened, secret) if secret else None
            hashed = Hashed(plain or opened)
            made = write(None, collection, hashed, lambda _done, _total: None)
            if plain:
                plain.finish()
            opened.flush()
            os.fsync(opened.fileno())
            with transaction.atomic():
                work.require_living(made)
                work.record_export(None, collection, made, hashed)
            draft.replace(file)
        self.stdout.write(
            f"{len(made.documents)} documents, {made.passages} passages, {hashed.bytes} bytes in "
            f"{perf_counter() - start:.1f} s. SHA-256 of the archive: {hashed.sha256}"
        )
        if not secret:
            self.stdout.write("It is not encrypted, whatever the data folder is.")
