"""The last stage of the document flow: vectors, chunks and index rows, then `ready`."""

from collections.abc import Iterator, Sequence
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone

from audit import actions
from audit.record import record
from inference.client import get_client
from inference.protocol import Vectors
from ingest import embed, erase, lexical, notices, store
from ingest.chunk import ChunkDraft
from ingest.claims import Claim
from ingest.language import detect_language
from ingest.models import Chunk, Document
from ingest.parsers.base import ParsedDocument

#: Rows of one transaction: SQLite has one writer, and others wait at most 20 s for it.
BATCH = 500
#: A guess from fewer letters is worse than the document's own language.
SURE_LETTERS = 200


def keep(
    claim: Claim,
    document: Document,
    parsed: ParsedDocument,
    drafts: Sequence[ChunkDraft],
    vectors: Vectors,
) -> None:
    """Write everything; `ready` comes last and in one step with the record."""
    claim.renew(stage=Document.Stage.WORDS, progress=0)
    document.language = detect_language(parsed.text[:20_000])
    document.title = title_of(document, parsed)
    chunks = _chunks(document, drafts, vectors, get_client().embedder())
    _write_vectors(claim, document, chunks, vectors)
    _write_rows(claim, document, chunks)
    _finish(claim, document, parsed, len(chunks))


def title_of(document: Document, parsed: ParsedDocument) -> str:
    """What the file calls itself, or its name without the extension."""
    return (parsed.title.strip() or document.name.rpartition(".")[0] or document.name)[:500]


def chunk_id(document: Document, ordinal: int) -> UUID:
    """The same in every attempt, so that a retry overwrites what the last one wrote."""
    return uuid5(document.id, f"{document.version}/{ordinal}")


def _chunks(
    document: Document, drafts: Sequence[ChunkDraft], vectors: Vectors, embedder: str
) -> list[Chunk]:
    return [
        Chunk(
            id=chunk_id(document, draft.ordinal),
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
            vector=embed.to_bytes(vector),
            embedder=embedder,
        )
        for draft, vector in zip(drafts, vectors, strict=True)
    ]


def _language(text: str, default: str) -> str:
    return (detect_language(text) if len(text) >= SURE_LETTERS else "") or default


def _parts(count: int) -> Iterator[slice]:
    for start in range(0, count, BATCH):
        yield slice(start, start + BATCH)


def _write_vectors(
    claim: Claim, document: Document, chunks: Sequence[Chunk], vectors: Vectors
) -> None:
    """Before the rows: a vector without a row is never shown, a row without a vector never found."""
    if document.attempts > 1:
        store.remove_document(document.collection_id, document.id)
    ids = [chunk.id for chunk in chunks]
    for part in _parts(len(ids)):
        claim.renew()
        store.upsert(document, ids[part], vectors[part], chunks[0].embedder)


def _write_rows(claim: Claim, document: Document, chunks: Sequence[Chunk]) -> None:
    """In parts, which nobody sees until the document is ready."""
    with transaction.atomic():
        claim.renew()
        document.chunks.all().delete()
        lexical.remove_document(document.id)
    for part in _parts(len(chunks)):
        with transaction.atomic():
            claim.renew(progress=round(part.start / len(chunks), 3))
            Chunk.objects.bulk_create(chunks[part])
            lexical.index(document, chunks[part])


def _finish(claim: Claim, document: Document, parsed: ParsedDocument, count: int) -> None:
    with transaction.atomic():
        claim.renew(
            status=Document.Status.READY,
            stage=Document.Stage.NONE,
            progress=1,
            title=document.title,
            language=document.language,
            pages=parsed.pages,
            warnings=notices.stored(parsed.warnings),
            chunk_count=count,
            ready_at=timezone.now(),
            visible=True,
            metadata=dict(parsed.metadata),
            page_labels=list(parsed.page_labels),
            lease=None,
        )
        replaced = erase.supersede(document)
        record(
            actions.DOCUMENT_READY,
            actor=document.uploaded_by,
            target=("document", document.id),
            data={
                "chunks": count,
                "pages": parsed.pages,
                "attempts": document.attempts,
                "replaced": [str(receipt.document_id) for receipt in replaced],
            },
        )
