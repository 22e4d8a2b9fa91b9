"""Passwords: what is good enough, and who may set one."""

from django.contrib.auth import authenticate, password_validation
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.models import OneTimeLink, User
from audit import actions
from audit.problems import Problem
from audit.record import record

#: Longer ones are refused before they are hashed: argon2 would read all of it.
MAX_LENGTH = 1_024


def check_password(password: str, user: User) -> None:
    """Raise Problem 422 `weak-password` with the validators' sentences."""
    if len(password) > MAX_LENGTH:
        detail = _("A password has at most %(length)d characters.") % {"length": MAX_LENGTH}
        raise Problem(422, "weak-password", detail)
    try:
        password_validation.validate_password(password, user)
    except ValidationError as error:
        raise Problem(422, "weak-password", " ".join(error.messages)) from error


@transaction.atomic
def set_password(user: User, password: str, *, actor: User | None) -> None:
    """Set a new password: every session of this person ends, by the session's hash of it.

    Links that were made to set one stop working. Raises Problem `weak-password`.
    """
    check_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    OneTimeLink.objects.filter(user=user, used_at=None).delete()
    record(actions.PASSWORD_SET, actor=actor, target=("user", user.pk))


def change_own_password(request: HttpRequest, user: User, old: str, new: str) -> None:
    """Raises Problem `wrong-password` or `weak-password`.

    The old password goes through authenticate(), so guessing it in a borrowed session is throttled
    as sign-in is.
    """
    if authenticate(request, username=user.email, password=old) != user:
        raise Problem(403, "wrong-password", _("The current password is not right. Type it again."))
    set_password(user, new, actor=user)
