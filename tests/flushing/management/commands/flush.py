from typing import Any

from django.core.management.commands import flush
from django.db import DEFAULT_DB_ALIAS, connections

from audit import triggers


class Command(flush.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options.get("database") or DEFAULT_DB_ALIAS]
        triggers.remove(connection)
        try:
            super().handle(*args, **options)
        finally:
            triggers.install(connection)
