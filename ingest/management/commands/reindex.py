"""`manage.py reindex`: another embedder, or today's rules that cut documents, without a gap."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.problems import Problem
from inference.protocol import ModelsUnavailable
from ingest import indexes, reindex
from ingest.models import Index

POLL_SECONDS = 2.0


class Command(BaseCommand):
    help = (
        "Build a second index beside the one in use; workers do it, people's files go first. It is put "
        "to use when all documents are in it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--embedder", default="", help="default: that of the settings")
        parser.add_argument(
            "--keep", action="store_true", help="keep the index in use until --activate"
        )
        parser.add_argument("--wait", action="store_true", help="tell how far it is until it ends")
        other = parser.add_mutually_exclusive_group()
        other.add_argument("--status", action="store_true", help="say what there is")
        other.add_argument("--activate", action="store_true", help="put what was built to use")
        other.add_argument("--give-up", action="store_true", help="end the build, erase it")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            self._do(options)
        except (Problem, ModelsUnavailable) as error:
            raise CommandError(f"{error.code}: {error.detail}") from error

    def _do(self, options: dict[str, Any]) -> None:
        if options["status"]:
            self._status()
        elif options["give_up"]:
            reindex.give_up(None, _building())
            self.stdout.write("Given up. What was made is erased by a worker.")
        elif options["activate"]:
            self._activate()
        else:
            self._begin(options)
        if options["wait"]:
            self._wait()

    def _begin(self, options: dict[str, Any]) -> None:
        made = reindex.begin(
            None, embedder=options["embedder"], switch_when_built=not options["keep"]
        )
        total = reindex.progress(made).total
        self.stdout.write(
            f"{made.pk}: {total} documents, embedder {made.embedder}, rules {made.chunking}. "
            "See `manage.py reindex --status`."
        )

    def _activate(self) -> None:
        if reindex.activate(None, _building()):
            self.stdout.write("In use.")
        else:
            self.stdout.write("Documents are missing in it; it is put to use when they are there.")

    def _status(self) -> None:
        indexes.active()
        for index in Index.objects.order_by("created_at"):
            self.stdout.write(_line(index))
        if reindex.stale():
            self.stdout.write(
                "The settings name another embedder, or the rules are newer than the index in use: "
                "`manage.py reindex` builds what they say."
            )

    def _wait(self) -> None:
        while (index := reindex.building()) and not _is_kept(index):
            self.stdout.write(_line(index))
            time.sleep(POLL_SECONDS)
        self._status()


def _is_kept(index: Index) -> bool:
    """Built, and waiting for an administrator."""
    now = reindex.progress(index)
    return now.done == now.total and not index.switch_when_built


def _line(index: Index) -> str:
    line = f"{index.pk} {index.state}: embedder {index.embedder}, rules {index.chunking}"
    if index.state == Index.State.BUILDING:
        now = reindex.progress(index)
        line += f", {now.done} of {now.total} documents" + (f", {now.code}" if now.code else "")
    return line


def _building() -> Index:
    index = reindex.building()
    if index is None:
        raise CommandError("No index is being built.")
    return index
