"""Celery's door to the books."""

from celery import shared_task

from usage.keeping import merge_old


@shared_task(name="usage.tasks.tidy", expires=3_000)
def tidy() -> int:
    """Merge what is old; returns how many rows went. Called by beat every hour."""
    return merge_old()
