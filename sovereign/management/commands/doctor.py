"""`manage.py doctor`: checks each part and says what to do about what fails."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.client import get_client
from inference.protocol import ModelsUnavailable
from sovereign import followed, installed, kept, parts, sizing_report, sizing_text
from sovereign.parts import Part
from sovereign.sizing import Use


class Command(BaseCommand):
    help = "Check each part of this installation and say what to do about what fails."
    # The system checks are among what is reported; a failing one must not end the report.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object for programs")
        sizing = parser.add_argument_group("how many people this machine can serve")
        sizing.add_argument("--sizing", action="store_true", help="measure it; takes minutes")
        sizing.add_argument("--every-model", action="store_true", help="not the active one alone")
        sizing.add_argument("--people", type=int, default=25, help="how many there are (25)")
        sizing.add_argument("--questions", type=float, default=6.0, help="of each an hour (6)")
        sizing.add_argument("--peak", type=float, default=3.0, help="times that at most (3)")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["sizing"]:
            self._sizing(**options)
            return
        found = [*installed.all_parts(), *parts.all_parts(), kept.erasures(), followed.sources()]
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

    def _sizing(self, **options: Any) -> None:
        if min(options["people"], options["questions"], options["peak"]) <= 0:
            raise CommandError("--people, --questions and --peak are more than 0.")
        use = Use(options["questions"], options["peak"])
        say = (lambda text: None) if options["json"] else self._say
        try:
            found = sizing_report.report(
                get_client(), use, options["people"], every=options["every_model"], say=say
            )
        except ModelsUnavailable as error:
            raise CommandError(f"The models cannot be measured: {error.detail}") from error
        if options["json"]:
            self.stdout.write(json.dumps(found.as_dict(), indent=1))
            return
        for line in sizing_text.lines(found):
            self.stdout.write(line)

    def _say(self, what: str) -> None:
        self.stderr.write(f"measuring: {what} ...")

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
