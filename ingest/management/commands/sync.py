"""`manage.py sync [SOURCE] [--now]`: the sources of all collections, or one read here and now."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from ingest import sync
from ingest.models import SyncSource
from ingest.sync_manage import is_stale


class Command(BaseCommand):
    help = "List what collections are kept in step with; --now reads it here, without the workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", nargs="?", metavar="SOURCE", help="its name or id")
        parser.add_argument("--now", action="store_true", help="read it now and wait for the end")

    def handle(self, *_: Any, **options: Any) -> None:
        found = _named(options["source"])
        if not options["now"]:
            for source in found:
                self.stdout.write(_line(source))
            return
        failed = [source.name for source in found if not self._read(source)]
        if failed:
            raise CommandError(f"Not in step: {', '.join(failed)}.")

    def _read(self, source: SyncSource) -> bool:
        """Read it to its end; False where that failed."""
        while True:
            SyncSource.objects.filter(pk=source.pk).update(next_at=timezone.now())
            run = sync.run(source.pk)
            if run is None:
                self.stderr.write(f"{source.name}: paused, or being read by another process")
                return False
            source.refresh_from_db()
            counts = ", ".join(f"{number} {name}" for name, number in run.counts.items())
            self.stdout.write(f"{source.name}: {run.error_code or counts or 'nothing'}")
            if run.error_code or source.next_at > timezone.now():
                return not run.error_code


def _named(word: str | None) -> QuerySet[SyncSource]:
    rows = SyncSource.objects.select_related("collection").order_by("collection__name", "name")
    if not word:
        return rows
    try:
        found = rows.filter(pk=UUID(word))
    except ValueError:
        found = rows.filter(name=word)
    if not found.exists():
        raise CommandError(f"There is no source {word}.")
    return found


def _line(source: SyncSource) -> str:
    state = "paused" if source.paused else source.error_code or ("late" if is_stale(source) else "")
    last = f"{source.last_success_at:%Y-%m-%d %H:%M}" if source.last_success_at else "never"
    parts = [str(source.pk), source.kind, f"{source.collection.name} / {source.name}", last, state]
    return "  ".join(part for part in parts if part)
