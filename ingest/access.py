"""The one door: what a person may read, and with which role.

Every view, API call, search and task goes through these functions; nothing else turns an id into
an object. An object that the caller may not see does not exist: `Http404`. A caller who may see
it but lacks the role gets `PermissionDenied`. Being an administrator grants nothing here; only a
collection that nobody manages any more can be taken over (ingest/unmanaged.py).
"""

from collections.abc import Iterable
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404

from accounts.models import User
from ingest.models import Chunk, Collection, Document, Grant

READER, EDITOR, MANAGER = Grant.ORDER


#: `visible` says which; what failed or is being erased is not found whatever it says.
_FINDABLE = (Document.Status.QUEUED, Document.Status.PROCESSING, Document.Status.READY)


def _grants_of(user: User) -> QuerySet[Grant]:
    return Grant.objects.filter(Q(everyone=True) | Q(user=user) | Q(group__users=user))


def _at_least(role: str) -> list[str]:
    return Grant.ORDER[Grant.ORDER.index(role) :]


def collections_for(user: User, role: str = READER) -> QuerySet[Collection]:
    """Collections on which `user` has at least `role`. An inactive person has none."""
    if not user.is_active:
        return Collection.objects.none()
    granted = _grants_of(user).filter(role__in=_at_least(role)).values("collection_id")
    return Collection.objects.filter(id__in=granted, erasing=False)


def searchable(prefix: str = "") -> Q:
    """Which documents may be found: by their words at first, then by their meaning, too.

    `prefix` leads to the document: "document__" for chunks.
    """
    return Q(**{f"{prefix}visible": True, f"{prefix}status__in": _FINDABLE})


def documents_for(user: User, role: str = READER) -> QuerySet[Document]:
    """Documents that `user` may read: none that is being erased."""
    return Document.objects.filter(collection__in=collections_for(user, role)).exclude(
        status=Document.Status.ERASING
    )


def chunks_for(user: User) -> QuerySet[Chunk]:
    """Chunks that `user` may be shown: of documents that may be found, in readable collections."""
    return Chunk.objects.filter(
        searchable("document__"), document__collection__in=collections_for(user)
    )


def role_on(user: User, collection: Collection) -> str | None:
    """The strongest role of `user` on `collection`, or None."""
    roles = set(_grants_of(user).filter(collection=collection).values_list("role", flat=True))
    return next((role for role in reversed(Grant.ORDER) if role in roles), None)


def roles_on(user: User, collections: list[Collection]) -> dict[Collection, str]:
    """The strongest role of `user` on each, in one query."""
    rows = _grants_of(user).filter(collection__in=collections).values_list("collection_id", "role")
    held: dict[UUID, list[str]] = {}
    for pk, role in rows:
        held.setdefault(pk, []).append(role)
    return {
        collection: max(held[collection.pk], key=Grant.ORDER.index)
        for collection in collections
        if collection.pk in held
    }


def readers_of(collections: Iterable[UUID], users: Iterable[User]) -> dict[UUID, set[UUID]]:
    """For each of `users` those of `collections` that she may read, in one query."""
    users = list(users)
    keys = [user.pk for user in users if user.is_active]
    rows = Grant.objects.filter(collection__in=set(collections), collection__erasing=False)
    named = Q(everyone=True) | Q(user__in=keys) | Q(group__users__in=keys)
    found: dict[UUID, set[UUID]] = {user.pk: set() for user in users}
    granted = rows.filter(named).values_list(
        "collection_id", "everyone", "user_id", "group__users__id"
    )
    for collection, everyone, person, member in granted:
        for pk in keys if everyone else (person, member):
            if pk in found and pk in keys:
                found[pk].add(collection)
    return found


def get_collection(user: User, pk: UUID | str, role: str = READER) -> Collection:
    """Raises Http404 where `user` may not read it, PermissionDenied where the role is too weak."""
    collection = collections_for(user).filter(pk=pk).first()
    if collection is None:
        raise Http404
    _require(user, collection, role)
    return collection


def get_document(user: User, pk: UUID | str, role: str = READER) -> Document:
    """Raises Http404 where `user` may not read it, PermissionDenied where the role is too weak."""
    document = documents_for(user).select_related("collection").filter(pk=pk).first()
    if document is None:
        raise Http404
    _require(user, document.collection, role)
    return document


def readable_ids(user: User, wanted: Iterable[UUID | str] | None) -> list[UUID]:
    """The ids among `wanted` (None: all) that `user` may read. Raises Http404 for any other id."""
    if wanted is None:
        return list(collections_for(user).values_list("id", flat=True))
    ids = {UUID(str(pk)) for pk in wanted}
    found = set(collections_for(user).filter(id__in=ids).values_list("id", flat=True))
    if ids - found:
        raise Http404
    return sorted(found)


def _require(user: User, collection: Collection, role: str) -> None:
    if role == READER:
        return
    held = role_on(user, collection)
    if held is None or Grant.ORDER.index(held) < Grant.ORDER.index(role):
        raise PermissionDenied
