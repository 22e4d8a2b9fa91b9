"""Assistants of the tests."""

from typing import Any

from accounts.models import Group, User
from chat.assistants import Draft, create_assistant
from chat.models import Assistant, AssistantGrant
from ingest.models import Collection


def make_assistant(owner: User, *collections: Collection, **said: Any) -> Assistant:
    """One that searches `collections`, or everything where there are none."""
    said.setdefault("name", "Legal")
    said.setdefault("everywhere", not collections)
    keys = tuple(each.pk for each in collections)
    return create_assistant(owner, Draft(collections=keys, **said))


def let_in(assistant: Assistant, who: User | Group | None, role: str = "user") -> AssistantGrant:
    return AssistantGrant.objects.create(
        assistant=assistant,
        user=who if isinstance(who, User) else None,
        group=who if isinstance(who, Group) else None,
        everyone=who is None,
        role=role,
    )
