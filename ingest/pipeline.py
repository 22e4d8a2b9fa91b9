"""The document flow: claim -> parse -> chunk -> embed -> store -> record.

A kill at any point leaves the document claimed by nobody once its lease has run out; the next
attempt deletes what the last one wrote and writes the same ids again, in the database and in
Chroma, so nothing is double. Nothing is missing either: `ready` is the last thing written.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from inference.protocol import Vectors
from ingest import claims, embed, files, keep
from ingest.chunk import ChunkDraft, chunk_document
from ingest.claims import Claim, LeaseLost
from ingest.models import Document
from ingest.outcome import outcome
from ingest.parsers.base import Limits, ParsedDocument, ParseError
from ingest.parsers.frames import Told
from ingest.parsers.sandbox import parse_isolated
from ingest.reasons import sentence
from ingest.vault import Unreadable
from wall import refusals

log = structlog.get_logger(__name__)


def process_document(document_id: UUID | str) -> None:
    """Take one queued document to `ready` or `failed`. Does nothing where it is not queued."""
    claim = claims.take(document_id)
    if claim is not None:
        work_on(claim)


def work_on(claim: Claim) -> None:
    """Take a claimed document to `ready` or `failed`, or back to the queue."""
    with outcome(claim), claims.heartbeat(claim):
        document = _document(claim)
        parsed = _parse(claim, document)
        drafts = _chunk(claim, document, parsed)
        vectors = _embed(claim, drafts)
        keep.keep(claim, document, parsed, drafts, vectors)


def _document(claim: Claim) -> Document:
    document = claim.held().select_related("collection", "uploaded_by").first()
    if document is None:
        raise LeaseLost
    return document


def _parse(claim: Claim, document: Document) -> ParsedDocument:
    claims.free_connection()
    try:
        with files.descriptor(document) as source:
            return parse_isolated(
                source,
                document.media_type,
                Limits(max_pages=settings.MAX_PAGES, max_chars=settings.MAX_TEXT_CHARS),
                cpu_seconds=settings.PARSE_CPU_SECONDS,
                wall_seconds=settings.PARSE_WALL_SECONDS,
                memory_mb=settings.PARSE_MEMORY_MB,
                told=Told(claim.progress, partial(_write_down, document)),
            )
    except Unreadable as error:
        raise ParseError(error.code, sentence(error.code)) from error


def _write_down(document: Document, lines: list[dict[str, Any]]) -> None:
    """The file made its reader call out: the guard's lines go where all of them go, with its id."""
    log.warning("document.called.out", document=str(document.pk), lines=len(lines))
    for line in lines:
        told = json.dumps({**line, "document": str(document.pk)}).encode() + b"\n"
        try:
            refusals.append(Path(settings.EVIDENCE_DIR), told)
        except OSError as error:  # a full disk keeps nobody from reading on
            log.error("refusal.unwritten", error=type(error).__name__)


def _chunk(claim: Claim, document: Document, parsed: ParsedDocument) -> list[ChunkDraft]:
    claim.renew(stage=Document.Stage.CHUNK, progress=0)
    drafts = chunk_document(parsed, title=keep.title_of(document, parsed))
    if not drafts:
        detail = _("No text was found. If this is a scan, upload a version with a text layer.")
        raise ParseError("no-text", detail)
    return drafts


def _embed(claim: Claim, drafts: list[ChunkDraft]) -> Vectors:
    claim.renew(stage=Document.Stage.EMBED, progress=0)
    claims.free_connection()
    texts = [f"{draft.context}\n{draft.text}" if draft.context else draft.text for draft in drafts]
    return embed.embed_passages(texts, claim.progress)
