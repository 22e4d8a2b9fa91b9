"""What answers cost: tokens, seconds, energy, money."""

from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "usage"

    def ready(self) -> None:
        from chat import answered
        from usage import belongings, leaving  # noqa: F401 (they connect themselves)
        from usage.book import Ledger

        answered.keep(Ledger())
