"""Celery's door to what belongs to no room."""

from celery import shared_task

from sovereign import browser_reports


@shared_task(name="sovereign.tasks.collect_browser_reports", expires=60)
def collect_browser_reports() -> int:
    """Sum what browsers refused into the record. Returns how many refusals it was."""
    return browser_reports.collect()
