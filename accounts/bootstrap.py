"""The first administrator: from the environment, or by a one-time link."""

import structlog
from django.conf import settings
from django.db import transaction

from accounts.links import administrator_exists, create_link, link_gone, use_link
from accounts.models import OneTimeLink, User
from accounts.people import create_user
from accounts.signals import first_admin_created

log = structlog.get_logger(__name__)


def ensure_admin() -> User | None:
    """Make the administrator that the settings name. None: there is one, or the settings name none.

    Raises Problem `bad-email` or `weak-password`.
    """
    if administrator_exists() or not (settings.ADMIN_EMAIL and settings.ADMIN_PASSWORD):
        return None
    return _make_first(settings.ADMIN_EMAIL, "", settings.ADMIN_PASSWORD)


def first_link() -> str | None:
    """Return the path of the set-up link, None once there is an administrator.

    A stored hash cannot be shown again, so each call makes a new link and the one before stops working.
    """
    if administrator_exists():
        return None
    return create_link(OneTimeLink.Purpose.SETUP, None, actor=None)


@transaction.atomic
def open_installation(link: OneTimeLink, *, email: str, name: str, password: str) -> User:
    """Make the first administrator by the set-up link.

    Raises Problem `link-gone`, `bad-email`, `email-taken`, `weak-password`.
    """
    if link.purpose != OneTimeLink.Purpose.SETUP:
        raise link_gone()
    use_link(link)
    return _make_first(email, name, password)


@transaction.atomic
def _make_first(email: str, name: str, password: str) -> User:
    if administrator_exists():
        raise link_gone()
    user = create_user(None, email=email, name=name, password=password, is_admin=True).user
    OneTimeLink.objects.filter(purpose=OneTimeLink.Purpose.SETUP, used_at=None).delete()
    first_admin_created.send(User, user=user)
    log.info("accounts.first_admin", user=str(user.pk))
    return user
