"""Celery doors of the question flow."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chat.models import Message


@shared_task(name="chat.tasks.sweep", ignore_result=True)
def sweep(**_: object) -> int:
    """Fail the answers that were cut off; return how many.

    Running: its lease has passed. Queued: nobody opened its stream for as long as that.
    """
    now = timezone.now()
    cut_off = Q(status=Message.Status.RUNNING, lease_until__lt=now) | Q(
        status=Message.Status.QUEUED, created_at__lt=now - timedelta(seconds=settings.LEASE_SECONDS)
    )
    return Message.objects.filter(cut_off, role=Message.Role.ASSISTANT).update(
        status=Message.Status.FAILED,
        error_code="interrupted",
        lease=None,
        lease_until=None,
        finished_at=now,
    )
