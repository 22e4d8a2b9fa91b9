"""What every template knows."""

from django.conf import settings
from django.http import HttpRequest


def product(request: HttpRequest) -> dict[str, object]:
    return {
        "version": settings.VERSION,
        "max_question_chars": settings.MAX_QUESTION_CHARS,
        "keep_conversations_days": settings.KEEP_CONVERSATIONS_DAYS,
    }
