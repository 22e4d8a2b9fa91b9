"""A person's shares, for the file of all that is kept about her."""

from typing import Any

from django.db.models import Q

from accounts.belongings import belongs
from accounts.models import User
from chat.models import Share

FIELDS = ("id", "conversation_id", "created_at", "expires_at", "withdrawn_at")


@belongs("shares.json")
def shares(person: User) -> list[dict[str, Any]]:
    """What she shared, the oldest first, and with whom by ids. Its words are in her conversations."""
    mine = Share.objects.filter(conversation__user=person).order_by("created_at", "id")
    return [_told(share) for share in mine.prefetch_related("users", "groups")]


@belongs("shared-with-me.json")
def shared_with_me(person: User) -> list[dict[str, Any]]:
    """What names her, or a group of hers: whose it is, and since when. Its words are its owner's."""
    named = Q(users=person) | Q(groups__in=person.groups.all())
    rows = Share.objects.filter(named).distinct().order_by("created_at", "id")
    told = rows.values("id", "conversation__user_id", "created_at", "expires_at")
    return [dict(row) for row in told]


def _told(share: Share) -> dict[str, Any]:
    users = [f"user:{user.pk}" for user in share.users.all()]
    groups = [f"group:{group.pk}" for group in share.groups.all()]
    return {name: getattr(share, name) for name in FIELDS} | {"recipients": [*users, *groups]}
