"""People: made, changed and removed by administrators. There is always one who can administer."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.leaving import forget_sign_ins
from accounts.links import Purpose, create_link
from accounts.models import Group, User
from accounts.passwords import check_password
from audit import actions
from audit.problems import Problem
from audit.record import Data, record


@dataclass(frozen=True, slots=True)
class NewPerson:
    """`link` is the path of the invitation; None where a password was given."""

    user: User
    link: str | None


def require_admin(actor: User) -> None:
    if not (actor.is_active and actor.is_admin):
        raise PermissionDenied


def get_user(actor: User, pk: UUID | str) -> User:
    """Return a person for an administrator. Raises PermissionDenied, Http404."""
    require_admin(actor)
    user = User.objects.filter(pk=pk).first()
    if user is None:
        raise Http404
    return user


def search_users(words: str) -> QuerySet[User]:
    """People whose name or e-mail holds each of the words, in the order of their e-mail."""
    found = User.objects.order_by("email")
    for word in words.split()[:8]:
        found = found.filter(Q(email__icontains=word) | Q(name__icontains=word))
    return found


@transaction.atomic
def create_user(
    actor: User | None,
    *,
    email: str,
    name: str = "",
    password: str | None = None,
    is_admin: bool = False,
    is_compliance: bool = False,
    groups: Collection[UUID | str] = (),
) -> NewPerson:
    """Make a person; without a password, with an invitation. actor None stands for the system.

    Raises PermissionDenied, or Problem `bad-email`, `email-taken`, `weak-password`, `no-such-group`.
    """
    if actor is not None:
        require_admin(actor)
    user = User(email=clean_email(email), name=clean_name(name))
    user.is_admin, user.is_compliance = is_admin, is_compliance
    if password is not None:
        check_password(password, user)
    user.set_password(password)
    _save(user)
    user.groups.set(_groups(groups))
    roles: dict[str, bool] = {"is_admin": is_admin, "is_compliance": is_compliance}
    data: Data = {**roles, "groups": [str(pk) for pk in groups]}
    record(actions.USER_CREATED, actor=actor, target=("user", user.pk), data=data)
    link = None if password is not None else create_link(Purpose.INVITE, user, actor=actor)
    return NewPerson(user, link)


@transaction.atomic
def change_user(actor: User, user: User, **changes: Any) -> User:
    """Change what is given: `email`, `name`, `is_admin`, `is_compliance`, `is_active`, `groups`.

    A deactivated person's sessions and tokens stop at once. Raises PermissionDenied, or Problem
    `last-admin`, `bad-email`, `email-taken`, `no-such-group`.
    """
    require_admin(actor)
    if changes.get("is_admin") is False or changes.get("is_active") is False:
        _keep_an_admin(user)
    groups, email = changes.pop("groups", None), user.email
    for field, value in changes.items():
        setattr(user, field, _CLEAN[field](value))
    _save(user, fields=list(changes))
    if user.email != email or not user.is_active:
        user.links.filter(used_at=None).delete()  # they went to the old address
    if groups is not None:
        user.groups.set(_groups(groups))
    switches: dict[str, bool] = {k: v for k, v in changes.items() if k.startswith("is_")}
    data: Data = {"fields": [*changes, *([] if groups is None else ["groups"])], **switches}
    record(actions.USER_CHANGED, actor=actor, target=("user", user.pk), data=data)
    return user


@transaction.atomic
def rename_self(user: User, name: str) -> None:
    """Change one's own name: the only thing about oneself that needs no administrator."""
    user.name = clean_name(name)
    user.save(update_fields=["name"])
    record(actions.USER_CHANGED, actor=user, target=("user", user.pk), data={"fields": ["name"]})


@transaction.atomic
def delete_user(actor: User, user: User) -> None:
    """Remove a person with their tokens, links and conversations. Collections stay, without a maker.

    Raises PermissionDenied, or Problem `last-admin`, `on-hold`.
    """
    require_admin(actor)
    remove_user(actor, user)


def remove_user(actor: User | None, user: User) -> dict[str, int]:
    """Remove a person for whoever has asked for the right; return rows by table (`chat.Message`).

    Call it in a transaction. Raises Problem `last-admin`, `on-hold`.
    """
    _keep_an_admin(user)
    key, removed = user.pk, forget_sign_ins(user)
    removed |= user.delete()[1]
    data = {table: count for table, count in sorted(removed.items()) if count}
    record(actions.USER_DELETED, actor=actor, target=("user", key), data=data)
    return data


def reset_link(actor: User, user: User) -> str:
    """Return the path of a link by which `user` sets a new password. The old one works until then."""
    require_admin(actor)
    if not user.is_active:
        raise Problem(
            409, "inactive", _("This person may not sign in. Let them sign in again first.")
        )
    purpose = Purpose.RESET if user.has_usable_password() else Purpose.INVITE
    return create_link(purpose, user, actor=actor)


def _keep_an_admin(user: User) -> None:
    """The administrators' rows are locked first: two who remove each other at once would leave none."""
    admins = User.objects.select_for_update().filter(is_admin=True, is_active=True).order_by("pk")
    if {admin.pk for admin in admins} == {user.pk}:
        detail = _("This is the last administrator. Make someone else an administrator first.")
        raise Problem(409, "last-admin", detail)


def _save(user: User, fields: list[str] | None = None) -> None:
    """Only what changes is written: a password that is set at this moment stays."""
    try:
        with transaction.atomic():
            user.save(update_fields=fields)
    except IntegrityError as error:
        detail = _("Someone else has this e-mail address. Look them up in the list.")
        raise Problem(409, "email-taken", detail) from error


def _groups(keys: Collection[UUID | str]) -> list[Group]:
    found = list(Group.objects.filter(pk__in=keys))
    if len(found) != len({str(key) for key in keys}):
        raise Problem(
            422, "no-such-group", _("One of these groups does not exist. Reload and choose again.")
        )
    return found


def clean_email(email: str) -> str:
    """Return the address in lower case without spaces around. Raises Problem `bad-email`."""
    email = email.strip().lower()
    try:
        validate_email(email)
        # Without regard to case, Django's pattern takes the dotless i and the long s for i and s.
        email.partition("@")[0].encode("ascii")
    except (ValidationError, UnicodeEncodeError) as error:
        detail = _("This is not an e-mail address. Write it as name@example.com.")
        raise Problem(422, "bad-email", detail) from error
    return email


def clean_name(name: str) -> str:
    """Return the name on one line, cut to the column; control characters are no part of a name."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:150]


_CLEAN: dict[str, Callable[[Any], object]] = {
    "email": clean_email,
    "name": clean_name,
    "is_admin": bool,
    "is_compliance": bool,
    "is_active": bool,
}
