"""The rows that say what was found at a source, and under which names it is shown here."""

import hashlib
from collections.abc import Iterable

from django.db import transaction

from ingest import sync_documents
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
    row.version, row.same, row.size = item.version, item.same, item.size
    for field, value in changes.items():
        setattr(row, field, value)
    row.save()
    return row


@transaction.atomic
def rekey(row: SourceItem, item: Item) -> None:
    """A known file lies elsewhere now, perhaps where another one was: its document goes with it."""
    source = row.source
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
