"""`manage.py reindex`: words and vectors anew from the database; or, with --again or --embedder, another
embedder or today's rules that cut documents, without a gap."""

import json
import time
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from audit.problems import Problem
from inference.protocol import ModelsUnavailable
from ingest import indexes, rebuild, rebuild_state, reindex
from ingest.models import Index
from ingest.rebuild_state import State
from ingest.store import StoreUnavailable

POLL_SECONDS = 2.0
BAR = 30


class Command(BaseCommand):
    help = (
        "Make words and vectors of collections anew from the database, while people ask: nothing is read "
        "or embedded again, and an interrupted run goes on. With --again or --embedder: build a second "
        "index beside the one in use by today's rules; workers do it, people's files go first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("collections", nargs="*", type=UUID, help="ids; default: all")
        parser.add_argument(
            "--anew", action="store_true", help="do not go on with an interrupted run"
        )
        parser.add_argument("--json", action="store_true", help="tell what there is as JSON")
        parser.add_argument(
            "--again",
            action="store_true",
            help="cut and embed again, by today's rules and settings",
        )
        parser.add_argument("--embedder", default="", help="the same, with this embedder")
        parser.add_argument(
            "--keep", action="store_true", help="the same: keep the index in use until --activate"
        )
        parser.add_argument("--wait", action="store_true", help="tell how far it is until it ends")
        other = parser.add_mutually_exclusive_group()
        other.add_argument("--status", action="store_true", help="say what there is")
        other.add_argument("--activate", action="store_true", help="put what was built to use")
        other.add_argument("--give-up", action="store_true", help="end the build, erase it")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            self._do(options)
        except (Problem, ModelsUnavailable, StoreUnavailable) as error:
            raise CommandError(f"{error.code}: {error.detail}") from error

    def _do(self, options: dict[str, Any]) -> None:
        if options["status"]:
            self._status(as_json=options["json"])
        elif options["give_up"]:
            reindex.give_up(None, _building())
            self.stdout.write("Given up. What was made is erased by a worker.")
        elif options["activate"]:
            self._activate()
        elif options["again"] or options["embedder"] or options["keep"]:
            if options["collections"]:
                raise CommandError("An index has all collections: name none with --again.")
            self._begin(options)
        else:
            self._rebuild(options)
        if options["wait"]:
            self._wait()

    def _rebuild(self, options: dict[str, Any]) -> None:
        """A bar for people; for programs nothing but the end."""
        shows = not options["json"] and self.stderr.isatty()
        made = rebuild.rebuild(
            options["collections"], told=self._bar if shows else None, anew=options["anew"]
        )
        if shows:
            self.stderr.write("\r" + " " * 79 + "\r", ending="")
        if options["json"]:
            self.stdout.write(json.dumps(made.as_json()))
        else:
            self.stdout.write(
                ("Went on where it was interrupted. " if made.went_on else "")
                + f"{made.documents} documents in {made.collections} collections: {made.passages} "
                f"passages and {made.vectors} vectors written in {made.seconds} s."
            )
        if not made.is_whole:
            missing = sorted({*made.by_words, *made.by_vectors})
            raise CommandError(f"Not found in the check: {', '.join(missing)}. Run it again.")

    def _bar(self, state: State) -> None:
        share = min(1.0, state.done / max(1, state.total))
        filled = "#" * int(BAR * share)
        text = f"{state.at + 1}/{len(state.collections)} {state.part} {state.done} of {state.total}"
        self.stderr.write(f"\r[{filled:.<{BAR}}] {text:<45}", ending="")
        self.stderr.flush()

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

    def _status(self, *, as_json: bool = False) -> None:
        indexes.active()
        at = rebuild_state.read()
        if as_json:
            found = [_as_json(index) for index in Index.objects.order_by("created_at")]
            rebuilt = at.as_json() if at else None
            self.stdout.write(json.dumps({"indexes": found, "rebuild": rebuilt}))
            return
        if at:
            self.stdout.write(
                f"Being made anew from the database, or interrupted: {at.part} of collection "
                f"{at.at + 1} of {len(at.collections)}, {at.done} of {at.total} documents."
            )
        for index in Index.objects.order_by("created_at"):
            self.stdout.write(_line(index))
        if reindex.stale():
            self.stdout.write(
                "The settings name another embedder, or the rules are newer than the index in use: "
                "`manage.py reindex --again` builds what they say."
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


def _as_json(index: Index) -> dict[str, Any]:
    said = {"id": str(index.pk), "state": index.state}
    said |= {"embedder": index.embedder, "chunking": index.chunking}
    if index.state != Index.State.BUILDING:
        return said
    return {**said, "progress": asdict(reindex.progress(index))}


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
