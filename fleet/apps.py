"""The models page: which models are here, tried, measured, switched on and back."""

from django.apps import AppConfig


class FleetConfig(AppConfig):
    name = "fleet"
