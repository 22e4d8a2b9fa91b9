"""The versions of one file, and who decides about them: one after the other in each collection."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from ingest.models import Collection, Document, SourceItem


def stand_still(collection: UUID) -> None:
    """Until the transaction ends nobody else erases or takes in files of a collection: a file that comes
    in sees what was erased, or is seen by the erasure. Before all other locks."""
    Collection.objects.select_for_update(no_key=True).filter(pk=collection).first()


def require_living(collection: UUID) -> None:
    """The same, for who takes a file in. Raises Http404 where the collection is being erased."""
    living = Collection.objects.select_for_update(no_key=True).filter(pk=collection, erasing=False)
    if living.first() is None:
        raise Http404


def brought(document: Document, *, every: bool) -> QuerySet[Document]:
    """A document; `every`: and all versions of it where a source brought them. One that waits would come
    back as the newer version of what was erased, and an older one would be followed by nobody."""
    found = Document.objects.filter(pk=document.pk)
    place = {"path": document.path, "name": document.name}
    listed = SourceItem.objects.filter(source__collection=document.collection_id, **place)
    if not every or document.uploaded_by_id or not listed.exists():
        return found
    same = Document.objects.filter(collection=document.collection_id, uploaded_by=None, **place)
    return found | same
