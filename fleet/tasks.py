"""Celery's door to deeds: how they ended is written down also where nobody looks."""

from celery import shared_task

from fleet.deeds import settle_open


@shared_task(name="fleet.tasks.sweep", expires=60)
def sweep() -> None:
    """Called by beat every 15 s."""
    settle_open()
