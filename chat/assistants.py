"""Assistants made, changed, shared and put away. Each deed is one transaction with its entry."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from uuid import UUID

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Group, User
from audit import actions
from audit.problems import Problem
from audit.record import record
from chat.assistant_access import EDITOR, OWNER, get_assistant, ownerless
from chat.assistant_room import require_room
from chat.models import Assistant, AssistantGrant
from chat.share_audience import principal
from ingest import holds
from ingest.access import collections_for, readable_ids
from ingest.models import Collection
from ingest.parsers.clean import seen

MOST_TEMPERATURE = 1.0
LEAST_ANSWER_TOKENS = 16
MOST_STARTERS = 4
STARTER_CHARS = 200
DESCRIPTION_CHARS = 500
MOST_COLLECTIONS = 1_000
MOST_GRANTS = 200

#: (`user:ID`, `user:E-MAIL`, `group:ID` or `everyone`; role), as the API writes it.
Wanted = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """What its makers say of an assistant. `collections`: of those that the maker may read."""

    name: str
    description: str = ""
    model: str = ""
    instructions: str = ""
    everywhere: bool = False
    collections: tuple[UUID, ...] = ()
    temperature: float = 0.0
    answer_tokens: int = 0
    starters: tuple[str, ...] = ()


def checked(user: User, draft: Draft) -> Draft:
    """`draft` without what nobody sees, whoever it comes from.

    Raises Problem `bad-name`, `bad-description`, `bad-assistant`, `instructions-too-long`, Http404 for a
    collection that `user` may not read.
    """
    name = " ".join(seen(draft.name).split())
    if not name or len(name) > Assistant.NAME_CHARS or not name.isprintable():
        raise Problem(422, "bad-name", _("Give the assistant a name of 1 to 100 letters."))
    description = " ".join(seen(draft.description).split())
    if len(description) > DESCRIPTION_CHARS:
        raise Problem(422, "bad-description", _("Use at most 500 letters of description."))
    _check_numbers(draft)
    instructions = seen(draft.instructions).strip()
    require_room(instructions, draft.model)
    return replace(
        draft,
        name=name,
        description=description,
        model=" ".join(seen(draft.model).split())[:150],
        instructions=instructions,
        collections=tuple(readable_ids(user, draft.collections)),
        starters=_starters(draft.starters),
    )


def draft_of(user: User, assistant: Assistant) -> Draft:
    """What stands there now, as far as `user` may read the collections that are named."""
    told = {each.name: getattr(assistant, each.name) for each in fields(Draft)}
    named = assistant.collections.filter(pk__in=collections_for(user).values("pk"))
    told["collections"] = tuple(named.values_list("pk", flat=True))
    told["starters"] = tuple(assistant.starters)
    return Draft(**told)


@transaction.atomic
def create_assistant(user: User, draft: Draft) -> Assistant:
    """Make an assistant. Nobody else can use it until it is shared. Raises as checked."""
    if not user.is_active:
        raise PermissionDenied
    assistant = Assistant(owner=user)
    _write(user, assistant, checked(user, draft))
    data = {"version": assistant.version}
    record(actions.ASSISTANT_CREATED, actor=user, target=("assistant", assistant.pk), data=data)
    return assistant


@transaction.atomic
def change_assistant(user: User, assistant: Assistant, draft: Draft) -> Assistant:
    """Say anew what it is. Collections that `user` may not read stay named. For editors."""
    found = _locked(user, assistant, EDITOR)
    before, draft = draft_of(user, found), checked(user, draft)
    changed = [
        each.name
        for each in fields(Draft)
        if _comparable(getattr(before, each.name)) != _comparable(getattr(draft, each.name))
    ]
    _write(user, found, draft)
    record(
        actions.ASSISTANT_CHANGED,
        actor=user,
        target=("assistant", found.pk),
        data={"fields": changed, "version": found.version},
    )
    return found


@transaction.atomic
def set_grants(user: User, assistant: Assistant, wanted: Iterable[Wanted]) -> list[AssistantGrant]:
    """Say anew who else may use or change it. For its owner.

    Raises Problem `unknown-principal`, `unknown-role`, `principal-twice`, `too-many-recipients`.
    """
    found = _locked(user, assistant, OWNER)
    before = {(grant.principal, grant.role) for grant in found.grants.all()}
    rows = _resolved(found, list(wanted))
    found.grants.all().delete()
    made = AssistantGrant.objects.bulk_create(rows)
    after = {(grant.principal, grant.role) for grant in made}
    record(
        actions.ASSISTANT_SHARED,
        actor=user,
        target=("assistant", found.pk),
        data={
            "count": len(after),
            "added": sorted(f"{who}={role}" for who, role in after - before),
            "removed": sorted(f"{who}={role}" for who, role in before - after),
        },
    )
    return made


@transaction.atomic
def archive(user: User, assistant: Assistant, *, archived: bool) -> Assistant:
    """Put it away, or take it out again; nobody asks it meanwhile. For its owner."""
    found = _locked(user, assistant, OWNER)
    if archived == (found.archived_at is not None):
        return found
    found.archived_at = timezone.now() if archived else None
    found.save(update_fields=["archived_at"])
    action = actions.ASSISTANT_ARCHIVED if archived else actions.ASSISTANT_RESTORED
    record(action, actor=user, target=("assistant", found.pk))
    return found


@transaction.atomic
def delete_assistant(user: User, assistant: Assistant) -> None:
    """Remove it for everybody. Conversations stay, and say what it was called. For its owner.

    Raises Problem `on-hold`.
    """
    found = _locked(user, assistant, OWNER)
    holds.require_free(user=user)
    record(
        actions.ASSISTANT_DELETED,
        actor=user,
        target=("assistant", found.pk),
        data={"version": found.version},
    )
    found.delete()


@transaction.atomic
def take_over(admin: User, pk: UUID | str) -> Assistant:
    """Own an assistant whose owner has gone. For administrators.

    Raises Http404 where it has an owner, PermissionDenied for who may use it and is no administrator.
    """
    if not (admin.is_active and admin.is_admin):
        get_assistant(admin, pk)
        raise PermissionDenied
    found = ownerless().select_for_update(of=("self",)).filter(pk=pk).first()
    if found is None:
        raise Http404
    found.owner = admin
    found.save(update_fields=["owner"])
    record(actions.ASSISTANT_TAKEN, actor=admin, target=("assistant", found.pk))
    return found


def _locked(user: User, assistant: Assistant, role: str) -> Assistant:
    """Held still to the end of the transaction, the right looked at after that."""
    Assistant.objects.select_for_update().filter(pk=assistant.pk).first()
    return get_assistant(user, assistant.pk, role)


def _write(user: User, assistant: Assistant, draft: Draft) -> None:
    closed = set[UUID]()
    if not assistant._state.adding:
        readable = collections_for(user).values("pk")
        closed |= set(assistant.collections.exclude(pk__in=readable).values_list("pk", flat=True))
    if not draft.everywhere and not draft.collections and not closed:
        detail = _("Choose at least one collection, or all that its asker may read.")
        raise Problem(422, "bad-assistant", detail)
    for name in (each.name for each in fields(Draft) if each.name != "collections"):
        setattr(assistant, name, getattr(draft, name))
    assistant.starters = list(draft.starters)
    assistant.updated_at = timezone.now()
    assistant.save()
    assistant.collections.set(Collection.objects.filter(pk__in={*draft.collections, *closed}))


def _check_numbers(draft: Draft) -> None:
    if not 0 <= draft.temperature <= MOST_TEMPERATURE:
        raise Problem(422, "bad-assistant", _("Choose a temperature from 0 to 1."))
    most = settings.MAX_ANSWER_TOKENS
    if draft.answer_tokens and not LEAST_ANSWER_TOKENS <= draft.answer_tokens <= most:
        detail = _("Choose %(least)d to %(most)d tokens for an answer, or 0 for as many as usual.")
        raise Problem(422, "bad-assistant", detail % {"least": LEAST_ANSWER_TOKENS, "most": most})
    if len(draft.collections) > MOST_COLLECTIONS:
        raise Problem(422, "bad-assistant", _("Choose fewer collections."))


def _starters(starters: Iterable[str]) -> tuple[str, ...]:
    lines = (" ".join(seen(starter).split()) for starter in starters)
    found = tuple(dict.fromkeys(line for line in lines if line))
    if len(found) > MOST_STARTERS or any(len(line) > STARTER_CHARS for line in found):
        detail = _("Give at most %(most)d questions to begin with, of up to %(chars)d letters.")
        raise Problem(
            422, "bad-assistant", detail % {"most": MOST_STARTERS, "chars": STARTER_CHARS}
        )
    return found


def _comparable(value: object) -> object:
    return frozenset(value) if isinstance(value, tuple) else value


def _resolved(assistant: Assistant, wanted: list[Wanted]) -> list[AssistantGrant]:
    if len(wanted) > MOST_GRANTS:
        detail = _("Name at most %(most)d people and groups.") % {"most": MOST_GRANTS}
        raise Problem(422, "too-many-recipients", detail)
    rows = [_grant(assistant, who, role) for who, role in wanted]
    rows = [row for row in rows if row.user_id is None or row.user_id != assistant.owner_id]
    if len({row.principal for row in rows}) < len(rows):
        detail = _("Name each person and group once, with the strongest role.")
        raise Problem(422, "principal-twice", detail)
    return rows


def _grant(assistant: Assistant, who: str, role: str) -> AssistantGrant:
    if role not in AssistantGrant.ORDER:
        roles = ", ".join(AssistantGrant.ORDER)
        raise Problem(422, "unknown-role", _("A role is one of: %(roles)s.") % {"roles": roles})
    row = AssistantGrant(assistant=assistant, role=role, everyone=who == "everyone")
    if not row.everyone:
        named = principal(who)
        row.user = named if isinstance(named, User) else None
        row.group = named if isinstance(named, Group) else None
    return row
