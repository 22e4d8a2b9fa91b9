"""The rows that say what was found at a source, and under which names it is shown here."""

import hashlib
from collections.abc import Iterable

from django.db import transaction

from ingest import sync_documents, versions
from ingest.models import Document, SourceItem, SyncSource
from ingest.sources import names
from ingest.sources.base import Item


def place(source: SyncSource, item: Item) -> tuple[str, str] | None:
    """Folder and name under which an item is shown; None: its name is not taken."""
    return names.shown(source.name, item.path)


def free_place(source: SyncSource, item: Item, *but: SourceItem | None) -> tuple[str, str]:
    """The same, with another name where a file whose letters look alike has it. `but`: rows that go."""
    folder, name = place(source, item) or (source.name, item.digest[:12])
    taken = source.items.filter(path=folder, name=name).exclude(digest=item.digest)
    if taken.exclude(pk__in=[row.pk for row in but if row]).exists():
        name = names.apart(name, item.digest)
    return folder, name


def leave_out_erased(rows: Iterable[SourceItem]) -> None:
    """What a person erased here while the source still holds it stays out."""
    for row in rows:
        erased = row.document is None or row.document.status == Document.Status.ERASING
        if erased and row.sha256 and not row.left_out:
            row.left_out, row.owned = True, False
            row.save(update_fields=["left_out", "owned"])


def write(source: SyncSource, row: SourceItem | None, item: Item, **changes: object) -> SourceItem:
    """Keep what was found; `changes`: what it came to. A row keeps the place that it has."""
    if row is None:
        folder, name = free_place(source, item)
        row = SourceItem(source=source, digest=item.digest, key=item.key, path=folder, name=name)
    found = {"version": item.version, "same": item.same, "size": item.size, **changes}
    for field, value in found.items():
        setattr(row, field, value)
    if row.pk is None:
        row.save()
    else:
        # These alone: that it is left out may have been said meanwhile.
        SourceItem.objects.filter(pk=row.pk).update(**found)
    return row


@transaction.atomic
def rekey(known: SourceItem, item: Item) -> None:
    """A known file lies elsewhere now, perhaps where another one was: its document goes with it."""
    source = known.source
    versions.stand_still(source.collection_id)
    # As it is now: it may have been erased since the run began.
    row = source.items.select_related("source").filter(pk=known.pk).first()
    if row is None:
        return
    over = source.items.select_related("source").filter(digest=item.digest).first()
    folder, name = free_place(source, item, row, over)
    if over is not None and over.pk != row.pk and not sync_documents.forget(over):
        _step_aside(over)
    sync_documents.move(row, folder, name)
    row.digest, row.key, row.path, row.name = item.digest, item.key, folder, name
    row.version, row.same, row.size, row.error_code = item.version, item.same, item.size, ""
    row.save()


def _step_aside(row: SourceItem) -> None:
    """A legal hold keeps its document; the next runs find it gone until the hold is released."""
    key = f"held\n{row.pk}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    SourceItem.objects.filter(pk=row.pk).update(key=key, digest=digest)
