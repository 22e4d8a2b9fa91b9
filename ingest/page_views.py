"""Pages of documents as pictures, and where words stand on them: made when they are looked at.

Whoever calls has asked ingest.access first. What was made is kept in memory for some minutes by what
the file holds, so that the same page is drawn once for all who read it.
"""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from audit.problems import Problem
from ingest import extracts, files, slides
from ingest.claims import free_connection
from ingest.models import Document
from ingest.parsers.base import ParseError
from ingest.parsers.frames import Told
from ingest.parsers.registry import PDF, PICTURES
from ingest.parsers.sandbox import Bounds
from ingest.parsers.view import Look
from ingest.parsers.viewing import Looked, look_isolated
from ingest.reasons import reason, sentence
from ingest.refused import write_down
from ingest.shelf import Flights, Shelf
from ingest.vault import Unreadable

log = structlog.get_logger(__name__)

#: Pixels across a page, as sharp as a panel of half a screen shows it, and one that fills it.
WIDTH, LARGE = 1_240, 2_200
MOST_PIXELS = {WIDTH: 4_000_000, LARGE: 9_000_000}
#: A page that takes longer is not shown.
CPU_SECONDS, WALL_SECONDS = 20, 40
#: Children at once in this process, and how long a page waits for its turn.
AT_ONCE, PATIENCE = 2, 30
DECKS_WAITING = 6
KEPT_BYTES, KEPT_SECONDS = 64 << 20, 600
#: About what the places of words take.
_SMALL = 4_000

_shelf = Shelf(KEPT_BYTES, KEPT_SECONDS)
_turns = threading.BoundedSemaphore(AT_ONCE)
#: Slides become a PDF one after the other, beside the pages; those who wait hold a thread each.
_deck = threading.BoundedSemaphore(1)
_deck_waiters = threading.BoundedSemaphore(DECKS_WAITING)
_flights = Flights()


def draws(document: Document) -> bool:
    """Whether pages of this document can be drawn: its kind, and its original is still there. Of other
    kinds their text is shown."""
    drawn = document.media_type in PICTURES or slides.draws(document)
    return drawn and document.original_removed_at is None


def at_once(document: Document) -> bool:
    """Whether its pages are there at once; slides must become a PDF first, which takes its time."""
    return not slides.draws(document) or slides.kept(document) is not None


def picture(document: Document, page: int, width: int = WIDTH) -> bytes:
    """Page `page` (from 1) as WebP. `width`: WIDTH or LARGE.

    Raises Problem `page-missing` (404), `original-expired`, `original-missing`, `original-damaged` (410),
    `key-missing`, `page-busy` (503), or with a reader's code where it cannot be drawn (422).
    """
    return _looked(document, Look((page,), width=width, pixels=MOST_PIXELS[width])).picture


def look(document: Document, asked: Look) -> Looked:
    """Where words stand. The picture of their page is made with it, for whoever asks for it next.

    Raises what picture() raises.
    """
    return _looked(document, replace(asked, width=WIDTH, pixels=MOST_PIXELS[WIDTH]))


def forget(hashes: frozenset[str] | None = None) -> None:
    """Let go of all that is kept in this process, or of what was made of files with these hashes."""
    for shelf in (_shelf, slides.shelf):
        if hashes is None:
            shelf.empty()
        else:
            shelf.drop(partial(_is_of, hashes))


def _is_of(hashes: frozenset[str], key: Hashable) -> bool:
    return isinstance(key, tuple) and key[0] in hashes


def _picture_key(document: Document, page: int, width: int) -> tuple[str, str, int, int]:
    return document.sha256, document.media_type, page, width


def _kept(document: Document, asked: Look) -> Looked | ParseError | None:
    if not asked.words[0]:
        drawn = _shelf.get(_picture_key(document, asked.pages[0], asked.width))
        if isinstance(drawn, bytes):
            return Looked(asked.pages[0], {}, {}, drawn)
    # Whatever words are looked for: pages that took all their time once are not tried for each.
    for what in (asked, asked.pages):
        found = _shelf.get((document.sha256, document.media_type, what))
        if isinstance(found, Looked | ParseError):
            return found
    return None


