"""Slides beside an answer: their picture with the words marked, or their text with the reason."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from chat.viewer import address
from ingest import convert, erase, page_views, slides
from ingest.models import Chunk, Collection, Document
from ingest.parsers.registry import PPTX
from tests import people
from tests.ingest.test_convert import needs_office
from tests.ingest.test_slides import deck
from tests.pages.test_viewer_pages import answer, keep, original, shown, span
from tests.parsing import files

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None], Client]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    page_views.forget()
    yield
    page_views.forget()


@pytest.fixture
def slide(collection: Collection, tmp_path: Path) -> Chunk:
    """All five slides in one passage."""
    path = deck(tmp_path / "a.pptx")
    parsed = files.parse(path, PPTX)
    document = people.make_document(collection, name="deck.pptx")
    original(document, path.read_bytes(), PPTX)
    Document.objects.filter(pk=document.pk).update(pages=parsed.pages)
    return keep(document, parsed)


def marks(client: Client, chunk: Chunk, page: int, words: tuple[int, int]) -> list[float]:
    """The left edges of the marks on a slide."""
    at = reverse("chat:marks", args=[chunk.pk, page])
    svg = client.get(f"{at}?quote={words[0]}-{words[1]}").content.decode()
    return [float(each) for each in re.findall(r'<rect x="([\d.]+)"', svg)]


@needs_office
def test_the_slide_of_the_words_is_shown_and_made_once(
    client_for: ClientFor, bob: User, slide: Chunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, found = client_for(bob), answer(bob, slide)
    words = span(slide, "Line of slide number 5")
    first = shown(client, found, 1, words)
    assert "Its picture is being made" in first and "leaf-page" not in first
    assert "<mark>Line of slide number 5</mark>" in first
    page = client.get(f"{address(found.pk, 1, words)}&picture").content.decode()
    assert "Picture of slide 5" in page and "being made" not in page
    monkeypatch.setattr(convert, "drawn", None)  # nobody asks LibreOffice again
    assert len(marks(client, slide, 5, words)) == 1
    assert marks(client, slide, 4, words) == []
    hidden = span(slide, "Line of slide number 2")
    assert "Picture of slide 2" in shown(client, found, 1, hidden)
    spoken = shown(client, found, 1, span(slide, "Spoken by heart"))
    assert "Picture of slide 3" in spoken and "which the slide does not show" in spoken
    assert '<details class="viewer-as-text" open>' in spoken
    picture = client.get(reverse("ingest:page-picture", args=[slide.document_id, 1]))
    assert picture["Content-Type"] == "image/webp"
    missing = client.get(reverse("ingest:page-picture", args=[slide.document_id, 6]))
    assert missing.status_code == 404
    Document.objects.update(pages=4)
    page_views._shelf.empty()
    assert "another number of slides" in shown(client, found, 1, words)


@needs_office
def test_slides_that_wait_for_others_are_few_and_keep_no_page_waiting(
    client_for: ClientFor, bob: User, slide: Chunk
) -> None:
    at = reverse("ingest:page-picture", args=[slide.document_id, 1])
    with ExitStack() as places:
        for _ in range(page_views.DECKS_WAITING):
            places.enter_context(page_views._place(page_views._deck_waiters, 0))
        refused = client_for(bob).get(at)
        assert (refused.status_code, refused.json()["code"]) == (503, "page-busy")
        for _ in range(page_views.AT_ONCE):
            places.enter_context(page_views._place(page_views._turns, 0))
    assert client_for(bob).get(at).status_code == 200


def test_without_libreoffice_the_text_with_the_reason(
    client_for: ClientFor, bob: User, slide: Chunk, settings: Settings
) -> None:
    settings.LIBREOFFICE = "/nowhere/soffice"
    client, found = client_for(bob), answer(bob, slide)
    page = shown(client, found, 1, span(slide, "Line of slide number 5"))
    assert "which is not installed" in page and "being made" not in page
    assert "<mark>Line of slide number 5</mark>" in page and "leaf-page" not in page
    refused = client.get(reverse("ingest:page-picture", args=[slide.document_id, 5]))
    assert (refused.status_code, refused.json()["code"]) == (422, "slides-need-libreoffice")


def test_where_slides_are_not_to_be_drawn_nothing_is_said(
    client_for: ClientFor, bob: User, slide: Chunk, settings: Settings
) -> None:
    settings.SLIDES_SECONDS = 0
    page = shown(client_for(bob), answer(bob, slide), 1, span(slide, "Line of slide number 5"))
    assert "<mark>" in page and 'class="notice' not in page and "leaf-page" not in page


@needs_office
def test_what_cannot_be_drawn_is_tried_once(
    client_for: ClientFor, bob: User, slide: Chunk, monkeypatch: pytest.MonkeyPatch
) -> None:
    original(slide.document, b"PK\x03\x04 and no more", PPTX)
    client, found = client_for(bob), answer(bob, slide)
    asked = f"{address(found.pk, 1)}?picture"
    assert "LibreOffice cannot draw" in client.get(asked).content.decode()
    monkeypatch.setattr(convert, "drawn", None)
    assert "LibreOffice cannot draw" in shown(client, found, 1)


@pytest.mark.django_db(transaction=True)
def test_what_is_erased_leaves_memory(bob: User, alice: User, slide: Chunk) -> None:
    document = slide.document
    mine = (document.sha256, document.media_type)
    slides.shelf.put(mine, b"%PDF-", 5)
    page_views._shelf.put((*mine, 1, page_views.WIDTH), b"RIFF", 4)
    page_views._shelf.put(("another", PPTX, 1, page_views.WIDTH), b"RIFF", 4)
    erase.erase_document(alice, document)
    assert slides.shelf.get(mine) is None
    assert len(page_views._shelf._held) == 1
