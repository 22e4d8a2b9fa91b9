"""Take everything of a document away, everywhere, and leave a receipt.

Two steps. At once: the document is marked, and from that moment ingest.access, the search indexes
and every page treat it as gone; a worker that has it loses its lease. Then, in a worker: pieces to
look for are taken (ingest/receipts.py), and vectors, file, chunks, index rows go. Each part can be
repeated, so a kill in between costs nothing; the sweep finishes what is left. That no byte is left
is proven at night or by `manage.py erase --now`: ingest/proving.py.

A legal hold (ingest/holds.py) wins over both steps: what is held is refused, and a hold that comes
between the two makes the second wait until it is released.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.http import Http404
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import record
from ingest import forgotten, holds, lexical, page_views, queue, receipts, store, versions
from ingest.access import EDITOR, MANAGER, get_collection, get_document
from ingest.files import remove_original
from ingest.forgetting import marked
from ingest.models import Chunk, Collection, Document, Receipt

#: Rows of one transaction: others wait for the database meanwhile.
BATCH = 1_000
#: What a worker may be writing: what was stopped a moment ago (ingest/documents.py), and what goes
#: into an index that is being built (ingest/reindex.py), too.
_MAY_BE_WRITTEN = (Document.Status.PROCESSING, Document.Status.FAILED, Document.Status.READY)
Reason = Receipt.Reason
#: Of the rows that are marked.
_NEEDED = ("id", "collection_id", "sha256", "path", "name")
#: A worker may be writing vectors when its lease is taken; it has this long to notice.
MARGIN = timedelta(seconds=1)


def erase_document(user: User | None, document: Document, *, reason: str = Reason.ASKED) -> Receipt:
    """Erase one document; with an archive, all that was unpacked from it. For editors; `user` None is
    whoever runs the machine, or a source.

    What a source brought goes with all its versions. The receipt is its own; each file has one, too.
    Raises Http404 where it is gone, Problem `on-hold` where it or a file of it is held, which is recorded.
    """
    with _refusals(user, ("document", document.pk), reason), transaction.atomic():
        versions.stand_still(document.collection_id)
        found = _document(user, document.pk)
        holds.require_free(document=found)
        wanted = versions.brought(found, every=reason == Reason.ASKED)
        made = _mark_tree(wanted, user, reason)
        own = next((each for each in made if each.document_id == found.pk), None)
        if own is None:
            raise Http404
        tree = Document.objects.filter(pk__in=[receipt.document_id for receipt in made])
        if held := tree.filter(holds.covered_document()).first():
            holds.require_free(document=held)
        _send(made)
    return own


def erase_collection(user: User | None, collection: Collection) -> list[Receipt]:
    """Erase a collection with all its documents. For managers; None: whoever runs the machine. One
    receipt for each document.

    Raises Problem `on-hold` where the collection or one of its documents is held, which is recorded.
    """
    target = ("collection", collection.pk)
    with _refusals(user, target, Reason.COLLECTION), transaction.atomic():
        found = _collection(user, collection.pk)
        holds.require_free(collection=found)
        Collection.objects.filter(pk=found.pk).update(erasing=True)
        made = _mark(found.documents.all(), user, Reason.COLLECTION)
        record(
            actions.COLLECTION_ERASED,
            actor=user,
            target=("collection", found.id),
            data={"documents": len(made)},
        )
        queue.send_on_commit(queue.ERASE_COLLECTION, str(found.pk))
        transaction.on_commit(lambda: forgotten.append([], found.pk), robust=True)
    return made


def _document(user: User | None, pk: UUID) -> Document:
    if user is not None:
        return get_document(user, pk, EDITOR)
    found = Document.objects.exclude(status=Document.Status.ERASING).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _collection(user: User | None, pk: UUID) -> Collection:
    if user is not None:
        return get_collection(user, pk, MANAGER)
    found = Collection.objects.filter(pk=pk, erasing=False).first()
    if found is None:
        raise Http404
    return found


@contextmanager
def _refusals(user: User | None, target: tuple[str, UUID], reason: str) -> Iterator[None]:
    """What a hold refuses is recorded, outside the transaction that it ended."""
    try:
        yield
    except Problem as problem:
        if problem.code == "on-hold":
            data = {"reason": str(reason)}
            record(actions.ERASURE_REFUSED, actor=user, target=target, data=data)
        raise


def supersede(document: Document) -> list[Receipt]:
    """Erase the older versions of a document that is ready. Call it in that transaction.

    One that is held is hidden like the others and kept until the hold is released. With an archive go
    the files that its new version lacks; those that it has anew go when their new versions are ready.
    """
    older = Document.objects.filter(
        collection=document.collection_id,
        path=document.path,
        name=document.name,
        version__lt=document.version,
    )
    user = document.uploaded_by
    made = _mark_tree(older, user, Reason.REPLACED, but=Exists(_newer()))
    # What stays until then belongs to the new archive: it must go with that.
    left = Document.objects.filter(container__in=[receipt.document_id for receipt in made])
    left.exclude(status=Document.Status.ERASING).update(container=document)
    _send(made)
    return made


def _send(made: list[Receipt]) -> None:
    """Tell the workers when this is committed. The sweep sees to the rest of a large archive."""
    ids = [str(receipt.document_id) for receipt in made[: queue.NUDGES]]

    def now() -> None:
        queue.send_each(queue.ERASE, ids)

    transaction.on_commit(now)


def _newer() -> QuerySet[Document]:
    """Newer versions of the row that a query looks at."""
    return Document.objects.filter(
        collection=OuterRef("collection_id"),
        path=OuterRef("path"),
        name=OuterRef("name"),
        version__gt=OuterRef("version"),
    ).exclude(status=Document.Status.ERASING)


def _mark_tree(
    documents: QuerySet[Document], user: User | None, reason: str, *, but: Exists | None = None
) -> list[Receipt]:
    """Mark documents, then what was unpacked from them, `but` these, level by level: an archive that is
    marked takes no more files (ingest/upload.py)."""
    made = level = _mark(documents, user, reason)
    while level:
        archives = [receipt.document_id for receipt in level]
        members = Document.objects.filter(container__in=archives)
        level = _mark(members if but is None else members.exclude(but), user, reason, within=True)
        made = made + level
    return made


def _mark(
    documents: QuerySet[Document], user: User | None, reason: str, *, within: bool = False
) -> list[Receipt]:
    """Mark documents as erasing, whatever state they are in. A running lease is left to run out."""
    living = documents.exclude(status=Document.Status.ERASING)
    rows = list(living.select_for_update().only(*_NEEDED).order_by("id"))
    Document.objects.filter(id__in=[row.pk for row in rows]).update(
        lease_until=Case(
            When(status__in=_MAY_BE_WRITTEN, then=F("lease_until")), default=Value(None)
        ),
        status=Document.Status.ERASING,
        visible=False,
        lease=None,
    )
    made = Receipt.objects.bulk_create(
        Receipt(
            document_id=row.pk,
            collection_id=row.collection_id,
            requested_by=user,
            reason=reason,
        )
        for row in rows
    )
    for receipt in made:
        receipts.write_down(receipt, user, {"step": "asked", "reason": str(reason)})
    if reason in forgotten.FINAL:
        forgotten.remember(rows, within=within)
    if reason != Reason.REPLACED and rows:
        marked.send(Receipt, documents=[row.pk for row in rows])
    hashes = frozenset(row.sha256 for row in rows)
    transaction.on_commit(lambda: page_views.forget(hashes))
    transaction.on_commit(lambda: forgotten.append(made), robust=True)
    return made


def due() -> QuerySet[Document]:
    """Marked documents that no hold covers and no worker may still be writing."""
    return Document.objects.filter(
        Q(lease_until__isnull=True) | Q(lease_until__lt=timezone.now() - MARGIN),
        Q(erasure_began_at__isnull=False) | ~holds.covered_document(),
        status=Document.Status.ERASING,
    )


def due_collections() -> QuerySet[Collection]:
    """Marked collections that no hold covers."""
    return Collection.objects.filter(~holds.covering(collection="pk"), erasing=True)


def finish_document(document_id: UUID | str) -> bool:
    """Take away what is left of a marked document. Raises StoreUnavailable while Chroma is away."""
    document = _begun(document_id)
    if document is None:
        return False
    receipts.prepare(document)
    store.remove_document(document.collection_id, document.id)
    remove_original(document)
    with transaction.atomic():
        lexical.remove_document(document.id)
    chunks = _remove_chunks(document)
    with transaction.atomic():
        receipts.finish(document, chunks)
        Document.objects.filter(pk=document.pk).delete()
    return True


def _begun(document_id: UUID | str) -> Document | None:
    """Pass the point after which a hold comes too late; None where it may not be passed."""
    with transaction.atomic():
        holds.stand_still()
        document = due().filter(pk=document_id).first()
        if document is not None and document.erasure_began_at is None:
            document.erasure_began_at = timezone.now()
            document.save(update_fields=["erasure_began_at"])
    return document


def finish_collection(collection_id: UUID | str) -> bool:
    """Take away what is left of a marked collection; False while a worker may still be writing.

    Vectors go first, so that the documents' own are gone in one go. A hold that comes just then
    keeps text and original; the vectors can be made again from them.
    """
    collection = due_collections().filter(pk=collection_id).first()
    if collection is None:
        return False
    _mark_late(collection)
    if not holds.waiting().filter(collection=collection).exists():
        for document in due().filter(collection=collection).iterator(chunk_size=50):
            receipts.prepare(document)
        store.remove_collection(collection.id)
    for pk in _ids(collection.documents.all()):
        finish_document(pk)
    if collection.documents.exists():
        return False
    store.remove_collection(collection.id)
    with transaction.atomic():
        holds.stand_still()
        if not due_collections().filter(pk=collection.pk).exists():
            return False
        lexical.remove_collection(collection.id)
        collection.delete()
    return True


def _mark_late(collection: Collection) -> None:
    """What came in while the collection was marked goes, too, with a receipt of its own."""
    with transaction.atomic():
        living = collection.documents.exclude(status=Document.Status.ERASING)
        if living.exists():
            _mark(living, None, Reason.COLLECTION)


def _ids(documents: QuerySet[Document]) -> Iterable[UUID]:
    return list(documents.order_by().values_list("id", flat=True))


def _remove_chunks(document: Document) -> int:
    removed = 0
    while ids := list(document.chunks.order_by().values_list("id", flat=True)[:BATCH]):
        with transaction.atomic():
            Chunk.objects.filter(id__in=ids).delete()
        removed += len(ids)
    return removed
