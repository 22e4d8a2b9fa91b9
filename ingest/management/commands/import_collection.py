"""`manage.py import_collection`: a new collection from an archive, for the person who is named."""

from argparse import ArgumentParser
from pathlib import Path
from time import monotonic, sleep
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from audit.problems import Problem
from ingest.models import Transfer
from ingest.moving import jobs, sealed, work
from ingest.moving.archive import ArchiveError
from ingest.moving.passphrase import passphrase_in
from ingest.reasons import sentence
from ingest.vault import Unreadable

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 60


class Command(BaseCommand):
    help = (
        "Make a new collection from an archive. All hashes are compared first; what fails leaves "
        "nothing; one that is killed is gone on with by a worker."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--owner", required=True, help="e-mail of the person who will manage it"
        )
        parser.add_argument("--passphrase-file", type=Path)
        parser.add_argument(
            "--with-erased",
            type=int,
            help="so many documents of it were erased here: take them all",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        owner = User.objects.filter(email__iexact=options["owner"], is_active=True).first()
        if owner is None:
            raise CommandError("There is nobody with this e-mail.")
        try:
            with options["file"].open("rb") as file:
                made = jobs.begin_import(owner, self._plain(file, options["passphrase_file"]))
        except (ArchiveError, Unreadable) as error:
            raise CommandError(f"{error.code}: {sentence(error.code)}") from error
        except Problem as error:
            raise CommandError(f"{error.code}: {error.detail}") from error
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read.") from error
        self._run(owner, made, options["with_erased"])

    def _plain(self, file: BinaryIO, passphrase: Path | None) -> BinaryIO:
        locked = sealed.is_sealed(file.read(len(sealed.MAGIC)))
        file.seek(0)
        if not locked:
            return file
        if passphrase is None:
            raise ArchiveError("archive-locked")
        return sealed.reader(file, passphrase_in(passphrase))

    def _run(self, owner: User, made: Transfer, with_erased: int | None) -> None:
        self._work(made)
        if made.status == Transfer.Status.ASKING:
            if made.erased != with_erased:
                jobs.give_up(owner, made)
                raise CommandError(
                    f"{made.erased} documents of it were erased here on purpose. To take them all the "
                    f"same: --with-erased {made.erased}"
                )
            jobs.confirm(owner, made, made.erased)
            self._work(made)
        if made.status != Transfer.Status.DONE:
            raise CommandError(f"{made.error_code or made.status}: {made.reason}")
        counts = made.counts
        self.stdout.write(
            f"{made.collection_id}: {made.status}, {counts.get('documents', 0)} documents, "
            f"{counts.get('again', 0)} of them to be embedded anew. Signed by {made.signed_by}."
        )

    def _work(self, made: Transfer) -> None:
        """Until it has ended, or asks: a worker may have been faster, or goes on with it."""
        told = monotonic() + PATIENCE_SECONDS
        while True:
            work.run(made.pk)
            made.refresh_from_db()
            if made.status not in (Transfer.Status.QUEUED, Transfer.Status.RUNNING):
                return
            if monotonic() > told:
                self.stderr.write("Still at it, or waiting: `manage.py doctor` says for what.")
                told = monotonic() + PATIENCE_SECONDS
            sleep(POLL_SECONDS)
