"""Pages of documents as pictures, and where words stand on them: made when they are looked at.

Whoever calls has asked ingest.access first. What was made is kept in memory for some minutes by what
the file holds, so that the same page is drawn once for all who read it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from audit.problems import Problem
from ingest import extracts, files
from ingest.claims import free_connection
from ingest.models import Document
from ingest.parsers.base import ParseError
from ingest.parsers.frames import Told
from ingest.parsers.registry import PICTURES
from ingest.parsers.sandbox import Bounds
from ingest.parsers.view import Look
from ingest.parsers.viewing import Looked, look_isolated
from ingest.reasons import reason, sentence
from ingest.refused import write_down
from ingest.shelf import Shelf
from ingest.vault import Unreadable

log = structlog.get_logger(__name__)

#: Kinds whose pages are drawn; of others their text is shown.
DRAWN = PICTURES
#: Pixels across a page, as sharp as a panel of half a screen shows it, and one that fills it.
WIDTH, LARGE = 1_240, 2_200
MOST_PIXELS = {WIDTH: 4_000_000, LARGE: 9_000_000}
#: A page that takes longer is not shown.
CPU_SECONDS, WALL_SECONDS = 20, 40
#: Children at once in this process, and how long a page waits for its turn.
AT_ONCE, PATIENCE = 2, 30
KEPT_BYTES, KEPT_SECONDS = 64 << 20, 600
#: About what the places of words take.
_SMALL = 4_000

_shelf = Shelf(KEPT_BYTES, KEPT_SECONDS)
_turns = threading.BoundedSemaphore(AT_ONCE)


def draws(document: Document) -> bool:
    """Whether pages of this document can be drawn: its kind, and its original is still there."""
    return document.media_type in DRAWN and document.original_removed_at is None


def picture(document: Document, page: int, width: int = WIDTH) -> bytes:
    """Page `page` (from 1) as WebP. `width`: WIDTH or LARGE.

    Raises Problem `page-missing` (404), `original-expired`, `original-missing`, `original-damaged` (410),
    `key-missing`, `page-busy` (503), or with a reader's code where it cannot be drawn (422).
    """
    kept = _shelf.get(_picture_key(document, page, width))
    if isinstance(kept, bytes):
        return kept
    return _looked(document, Look((page,), width=width, pixels=MOST_PIXELS[width])).picture


def look(document: Document, asked: Look) -> Looked:
    """Where words stand. The picture of their page is made with it, for whoever asks for it next.

    Raises what picture() raises.
    """
    return _looked(document, replace(asked, width=WIDTH, pixels=MOST_PIXELS[WIDTH]))


def forget() -> None:
    """Let go of all that is kept."""
    _shelf.empty()


def _picture_key(document: Document, page: int, width: int) -> tuple[str, str, int, int]:
    return document.sha256, document.media_type, page, width


def _looked(document: Document, asked: Look) -> Looked:
    key = (document.sha256, document.media_type, asked)
    # Whatever words are looked for: pages that took all their time once are not tried for each.
    broken = (document.sha256, document.media_type, asked.pages)
    found = _shelf.get(key) or _shelf.get(broken)
    if found is None:
        with _turn():
            found = _shelf.get(key) or _shelf.get(broken) or _made(document, asked)
        if isinstance(found, Looked):
            drawn = _picture_key(document, found.page, asked.width)
            _shelf.put(drawn, found.picture, len(found.picture))
            if asked.words[0]:
                _shelf.put(key, replace(found, picture=b""), _SMALL)
        else:
            _shelf.put(broken, found, _SMALL)
    if isinstance(found, ParseError):
        status = 404 if found.code == "page-missing" else 422
        raise Problem(status, found.code, reason(found.code, found.detail))
    assert isinstance(found, Looked)  # noqa: S101 (nothing else is put there)
    return found


@contextmanager
def _turn() -> Iterator[None]:
    free_connection()
    if not _turns.acquire(timeout=PATIENCE):
        raise Problem(503, "page-busy", _("Many pages are being drawn. Try again in a moment."))
    try:
        yield
    finally:
        _turns.release()


def _made(document: Document, asked: Look) -> Looked | ParseError:
    """An error of the file stays one: it is kept like a page."""
    if document.original_removed_at:
        detail = _(
            "The original was removed when its time to be kept had passed. Its text is here."
        )
        raise Problem(410, "original-expired", detail)
    bounds = Bounds(CPU_SECONDS, WALL_SECONDS, settings.PARSE_MEMORY_MB)
    told = Told(refused=partial(write_down, document))
    try:
        with files.descriptor(document) as source:
            return look_isolated(
                source, document.media_type, asked, extracts.limits(), bounds, told
            )
    except Unreadable as error:
        status = 503 if error.code == "key-missing" else 410
        raise Problem(status, error.code, sentence(error.code)) from error
    except ParseError as error:
        log.warning("page.undrawn", document=str(document.pk), code=error.code)
        return error
