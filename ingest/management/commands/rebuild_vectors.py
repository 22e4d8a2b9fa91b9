"""`manage.py rebuild_vectors`: Chroma's index anew from the database; what was erased leaves its files."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest import chroma_files, refill, store
from ingest.models import Collection
from ingest.renewing import renewing


class Command(BaseCommand):
    help = "Make the vector index of every collection anew from the database."

    def handle(self, *_: Any, **__: Any) -> None:
        written = 0
        try:
            with renewing(wait=True):
                for pk in Collection.objects.filter(erasing=False).values_list("id", flat=True):
                    written += refill.rebuild(pk)
                chroma_files.clean()
        except store.StoreUnavailable as error:
            raise CommandError(str(error.detail)) from error
        self.stdout.write(f"{written} vectors written.")
