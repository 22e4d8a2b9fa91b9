"""Pages without text go through text recognition: in batches, each of them kept when it is read.

A page on which recognition fails is named in the notices; it costs neither its neighbours nor the
document.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from ingest import claims, extracts, files, merge, recognition
from ingest.claims import Claim
from ingest.models import Document
from ingest.parsers.base import ParsedDocument, ParseError, Recognition
from ingest.parsers.frames import Told
from ingest.parsers.registry import PICTURES
from ingest.parsers.sandbox import recognise_isolated
from ingest.stages import stage

log = structlog.get_logger(__name__)

#: Pages of one child: a kill costs no more than these.
BATCH = 8
#: More than these is slow work.
QUICK_PAGES = 4


def with_pictures(
    claim: Claim, document: Document, parsed: ParsedDocument, told: Told
) -> ParsedDocument:
    """`parsed` with what is recognised on its blank pages, and with notices on its pages.

    Pages that were tried before are left alone. Raises LeaseLost, HandedOver, ParseError
    `too-much-text`, Unreadable.
    """
    how = _how(document, parsed)
    if how is not None:
        if len(how.pages) > QUICK_PAGES and document.lane != Document.Lane.SLOW:
            claims.hand_over(claim, lane=Document.Lane.SLOW, stage=Document.Stage.OCR)
        parsed = _recognised(_Work(claim, document, how, told), parsed)
    return merge.noticed(parsed)


def _how(document: Document, parsed: ParsedDocument) -> Recognition | None:
    if document.media_type not in PICTURES:
        return None
    tried = set(_told(document).get("tried", ()))
    left = tuple(page for page in parsed.blank if page not in tried)
    return recognition.how(left) if left else None


def _told(document: Document) -> dict[str, list[int]]:
    """What Document.reading says of recognition so far."""
    found: dict[str, list[int]] = document.reading.get("ocr", {})
    return found


@dataclass(frozen=True, slots=True)
class _Work:
    """The recognition of one document. `how.pages`: those that are still to be tried."""

    claim: Claim
    document: Document
    how: Recognition
    told: Told

    def batches(self) -> Iterator[tuple[int, Sequence[int]]]:
        """How many pages come before, and the pages."""
        pages = self.how.pages
        for start in range(0, len(pages), BATCH):
            yield start, pages[start : start + BATCH]


def _recognised(work: _Work, parsed: ParsedDocument) -> ParsedDocument:
    total = len(work.how.pages)
    with (
        stage(work.claim, work.document, Document.Stage.OCR, total),
        files.descriptor(work.document) as source,
    ):
        try:
            for done, pages in work.batches():
                parsed = _batch(work, source, parsed, done, pages)
                claims.yield_if_waited_for(work.claim)
        except _NotThere:
            log.warning("ocr.unavailable", document=str(work.document.pk))
    return parsed


class _NotThere(Exception):
    """Recognition itself is missing: no page is to blame."""


def _batch(
    work: _Work, source: int, parsed: ParsedDocument, done: int, pages: Sequence[int]
) -> ParsedDocument:
    """Read `pages` and keep them; where that fails, one by one, to find the page that breaks it."""
    try:
        found = _read(work, source, done, pages)
    except ParseError as error:
        if error.code == "ocr-unavailable":
            raise _NotThere from error
        if len(pages) > 1:
            for place, page in enumerate(pages):
                parsed = _batch(work, source, parsed, done + place, [page])
            return parsed
        log.warning("ocr.page.failed", document=str(work.document.pk), code=error.code)
        found = None
    if found is not None:
        parsed = merge.merged(parsed, found, pages, extracts.limits())
    _tell(work, parsed, pages)
    total = len(work.how.pages)
    extracts.save(work.claim, parsed, done + len(pages), total, reading=work.document.reading)
    return parsed


def _read(work: _Work, source: int, done: int, pages: Sequence[int]) -> ParsedDocument:
    claims.free_connection()
    total = len(work.how.pages)
    progress = work.told.progress

    def further(read: int, _of: int) -> None:
        if progress is not None:
            progress(done + min(read, len(pages)), total)

    return recognise_isolated(
        source,
        work.document.media_type,
        extracts.limits(),
        replace(work.how, pages=tuple(pages)),
        wall_seconds=2 * len(pages) * work.how.page_seconds,
        memory_mb=settings.PARSE_MEMORY_MB,
        told=replace(work.told, progress=further),
    )


def _tell(work: _Work, parsed: ParsedDocument, pages: Sequence[int]) -> None:
    sure = merge.confidences(parsed)
    work.document.reading["ocr"] = {
        "tried": sorted({*_told(work.document).get("tried", ()), *pages}),
        "pages": sorted(sure),
        "confidence": round(fmean(sure.values()), 3) if sure else None,
        "languages": list(work.how.languages),
    }


def without_text(document: Document, parsed: ParsedDocument) -> ParseError:
    """The error for a document that holds no text: what to do depends on why it was not recognised."""
    if document.media_type not in PICTURES or not parsed.blank:
        return ParseError("no-text", _("The file holds no text. Upload a version that does."))
    if _told(document).get("tried"):
        detail = _(
            "No text was found, by text recognition either. Scan it anew, sharper and with more contrast."
        )
        return ParseError("no-text", detail)
    if not settings.OCR:
        detail = _(
            "The file holds pictures of pages, and text recognition is switched off. Upload a version "
            "with a text layer, or ask an administrator to switch it on."
        )
    else:
        detail = _(
            "The file holds pictures of pages, and text recognition is not installed. Upload a version "
            "with a text layer, or ask an administrator to install it."
        )
    return ParseError("ocr-unavailable", detail)
