"""What askers think of answers: kept for them, counted for administrators, who read no word of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count

from accounts.models import User
from audit import actions
from audit.record import record
from chat.access import get_answer
from chat.models import Feedback, Message
from ingest import holds

#: Letters of what somebody writes to an opinion.
MOST_COMMENT = 500


@dataclass(frozen=True, slots=True)
class Counts:
    """Opinions that are kept now. `reasons`: of those that an answer did not help."""

    helpful: int
    unhelpful: int
    reasons: Mapping[str, int]


@transaction.atomic
def rate(user: User, answer: Message, rating: int, reason: str = "", comment: str = "") -> Feedback:
    """Keep the asker's opinion of an answer; a second one replaces the first.

    `reason`: one of Feedback.Reason, for an answer that did not help; anything else is left out.
    Raises Problem `on-hold` where a hold keeps the first.
    """
    answer = get_answer(user, answer.pk)
    if Feedback.objects.filter(message=answer).exists():
        holds.require_free(user=user)
    helped = rating > 0
    feedback, created = Feedback.objects.update_or_create(
        message=answer,
        defaults={
            "rating": 1 if helped else -1,
            "reason": reason if reason in Feedback.Reason and not helped else "",
            "comment": comment.replace("\x00", "").strip()[:MOST_COMMENT],
        },
    )
    record(
        actions.FEEDBACK_GIVEN,
        actor=user,
        target=("answer", answer.pk),
        data={
            "rating": feedback.rating,
            "reason": feedback.reason,
            "comment": bool(feedback.comment),
            "again": not created,
        },
    )
    return feedback


def judged(feedback: Feedback | None) -> dict[str, Any]:
    """What templates/chat/_rating.html shows of an opinion."""
    return {
        "rating": feedback.rating if feedback else 0,
        "reason": feedback.reason if feedback else "",
        "comment": feedback.comment if feedback else "",
        "reasons": Feedback.Reason.choices,
    }


def counts() -> Counts:
    """How many answers helped, how many did not, and why. Whoever calls it asks administrators only."""
    ratings = dict(Feedback.objects.values_list("rating").annotate(Count("pk")).order_by())
    given = Feedback.objects.exclude(reason="").values_list("reason")
    return Counts(
        helpful=ratings.get(1, 0),
        unhelpful=ratings.get(-1, 0),
        reasons=dict.fromkeys(Feedback.Reason.values, 0)
        | dict(given.annotate(Count("pk")).order_by()),
    )
