"""`manage.py load_samples`: the sample handbook, once. Run again, it changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest.samples import load_samples
from ingest.upload import UploadRefused


class Command(BaseCommand):
    help = "Load the sample handbook as a collection that everyone may read."

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            taken = load_samples()
        except UploadRefused as error:
            raise CommandError(str(error.detail)) from error
        self.stdout.write(
            f"Sample handbook: {taken} documents taken."
            if taken
            else "Sample handbook: nothing to do."
        )
