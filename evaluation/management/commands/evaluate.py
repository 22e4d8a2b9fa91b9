"""`manage.py evaluate`: ask golden questions of the product that runs, and say what it is worth."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.models import User
from audit.problems import Problem
from chat.assistant_access import usable
from evaluation import claims
from evaluation.access import get_run, runs_for, sets_for
from evaluation.compare import Comparison, compare
from evaluation.imports import MOST_BYTES, ImportRefused, import_questions
from evaluation.markdown import comparison_as_markdown, run_as_markdown
from evaluation.measures import ANSWERS, FAULTS, RETRIEVAL
from evaluation.models import QuestionSet, Result, Run
from evaluation.runs import start_run, summary_of
from evaluation.schemas import comparison_out, results_out, run_detail
from evaluation.sets import create_set
from evaluation.work import work
from ingest.access import collections_for
from ingest.models import Index

UNDER, STOPPED = 3, 130

Options = Mapping[str, Any]
Row = TypeVar("Row", bound=Model)


class Command(BaseCommand):
    help = """Ask golden questions of the product that runs, and say what it is worth.

    manage.py evaluate --set NAME
    manage.py evaluate --questions FILE --collection NAME

A file becomes a set of its name, which a later run of the file changes. Progress goes to stderr,
Markdown to stdout. Ends with 0; 1 where nothing could be asked, or the run did not get to its end;
3 where a score is worse than --fail-under; 130 where it was stopped."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        kwargs["formatter_class"] = RawDescriptionHelpFormatter
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        asked = parser.add_mutually_exclusive_group(required=True)
        asked.add_argument("--set", help="the name of a set")
        asked.add_argument("--questions", type=Path, metavar="FILE", help="a .jsonl or .csv")
        parser.add_argument("--collection", metavar="NAME", help="what --questions are about")
        parser.add_argument("--kind", choices=Run.Kind.values, default="retrieval")
        parser.add_argument("--label", default="", help="what the run is called in lists")
        parser.add_argument("--model", default="", help="the chat model that answers")
        parser.add_argument(
            "--mode", choices=Run.Mode.values, default="hybrid",
            help="of finding: without a reranker (fused), by meaning (dense) or words (lexical) alone",
        )  # fmt: skip
        parser.add_argument("--assistant", metavar="NAME", help="of answers: what they are put to")
        parser.add_argument("--index", type=UUID, metavar="ID", help="one that is not in use yet")
        parser.add_argument(
            "--as", dest="email", metavar="EMAIL", help="the administrator who asks"
        )
        parser.add_argument(
            "--compare", metavar="RUN", help="the id of an earlier run, or `last`: the one before"
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="all of it, for programs")
        parser.add_argument("--markdown", type=Path, metavar="FILE", help="as well as to stdout")
        parser.add_argument(
            "--fail-under", action="append", default=[], metavar="SCORE=SHARE", type=_bound,
            help="such as strict@5=0.7; may come again",
        )  # fmt: skip

    def handle(self, *_args: Any, **options: Any) -> None:
        user = asker(options["email"])
        try:
            found = self._set(user, options)
            before = earlier(user, found, options)
            run = self._run(user, found, options)
            comparison = compare(before, run) if before else None
        except ImportRefused as refused:
            lines = [f"line {fault.line}: {fault.text}" for fault in refused.faults]
            raise CommandError("\n".join([*lines, str(refused.detail)])) from refused
        except Problem as problem:
            raise CommandError(f"{problem.detail} ({problem.code})") from problem
        self._tell(user, run, comparison, options)
        self._end(run, options["fail_under"])

    def _set(self, user: User, options: Options) -> QuestionSet:
        if options["questions"] is None:
            return one(sets_for(user), options["set"], "set")
        if not options["collection"]:
            raise CommandError("Say which collection the questions are about: --collection NAME.")
        collection = one(collections_for(user), options["collection"], "collection")
        file: Path = options["questions"]
        try:
            with file.open("rb") as opened:
                data = opened.read(MOST_BYTES + 1)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        name = f"{file.stem} ({collection.name})"
        found = sets_for(user).filter(name__iexact=name).first()
        found = found or create_set(user, name=name, collections=[collection.pk])
        form = "csv" if file.suffix.casefold() == ".csv" else "jsonl"
        imported = import_questions(user, found, data, form)
        self.stderr.write(
            f"{imported.created} questions new, {imported.updated} changed, "
            f"{imported.unchanged} as they were."
        )
        return found

    def _run(self, user: User, found: QuestionSet, options: Options) -> Run:
        index = None
        if options["index"] and not (index := Index.objects.filter(pk=options["index"]).first()):
            raise CommandError("There is no index with this id.")
        names = ("kind", "label", "model", "mode")
        chosen = {name: options[name] for name in names}
        name = options["assistant"]
        assistant = one(usable(user), name, "assistant").pk if name else None
        run = start_run(user, found, index=index, assistant=assistant, send=False, **chosen)
        claim = claims.take(run.pk)
        if claim is None:
            raise CommandError("A worker took the run: look at its page.")
        try:
            work(claim, progress=self._progress, yielding=False)
        except KeyboardInterrupt:
            claims.end_now(claim)
        run.refresh_from_db()
        return run

    def _progress(self, done: int, total: int, result: Result) -> None:
        shown = "" if result.status == Result.Status.SCORED else f" {result.status}"
        self.stderr.write(f"{done}/{total} {result.key}{shown}")

    def _tell(self, user: User, run: Run, comparison: Comparison | None, options: Options) -> None:
        parts = [run_as_markdown(run, summary_of(run))]
        parts += [comparison_as_markdown(comparison)] if comparison else []
        text = "\n\n".join(parts)
        self.stdout.write(text)
        if options["markdown"]:
            write(options["markdown"], text + "\n")
        if options["json"]:
            content = run_detail(run) | {
                "results": results_out(user, list(run.results.all())),
                "comparison": comparison_out(comparison) if comparison else None,
            }
            plain = json.dumps(content, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
            write(options["json"], plain + "\n")

    def _end(self, run: Run, bounds: Sequence[tuple[str, float]]) -> None:
        if run.status == Run.Status.STOPPED:
            raise SystemExit(STOPPED)
        if run.status != Run.Status.DONE:
            why = run.reason or _("The run did not get to its end.")
            raise CommandError(f"{why} ({run.error_code or run.status})")
        scores = run.scores["all"]["scores"]
        worse = [(name, bound) for name, bound in bounds if is_worse(scores, name, bound)]
        for name, bound in worse:
            have = scores[name]["share"] if name in scores else "not measured"
            self.stderr.write(f"{name}: {have}, wanted {bound}")
        if worse:
            raise SystemExit(UNDER)


def asker(email: str | None) -> User:
    """The administrator of that e-mail, or the first one. Raises CommandError."""
    admins = User.objects.filter(is_active=True, is_admin=True).order_by("created_at")
    user = admins.filter(email__iexact=email).first() if email else admins.first()
    if user is None:
        raise CommandError("There is no such administrator. Name one with --as E-MAIL.")
    return user


def one(rows: QuerySet[Row], name: str, kind: str) -> Row:
    """The row of that name. Raises CommandError where there is none, or more than one."""
    found = list(rows.filter(name__iexact=name)[:2])
    if len(found) == 1:
        return found[0]
    names = ", ".join(rows.values_list("name", flat=True)[:50]) or "none"
    what = "more than one" if found else "no"
    raise CommandError(f"There is {what} {kind} of this name. Readable: {names}.")


def earlier(user: User, found: QuestionSet, options: Options) -> Run | None:
    """The run to compare with; None where none was asked for. Raises CommandError."""
    wanted = options["compare"]
    if not wanted:
        return None
    if wanted == "last":
        runs = runs_for(user).filter(set=found, kind=options["kind"], status=Run.Status.DONE)
        if run := runs.first():
            return run
        raise CommandError("There is no earlier run of this kind.")
    try:
        return get_run(user, UUID(wanted))
    except (Http404, ValueError) as error:
        raise CommandError("There is no run with this id.") from error


def is_worse(scores: Mapping[str, Any], name: str, bound: float) -> bool:
    """A score that was not measured is worse than any bound."""
    if name not in scores:
        return True
    share: float = scores[name]["share"]
    return share > bound if name in FAULTS else share < bound


def write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error


def _bound(text: str) -> tuple[str, float]:
    name, _equals, share = text.rpartition("=")
    if name not in (*RETRIEVAL, *ANSWERS):
        raise ValueError(name)
    return name, float(share)
