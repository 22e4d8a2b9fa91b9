"""What answers cost: tokens, seconds, energy, money."""

from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "usage"
