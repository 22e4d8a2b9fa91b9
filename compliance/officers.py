"""Who the compliance officers are, and who appointed each: the record says it, and the page shows it."""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from audit import actions
from audit.models import Entry

APPOINTS = (actions.USER_CREATED, actions.USER_CHANGED)


@dataclass(frozen=True, slots=True)
class Officer:
    """`by` is None where the system did it, or whoever did is no longer here."""

    user: User
    at: datetime | None
    by: User | None
    by_themselves: bool


def officers() -> list[Officer]:
    """Everyone who is an officer now, with the newest entry that made them one."""
    return [_officer(user) for user in User.objects.filter(is_compliance=True).order_by("email")]


def _officer(user: User) -> Officer:
    entry = (
        Entry.objects.filter(action__in=APPOINTS, target_id=str(user.pk), data__is_compliance=True)
        .order_by("-id")
        .first()
    )
    if entry is None:
        return Officer(user, None, None, by_themselves=False)
    by = User.objects.filter(pk=entry.actor).first() if entry.actor else None
    return Officer(user, entry.at, by, by_themselves=entry.actor == str(user.pk))
