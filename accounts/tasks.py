"""Celery's door to this room."""

from datetime import timedelta

from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import ApiToken, OneTimeLink

#: How long what has ended can still be seen by whom it belongs to.
KEPT = timedelta(days=30)


@shared_task(name="accounts.tasks.tidy", expires=600)
def tidy() -> int:
    """Forget sessions that are over, and links and tokens that ended long ago. Returns how many.

    The audit record keeps what was done with them.
    """
    now = timezone.now()
    gone = (
        Session.objects.filter(expire_date__lt=now),
        OneTimeLink.objects.filter(expires_at__lt=now - KEPT),
        ApiToken.objects.filter(expires_at__lt=now - KEPT),
    )
    return sum(rows.delete()[0] for rows in gone)
