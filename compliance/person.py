"""A person's own data: taken along by herself, erased at her request, with a receipt.

The export is hers alone, on her profile page: an officer sees no content. Whoever may run commands
on the machine can make it as well (manage.py person), which is recorded.
"""

import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q

from accounts import belongings
from accounts.models import User
from accounts.people import remove_user
from audit import actions
from audit.models import Entry
from audit.record import record
from chat.export import as_json
from chat.models import Conversation, Feedback
from ingest.models import Collection, Document, Grant, Receipt

Json = dict[str, Any]

#: Bytes of an export that are kept in memory.
IN_MEMORY = 4 << 20
ACCOUNT = ("id", "email", "name", "is_active", "is_admin", "is_compliance", "created_at")
ENTRY = ("id", "at", "actor", "action", "target_type", "target_id", "request_id", "data")


@dataclass(frozen=True, slots=True)
class Erased:
    """The receipt: rows by table that were removed, and what stays without her name."""

    person: str
    removed: dict[str, int]
    documents: int
    collections: int
    entries: int


def export(actor: User | None, person: User) -> IO[bytes]:
    """A ZIP file of JSON files with all that is kept about `person`, open at its beginning.

    actor None: the system. A large one lies in a nameless file meanwhile, not in memory. Passages of
    documents are named and not copied: they are the company's. Raises PermissionDenied.
    """
    if actor is not None and actor.pk != person.pk:
        raise PermissionDenied
    counts = dict[str, int]()
    target = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (handed out)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _files(person):
            archive.writestr(name, _written(content))
            kind = name.partition("/")[0].removesuffix(".json")
            counts[kind] = counts.get(kind, 0) + (len(content) if isinstance(content, list) else 1)
    record(actions.PERSON_EXPORTED, actor=actor, target=("user", person.pk), data=counts)
    target.seek(0)
    return cast(IO[bytes], target)


@transaction.atomic
def erase(actor: User | None, person: User) -> Erased:
    """Erase a person's account with all that is hers. For administrators and compliance officers.

    Documents belong to collections: they stay, and no longer say who brought them. Entries of the
    record stay with the bare id. Raises PermissionDenied, or Problem `on-hold`, `last-admin`.
    """
    if actor is not None and not (actor.is_active and (actor.is_admin or actor.is_compliance)):
        raise PermissionDenied
    key = str(person.pk)
    documents = Document.objects.filter(uploaded_by=person).count()
    collections = Collection.objects.filter(created_by=person).count()
    removed = remove_user(actor, person)
    entries = _about(key).count()
    erased = Erased(key, removed, documents, collections, entries)
    data = {"documents": documents, "collections": collections, "entries": entries}
    record(actions.PERSON_ERASED, actor=actor, target=("user", key), data={**removed, **data})
    return erased


def _files(person: User) -> Iterator[tuple[str, Any]]:
    mine = Q(user=person) | Q(group__users=person)
    grants = Grant.objects.filter(mine).select_related("collection", "group").order_by("id")
    yield "account.json", {name: getattr(person, name) for name in ACCOUNT}
    yield "groups.json", list(person.groups.values("id", "name"))
    yield "grants.json", [_grant(grant) for grant in grants]
    tokens = ("id", "name", "scopes", "created_at", "expires_at", "last_used_at")
    yield "tokens.json", list(person.tokens.values(*tokens))
    uploads = ("id", "name", "path", "collection_id", "bytes", "sha256", "created_at")
    yield "uploads.json", list(Document.objects.filter(uploaded_by=person).values(*uploads))
    yield "erasures.json", list(Receipt.objects.filter(requested_by=person).values())
    for conversation in Conversation.objects.filter(user=person).order_by("created_at").iterator():
        yield f"conversations/{conversation.pk}.json", _conversation(person, conversation)
    feedback = Feedback.objects.filter(message__conversation__user=person)
    yield "feedback.json", list(feedback.order_by("created_at").values())
    for name, part in belongings.parts.items():
        yield name, part(person)
    yield "record.json", list(_about(str(person.pk)).order_by("id").values(*ENTRY))


def _grant(grant: Grant) -> Json:
    return {
        "collection": {"id": grant.collection_id, "name": grant.collection.name},
        "role": grant.role,
        "through": grant.group.name if grant.group else None,
    }


def _conversation(person: User, conversation: Conversation) -> Json:
    exported = as_json(person, conversation)
    for message in exported["messages"]:
        for passage in message["passages"]:
            del passage["text"]
    return exported


def _about(key: str) -> Any:
    """Entries of what she did, and of what was done with her account."""
    return Entry.objects.filter(Q(actor=key) | Q(target_type="user", target_id=key))


def _written(content: Json | Iterable[Any]) -> str:
    return json.dumps(content, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
