"""What is kept of a document so that it is found: its passages and words, and at last `ready`.

A version of a file is shown by its words as soon as they are indexed, unless another version of it is
shown: that one stays until this one is ready, so that answers neither fall into a gap nor see both.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import takewhile
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import actions
from audit.record import record
from inference.language import detect_language
from ingest import claims, erase, indexes, lexical, notices
from ingest.access import searchable
from ingest.chunk import ChunkDraft
from ingest.claims import Claim, Work
from ingest.embed import digest, texts
from ingest.models import Chunk, Collection, Document, Index, Receipt, said_day
from ingest.parsers.base import Block, ParsedDocument
from ingest.stages import stage

#: Rows of one transaction: SQLite has one writer, and others wait at most 20 s for it.
BATCH = 500
#: A guess from fewer letters is worse than the document's own language.
SURE_LETTERS = 200


def words(
    claim: Claim, document: Document, parsed: ParsedDocument, drafts: Sequence[ChunkDraft]
) -> None:
    """Write the passages and index their words; from then on the document is found by them."""
    # Reading may have taken hours: the index of the beginning may be gone.
    claim.index = indexes.active()
    document.language = detect_language(parsed.text[:20_000])
    document.title = title_of(document, parsed)
    document.pages, document.chunk_count = parsed.pages, len(drafts)
    with stage(claim, document, Document.Stage.WORDS, len(drafts)):
        write_rows(claim, document, rows(claim.index, document, parsed, drafts))
    document.words_at = timezone.now()
    show(
        claim,
        document,
        title=document.title,
        language=document.language,
        pages=document.pages,
        warnings=notices.stored(parsed.warnings),
        chunk_count=document.chunk_count,
        words_at=document.words_at,
        metadata=dict(parsed.metadata),
        dated=day_of(document, parsed.metadata),
        page_labels=list(parsed.page_labels),
    )


def has_words(claim: Claim, document: Document) -> bool:
    """Whether its words are in the index that is written into: another may be in use by now."""
    written = document.chunks.filter(index=claim.index).count()
    return document.words_at is not None and written == document.chunk_count


def show(claim: Claim, document: Document, **changes: object) -> None:
    """Let the words of a document be found, unless those of another version are."""
    with transaction.atomic():
        _stand_still(document)
        document.visible = not versions(document).filter(searchable()).exists()
        claim.renew(visible=document.visible, reading=document.reading, **changes)


def ready(claim: Claim, document: Document) -> None:
    """The last step, in one with the record: from here on older versions are gone.

    Raises HandedOver where another index is in use by now: it is made again for that one.
    """
    document.ready_at = timezone.now()
    with transaction.atomic():
        if is_in_use := indexes.stand_still(claim.index) or not document.chunk_count:
            _finish(claim, document)
    if not is_in_use:
        claims.hand_over(claim, lane=document.lane, stage=Document.Stage.NONE)


def _finish(claim: Claim, document: Document) -> None:
    _stand_still(document)
    claim.renew(
        status=Document.Status.READY,
        stage=Document.Stage.NONE,
        progress=1,
        done=0,
        total=0,
        ready_at=document.ready_at,
        visible=document.chunk_count > 0,
        reading=document.reading,
        lease=None,
        lease_until=None,
    )
    # A newer one is on its way: it is shown again when it is ready.
    versions(document).filter(version__gt=document.version).update(visible=False)
    _record_ready(document, erase.supersede(document))


def versions(document: Document) -> QuerySet[Document]:
    """The other versions of the same file."""
    same = Document.objects.filter(
        collection=document.collection_id, path=document.path, name=document.name
    )
    return same.exclude(pk=document.pk)


def _stand_still(document: Document) -> None:
    """Until the transaction ends nobody else decides which version of a file is shown."""
    Collection.objects.select_for_update().filter(pk=document.collection_id).first()


def _record_ready(document: Document, replaced: Sequence[Receipt]) -> None:
    recognised = document.reading.get("ocr", {}).get("pages", [])
    record(
        actions.DOCUMENT_READY,
        actor=document.uploaded_by,
        target=("document", document.id),
        data={
            "chunks": document.chunk_count,
            "pages": document.pages,
            "recognised": len(recognised),
            "attempts": document.attempts,
            "replaced": [str(receipt.document_id) for receipt in replaced],
        },
    )


def title_of(document: Document, parsed: ParsedDocument) -> str:
    """What the file calls itself, or its name without the extension."""
    return (parsed.title.strip() or document.name.rpartition(".")[0] or document.name)[:500]


def day_of(document: Document, metadata: Mapping[str, str]) -> date:
    """The day that the file says of itself, or that of its upload."""
    return said_day(metadata) or document.created_at.date()


def chunk_id(index: Index, document: Document, ordinal: int) -> UUID:
    """The same in every attempt, so that a retry overwrites what the last one wrote."""
    return uuid5(document.id, f"{index.id.hex}/{document.version}/{ordinal}")


# --- passages -----------------------------------------------------------------------------------


def rows(
    index: Index, document: Document, parsed: ParsedDocument, drafts: Sequence[ChunkDraft]
) -> list[Chunk]:
    """The passages as `index` keeps them, without vectors; they are not saved."""
    recognised = [block for block in parsed.blocks if block.confidence is not None]
    return [
        Chunk(
            id=chunk_id(index, document, draft.ordinal),
            index=index,
            document=document,
            ordinal=draft.ordinal,
            text=draft.text,
            context=draft.context[:1_000],
            heading_path=list(draft.heading_path),
            page=draft.page,
            start=draft.start,
            end=draft.end,
            boxes=[list(box) for box in draft.boxes],
            language=_language(draft.text, document.language),
            confidence=_confidence(draft, recognised),
            digest=digest(texts(draft.context[:1_000], draft.text)),
        )
        for draft in drafts
    ]


def _language(text: str, default: str) -> str:
    return (detect_language(text) if len(text) >= SURE_LETTERS else "") or default


def _confidence(draft: ChunkDraft, recognised: Sequence[Block]) -> float | None:
    """The least of the recognised blocks that the passage is made of; None where it has none."""
    first = bisect_left(recognised, draft.start + 1, key=lambda block: block.end)
    inside = takewhile(lambda block: block.start < draft.end, recognised[first:])
    return min((block.confidence for block in inside if block.confidence is not None), default=None)


def parts(count: int) -> Iterator[slice]:
    """Rows of one transaction each."""
    for start in range(0, count, BATCH):
        yield slice(start, start + BATCH)


def write_rows(work: Work, document: Document, chunks: Sequence[Chunk]) -> None:
    """In parts, which nobody sees until all of them are there. Raises LeaseLost."""
    with transaction.atomic():
        work.renew()
        document.chunks.filter(index=work.index).delete()
        lexical.remove_document(document.id, index=work.index.pk)
    for part in parts(len(chunks)):
        with transaction.atomic():
            Chunk.objects.bulk_create(chunks[part])
            lexical.index(document, chunks[part])
            done = min(part.stop, len(chunks))
            work.renew(progress=round(done / len(chunks), 3), done=done)
