"""The document flow: claim -> [unpack] -> [convert] -> parse -> [recognise] -> chunk -> words -> embed
-> probe -> ready.

What is done stands in the database, and each attempt goes on from there: what was read (Extract), pages
that were recognised (its blocks, and `reading`), words (`words_at`), vectors (Chunk.vector). A kill
costs what came after the last of these, and nothing is double: every id follows from the document.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from uuid import UUID

import structlog
from django.conf import settings

from ingest import archives, claims, convert, extracts, files, keep, ocr, probe, vectors
from ingest.chunk import ChunkDraft, chunk_document
from ingest.claims import Claim, LeaseLost
from ingest.models import Document
from ingest.outcome import outcome
from ingest.parsers.base import ParsedDocument
from ingest.parsers.frames import Told
from ingest.parsers.registry import APART, CONVERTED, FOLDERS
from ingest.parsers.sandbox import parse_isolated
from ingest.refused import write_down
from ingest.stages import stage

log = structlog.get_logger(__name__)

#: More files of an archive than these are slow work.
QUICK_FILES = 50
#: Seconds for which a file may be read among the quick ones.
QUICK_SECONDS = 20.0
#: Of Document.reading, what a new reading does not begin anew: how often its worker was lost.
KEPT = ("lost",)


def process_document(document_id: UUID | str) -> None:
    """Take one queued document to `ready` or `failed`. Does nothing where it is not queued."""
    claim = claims.take(document_id)
    if claim is not None:
        process(claim)


def process(claim: Claim) -> None:
    """Take a claimed document to `ready` or `failed`, or back into the queue."""
    with outcome(claim), claims.heartbeat(claim):
        document = _document(claim)
        if document.media_type in FOLDERS:
            _unpack(claim, document)
        else:
            _words(claim, document)
            vectors.embed(claim, document)
            probe.probe(claim, document)
        keep.ready(claim, document)


def _document(claim: Claim) -> Document:
    document = claim.held().select_related("collection", "uploaded_by").first()
    if document is None:
        raise LeaseLost
    return document


def _unpack(claim: Claim, document: Document) -> None:
    """An archive has no text of its own: each of its files becomes a document."""

    def progress(done: int, total: int) -> None:
        if total > QUICK_FILES and document.lane != Document.Lane.SLOW:
            claims.hand_over(claim, lane=Document.Lane.SLOW, stage=Document.Stage.UNPACK)
        claim.progress(done, total)

    with stage(claim, document, Document.Stage.UNPACK):
        archives.unpack(document, claim.check, progress)


def _words(claim: Claim, document: Document) -> None:
    """From here on it is found by its words."""
    if keep.has_words(claim, document):
        keep.show(claim, document)
        return
    parsed = extracts.load(document.pk) or _parse(claim, document)
    parsed = ocr.with_pictures(claim, document, parsed, _told(claim, document))
    keep.words(claim, document, parsed, _chunk(claim, document, parsed))


def _parse(claim: Claim, document: Document) -> ParsedDocument:
    """Read the file from its beginning, and keep what was read."""
    document.reading = {key: document.reading[key] for key in KEPT if key in document.reading}
    with _source(claim, document) as (source, media_type):
        with stage(claim, document, Document.Stage.PARSE):
            claims.free_connection()
            parsed = parse_isolated(
                source,
                media_type,
                extracts.limits(),
                cpu_seconds=settings.PARSE_CPU_SECONDS,
                wall_seconds=settings.PARSE_WALL_SECONDS,
                memory_mb=settings.PARSE_MEMORY_MB,
                told=_told(claim, document),
            )
        pages = parsed.pages or 0
        extracts.save(claim, parsed, pages, pages, reading=document.reading)
    return parsed


@contextmanager
def _source(claim: Claim, document: Document) -> Iterator[tuple[int, str]]:
    """The original and its kind; of an old format, what LibreOffice makes of it."""
    claims.free_connection()
    with ExitStack() as opened:
        source = opened.enter_context(files.descriptor(document))
        kind = document.media_type
        if kind in CONVERTED:
            with stage(claim, document, Document.Stage.CONVERT):
                claims.free_connection()
                source = opened.enter_context(
                    convert.converted(source, kind, partial(_check, claim, document))
                )
        yield source, CONVERTED.get(kind, kind)


def _told(claim: Claim, document: Document) -> Told:
    def progress(done: int, total: int) -> None:
        _make_way(claim, document)
        claim.progress(done, total)

    return Told(progress, partial(write_down, document), partial(_check, claim, document))


def _check(claim: Claim, document: Document) -> None:
    _make_way(claim, document)
    claim.check()


def _make_way(claim: Claim, document: Document) -> None:
    """What takes long to read is slow work: two such files would keep all workers from the others.

    Reading begins anew there. Raises HandedOver.
    """
    if claim.seconds > QUICK_SECONDS and document.lane != Document.Lane.SLOW:
        claims.hand_over(claim, lane=Document.Lane.SLOW)


def _chunk(claim: Claim, document: Document, parsed: ParsedDocument) -> list[ChunkDraft]:
    with stage(claim, document, Document.Stage.CHUNK):
        drafts = cut(document, parsed)
    if not drafts:
        extracts.forget(document.pk)
        raise ocr.without_text(document, parsed)
    return drafts


def cut(document: Document, parsed: ParsedDocument) -> list[ChunkDraft]:
    """The passages of what was read of a document."""
    kind = CONVERTED.get(document.media_type, document.media_type)
    title = keep.title_of(document, parsed)
    return chunk_document(parsed, title=title, apart=kind in APART)
