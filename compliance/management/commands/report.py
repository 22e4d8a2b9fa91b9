"""`manage.py report`: make a signed report, list them, print one, write the bill of materials."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import keys
from compliance import pdf, report, sbom, signing


class Command(BaseCommand):
    help = (
        "Make a signed report, list those that there are, print one, write the bill of materials."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("make", help="prove, gather, sign, and say where the report lies")
        actions.add_parser("list", help="the reports that there are, the newest first")
        actions.add_parser("key", help="the installation's public key and its fingerprint")
        printing = actions.add_parser("pdf", help="write a report as PDF")
        printing.add_argument("id")
        bill = actions.add_parser("sbom", help="write the bill of materials (CycloneDX 1.6)")
        for each in (printing, bill):
            each.add_argument("--output", type=Path, help="the file; without it: standard output")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['action']}")(options)
        except (keys.KeyUnusable, FileExistsError) as error:
            raise CommandError(str(error)) from error

    def _make(self, _options: dict[str, Any]) -> None:
        made = report.make()
        self.stdout.write(f"{made.path}\nSHA-256 {made.sha256}\nKey     {keys.fingerprint()}")
        if not made.ok:
            raise CommandError("The report says that not everything is as it should be.")

    def _list(self, _options: dict[str, Any]) -> None:
        for each in report.listed():
            state = "ok" if each.ok else "ATTENTION"
            self.stdout.write(f"{each.number:4} {each.made_at} {each.id} {state} {each.sha256}")

    def _key(self, _options: dict[str, Any]) -> None:
        self.stdout.write(f"{keys.public_pem()}{keys.fingerprint()}")

    def _pdf(self, options: dict[str, Any]) -> None:
        found = signing.find(options["id"])
        if found is None:
            raise CommandError(f"There is no report {options['id']!r}: `report list` shows them.")
        self._write(pdf.render(found.content(), keys.fingerprint(), found.sha256), options)

    def _sbom(self, options: dict[str, Any]) -> None:
        self._write(sbom.bill(), options)

    def _write(self, content: bytes, options: dict[str, Any]) -> None:
        if options["output"]:
            with options["output"].open("xb") as file:
                file.write(content)
        else:
            sys.stdout.buffer.write(content)
