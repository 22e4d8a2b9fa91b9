"""One-time links: the first administrator, an invitation, a reset. Only a hash is stored."""

import secrets
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import OneTimeLink, User
from accounts.passwords import set_password
from accounts.tokens import hash_secret, revoke_all
from audit import actions
from audit.problems import Problem
from audit.record import record

Purpose = OneTimeLink.Purpose

LIFETIME: Final[dict[str, timedelta]] = {
    Purpose.SETUP: timedelta(hours=24),
    Purpose.INVITE: timedelta(days=7),
    Purpose.RESET: timedelta(days=1),
}


@transaction.atomic
def create_link(purpose: str, user: User | None, *, actor: User | None) -> str:
    """Return the path of a new link. An older unused one of the same kind stops working."""
    OneTimeLink.objects.filter(purpose=purpose, user=user, used_at=None).delete()
    secret = secrets.token_urlsafe(32)
    link = OneTimeLink.objects.create(
        purpose=purpose,
        user=user,
        token_hash=hash_secret(secret),
        expires_at=timezone.now() + LIFETIME[purpose],
    )
    record(
        actions.LINK_CREATED,
        actor=actor,
        target=("link", link.pk),
        data={"purpose": purpose, "user": str(user.pk) if user else None},
    )
    return reverse("accounts:link", args=[secret])


def find_link(secret: str) -> OneTimeLink:
    """Return the link that still works. Raises Problem 404 `link-gone` for any other, unsaid which."""
    return _working(Q(token_hash=hash_secret(secret)))


def get_link(pk: UUID | str) -> OneTimeLink:
    """Return a link that was found before and still works. Raises Problem 404 `link-gone`."""
    return _working(Q(pk=pk))


def _working(which: Q) -> OneTimeLink:
    works = Q(used_at=None, expires_at__gt=timezone.now()) & (
        Q(user=None) | Q(user__is_active=True)
    )
    link = OneTimeLink.objects.select_related("user").filter(which & works).first()
    if link is None or (link.purpose == Purpose.SETUP and administrator_exists()):
        raise link_gone()
    return link


@transaction.atomic
def open_account(link: OneTimeLink, password: str) -> User:
    """Set the password that an invitation or a reset asks for; API tokens of the person end.

    Whoever needs a reset may have lost the password to somebody who made tokens with it. Raises
    Problem `link-gone` or `weak-password`; after the latter the link still works.
    """
    if link.user is None:
        raise link_gone()
    use_link(link)
    set_password(link.user, password, actor=link.user)
    revoke_all(link.user)
    return link.user


def use_link(link: OneTimeLink) -> None:
    """Spend the link, inside the caller's transaction. Of two who try at once, one gets `link-gone`."""
    now = timezone.now()
    spent = OneTimeLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(
        used_at=now
    )
    if spent != 1:
        raise link_gone()
    record(
        actions.LINK_USED, actor=link.user, target=("link", link.pk), data={"purpose": link.purpose}
    )


def administrator_exists() -> bool:
    return User.objects.filter(is_admin=True).exists()


def link_gone() -> Problem:
    detail = _("This link was used already or has expired. Ask an administrator for a new one.")
    return Problem(404, "link-gone", detail)
