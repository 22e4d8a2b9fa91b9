"""The door to assistants: who may use, change or own one.

None gives a right to a document: chat/assistant_use.py cuts what one names down to what the asker may
read, at each question. Being an administrator grants nothing here; only what nobody owns any more can
be taken over.
"""

from collections.abc import Collection as Some
from collections.abc import Iterable
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404

from accounts.models import User
from chat.models import Assistant, AssistantGrant
from ingest.access import collections_for

USER, EDITOR = AssistantGrant.ORDER
OWNER = "owner"
ROLES = [USER, EDITOR, OWNER]


def assistants_for(user: User, role: str = USER) -> QuerySet[Assistant]:
    """Those on which `user` has at least `role`, archived ones too. An inactive person has none."""
    if not user.is_active:
        return Assistant.objects.none()
    if role == OWNER:
        return Assistant.objects.filter(owner=user)
    granted = _grants_of(user).filter(role__in=ROLES[ROLES.index(role) :])
    return Assistant.objects.filter(Q(owner=user) | Q(pk__in=granted.values("assistant_id")))


def usable(user: User) -> QuerySet[Assistant]:
    """Those that `user` may put a question to now."""
    return assistants_for(user).filter(archived_at__isnull=True)


def ownerless() -> QuerySet[Assistant]:
    """Those whose owner has gone, or may not sign in."""
    return Assistant.objects.filter(Q(owner__isnull=True) | Q(owner__is_active=False))


def role_on(user: User, assistant: Assistant) -> str | None:
    """The strongest role of `user`, or None."""
    return roles_on(user, [assistant]).get(assistant.pk)


def roles_on(user: User, assistants: Iterable[Assistant]) -> dict[UUID, str]:
    """The strongest role of `user` on each, in one query."""
    assistants = list(assistants)
    held: dict[UUID, set[str]] = {each.pk: set() for each in assistants}
    rows = _grants_of(user).filter(assistant__in=held).values_list("assistant_id", "role")
    for pk, role in rows if user.is_active else ():
        held[pk].add(role)
    for each in assistants:
        if user.is_active and each.owner_id == user.pk:
            held[each.pk].add(OWNER)
    return {pk: max(roles, key=ROLES.index) for pk, roles in held.items() if roles}


def get_assistant(user: User, pk: UUID | str, role: str = USER) -> Assistant:
    """Raises Http404 where `user` may not use it, PermissionDenied where the role is too weak."""
    found = assistants_for(user).filter(pk=pk).first()
    if found is None:
        raise Http404
    if ROLES.index(role_on(user, found) or USER) < ROLES.index(role):
        raise PermissionDenied
    return found


def open_and_closed(user: User, assistant: Assistant) -> tuple[list[UUID], int]:
    """The collections that `user` reaches through it, and how many of those that it names are closed."""
    return reach(assistant, readable_by(user))


def readable_by(user: User) -> list[UUID]:
    return list(collections_for(user).order_by("name", "pk").values_list("pk", flat=True))


def reach(assistant: Assistant, readable: list[UUID]) -> tuple[list[UUID], int]:
    """As open_and_closed, for whoever may read `readable`. Asks nothing where `collections` are loaded."""
    if assistant.everywhere:
        return readable, 0
    named = {each.pk for each in assistant.collections.all() if not each.erasing}
    return [pk for pk in readable if pk in named], len(named - set(readable))


def within(assistant: Assistant, readable: Some[UUID]) -> list[UUID]:
    """Those of `readable` that it searches."""
    if assistant.everywhere:
        return list(readable)
    named = set(assistant.collections.values_list("pk", flat=True))
    return [pk for pk in readable if pk in named]


def _grants_of(user: User) -> QuerySet[AssistantGrant]:
    return AssistantGrant.objects.filter(Q(everyone=True) | Q(user=user) | Q(group__users=user))
