"""Which index is searched and written into, and how another takes its place."""

from datetime import datetime

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from audit import actions
from audit.record import record
from ingest.chunk import RULES
from ingest.models import Document, Index, IndexedDocument

log = structlog.get_logger(__name__)


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


def missing(index: Index) -> QuerySet[Document]:
    """Documents that are ready, but not in this index."""
    made = IndexedDocument.objects.filter(index=index, document=OuterRef("pk"))
    return Document.objects.filter(
        ~Exists(made), status=Document.Status.READY, chunk_count__gt=0
    ).order_by("ready_at", "pk")


def switch(index: Index) -> bool:
    """Put a built index to use, in one transaction: False where a document is not in it yet.

    From here on every question is answered from it. What becomes ready just now waits for this lock
    (keep.ready), then is made for it.
    """
    with transaction.atomic():
        states = (Index.State.ACTIVE, Index.State.BUILDING)
        rows = Index.objects.filter(state__in=states).select_for_update().order_by("pk")
        found = {row.pk: row for row in rows}
        new = found.pop(index.pk, None)
        if new is None or new.state != Index.State.BUILDING or missing(new).exists():
            return False
        _count(new)
        for old in found.values():
            _change(old, state=Index.State.RETIRED, retired_at=timezone.now())
        now = timezone.now()
        _change(new, state=Index.State.ACTIVE, activated_at=now, built_at=new.built_at or now)
        record(
            actions.INDEX_ACTIVATED,
            target=("index", new.pk),
            data={"embedder": new.embedder, "chunking": new.chunking}
            | {"replaced": [str(pk) for pk in found]},
        )
    log.info("index.activated", index=str(index.pk))
    return True


def _change(index: Index, **changes: str | datetime) -> None:
    Index.objects.filter(pk=index.pk).update(lease=None, lease_until=None, error_code="", **changes)


def _count(index: Index) -> None:
    """How many passages each document has from now on. Rows in one order: others lock them, too."""
    made = IndexedDocument.objects.filter(index=index, document=OuterRef("pk"))
    counted = Document.objects.annotate(made=Subquery(made.values("chunk_count")[:1]))
    other = counted.filter(made__isnull=False).exclude(chunk_count=F("made")).order_by("pk")
    list(other.select_for_update(of=("self",)).values_list("pk", flat=True))
    other.order_by().update(chunk_count=Subquery(made.values("chunk_count")[:1]))
