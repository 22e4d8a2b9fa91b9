"""What goes when its origin goes: answers with the documents that they were written from, and
suggestions with the person who made them.

Questions that administrators keep are their own content: they stay until somebody deletes them.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import User
from evaluation.models import Question, Result
from ingest.models import Document


@receiver(pre_delete, sender=Document, dispatch_uid="evaluation.answers_of_document")
def forget_answers(instance: Document, **_: Any) -> None:
    """Runs when a document's row goes, in that transaction (ingest/erase.py)."""
    Result.objects.filter(documents=instance.pk).exclude(answer="").update(answer="")


@receiver(pre_delete, sender=User, dispatch_uid="evaluation.suggestions_of_person")
def forget_suggestions(instance: User, **_: Any) -> None:
    """What nobody accepted is still hers. An accepted one loses her name alone."""
    Question.objects.filter(created_by=instance.pk, state=Question.State.SUGGESTED).delete()


def forget_old_answers() -> int:
    """Take away the answers of runs past SOVEREIGN_KEEP_RUN_ANSWERS_DAYS; scores stay. Returns how many."""
    if not settings.KEEP_RUN_ANSWERS_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.KEEP_RUN_ANSWERS_DAYS)
    old = Result.objects.filter(run__created_at__lt=before).exclude(answer="")
    return old.update(answer="")
