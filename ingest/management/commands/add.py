"""`manage.py add FILE_OR_FOLDER --collection NAME`: documents from this machine, with a progress bar."""

from argparse import ArgumentParser
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any, cast
from uuid import UUID

from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from accounts.models import User
from audit.problems import Problem
from ingest import claims, queue
from ingest.access import EDITOR, collections_for
from ingest.collections import create_collection
from ingest.inside import inside
from ingest.models import Collection, Document
from ingest.pipeline import process
from ingest.upload import upload
from ingest.walk import files_under

POLL_SECONDS = 0.5
#: Longer without any change means that a part of the product is not running.
PATIENCE_SECONDS = 180
STUCK = (
    "Still waiting. Run `manage.py doctor` to see which part is not running; it goes on by itself."
)
OPEN = (Document.Status.QUEUED, Document.Status.PROCESSING)


@dataclass
class _Run:
    """What became of the files of one call."""

    added: list[UUID] = field(default_factory=list)
    known: int = 0
    replaced: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


class Command(BaseCommand):
    help = "Add a file or a folder to a collection and wait until it can be searched."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("place", type=Path, metavar="FILE_OR_FOLDER")
        parser.add_argument("--collection", required=True, metavar="NAME", help="name or id")
        parser.add_argument(
            "--create", action="store_true", help="make the collection if it is missing"
        )
        parser.add_argument(
            "--owner", metavar="EMAIL", help="who uploads; manager of a new collection"
        )
        parser.add_argument(
            "--no-wait", action="store_true", help="return as soon as all is queued"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        place: Path = options["place"]
        if not place.exists():
            raise CommandError(f"There is no {place}. Name a file or a folder.")
        files = list(files_under(place))
        if not files:
            raise CommandError(f"There are no files in {place}.")
        owner = _owner(options["owner"])
        collection = _collection(options["collection"], owner, create=options["create"])
        console = Console(file=cast("IO[str]", self.stdout._out), highlight=False)
        run = _Run()
        with _bar(console) as bar:
            _upload(bar, files, collection, owner, run)
            if not options["no_wait"]:
                _wait(bar, run)
        _summary(console, run, waited=not options["no_wait"])
        if run.failures:
            raise SystemExit(1)


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _owner(email: str | None) -> User | None:
    if not email:
        return None
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    if user is None:
        raise CommandError(f"Nobody signs in as {email}. Name a person who does.")
    return user


def _collection(name: str, owner: User | None, *, create: bool) -> Collection:
    """The one collection of that name or id, of the owner's where one is named."""
    visible = collections_for(owner, EDITOR) if owner else Collection.objects.filter(erasing=False)
    try:
        found = list(visible.filter(pk=UUID(name)))
    except ValueError:
        found = list(visible.filter(name=name)[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"More than one collection is named {name}. Give its id instead.")
    if not create:
        raise CommandError(f"There is no collection {name}. Add --create to make it.")
    manager = owner or _only_administrator()
    try:
        return create_collection(manager, name=name)
    except Problem as error:
        raise CommandError(str(error.detail)) from error


def _only_administrator() -> User:
    administrators = list(User.objects.filter(is_admin=True, is_active=True)[:2])
    if len(administrators) != 1:
        raise CommandError("Say who is to manage the new collection: --owner EMAIL.")
    return administrators[0]


def _upload(
    bar: Progress,
    files: list[tuple[Path, str]],
    collection: Collection,
    owner: User | None,
    run: _Run,
) -> None:
    for file, path in bar.track(files, description="Uploading"):
        shown = f"{path}/{file.name}" if path else file.name
        try:
            with file.open("rb") as opened:
                taken = upload(owner, collection, File(opened), name=file.name, path=path)
        except Problem as error:
            run.failures.append((shown, str(error.detail)))
        except OSError as error:
            run.failures.append((shown, f"{error.strerror}."))
        else:
            run.known += not taken.created
            run.replaced += taken.replaces is not None
            run.added.append(taken.document.pk)


def _wait(bar: Progress, run: _Run) -> None:
    """Follow the documents to their end; without a worker, do its work in this process."""
    task = bar.add_task("Reading  ", total=len(run.added))
    here = not queue.workers()
    waiting, changed = _open(run), monotonic()
    while waiting and monotonic() - changed < PATIENCE_SECONDS:
        total = _mine(run).count()
        bar.update(task, completed=total - len(waiting), total=total)
        if here:
            _work([pk for pk, *_ in waiting])
        now = _open(run)
        if now == waiting:
            sleep(POLL_SECONDS)
        else:
            waiting, changed = now, monotonic()
    total = _mine(run).count()
    bar.update(task, completed=total - len(waiting), total=total)
    ended = _mine(run)
    failed = ended.filter(status=Document.Status.FAILED)
    run.failures += [(_shown(document), document.error_detail) for document in failed]
    stuck = ended.filter(pk__in=[pk for pk, *_ in waiting])
    run.failures += [(_shown(document), STUCK) for document in stuck]


def _work(waiting: list[UUID]) -> None:
    """What a worker does: the first that does not rest."""
    for pk in waiting:
        if claim := claims.take(pk):
            process(claim)
            return


def _mine(run: _Run) -> QuerySet[Document]:
    """What was added, and what was unpacked from it."""
    living = Document.objects.exclude(status=Document.Status.ERASING)
    return living.filter(pk__in={*run.added, *inside(run.added)})


def _shown(document: Document) -> str:
    return f"{document.path}/{document.name}" if document.path else document.name


def _open(run: _Run) -> list[tuple[UUID, str, float, int]]:
    """Those that are not at their end yet and how far they are, the waiting ones first."""
    rows = _mine(run).filter(status__in=OPEN).order_by("turn", "created_at")
    waiting = [row for row in rows if row.status == Document.Status.QUEUED]
    working = [row for row in rows if row.status != Document.Status.QUEUED]
    return [(row.pk, row.stage, row.progress, row.done) for row in waiting + working]


def _summary(console: Console, run: _Run, *, waited: bool) -> None:
    new = len(run.added) - run.known
    console.print(f"{new} added, {run.known} already there, {len(run.failures)} failed.")
    if run.replaced:
        console.print(f"{run.replaced} of them replace an older version when they are ready.")
    if not waited and new:
        console.print("They are being read now; the collection's page shows how far they are.")
    if run.failures:
        table = Table(title="Failed", title_justify="left")
        for column in ("File", "What to do"):
            table.add_column(column, overflow="fold")
        for name, detail in run.failures:
            table.add_row(escape(name), escape(detail))
        console.print(table)
