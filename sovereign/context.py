"""What every template knows."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from evaluation.models import QuestionSet


def product(request: HttpRequest) -> dict[str, object]:
    return {
        "version": settings.VERSION,
        "max_question_chars": settings.MAX_QUESTION_CHARS,
        "keep_conversations_days": settings.KEEP_CONVERSATIONS_DAYS,
        # Whether suggestions have a place to go; asked of the database where a page asks.
        "golden_questions": SimpleLazyObject(QuestionSet.objects.exists),
    }
