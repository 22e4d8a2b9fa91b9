"""What was read of a document, kept: work goes on from it, and the document's page shows it.

Compressed in the database, erased with the document's row. A format that this release no longer reads
counts as nothing kept: the file is read anew.
"""

import zlib
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from ingest.claims import Claim
from ingest.models import Document, Extract
from ingest.parsers import wire
from ingest.parsers.base import Block, Limits, ParsedDocument, ParseError

log = structlog.get_logger(__name__)

#: Of zlib's 1 to 9: what is above costs twice the time for a few bytes.
LEVEL = 3


def limits() -> Limits:
    """The bounds of everything that is read here."""
    return Limits(
        max_pages=settings.MAX_PAGES,
        max_chars=settings.MAX_TEXT_CHARS,
        max_parts=settings.MAX_ARCHIVE_FILES,
    )


def save(claim: Claim, parsed: ParsedDocument, done: int, total: int, **changes: object) -> None:
    """Keep `parsed`, and write `changes` to the document in the same step. Raises LeaseLost.

    `done` of `total` pages of the stage are in it.
    """
    data = zlib.compress(wire.pack(parsed), LEVEL)
    with transaction.atomic():
        claim.kept(done, total, **changes)
        Extract.objects.update_or_create(document_id=claim.document, defaults={"data": data})


def load(document_id: UUID) -> ParsedDocument | None:
    """What was kept of a document; None where there is nothing."""
    data = Extract.objects.filter(pk=document_id).values_list("data", flat=True).first()
    if data is None:
        return None
    try:
        return wire.unpack(zlib.decompress(bytes(data)), limits())
    except (ValueError, zlib.error, ParseError) as error:
        log.warning("extract.unreadable", document=str(document_id), error=type(error).__name__)
        return None


def forget(document_id: UUID) -> None:
    """The next attempt reads the file anew."""
    Extract.objects.filter(pk=document_id).delete()


def blocks(document: Document, start: int, count: int) -> tuple[list[Block], int]:
    """`count` blocks of a document in reading order from number `start` (0 is the first), and how many
    there are in all: none while it has not been read.
    """
    parsed = load(document.pk)
    found = parsed.blocks if parsed else ()
    return list(found[start : start + count]), len(found)
