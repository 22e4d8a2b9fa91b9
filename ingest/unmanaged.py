"""Collections whose last manager has gone, and the way back: an administrator takes one over.

People and groups leave in many ways (deleted, deactivated, emptied), so nothing is refused there;
what nobody manages any more is found here, whatever the reason was.
"""

from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404

from accounts.models import User
from accounts.people import require_admin
from ingest.access import MANAGER
from ingest.collections import make_manager
from ingest.models import Collection, Grant, Transfer


def unmanaged(actor: User) -> QuerySet[Collection]:
    """Collections without a manager who may sign in, each with `document_count`.

    For administrators: raises PermissionDenied. Their names are told, their documents are not.
    """
    require_admin(actor)
    active = Q(everyone=True) | Q(user__is_active=True) | Q(group__users__is_active=True)
    managers = Grant.objects.filter(active, collection=OuterRef("pk"), role=MANAGER)
    found = Collection.objects.filter(~Exists(managers), ~_is_being_made(), erasing=False)
    return found.annotate(document_count=Count("documents")).order_by("name", "id")


def _is_being_made() -> Exists:
    """An import that is not whole yet is nobody's (ingest/moving)."""
    came = Transfer.objects.filter(collection=OuterRef("pk"), kind=Transfer.Kind.IMPORT)
    return Exists(came.exclude(status=Transfer.Status.DONE))


@transaction.atomic
def take_over(actor: User, pk: UUID | str) -> Collection:
    """Make an administrator the manager of an unmanaged collection; other grants stay.

    Raises PermissionDenied, and Http404 where it is gone or somebody manages it.
    """
    require_admin(actor)
    Collection.objects.select_for_update().filter(pk=pk).first()
    found = unmanaged(actor).filter(pk=pk).first()
    if found is None:
        raise Http404
    make_manager(actor, found.pk)
    return found
