"""The models page: which models are here, tried, measured, switched on and back."""

from django.apps import AppConfig


class FleetConfig(AppConfig):
    name = "fleet"

    def ready(self) -> None:
        from fleet import belongings  # noqa: F401 (it connects itself)
