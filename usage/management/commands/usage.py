"""`manage.py usage`: what answers took and cost, in the terminal."""

import json
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from usage import words
from usage.exports import as_json
from usage.forms import month_of
from usage.report import Report, Row, report


class Command(BaseCommand):
    help = "What answers took and cost: this month and the twelve before, or one month."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--month", help="one month alone, as 2026-03")
        parser.add_argument("--json", action="store_true", help="as the API has it")

    def handle(self, *_args: Any, **options: Any) -> None:
        month = month_of(options["month"])
        if options["month"] and month is None:
            raise CommandError("Write the month as 2026-03.")
        found = report(month, month)
        if options["json"]:
            self.stdout.write(json.dumps(as_json(found), indent=1))
            return
        self._table("Month", [(words.month(row.key), row) for row in found.months])
        self._table("", [("In total", found.total)])
        for by, title in words.PARTS.items():
            named = [(words.name_of(by, row), row) for row in found.parts[by]]
            self._table(str(title), named)
        self._listed(found)

    def _table(self, title: str, rows: Sequence[tuple[str, Row]]) -> None:
        if not rows:
            return
        if title:
            head = (
                f"{title[:34]:<34} {'answers':>9} {'tokens':>13} {'energy':>12} {'electricity':>14}"
            )
            self.stdout.write(f"\n{head}")
        for name, row in rows:
            told = [words.told(measure, words.value(measure, row)) for measure in words.MEASURES]
            answers, tokens, energy, money = told
            self.stdout.write(f"{name[:34]:<34} {answers:>9} {tokens:>13} {energy:>12} {money:>14}")

    def _listed(self, found: Report) -> None:
        own = found.total.money.own
        if own is not None:
            self.stdout.write(f"\nOwn cost, with hardware: {words.money(own)}")
        for name, amount in found.total.money.api.items():
            self.stdout.write(f"The same tokens by {name}: {words.money(amount)}")
