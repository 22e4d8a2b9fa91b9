"""What goes when its origin goes: answers with the documents that they were written from, suggestions
with the person who made them. Words of documents in golden questions: evaluation/forgetting.py.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast, Concat
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import User
from evaluation.forgetting import forget_words
from evaluation.models import Question, QuestionSet, Result
from ingest import holds
from ingest.forgetting import Forgetting, forgetting
from ingest.models import Collection, Document, Grant


@receiver(pre_delete, sender=Document, dispatch_uid="evaluation.answers_of_document")
def forget_answers(instance: Document, **_: Any) -> None:
    """Runs when a document's row goes, in that transaction (ingest/erase.py)."""
    Result.objects.filter(documents=instance.pk).exclude(answer="").update(answer="")
    forget_words(instance)


@receiver(forgetting, dispatch_uid="evaluation.forgetting")
def forget_document(about: Forgetting, **_: Any) -> None:
    """The same, while its passages are there: receipts count it, and what people wrote is no trace."""
    if not about.final:
        return
    kept = Result.objects.filter(documents=about.document.pk).exclude(answer="")
    if count := kept.update(answer=""):
        about.removed["run_answers"] = count
    if count := forget_words(about.document):
        about.removed["golden_questions"] = count
    words = [window.decode() for window, kind in about.texts.items() if kind != "utf-16"]
    said = Q(pk__in=[])
    for word in words:
        said |= Q(question__contains=word) | Q(answer__contains=word) | Q(written__contains=word)
    questions = Question.objects.annotate(
        written=Concat(
            *(Cast(name, TextField()) for name in ("evidence", "history", "must_contain"))
        )
    )
    for question in questions.filter(said):
        written = [question.evidence, question.history, question.must_contain]
        about.stays("\n".join([question.question, question.answer, *_strings(written)]))


def _strings(value: object) -> Iterator[str]:
    """All texts in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


@receiver(pre_delete, sender=Collection, dispatch_uid="evaluation.sets_of_collection")
def close_sets(instance: Collection, **_: Any) -> None:
    """A set that loses a collection is seen by nobody who could not see it with that one."""
    admins = User.objects.filter(is_active=True, is_admin=True)
    for found in QuestionSet.objects.filter(collections=instance.pk).select_for_update():
        could = admins.filter(pk__in=found.keepers.all()) if found.closed else admins
        keepers = [user for user in could if _could_read(user, found)]
        found.closed = True
        found.save(update_fields=["closed"])
        found.keepers.set(keepers)


def _could_read(user: User, found: QuestionSet) -> bool:
    """With collections that are being erased: other than ingest.access has them."""
    granted = Grant.objects.filter(Q(everyone=True) | Q(user=user) | Q(group__users=user))
    return not found.collections.exclude(pk__in=granted.values("collection")).exists()


@receiver(pre_delete, sender=User, dispatch_uid="evaluation.suggestions_of_person")
def forget_suggestions(instance: User, **_: Any) -> None:
    """What nobody accepted is still hers. An accepted one loses her name alone."""
    Question.objects.filter(created_by=instance.pk, state=Question.State.SUGGESTED).delete()


@transaction.atomic
def forget_old_answers() -> int:
    """Take away the answers of runs past SOVEREIGN_KEEP_RUN_ANSWERS_DAYS, but for what is held; scores
    stay. Returns how many."""
    if not settings.KEEP_RUN_ANSWERS_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.KEEP_RUN_ANSWERS_DAYS)
    holds.stand_still()
    held = holds.covering(user="run__started_by_id")
    old = Result.objects.filter(~held, run__created_at__lt=before).exclude(answer="")
    return old.update(answer="")
