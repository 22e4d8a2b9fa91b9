"""Reading the record: filters for pages, exports and reports. No other module filters entries."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from audit.models import Entry


def entries(
    *,
    action: str | Iterable[str] = "",
    actor: str = "",
    target: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> QuerySet[Entry]:
    """The entries that fit all that is given, the newest first.

    `action` is one action, several, or the beginning of some with a dot at its end (`accounts.`).
    `actor` is a person's id; `system` means nobody's. `target` is `type`, `type:id` or an id.
    `since` belongs to the span, `until` does not.
    """
    found = Entry.objects.all()
    if wanted := [action] if isinstance(action, str) else list(action):
        found = found.filter(_any(wanted))
    if actor:
        found = found.filter(actor="" if actor == "system" else actor)
    if target:
        found = found.filter(_target(target))
    if since is not None:
        found = found.filter(at__gte=since)
    if until is not None:
        found = found.filter(at__lt=until)
    return found


def _any(actions: Iterable[str]) -> Q:
    fits = Q()
    for action in actions:
        fits |= Q(action__startswith=action) if action.endswith(".") else Q(action=action)
    return fits if "" not in actions else Q()


def _target(text: str) -> Q:
    kind, colon, key = text.partition(":")
    if colon:
        return Q(target_type=kind, target_id=key)
    return Q(target_type=text) | Q(target_id=text)
