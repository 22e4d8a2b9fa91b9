"""`manage.py audit`: verify, export and sign the record from the terminal."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.db.models import QuerySet

from audit import actions, checkpoints, export, keys, queries
from audit.models import Entry
from audit.record import record
from audit.seal import seal
from audit.verify import Verdict, verified

#: Exit codes: 0 intact or done; 1 faults were found; 2 nothing could be said (CommandError).
FAULTS = 1
UNSAID = 2


class Command(BaseCommand):
    help = "The record: verify it, export it, show its key, sign a checkpoint."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        each = verbs.add_parser("verify", help="walk the chain; exit code 1 where it is not intact")
        each.add_argument(
            "--checkpoints",
            type=Path,
            action="append",
            default=[],
            metavar="FILE",
            help="a copy kept elsewhere: a file of lines, a system log, or a folder of such",
        )
        each.add_argument(
            "--key", type=Path, metavar="PEM", help="the public key as it was kept elsewhere"
        )
        each.add_argument("--json", action="store_true", help="the verdict for programs")
        each = verbs.add_parser("export", help="entries on the standard output, the oldest first")
        each.add_argument("--format", choices=sorted(export.FORMATS), default="jsonl")
        each.add_argument("--since", type=_time, metavar="TIME", help="2026-01-31 or with a time")
        each.add_argument("--until", type=_time, metavar="TIME", help="not itself")
        each.add_argument("--action", default="", help="an action, or its beginning with a dot")
        each.add_argument("--actor", default="", help="a person's id, or system")
        verbs.add_parser("key", help="the public key and its fingerprint")
        verbs.add_parser("checkpoint", help="seal, sign a checkpoint, print it")
        verbs.add_parser("seal", help="seal what waits; a running installation does so by itself")

    def handle(self, *args: Any, **options: Any) -> None:
        verbs: dict[str, Callable[[dict[str, Any]], None]] = {
            "verify": self._verify,
            "export": self._export,
            "key": self._key,
            "checkpoint": self._checkpoint,
            "seal": self._seal,
        }
        try:
            verbs[options["verb"]](options)
        except (keys.KeyUnusable, OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error), returncode=UNSAID) from error
        except DatabaseError as error:
            text = f"The database does not answer, or is damaged: {error}"
            raise CommandError(text, returncode=UNSAID) from error

    def _verify(self, options: dict[str, Any]) -> None:
        pem = options["key"].read_text(encoding="utf-8") if options["key"] else None
        verdict = verified(copies=options["checkpoints"], pem=pem)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(verdict), indent=2))
        else:
            self._tell(verdict)
        if not verdict.ok:
            raise SystemExit(FAULTS)

    def _tell(self, found: Verdict) -> None:
        position, digest = found.head or (0, "-")
        waiting = f"{found.unsealed} wait (the oldest for {found.oldest_unsealed_seconds} s)"
        self.stdout.write(f"Entries        {found.entries}: {found.sealed} sealed, {waiting}")
        self.stdout.write(f"End of chain   position {position}, {digest}")
        if found.cut:
            self.stdout.write(f"Removed        up to position {found.cut}, by a signed statement")
        self.stdout.write(f"Checkpoints    {found.checkpoints} signed ones fit")
        for fault in found.faults:
            self.stdout.write(self.style.ERROR(f"FAULT  {fault}"))
        said = "The record is intact." if found.ok else "The record is NOT intact."
        self.stdout.write((self.style.SUCCESS if found.ok else self.style.ERROR)(said))

    def _export(self, options: dict[str, Any]) -> None:
        found = _found(options)
        count = 0
        for line in export.lines(found, options["format"]):
            self.stdout.write(line, ending="")
            count += 1
        filters = {name: str(options[name] or "") for name in ("action", "actor", "since", "until")}
        count -= options["format"] == "csv"
        data = export.summary(options["format"], count, **filters)
        record(actions.RECORD_EXPORTED, data=data)

    def _key(self, options: dict[str, Any]) -> None:
        self.stdout.write(keys.public_pem(), ending="")
        self.stdout.write(f"SHA-256 of its DER form: {keys.fingerprint()}")

    def _checkpoint(self, options: dict[str, Any]) -> None:
        seal(everywhere=True)
        made = checkpoints.write()
        if made is None:
            raise CommandError("Nothing was recorded yet.", returncode=UNSAID)
        self.stdout.write(checkpoints.line_of(made).decode("ascii"), ending="")

    def _seal(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"{seal(everywhere=True)} sealed.")


def _found(options: dict[str, Any]) -> QuerySet[Entry]:
    names = ("action", "actor", "since", "until")
    return queries.entries(**{name: options[name] for name in names})


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a time such as 2026-01-31: {text}") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
