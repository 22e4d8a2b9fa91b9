"""The documents behind the files of a source: moved with them, erased with them, never somebody else's."""

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Max, QuerySet
from django.http import Http404

from audit.problems import Problem
from ingest import erase, holds, versions
from ingest.models import Document, Receipt, SourceItem


def of_item(item: SourceItem) -> QuerySet[Document]:
    """What stands for a file and for nothing else: its document and older versions of it that wait."""
    if not item.owned:
        return Document.objects.none()
    others = SourceItem.objects.exclude(pk=item.pk).exclude(document=None)
    place = Document.objects.filter(
        collection=item.source.collection_id, path=item.path, name=item.name, uploaded_by=None
    )
    own = Document.objects.filter(source_items=item.pk)
    theirs = set(own.values_list("pk", flat=True)) | set(place.values_list("pk", flat=True))
    found = Document.objects.filter(pk__in=theirs).exclude(status=Document.Status.ERASING)
    return found.exclude(pk__in=others.values("document"))


def move(item: SourceItem, path: str, name: str) -> None:
    """Show what stands for a file at another place; nothing is read anew. Call it in a transaction."""
    moving = list(of_item(item).order_by("version"))
    there = Document.objects.filter(collection=item.source.collection_id, path=path, name=name)
    newest = there.exclude(status=Document.Status.ERASING).aggregate(Max("version"))
    base = newest["version__max"] or 0
    for number, document in enumerate(moving, start=1):
        changes: dict[str, object] = {"path": path, "name": name, "version": base + number}
        if document.title == _stem(document.name):
            changes["title"] = _stem(name)
        Document.objects.filter(pk=document.pk).update(**changes)


def _stem(name: str) -> str:
    """As ingest/keep.py names a document that says no title itself."""
    return (name.rpartition(".")[0] or name)[:500]


def give_way(item: SourceItem) -> None:
    """Before another version comes to the place of `item`: where its document stands for another file
    of the source, too, it goes to that one's place, so that the new version does not replace it."""
    other, document = _other(item), item.document
    if other is None or document is None:
        return
    with transaction.atomic():
        versions.stand_still(document.collection_id)
        here = Document.objects.filter(pk=document.pk, path=item.path, name=item.name)
        if here.update(path=other.path, name=other.name):
            SourceItem.objects.filter(pk=other.pk).update(owned=other.owned or item.owned)


def _other(item: SourceItem) -> SourceItem | None:
    shared = SourceItem.objects.filter(document=item.document_id).exclude(pk=item.pk)
    return shared.order_by("pk").first() if item.document_id else None


def forget(item: SourceItem) -> bool:
    """A file is gone: erase what stands for it alone, and its row. False where a legal hold keeps it."""
    with transaction.atomic():
        versions.stand_still(item.source.collection_id)
        if item.owned and (other := _other(item)) is not None:
            _inherit(item, other)
        wanted = set(of_item(item).values_list("pk", flat=True))
        erased = erase_all(wanted)
        if wanted - erased:
            SourceItem.objects.filter(pk=item.pk).update(error_code="on-hold")
            return False
        SourceItem.objects.filter(pk=item.pk).delete()
    return True


def _inherit(item: SourceItem, other: SourceItem) -> None:
    """The same bytes lie elsewhere in a source: the document stands for that file from now on."""
    SourceItem.objects.filter(pk=other.pk).update(owned=True)
    here = Document.objects.filter(source_items=item.pk, path=item.path, name=item.name)
    here.update(path=other.path, name=other.name)


def settle(documents: Iterable[UUID]) -> None:
    """After files were read: documents that stand for no file any more go; those that stand for a file at
    another place stand there, and go with it."""
    for document in Document.objects.filter(pk__in=set(documents)):
        items = SourceItem.objects.filter(document=document).select_related("source")
        rows = list(items.order_by("-owned", "pk"))
        if not rows:
            erase_all({document.pk})
        elif document.uploaded_by_id is None:
            _place(document, rows)


def _place(document: Document, rows: list[SourceItem]) -> None:
    """Give it to the first of the files that it stands for."""
    first = rows[0]
    SourceItem.objects.filter(pk=first.pk).update(owned=True)
    if all((row.path, row.name) != (document.path, document.name) for row in rows):
        first.owned = True
        move(first, first.path, first.name)


def erase_all(documents: Iterable[UUID]) -> set[UUID]:
    """Ask for the erasure of documents that are gone at their source; returns those that no hold keeps."""
    wanted = set(documents)
    held = Document.objects.filter(holds.covered_document(), pk__in=wanted)
    kept = set(held.values_list("pk", flat=True))
    for document in Document.objects.filter(pk__in=wanted - kept):
        try:
            erase.erase_document(None, document, reason=Receipt.Reason.SOURCE)
        except Http404:
            continue  # by somebody else, this very moment
        except Problem:
            kept.add(document.pk)
    return wanted - kept
