"""Celery's doors to runs: an id in, one call. Delivered twice, or again after a crash, they do no harm."""

from celery import shared_task

from evaluation import claims
from evaluation.erasure import forget_old_answers
from evaluation.work import work as work_on


@shared_task(name="evaluation.tasks.work")
def work(run_id: str) -> None:
    """Go on with a run until it is over or makes way."""
    claim = claims.take(run_id)
    if claim is not None:
        work_on(claim)


@shared_task(name="evaluation.tasks.sweep", expires=60)
def sweep() -> None:
    """Recover runs that lost their worker. Called by beat every 15 s."""
    claims.recover()


@shared_task(name="evaluation.tasks.tidy", expires=3_600)
def tidy() -> None:
    """Take away answers past their time. Called by beat every hour."""
    forget_old_answers()
