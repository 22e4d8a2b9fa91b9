"""`manage.py prove`: every process tries to get out; exit code 1 when anything got through."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.judge import PROBLEMS, Process
from compliance.prove import Proof, prove


class Command(BaseCommand):
    help = "Let every process try to get out, and say what became of it. Exit code 1: not all held."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object for programs")
        parser.add_argument("--report", action="store_true", help="make a signed report of it, too")
        parser.add_argument(
            "--deep", action="store_true", help="also read every installed file (some seconds)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        found = prove(deep=options["deep"])
        if options["json"]:
            self.stdout.write(json.dumps(found.as_dict(), indent=1))
        else:
            self._print(found)
        if options["report"]:
            self._report(found)
        if not found.ok:
            raise CommandError("The proof failed: " + (", ".join(found.problems) or "nobody there"))

    def _report(self, found: Proof) -> None:
        from compliance import report

        made = report.make(proof=found)
        self.stderr.write(f"Signed report: {made.path}")

    def _print(self, found: Proof) -> None:
        self.stdout.write(f"Wall: {found.wall or 'none: no launcher runs here'}")
        width = max((len(process.name) for process in found.processes), default=0)
        for process in found.processes:
            self.stdout.write(_line(process, width))
            for code in process.problems:
                self.stdout.write(self.style.ERROR(f"  {'':{width}}  {PROBLEMS[code]}"))
            for probe in process.probes:
                if not probe["refused"]:
                    what = f"{probe['kind']} to {probe['target']}: {probe['how']}"
                    self.stdout.write(self.style.ERROR(f"  {'':{width}}  {what}"))
        for each in found.silent:
            self.stdout.write(self.style.ERROR(f"  {each['kind']:{width}}  {each['why']}"))
        if found.deep:
            self._files(found.deep)
        self.stdout.write(
            f"{found.refused} of {found.attempts} attempts in {len(found.processes)} processes were "
            f"refused. SHA-256 {found.sha256}"
        )

    def _files(self, deep: dict[str, Any]) -> None:
        self.stdout.write(f"{deep['files']} installed files of {deep['packages']} packages read.")
        for kind in ("changed", "missing", "strangers"):
            for name in deep[kind]:
                self.stdout.write(self.style.ERROR(f"  {kind}: {name}"))


def _line(process: Process, width: int) -> str:
    facts = process.facts
    said = f"  {process.name:{width}}  "
    if process.probes:
        refused = sum(bool(probe["refused"]) for probe in process.probes)
        layers = sorted({str(probe["layer"]) for probe in process.probes})
        said += f"{refused}/{len(process.probes)} refused by {', '.join(layers)}; "
    if facts:
        said += f"interfaces {','.join(facts['interfaces'])}; "
        said += f"seccomp {facts['seccomp']}; no new privileges {facts['no_new_privs']}"
    return said
