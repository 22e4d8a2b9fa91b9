"""Groups: sets of people that grants can name. Administrators keep them."""

from collections.abc import Collection
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404
from django.utils.translation import gettext as _

from accounts.models import Group, User
from accounts.people import clean_name, require_admin
from audit import actions
from audit.problems import Problem
from audit.record import record


def get_group(actor: User, pk: UUID | str) -> Group:
    """Return a group for an administrator. Raises PermissionDenied, Http404."""
    require_admin(actor)
    group = Group.objects.filter(pk=pk).first()
    if group is None:
        raise Http404
    return group


@transaction.atomic
def create_group(actor: User, *, name: str, members: Collection[UUID | str] = ()) -> Group:
    """Raises PermissionDenied, or Problem `bad-name`, `name-taken`, `no-such-user`."""
    require_admin(actor)
    group = Group(name=_clean(name))
    _save(group)
    group.users.set(_people(members))
    record(
        actions.GROUP_CREATED,
        actor=actor,
        target=("group", group.pk),
        data={"members": [str(pk) for pk in members]},
    )
    return group


@transaction.atomic
def change_group(
    actor: User,
    group: Group,
    *,
    name: str | None = None,
    members: Collection[UUID | str] | None = None,
) -> Group:
    """Rename a group, or say anew who is in it: whoever leaves loses its grants at once.

    Raises PermissionDenied, or Problem `bad-name`, `name-taken`, `no-such-user`.
    """
    require_admin(actor)
    data: dict[str, list[str]] = {"fields": []}
    if name is not None:
        group.name = _clean(name)
        _save(group)
        data["fields"].append("name")
    if members is not None:
        group.users.set(_people(members))
        data["fields"].append("members")
        data["members"] = [str(pk) for pk in members]
    record(actions.GROUP_CHANGED, actor=actor, target=("group", group.pk), data=data)
    return group


@transaction.atomic
def add_member(actor: User, group: Group, key: UUID | str) -> User:
    """Put one person into a group. Raises PermissionDenied, or Problem `no-such-user`."""
    return _move(actor, group, key, joins=True)


@transaction.atomic
def remove_member(actor: User, group: Group, key: UUID | str) -> User:
    """Take one person out of a group: its grants are lost at once. Raises as add_member does."""
    return _move(actor, group, key, joins=False)


def _move(actor: User, group: Group, key: UUID | str, *, joins: bool) -> User:
    require_admin(actor)
    (person,) = _people([key])
    if joins:
        group.users.add(person)
    else:
        group.users.remove(person)
    data = {"fields": ["members"], "added" if joins else "removed": [str(person.pk)]}
    record(actions.GROUP_CHANGED, actor=actor, target=("group", group.pk), data=data)
    return person


@transaction.atomic
def delete_group(actor: User, group: Group) -> None:
    """Remove a group and every grant that named it."""
    require_admin(actor)
    key = group.pk
    group.delete()
    record(actions.GROUP_DELETED, actor=actor, target=("group", key))


def _clean(name: str) -> str:
    name = clean_name(name)
    if not name:
        raise Problem(422, "bad-name", _("Give the group a name."))
    return name


def _save(group: Group) -> None:
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError as error:
        raise Problem(
            409, "name-taken", _("Another group has this name. Choose a different one.")
        ) from error


def _people(keys: Collection[UUID | str]) -> list[User]:
    try:
        found = list(User.objects.filter(pk__in=keys))
    except ValidationError:  # no UUID at all
        found = []
    if len(found) != len({str(key) for key in keys}):
        raise Problem(
            422, "no-such-user", _("One of these people does not exist. Reload and choose again.")
        )
    return found
