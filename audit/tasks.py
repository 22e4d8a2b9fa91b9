"""Celery's door of the record."""

import logging

from celery import shared_task
from django.db import DatabaseError

from audit import checkpoints, cut, places, refused
from audit.seal import seal as seal_record

log = logging.getLogger(__name__)


@shared_task(name="audit.tasks.seal", expires=30)
def seal() -> None:
    """Take in what the guards refused, then seal. Called by beat every 10 s; twice does no harm."""
    try:
        refused.collect()
    except (DatabaseError, OSError) as error:
        # What waits in the file waits on; the record itself must be sealed all the same.
        log.error("refusals were not collected: %s", type(error).__name__)
    seal_record()
    cut.finish()
    checkpoints.follow()
    places.deliver()
