"""What is erased leaves no export behind: when it is marked, and when an older version goes. What left
before that is out of reach: the receipt says how often."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.dispatch import receiver

from audit import actions
from audit.models import Entry
from ingest.forgetting import Forgetting, forgetting, marked
from ingest.models import Document, Receipt
from ingest.moving.jobs import withdraw


@receiver(marked, dispatch_uid="ingest.moving.marked")
def end_exports(documents: Iterable[UUID], **_: Any) -> None:
    wanted = list(documents)
    for collection, count in withdraw(wanted).items():
        made = Receipt.objects.filter(document_id__in=wanted, collection_id=collection)
        made.filter(finished_at__isnull=True).update(removed={"exports": count})


@receiver(forgetting, dispatch_uid="ingest.moving.forgetting")
def end_exports_of(about: Forgetting, **_: Any) -> None:
    if not about.final:
        # The others were ended when it was marked: those that were made since are without it.
        for count in withdraw([about.document.pk]).values():
            about.removed["exports"] += count
    if left := _left(about.document):
        about.kept["archives"] += left


def _left(document: Document) -> int:
    """How often an archive that may hold it was downloaded, or written by the command."""
    of_collection = Entry.objects.filter(
        target_type="collection", target_id=str(document.collection_id), at__gte=document.created_at
    )
    made = of_collection.filter(action=actions.COLLECTION_EXPORTED).values_list("actor", "data")
    by_command, known = 0, set[str]()
    for actor, data in made:
        by_command += not actor
        known.add(str(data.get("sha256")))
    taken = of_collection.filter(action=actions.EXPORT_DOWNLOADED).values_list("data", flat=True)
    return by_command + sum(str(data.get("sha256")) in known for data in taken)
