"""The door to shared conversations: their owner, and those with whom they are shared now.

What a reader sees of the answers behind it: chat/share_reading.py.
"""

from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from accounts.models import User
from chat.access import conversations_for
from chat.models import Share


def open_shares() -> QuerySet[Share]:
    """Not withdrawn, not over, and of somebody who may sign in."""
    now = timezone.now()
    lasting = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return Share.objects.filter(
        lasting, withdrawn_at__isnull=True, conversation__user__is_active=True
    )


def shared_with(user: User) -> QuerySet[Share]:
    """Open shares of others that name `user`, or a group that she is in now; newest first."""
    if not user.is_active:
        return Share.objects.none()
    groups = user.groups.values("pk")
    named = Share.users.through.objects.filter(user=user).values("share_id")
    joined = Share.groups.through.objects.filter(group__in=groups).values("share_id")
    found = open_shares().filter(Q(pk__in=named) | Q(pk__in=joined))
    return found.exclude(conversation__user=user).select_related("conversation__user")


def get_shared(user: User, pk: UUID | str) -> Share:
    """An open share that `user` may look at, as its owner or reader. Raises Http404."""
    share = shared_with(user).filter(pk=pk).first()
    return share or get_own_share(user, pk)


def own_shares(user: User) -> QuerySet[Share]:
    """Open shares of the person's own conversations."""
    mine = open_shares().filter(conversation__in=conversations_for(user))
    return mine.select_related("conversation__user")


def get_own_share(user: User, pk: UUID | str) -> Share:
    """Raises Http404 for any that is not the person's own, or not open."""
    share = own_shares(user).filter(pk=pk).first()
    if share is None:
        raise Http404
    return share


def is_own(user: User, share: Share) -> bool:
    return share.conversation.user_id == user.pk
