"""A person's assistants: in the file of all that is kept about her, and when she goes."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from accounts.belongings import belongs
from accounts.models import User
from audit import actions
from audit.record import record
from chat.assistants import draft_of
from chat.models import Assistant

FIELDS = ("id", "created_at", "updated_at", "archived_at")


@belongs("assistants.json")
def assistants(person: User) -> list[dict[str, Any]]:
    """Those that she owns, the oldest first, with whom she shares them by ids."""
    mine = Assistant.objects.filter(owner=person).order_by("created_at", "id")
    return [_told(person, each) for each in mine.prefetch_related("grants")]


@receiver(pre_delete, sender=User, dispatch_uid="assistants-of-a-person")
def leave(sender: type[User], instance: User, **_more: Any) -> None:
    """What nobody else uses goes with her; the others stay, to be taken over."""
    for assistant in Assistant.objects.filter(owner=instance, grants__isnull=True):
        data = {"version": assistant.version}
        record(actions.ASSISTANT_DELETED, target=("assistant", assistant.pk), data=data)
        assistant.delete()


def _told(person: User, assistant: Assistant) -> dict[str, Any]:
    draft = draft_of(person, assistant)
    said = {name: getattr(draft, name) for name in draft.__dataclass_fields__}
    grants = [f"{grant.principal}={grant.role}" for grant in assistant.grants.all()]
    return {name: getattr(assistant, name) for name in FIELDS} | said | {"grants": grants}