def _keep(document: Document, asked: Look, found: Looked | ParseError) -> None:
    kind = document.sha256, document.media_type
    if isinstance(found, ParseError):
        _shelf.put((*kind, asked.pages), found, _SMALL)
    else:
        drawn = _picture_key(document, found.page, asked.width)
        _shelf.put(drawn, found.picture, len(found.picture))
        if asked.words[0]:
            _shelf.put((*kind, asked), replace(found, picture=b""), _SMALL)
    # Erased while it was drawn: whoever erased it let go of what there was then.
    living = Document.objects.exclude(status=Document.Status.ERASING)
    if not living.filter(pk=document.pk).exists():
        forget(frozenset({document.sha256}))


def _looked(document: Document, asked: Look) -> Looked:
    found = _kept(document, asked) or _drawn(document, asked)
    if isinstance(found, ParseError):
        status = 404 if found.code == "page-missing" else 422
        raise Problem(status, found.code, reason(found.code, found.detail))
    return found


def _drawn(document: Document, asked: Look) -> Looked | ParseError:
    pdf = _pdf(document) if slides.draws(document) else None
    if isinstance(pdf, ParseError):
        return pdf
    page = (document.sha256, document.media_type, asked.pages[0], asked.width)
    with _alone(page, PATIENCE + WALL_SECONDS):
        found = _kept(document, asked)
        if found is None:
            with _place(_turns, PATIENCE):
                found = _made(document, asked, pdf)
            _keep(document, asked, found)
        return found


def _pdf(document: Document) -> bytes | ParseError:
    """Slides as a PDF. Who comes second waits for the first one, and takes no place meanwhile."""
    if found := slides.kept(document):
        return found
    key, seconds = (document.sha256, document.media_type), PATIENCE + settings.SLIDES_SECONDS
    with _place(_deck_waiters, 0), _alone(key, seconds):
        if found := slides.kept(document):
            return found
        with _place(_deck, PATIENCE), _readable(document) as source:
            return slides.made(document, source)


@contextmanager
def _alone(key: Hashable, seconds: float) -> Iterator[None]:
    free_connection()
    with _flights.alone(key, seconds) as taken:
        if not taken:
            raise _busy()
        yield


@contextmanager
def _place(places: threading.BoundedSemaphore, seconds: float) -> Iterator[None]:
    free_connection()
    if not places.acquire(timeout=seconds):
        raise _busy()
    try:
        yield
    finally:
        places.release()


def _busy() -> Problem:
    return Problem(503, "page-busy", _("Many pages are being drawn. Try again in a moment."))


@contextmanager
def _readable(document: Document) -> Iterator[int]:
    """A descriptor of the original."""
    if document.original_removed_at:
        detail = _(
            "The original was removed when its time to be kept had passed. Its text is here."
        )
        raise Problem(410, "original-expired", detail)
    try:
        with files.descriptor(document) as source:
            yield source
    except Unreadable as error:
        status = 503 if error.code == "key-missing" else 410
        raise Problem(status, error.code, sentence(error.code)) from error


def _made(document: Document, asked: Look, pdf: bytes | None) -> Looked | ParseError:
    """An error of the file stays one: it is kept like a page."""
    bounds = Bounds(CPU_SECONDS, WALL_SECONDS, settings.PARSE_MEMORY_MB)
    told = Told(refused=partial(write_down, document))
    kind = document.media_type if pdf is None else PDF
    asked = asked if pdf is None else replace(asked, of=document.pages or 0)
    opened = _readable(document) if pdf is None else slides.opened(pdf)
    try:
        with opened as source:
            return look_isolated(source, kind, asked, extracts.limits(), bounds, told)
    except ParseError as error:
        log.warning("page.undrawn", document=str(document.pk), code=error.code)
        return error
