"""Collections and who may use them. Each change: permission, transaction, record, one result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Group, User
from audit import actions
from audit.problems import Problem
from audit.record import record
from ingest.access import MANAGER, get_collection
from ingest.models import Collection, Grant

#: (`user:ID`, `group:ID` or `everyone`; role), as the API writes it.
Wanted = tuple[str, str]


class CollectionRefused(Problem):
    """A collection or its grants cannot be made so."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(422, code, detail)


@dataclass(frozen=True, slots=True)
class _Principal:
    user: UUID | None = None
    group: UUID | None = None
    everyone: bool = False


def create_collection(user: User, *, name: str, description: str = "") -> Collection:
    """Make a collection. Its creator is its manager; nobody else can see it until granted."""
    name, description = _checked(name, description)
    with transaction.atomic():
        collection = Collection.objects.create(name=name, description=description, created_by=user)
        Grant.objects.create(collection=collection, user=user, role=MANAGER)
        record(actions.COLLECTION_CREATED, actor=user, target=("collection", collection.id))
    return collection


def change_collection(
    user: User, collection: Collection, *, name: str | None = None, description: str | None = None
) -> Collection:
    """Rename or describe a collection; None leaves as it is. For managers."""
    with transaction.atomic():
        found = get_collection(user, collection.pk, MANAGER)
        found.name, found.description = _checked(
            found.name if name is None else name,
            found.description if description is None else description,
        )
        found.save(update_fields=["name", "description"])
        record(
            actions.COLLECTION_CHANGED,
            actor=user,
            target=("collection", found.id),
            data={"name": name is not None, "description": description is not None},
        )
    return found


def set_grants(user: User, collection: Collection, grants: Iterable[Wanted]) -> list[Grant]:
    """Replace all grants of a collection in one step. For managers.

    Raises CollectionRefused `unknown-principal`, `unknown-role`, `principal-twice` or, where
    neither a person nor a group would manage the collection, `no-manager`.
    """
    with transaction.atomic():
        # Locked before the right is looked at: of two managers who remove each other, one is late.
        Collection.objects.select_for_update().filter(pk=collection.pk).first()
        found = get_collection(user, collection.pk, MANAGER)
        before = {(grant.principal, grant.role) for grant in found.grants.all()}
        wanted = _resolved(list(grants))
        found.grants.all().delete()
        made = Grant.objects.bulk_create(
            Grant(
                collection=found,
                user_id=principal.user,
                group_id=principal.group,
                everyone=principal.everyone,
                role=role,
            )
            for principal, role in wanted.items()
        )
        _record_grants(user, found, before, {(grant.principal, grant.role) for grant in made})
    return made


def make_manager(user: User, collection: UUID) -> None:
    """Give `user` the role of manager, without asking anybody: for the first administrator, and
    for collections that nobody manages. Call it in a transaction.
    """
    Grant.objects.update_or_create(collection_id=collection, user=user, defaults={"role": MANAGER})
    record(
        actions.GRANTS_CHANGED,
        actor=user,
        target=("collection", collection),
        data={
            "count": Grant.objects.filter(collection_id=collection).count(),
            "added": [f"user:{user.pk}={MANAGER}"],
            "removed": [],
        },
    )


def _record_grants(
    user: User, collection: Collection, before: set[Wanted], after: set[Wanted]
) -> None:
    record(
        actions.GRANTS_CHANGED,
        actor=user,
        target=("collection", collection.id),
        data={
            "count": len(after),
            "added": sorted(f"{who}={role}" for who, role in after - before),
            "removed": sorted(f"{who}={role}" for who, role in before - after),
        },
    )


def _resolved(grants: Sequence[Wanted]) -> dict[_Principal, str]:
    wanted: dict[_Principal, str] = {}
    for text, role in grants:
        if role not in Grant.ORDER:
            raise CollectionRefused(
                "unknown-role",
                _("A role is one of: %(roles)s.") % {"roles": ", ".join(Grant.ORDER)},
            )
        principal = _parsed(text)
        if principal in wanted:
            raise CollectionRefused(
                "principal-twice", _("Name each person and group once, with the strongest role.")
            )
        wanted[principal] = role
    _require_existing(wanted)
    _require_manager(wanted)
    return wanted


def _parsed(text: str) -> _Principal:
    if text == "everyone":
        return _Principal(everyone=True)
    kind, _separator, raw = text.partition(":")
    try:
        pk = UUID(raw)
    except ValueError:
        raise _unknown() from None
    if kind == "user":
        return _Principal(user=pk)
    if kind == "group":
        return _Principal(group=pk)
    raise _unknown()


def _require_existing(wanted: Iterable[_Principal]) -> None:
    users = {principal.user for principal in wanted if principal.user}
    groups = {principal.group for principal in wanted if principal.group}
    if User.objects.filter(id__in=users).count() < len(users):
        raise _unknown()
    if Group.objects.filter(id__in=groups).count() < len(groups):
        raise _unknown()


def _unknown() -> CollectionRefused:
    return CollectionRefused(
        "unknown-principal", _("Name a person or group that exists: user:ID, group:ID or everyone.")
    )


def _require_manager(wanted: dict[_Principal, str]) -> None:
    managers = [who for who, role in wanted.items() if role == MANAGER]
    users = [who.user for who in managers if who.user]
    groups = [who.group for who in managers if who.group]
    if User.objects.filter(id__in=users, is_active=True).exists():
        return
    if Group.objects.filter(id__in=groups, users__is_active=True).exists():
        return
    raise CollectionRefused(
        "no-manager", _("Keep at least one person, or a group with members, as manager.")
    )


def _checked(name: str, description: str) -> tuple[str, str]:
    name = " ".join(name.split())
    if not name or len(name) > 150 or not name.isprintable():
        raise CollectionRefused("bad-name", _("Give the collection a name of 1 to 150 letters."))
    if len(description) > 2_000 or "\x00" in description:
        raise CollectionRefused("bad-description", _("Use at most 2,000 letters of description."))
    return name, description.strip()
