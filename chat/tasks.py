"""Celery doors of the question flow."""

from celery import shared_task

from chat.models import Message
from chat.run import end_cut_off


@shared_task(name="chat.tasks.sweep", ignore_result=True)
def sweep(**_: object) -> int:
    """Fail the answers that were cut off; return how many."""
    return end_cut_off(Message.objects.all())
