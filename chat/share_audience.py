"""Whom a share names, and what of it they could not see: told to its owner before it is shared."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import Group, User
from audit.problems import Problem
from chat.models import Message, Share
from chat.share_reading import leans
from ingest.access import documents_for, readers_of
from ingest.models import Document

MOST_RECIPIENTS = 100
#: Names of documents that are told for one recipient.
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Recipients:
    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()

    def principals(self) -> list[str]:
        """As the record and the API write them."""
        return [f"user:{user.pk}" for user in self.users] + [
            f"group:{group.pk}" for group in self.groups
        ]

    def names(self) -> list[str]:
        return [str(user) for user in self.users] + [group.name for group in self.groups]


@dataclass(frozen=True, slots=True)
class Lacking:
    """A recipient who would not see all: `people` of the `of` who are meant by it lack something.

    `answers`: how many at least one of them does not see. `documents`: names, of those that the owner
    may read herself.
    """

    principal: str
    name: str
    people: int
    of: int
    answers: int
    documents: tuple[str, ...] = ()

    @property
    def is_group(self) -> bool:
        return self.principal.startswith("group:")


def recipients_of(share: Share) -> Recipients:
    """With whom it is shared, those who may sign in."""
    users = share.users.filter(is_active=True).order_by("email")
    return Recipients(tuple(users), tuple(share.groups.order_by("name")))


def named(owner: User, principals: Iterable[str]) -> Recipients:
    """The people and groups that are meant by `user:ID`, `group:ID` or `user:E-MAIL`.

    Raises Problem `no-recipient`, `too-many-recipients`, `unknown-principal`, `own-share`.
    """
    wanted = list(dict.fromkeys(principals))
    if not wanted:
        raise Problem(422, "no-recipient", _("Name at least one person or group."))
    if len(wanted) > MOST_RECIPIENTS:
        detail = _("Name at most %(most)d people and groups.") % {"most": MOST_RECIPIENTS}
        raise Problem(422, "too-many-recipients", detail)
    users: dict[UUID, User] = {}
    groups: dict[UUID, Group] = {}
    for text in wanted:
        found = principal(text)
        if isinstance(found, Group):
            groups[found.pk] = found
        else:
            users[found.pk] = found
    if owner.pk in users:
        raise Problem(422, "own-share", _("This is yours already. Name somebody else."))
    return Recipients(tuple(users.values()), tuple(groups.values()))


def lacking(owner: User, answers: Sequence[Message], recipients: Recipients) -> list[Lacking]:
    """Those recipients who cannot read all that `answers` (one branch, in order) rest on, right now."""
    documents = _documents(answers)
    told = dict(documents_for(owner).filter(pk__in=documents).values_list("pk", "name"))
    members = {
        group: list(group.users.filter(is_active=True).exclude(pk=owner.pk))
        for group in recipients.groups
    }
    people = {user for users in members.values() for user in users} | set(recipients.users)
    readable = readers_of(documents.values(), people)
    meant = [(f"user:{user.pk}", str(user), [user]) for user in recipients.users]
    meant += [(f"group:{group.pk}", group.name, users) for group, users in members.items()]
    found = []
    for principal, name, users in meant:
        short = [user for user in users if set(documents.values()) - readable[user.pk]]
        if short:
            missing = _missing(documents, [readable[user.pk] for user in short])
            names = sorted({told[pk] for pk in missing if pk in told})[:MOST_NAMED]
            withheld = _withheld(answers, missing)
            found.append(Lacking(principal, name, len(short), len(users), withheld, tuple(names)))
    return found


def erased_answers(answers: Iterable[Message]) -> int:
    """How many nobody else will see, since a document that they rest on is gone."""
    return sum(
        any(source.document_id is None for source in answer.sources.all()) for answer in answers
    )


def principal(text: str) -> User | Group:
    """The person or group that is meant by `user:ID`, `user:E-MAIL` or `group:ID`.

    Raises Problem `unknown-principal`.
    """
    kind, _separator, raw = text.partition(":")
    person = User.objects.filter(is_active=True)
    if kind == "user" and "@" in raw and "\x00" not in raw:
        found: User | Group | None = person.filter(email__iexact=raw).first()
    elif kind in ("user", "group") and (pk := _uuid(raw)):
        found = (
            person.filter(pk=pk).first() if kind == "user" else Group.objects.filter(pk=pk).first()
        )
    else:
        found = None
    if found is None:
        detail = _("Name people and groups that are there: user:ID, user:E-MAIL or group:ID.")
        raise Problem(422, "unknown-principal", detail)
    return found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _documents(answers: Iterable[Message]) -> dict[UUID, UUID]:
    """The documents behind the answers, with their collections."""
    sources = (source for answer in answers for source in answer.sources.all())
    wanted = {source.document_id for source in sources if source.document_id}
    return dict(Document.objects.filter(pk__in=wanted).values_list("pk", "collection_id"))


def _missing(documents: Mapping[UUID, UUID], readable: Iterable[set[UUID]]) -> set[UUID]:
    everybody = set.intersection(*readable)
    return {pk for pk, collection in documents.items() if collection not in everybody}


def _withheld(answers: Iterable[Message], missing: set[UUID]) -> int:
    """As chat/share_reading.py counts them: what leans on one that is withheld is, too."""
    count = 0
    for answer in answers:
        sources = [source.document_id for source in answer.sources.all()]
        rests = any(pk is None or pk in missing for pk in sources)
        count += rests or bool(count and leans(answer))
    return count
