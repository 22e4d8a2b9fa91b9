"""Pages that are pictures: recognised in batches, each kept, and what fails is named."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image, ImageDraw, ImageFont

from ingest import lexical, recover
from ingest.indexes import active
from ingest.models import Collection, Document, Extract
from ingest.parsers.base import ParsedDocument, ParseError, Recognition
from ingest.parsers.sandbox import recognise_isolated
from ingest.pipeline import process_document
from ingest.reasons import may_help_again
from tests.ingest.conftest import Add, Put

pytestmark = pytest.mark.django_db

LINES = ("Annual leave is twenty eight days", "Travel is paid by the company", "")


class Killed(BaseException):
    """Nothing of the pipeline handles it, as nothing handles a kill."""


def scan(*lines: str) -> bytes:
    """A PDF of pictures, one small page for each line; "" is an empty page."""
    font = ImageFont.load_default(size=40)
    pages = []
    for line in lines:
        page = Image.new("L", (900, 160), 255)
        ImageDraw.Draw(page).text((40, 50), line, fill=0, font=font)
        pages.append(page)
    data = BytesIO()
    pages[0].save(data, "PDF", save_all=True, append_images=pages[1:], resolution=200)
    return data.getvalue()


Read = Callable[[Recognition], None]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The pages of each child that recognises."""
    return watched(monkeypatch, lambda how: None)


def watched(monkeypatch: pytest.MonkeyPatch, before: Read) -> list[tuple[int, ...]]:
    calls: list[tuple[int, ...]] = []

    def call(source: int, media_type: str, limits: Any, how: Any, **rest: Any) -> ParsedDocument:
        calls.append(how.pages)
        before(how)
        return recognise_isolated(source, media_type, limits, how, **rest)

    monkeypatch.setattr("ingest.ocr.recognise_isolated", call)
    return calls


def warnings(document: Document) -> dict[str, str]:
    return {warning["code"]: warning["names"] for warning in document.warnings}


def test_the_text_of_pictures_is_found_and_said_to_be_recognised(
    add: Add, collection: Collection, asked: list[tuple[int, ...]]
) -> None:
    document = add("scan.pdf", scan(*LINES))
    assert document.status == "ready", document.error_detail
    assert asked == [(1, 2, 3)]
    assert warnings(document) == {"pages-without-text": "3", "pages-recognised": "1-2"}
    told = document.reading["ocr"]
    assert (told["tried"], told["pages"]) == ([1, 2, 3], [1, 2])
    assert told["confidence"] > 0.6 and "eng" in told["languages"]
    assert document.reading["seconds"]["ocr"] > 0
    assert lexical.search("annual leave twenty eight days", [collection.pk], 5, index=active().pk)
    first = document.chunks.get(ordinal=0)
    assert first.page == 1 and first.confidence is not None and 0.6 < first.confidence <= 1


def test_a_kill_costs_one_batch(vectors: str, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.ocr.BATCH", 1)
    document = put("scan.pdf", scan(*LINES)).document

    def kill(how: Recognition) -> None:
        if how.pages == (2,):
            raise Killed

    with monkeypatch.context() as killing:
        calls = watched(killing, kill)
        with pytest.raises(Killed):
            process_document(document.pk)
    document.refresh_from_db()
    assert (document.stage, document.done, document.total) == ("ocr", 1, 3)
    Document.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    recover.expired_leases()
    calls = watched(monkeypatch, lambda how: None)
    process_document(document.pk)
    document.refresh_from_db()
    assert document.status == "ready" and calls == [(2,), (3,)]
    assert document.chunks.get(ordinal=0).page == 1
    assert warnings(document) == {"pages-without-text": "3", "pages-recognised": "1-2"}


def test_a_page_that_breaks_recognition_is_named_and_costs_no_other(
    vectors: str, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(how: Recognition) -> None:
        if 2 in how.pages:
            raise ParseError("parse-timeout", "Reading took too long.")

    calls = watched(monkeypatch, breaks)
    document = put("scan.pdf", scan(*LINES)).document
    process_document(document.pk)
    document.refresh_from_db()
    assert document.status == "ready"
    assert calls == [(1, 2, 3), (1,), (2,), (3,)]
    assert warnings(document) == {"pages-without-text": "2-3", "pages-recognised": "1"}


def test_many_pictures_wait_for_their_turn_among_slow_work(
    vectors: str, put: Put, monkeypatch: pytest.MonkeyPatch, asked: list[tuple[int, ...]]
) -> None:
    monkeypatch.setattr("ingest.ocr.QUICK_PAGES", 1)
    document = put("scan.pdf", scan(*LINES[:2])).document
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.lane, document.stage) == ("queued", "slow", "ocr")
    assert Extract.objects.filter(pk=document.pk).exists() and asked == []
    process_document(document.pk)
    document.refresh_from_db()
    assert document.status == "ready" and asked == [(1, 2)]


@pytest.mark.parametrize(
    ("change", "lines", "code", "says"),
    [
        ({"OCR": False}, LINES, "ocr-unavailable", "switched off"),
        ({"TESSDATA": "/nonexistent"}, LINES, "ocr-unavailable", "not installed"),
        ({}, ("",), "no-text", "by text recognition either"),
    ],
)
def test_why_no_text_was_recognised_is_said(
    add: Add, settings: Any, change: dict[str, Any], lines: tuple[str, ...], code: str, says: str
) -> None:
    """Where it can be switched on or installed, all that failed so far may be tried again at once."""
    for name, value in change.items():
        setattr(settings, name, value)
    document = add("scan.pdf", scan(*lines))
    assert (document.status, document.error_code) == ("failed", code)
    assert may_help_again(code) == (code == "ocr-unavailable")
    assert says in document.error_detail
    assert not Extract.objects.exists(), "a retry looks again"
