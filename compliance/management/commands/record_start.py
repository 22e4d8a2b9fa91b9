"""`manage.py record_start`: what the launcher calls when the tables are ready and the wall stands."""

from typing import Any

from django.core.management.base import BaseCommand

from compliance.standing import record_start


class Command(BaseCommand):
    help = "Record this start, and which settings, models or walls changed since the last one."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        for action in record_start():
            self.stdout.write(f"recorded: {action}")
