"""What is left of an index that was replaced or given up goes away, but for what is cited.

A replaced one stays for a grace period: answers that began before the switch still load its passages.
"""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, ForeignObjectRel, OuterRef, Q, QuerySet
from django.utils import timezone

from audit import actions
from audit.record import record
from ingest import lexical, store
from ingest.build import Build, take
from ingest.claims import until
from ingest.models import Chunk, Document, Index, IndexedDocument

#: Rows of one transaction: others wait for the database meanwhile.
BATCH = 1_000
#: Until somebody looks again whether passages are still cited.
DAY = 86_400.0


def due() -> QuerySet[Index]:
    """Retired indexes whose time is over, and that nobody writes into."""
    over = timezone.now() - timedelta(seconds=settings.INDEX_GRACE_SECONDS)
    rested = Q(lease_until__isnull=True) | Q(lease_until__lte=timezone.now())
    # What was never in use served no answer.
    return Index.objects.filter(
        rested, Q(activated_at__isnull=True) | Q(retired_at__lte=over), state=Index.State.RETIRED
    )


def drop(index_id: UUID | str) -> bool:
    """Erase a retired index; True when nothing is left. Raises StoreUnavailable, LeaseLost.

    Ended at any point, it goes on the next time.
    """
    if not due().filter(pk=index_id).exists():
        return False
    claim = take(index_id, Index.State.RETIRED)
    if claim is None:
        return False
    if _is_written(claim.index):
        _rest(claim, settings.LEASE_SECONDS)
        return False
    store.remove_index(claim.index.pk)
    _remove_words(claim)
    _remove_rows(claim)
    return _finish(claim)


def _is_written(index: Index) -> bool:
    """A worker that took a document before the switch may still be at it."""
    return index.chunks.filter(document__status=Document.Status.PROCESSING).exists()


def _remove_words(claim: Build) -> None:
    """Raises LeaseLost."""
    done = False
    while not done:
        with transaction.atomic():
            claim.renew()
            done = lexical.remove_some(claim.index.pk, BATCH)
    transaction.on_commit(lexical.forget)


def _remove_rows(claim: Build) -> None:
    index = claim.index
    IndexedDocument.objects.filter(index=index).delete()
    while ids := list(uncited(index).order_by().values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            claim.renew()
            Chunk.objects.filter(pk__in=ids).delete()
    index.chunks.filter(vector__isnull=False).update(vector=None)


def uncited(index: Index) -> QuerySet[Chunk]:
    """Passages that nothing of another room points at."""
    found = Chunk.objects.filter(index=index)
    for relation in _references():
        rows = relation.related_model._default_manager
        found = found.exclude(Exists(rows.filter(**{relation.field.name: OuterRef("pk")})))
    return found


def _references() -> Iterator[ForeignObjectRel]:
    for relation in Chunk._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel):
            yield relation


def _finish(claim: Build) -> bool:
    """The row stays as long as passages are cited; it is looked at again after a day."""
    with transaction.atomic():
        left = claim.index.chunks.count()
        if left:
            _rest(claim, DAY)
            return False
        record(
            actions.INDEX_ERASED,
            target=("index", claim.index.pk),
            data={"embedder": claim.index.embedder, "chunking": claim.index.chunking},
        )
        claim.held().delete()
    return True


def _rest(claim: Build, seconds: float) -> None:
    claim.held().update(lease=None, lease_until=until(seconds))
