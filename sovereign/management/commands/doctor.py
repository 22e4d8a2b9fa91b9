"""`manage.py doctor`: checks each part and says what to do about what fails."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sovereign import installed, parts
from sovereign.parts import Part


class Command(BaseCommand):
    help = "Check each part of this installation and say what to do about what fails."
    # The system checks are among what is reported; a failing one must not end the report.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object for programs")

    def handle(self, *_args: Any, **options: Any) -> None:
        found = [*installed.all_parts(), *parts.all_parts()]
        failed = [part for part in found if not part.ok and part.needed]
        if options["json"]:
            content = {"ok": not failed, "parts": [part.as_dict() for part in found]}
            self.stdout.write(json.dumps(content, indent=1))
        else:
            self._print(found)
        if failed:
            raise CommandError(f"{len(failed)} of {len(found)} parts need attention.")
        if not options["json"]:
            self.stdout.write(self.style.SUCCESS("Everything that is needed works."))

    def _print(self, found: list[Part]) -> None:
        width = max(len(part.name) for part in found)
        for part in found:
            self.stdout.write(f"{self._mark(part)} {part.name:{width}}  {part.detail}")
            if not part.ok and part.advice:
                self.stdout.write(f"     {'':{width}}  {part.advice}")

    def _mark(self, part: Part) -> str:
        if part.ok:
            return self.style.SUCCESS("  ok")
        return self.style.ERROR("FAIL") if part.needed else self.style.WARNING("warn")
