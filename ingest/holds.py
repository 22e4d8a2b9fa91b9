"""Legal holds: what a compliance officer holds, nobody erases, and no retention purges.

A hold covers a document; a collection with its documents; a person, with her conversations, feedback,
account and the documents that she uploaded; or everything. Whoever deletes calls `require_free` (or
filters by `covering`) in the transaction of the deletion. SQLite has one writer at a time; on
PostgreSQL deletions share an advisory lock that a new hold takes alone, so that a hold and a deletion
at the same moment have an order, and the later one sees the other.
"""

import re
from datetime import datetime
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from ingest.models import Collection, Document, Hold

Target = Hold.Target

#: The number of a case. Without blanks nobody writes a sentence into the record.
REFERENCE = re.compile(r"[\w.#:/-]{1,100}")
#: Any number that no other advisory lock of ours has.
LOCK = 4_201_900_417


def active() -> QuerySet[Hold]:
    return Hold.objects.filter(released_at__isnull=True)


def covering(*, document: str = "", collection: str = "", user: str = "") -> Exists:
    """Whether an active hold covers a row. Each argument names the row's column with that id.

    For documents: covering(document="pk", collection="collection_id", user="uploaded_by_id").
    """
    return Exists(
        active().filter(
            _reaches(
                document=OuterRef(document) if document else None,
                collection=OuterRef(collection) if collection else None,
                user=OuterRef(user) if user else None,
            )
        )
    )


def covered_document() -> Exists:
    """`covering` for rows of Document."""
    return covering(document="pk", collection="collection_id", user="uploaded_by_id")


def on(
    *,
    document: Document | None = None,
    collection: Collection | None = None,
    user: User | None = None,
) -> QuerySet[Hold]:
    """Active holds that cover it, newest first. A document is covered by its collection's as well."""
    if document is not None:
        return active().filter(
            _reaches(
                document=document.pk,
                collection=document.collection_id,
                user=document.uploaded_by_id,
            )
        )
    return active().filter(
        _reaches(collection=collection.pk if collection else None, user=user.pk if user else None)
    )


def on_everything() -> bool:
    return active().filter(target=Target.EVERYTHING).exists()


def require_free(
    *,
    document: Document | None = None,
    collection: Collection | None = None,
    user: User | None = None,
) -> None:
    """Raise Problem 409 `on-hold` where a hold covers it. Call it in the deletion's transaction.

    A collection is covered by the holds on its documents, too.
    """
    stand_still()
    held = on(document=document, collection=collection, user=user).exists()
    if not held and collection is not None:
        held = Document.objects.filter(covered_document(), collection=collection).exists()
    if held:
        raise Problem(
            409,
            "on-hold",
            _("This is under a legal hold and cannot be deleted. Ask a compliance officer."),
        )


def stand_still() -> None:
    """Let no hold come between what is looked at now and the end of this transaction."""
    _lock("pg_advisory_xact_lock_shared")


@transaction.atomic
def place(actor: User | None, *, target: str, target_id: UUID | None, reference: str) -> Hold:
    """Place a hold. For compliance officers; actor None: whoever runs the machine (manage.py hold).

    Raises PermissionDenied, or Problem `bad-reference`, `no-such-target`, `hold-too-late` (its
    erasure has begun), `already-held` (by the same reference).
    """
    _require_officer(actor)
    _lock("pg_advisory_xact_lock")
    if not REFERENCE.fullmatch(reference):
        detail = _(
            "Give the number of a case: 1 to 100 letters, digits and . - _ / # : without blanks."
        )
        raise Problem(422, "bad-reference", detail)
    key = None if target == Target.EVERYTHING else target_id
    _require_target(target, key)
    if active().filter(target=target, target_id=key, reference=reference).exists():
        detail = _("There is a hold with this reference already. It is in the list.")
        raise Problem(409, "already-held", detail)
    hold = Hold.objects.create(target=target, target_id=key, reference=reference, placed_by=actor)
    _record(actions.HOLD_PLACED, actor, hold)
    return hold


@transaction.atomic
def release(actor: User | None, pk: UUID | str) -> Hold:
    """Release a hold; what waited for it is erased by the next sweep. For whom `place` is.

    Raises PermissionDenied, and Http404 where there is no such hold or it is released already.
    """
    _require_officer(actor)
    _lock("pg_advisory_xact_lock")
    if not active().filter(pk=pk).update(released_by=actor, released_at=timezone.now()):
        raise Http404
    hold = Hold.objects.get(pk=pk)
    _record(actions.HOLD_RELEASED, actor, hold)
    return hold


def waiting() -> QuerySet[Document]:
    """Documents whose erasure was asked for and waits for a hold to be released."""
    return Document.objects.filter(
        covered_document(), status=Document.Status.ERASING, erasure_began_at__isnull=True
    )


@receiver(pre_delete, sender=User, dispatch_uid="ingest.holds")
def keep_held_person(instance: User, **_: object) -> None:
    """However a person is deleted: Django sends this inside the deletion's transaction."""
    require_free(user=instance)


def _reaches(**keys: object) -> Q:
    covered = Q(target=Target.EVERYTHING)
    for target, key in keys.items():
        if key is not None:
            covered |= Q(target=target, target_id=key)
    return covered


def _require_officer(actor: User | None) -> None:
    if actor is not None and not (actor.is_active and actor.is_compliance):
        raise PermissionDenied


def _require_target(target: str, key: UUID | None) -> None:
    if target == Target.EVERYTHING:
        return
    tables = {Target.DOCUMENT: Document, Target.COLLECTION: Collection, Target.USER: User}
    table = tables.get(Target(target)) if target in Target.values else None
    if table is None or key is None or not table._default_manager.filter(pk=key).exists():
        detail = _("There is no such document, collection or person. Check the id or the e-mail.")
        raise Problem(422, "no-such-target", detail)
    if target == Target.DOCUMENT and _erasure_began(key):
        raise Problem(
            409, "hold-too-late", _("The erasure of this document has begun: parts are gone.")
        )


def _erasure_began(key: UUID) -> datetime | None:
    found = Document.objects.filter(pk=key).values_list("erasure_began_at", flat=True)
    return found.first()


def _record(action: str, actor: User | None, hold: Hold) -> None:
    record(
        action,
        actor=actor,
        target=(hold.target, hold.target_id or ""),
        data={"hold": str(hold.pk), "reference": hold.reference},
    )


def _lock(function: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [LOCK])
