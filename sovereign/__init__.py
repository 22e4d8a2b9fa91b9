"""The project package: wiring, no product logic."""

from sovereign.celery import app as celery_app

__all__ = ["celery_app"]
