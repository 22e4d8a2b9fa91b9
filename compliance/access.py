"""Who can read what, and who did: by the grants and the record. Names of documents stay unsaid.

The officer sees names of people, groups and collections, and ids of documents; nothing else of them.
Each question is itself recorded by whoever calls (compliance/looks.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from audit import actions
from audit.models import Entry
from ingest.access import collections_for
from ingest.models import Collection, Document, Grant

#: Newest entries of answers and searches that a question looks through.
LOOKED_THROUGH = 50_000
#: What counts as reading, and whether the document is the target or one of several in `data`.
DIRECT = (actions.DOCUMENT_READ, actions.DOCUMENT_DOWNLOADED)
AMONG = (
    actions.ANSWERED,
    actions.ANSWER_BEGUN,
    actions.SEARCHED,
    actions.CONVERSATION_READ,
    actions.CONVERSATION_EXPORTED,
    actions.SHARE_OPENED,
    actions.RUN_FINISHED,
    actions.RUN_READ,
    actions.RUN_EXPORTED,
)


@dataclass(frozen=True, slots=True)
class Way:
    """One grant that lets a person in. `group` is set where it comes through one."""

    how: str
    role: str
    group: str = ""
    since: datetime | None = None
    by: User | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """One collection that a person can read: the strongest role, and every way to it."""

    collection: Collection
    role: str
    ways: list[Way]


@dataclass(slots=True)
class Reading:
    """How one person met a document: times by action."""

    actor: str
    user: User | None = None
    times: dict[str, int] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, action: str, at: datetime) -> None:
        self.times[action] = self.times.get(action, 0) + 1
        self.first = at if self.first is None else min(self.first, at)
        self.last = at if self.last is None else max(self.last, at)

    @property
    def opened(self) -> int:
        return self.times.get(actions.DOCUMENT_READ, 0)

    @property
    def downloaded(self) -> int:
        return self.times.get(actions.DOCUMENT_DOWNLOADED, 0)

    @property
    def answered(self) -> int:
        return self.times.get(actions.ANSWERED, 0)

    @property
    def searched(self) -> int:
        return self.times.get(actions.SEARCHED, 0)


@dataclass(frozen=True, slots=True)
class Readings:
    """Who read it, the latest first. Not `complete`: older answers and searches were not looked at."""

    people: list[Reading]
    complete: bool


def ways(person: User, collection: Collection) -> list[Way]:
    """Every grant by which `person` reads `collection`, the strongest first, and who gave it when.

    Empty: there is none, or the person may not sign in.
    """
    if not collections_for(person).filter(pk=collection.pk).exists():
        return []
    grants = _grants_of(person).filter(collection=collection)
    return [_explained(grant, collection) for grant in sorted(grants, key=_rank, reverse=True)]


def reach(person: User) -> list[Reach]:
    """What `person` can read: collections by name, each with the strongest role and every way."""
    held: dict[UUID, list[Way]] = {}
    for grant in sorted(_grants_of(person), key=_rank, reverse=True):
        held.setdefault(grant.collection_id, []).append(_way(grant))
    readable = collections_for(person).order_by("name", "id")
    return [Reach(found, held[found.pk][0].role, held[found.pk]) for found in readable]


def who_can_read(collection: Collection) -> list[tuple[User, str]]:
    """People who may sign in and can read `collection` now, with the strongest role of each."""
    roles: dict[User, str] = {}
    for grant in Grant.objects.filter(collection=collection):
        for user in _people(grant):
            held = roles.get(user, grant.role)
            roles[user] = max(held, grant.role, key=Grant.ORDER.index)
    return sorted(roles.items(), key=lambda item: item[0].email)


def who_read(documents: Iterable[UUID]) -> Readings:
    """Who opened, downloaded or was shown any of `documents`, the latest first; by the record alone.

    Answers and searches name what they showed in `data.documents`: the newest LOOKED_THROUGH of
    them are looked through, which a database without JSON indexes does in a second or two. Where there
    are more, the answer says so. Of one document only answers that name it count towards that bound.
    """
    wanted = {str(pk) for pk in documents}
    found: dict[str, Reading] = {}
    direct = Entry.objects.filter(action__in=DIRECT, target_id__in=wanted)
    for action, actor, at in direct.values_list("action", "actor", "at"):
        found.setdefault(actor, Reading(actor)).add(action, at)
    seen = 0
    for seen, (action, actor, at, shown) in enumerate(_shown(wanted), start=1):
        if seen > LOOKED_THROUGH:
            break
        if wanted.intersection(shown or ()):
            found.setdefault(actor, Reading(actor)).add(action, at)
    _name(found)
    people = sorted(found.values(), key=lambda reading: str(reading.last), reverse=True)
    return Readings(people, complete=seen <= LOOKED_THROUGH)


def collection_of(document: UUID) -> Collection | None:
    """Where a document lies now; None: it is erased, or never was."""
    found = Document.objects.select_related("collection").filter(pk=document).first()
    return found.collection if found else None


def _shown(wanted: set[str]) -> Iterable[tuple[str, str, datetime, list[str] | None]]:
    entries = Entry.objects.filter(action__in=AMONG).order_by("-id")
    if len(wanted) == 1:
        entries = entries.filter(data__documents__icontains=next(iter(wanted)))
    rows = entries.values_list("action", "actor", "at", "data__documents")
    return rows[: LOOKED_THROUGH + 1].iterator(chunk_size=2_000)


def _name(found: dict[str, Reading]) -> None:
    keys = [actor for actor in found if actor]
    users = {str(user.pk): user for user in User.objects.filter(pk__in=keys)}
    for actor, reading in found.items():
        reading.user = users.get(actor)


def _people(grant: Grant) -> Iterable[User]:
    active = User.objects.filter(is_active=True)
    if grant.everyone:
        return active
    return active.filter(Q(grants=grant) | Q(groups__grants=grant)).distinct()


def _grants_of(person: User) -> QuerySet[Grant]:
    mine = Q(everyone=True) | Q(user=person) | Q(group__users=person)
    return Grant.objects.filter(mine).select_related("group")


def _rank(grant: Grant) -> int:
    return Grant.ORDER.index(grant.role)


def _way(grant: Grant) -> Way:
    how = "everyone" if grant.everyone else "group" if grant.group else "person"
    return Way(how, grant.role, grant.group.name if grant.group else "")


def _explained(grant: Grant, collection: Collection) -> Way:
    entry = _granted(grant, collection)
    if entry is None:
        return _way(grant)
    by = User.objects.filter(pk=entry.actor).first() if entry.actor else None
    return replace(_way(grant), since=entry.at, by=by)


def _granted(grant: Grant, collection: Collection) -> Entry | None:
    """The entry that last added this very grant; for its maker's own, the collection's first entry."""
    about = Entry.objects.filter(target_id=str(collection.pk)).order_by("-id")
    wanted = f"{grant.principal}={grant.role}"
    for entry in about.filter(action=actions.GRANTS_CHANGED):
        if wanted in entry.data.get("added", ()):
            return entry
    made = about.filter(action=actions.COLLECTION_CREATED).first()
    return made if made and made.actor == str(grant.user_id) else None
