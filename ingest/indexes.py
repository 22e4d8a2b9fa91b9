"""Which index is searched, and which ones documents are written into."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ingest.chunk import RULES
from ingest.models import Index


def active() -> Index:
    """The index in use. The first one is made here, for the embedder of the settings.

    Ask once for each question or piece of work: what asks twice may see two.
    """
    found = Index.objects.filter(state=Index.State.ACTIVE).first()
    return found or _first()


def _first() -> Index:
    try:
        with transaction.atomic():
            return Index.objects.create(
                state=Index.State.ACTIVE,
                embedder=settings.EMBEDDER,
                chunking=RULES,
                activated_at=timezone.now(),
            )
    except IntegrityError:  # another process made it
        return Index.objects.get(state=Index.State.ACTIVE)


def stand_still(index: Index) -> bool:
    """Until the transaction ends no other index is put to use. Returns whether it is this one."""
    return Index.objects.select_for_update().filter(pk=index.pk, state=Index.State.ACTIVE).exists()


def measured(index: Index, dimension: int) -> bool:
    """Keep the length of the first vectors of an index. False where they are of another length."""
    if not index.dimension:
        Index.objects.filter(pk=index.pk, dimension=0).update(dimension=dimension)
        index.refresh_from_db(fields=["dimension"])
    return index.dimension == dimension
