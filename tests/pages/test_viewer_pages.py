"""A source in its place: who may look, what is shown of which kind, what happens to what is broken."""

import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.models import Entry
from chat.models import Citation, Conversation, Message, Source
from chat.viewer import address
from ingest import page_views
from ingest.models import Chunk, Collection, Document, Extract, Grant
from ingest.parsers import wire
from ingest.parsers.base import BlockWriter, Limits, ParsedDocument
from ingest.parsers.registry import MARKDOWN, PDF, PPTX
from tests import people
from tests.parsing import files

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None], Client]
SAID = files.BODY[0]


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    page_views.forget()
    yield
    page_views.forget()


def keep(document: Document, parsed: ParsedDocument) -> Chunk:
    """All that was read of it, and one passage of it."""
    Extract.objects.create(document=document, data=zlib.compress(wire.pack(parsed)))
    page = next((block.page for block in parsed.blocks), None)
    document.chunks.update(text=parsed.text, end=len(parsed.text), page=page)
    return document.chunks.get()


def original(document: Document, data: bytes, kind: str) -> None:
    document.file.save("original", ContentFile(data), save=False)
    document.bytes, document.sha256 = len(data), hashlib.sha256(data).hexdigest()
    document.media_type = kind
    document.save()


@pytest.fixture
def pdf(collection: Collection, tmp_path: Path) -> Chunk:
    path = files.pdf(tmp_path / "a.pdf", pages=3)
    document = people.make_document(collection, name="handbook.pdf")
    original(document, path.read_bytes(), PDF)
    return keep(document, files.parse(path, PDF))


def written(collection: Collection, kind: str = MARKDOWN, name: str = "leave.md") -> Chunk:
    """A section between two others, with a table."""
    document = people.make_document(collection, name, name=name)
    Document.objects.filter(pk=document.pk).update(media_type=kind)
    writer = BlockWriter(Limits())
    for page, title in enumerate(("Travel", "Leave", "Sickness"), 1):
        writer.add("heading", title, level=2, page=page)
        writer.add("paragraph", f"{title}: thirty <b>days</b> a year.", page=page)
        rows = (("Years", "Days"), ("5", f"{title} 32"))
        text = "\n".join(" | ".join(row) for row in rows)
        writer.add("table", text, page=page, rows=rows, header_rows=1)
    parsed = writer.document()
    chunk = keep(document, parsed)
    start = parsed.text.index("Leave\n")
    end = parsed.text.index("Sickness\n")
    chunk.text, chunk.start, chunk.end, chunk.page = parsed.text[start:end], start, end, 2
    chunk.save()
    return chunk


def answer(user: User, chunk: Chunk, *more: Chunk) -> Message:
    found = people.make_conversation(user, chunk).messages.get(role=Message.Role.ASSISTANT)
    for n, each in enumerate(more, 2):
        Source.objects.create(message=found, n=n, chunk=each, document=each.document)
    return found


def span(chunk: Chunk, said: str) -> tuple[int, int]:
    start = chunk.text.index(said)
    return start, start + len(said)


def shown(client: Client, found: Message, n: int, words: tuple[int, int] = (0, 0)) -> str:
    page = client.get(address(found.pk, n, words))
    assert page.status_code == 200
    return str(page.content.decode())


# --- pages --------------------------------------------------------------------------------------
def test_a_page_with_the_quoted_words(client_for: ClientFor, bob: User, pdf: Chunk) -> None:
    client, words = client_for(bob), span(pdf, SAID)
    page = shown(client, answer(bob, pdf), 1, words)
    drawn = reverse("ingest:page-picture", args=[pdf.document_id, 1])
    marks = reverse("chat:marks", args=[pdf.pk, 1])
    assert f'src="{drawn}"' in page and f'src="{marks}?quote={words[0]}-{words[1]}"' in page
    assert f"<mark>{SAID}</mark>" in page and "Picture of page 1." in page
    picture = client.get(drawn)
    assert picture["Content-Type"] == "image/webp" and picture.content[:4] == b"RIFF"
    assert "no-store" in picture["Cache-Control"] and picture["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"{drawn}?size=large").content != picture.content


def test_marks_are_a_picture_that_does_nothing(
    client_for: ClientFor, bob: User, pdf: Chunk
) -> None:
    client = client_for(bob)
    client.cookies["django_language"] = "de"
    start, end = span(pdf, SAID)
    asked = reverse("chat:marks", args=[pdf.pk, 1])
    svg = client.get(f"{asked}?quote={start}-{end}")
    assert svg["Content-Type"].startswith("image/svg+xml")
    assert "sandbox" in svg["Content-Security-Policy"]
    said = svg.content.decode()
    assert said.count("<rect") == 1 and not re.search(r"\d,\d", said)
    assert set(re.findall(r"<(\w+)", said)) == {"svg", "rect"}
    assert "<rect" not in client.get(asked.replace("marks/1", "marks/9")).content.decode()


def test_the_page_on_which_the_words_stand_is_shown(
    client_for: ClientFor, bob: User, pdf: Chunk
) -> None:
    page = shown(client_for(bob), answer(bob, pdf), 1, span(pdf, "Chapter 2: Leave"))
    assert reverse("ingest:page-picture", args=[pdf.document_id, 2]) in page


def test_a_picture_is_drawn_once(client_for: ClientFor, bob: User, pdf: Chunk) -> None:
    client = client_for(bob)
    drawn = reverse("ingest:page-picture", args=[pdf.document_id, 1])
    first = client.get(drawn).content
    Path(pdf.document.file.path).unlink()
    assert client.get(drawn).content == first
    gone = client.get(reverse("ingest:page-picture", args=[pdf.document_id, 2]))
    assert gone.status_code == 410 and gone.json()["code"] == "original-missing"


@pytest.mark.parametrize("page", ["0", "4", "9" * 30])
def test_pages_that_are_not_there(client_for: ClientFor, bob: User, pdf: Chunk, page: str) -> None:
    missing = client_for(bob).get(f"/documents/{pdf.document_id}/pages/{page}")
    assert missing.status_code == 404


def test_a_broken_file_is_shown_as_text(client_for: ClientFor, bob: User, pdf: Chunk) -> None:
    original(pdf.document, b"%PDF-1.7 and no more", PDF)
    client = client_for(bob)
    page = shown(client, answer(bob, pdf), 1, span(pdf, SAID))
    assert "cannot be shown as a picture" in page and f"<mark>{SAID}</mark>" in page
    assert "leaf-page" not in page
    broken = client.get(reverse("ingest:page-picture", args=[pdf.document_id, 1]))
    assert broken.status_code == 422 and broken.json()["code"] == "damaged"


def test_a_broken_file_is_tried_once_whatever_words_are_asked_for(
    client_for: ClientFor, bob: User, pdf: Chunk, tmp_path: Path
) -> None:
    good = Path(pdf.document.file.path).read_bytes()
    original(pdf.document, b"%PDF-1.7 and no more", PDF)
    client, found = client_for(bob), answer(bob, pdf)
    shown(client, found, 1, span(pdf, SAID))
    Path(pdf.document.file.path).write_bytes(good)
    assert "leaf-page" not in shown(client, found, 1, span(pdf, files.BODY[1]))
    page_views.forget()
    assert "leaf-page" in shown(client, found, 1, span(pdf, files.BODY[1]))


def test_what_retention_removed_is_shown_as_text(
    client_for: ClientFor, bob: User, pdf: Chunk
) -> None:
    Document.objects.update(original_removed_at=timezone.now())
    client = client_for(bob)
    page = shown(client, answer(bob, pdf), 1, span(pdf, SAID))
    assert "leaf-page" not in page and "Download" not in page and "<mark>" in page
    assert client.get(f"/documents/{pdf.document_id}/pages/1").status_code == 302


def test_recognised_words_have_the_boxes_of_their_lines(
    client_for: ClientFor, bob: User, collection: Collection, tmp_path: Path
) -> None:
    document = people.make_document(collection, name="scan.pdf")
    original(document, files.pdf(tmp_path / "a.pdf", blank=(1,)).read_bytes(), PDF)
    writer = BlockWriter(Limits())
    boxes = ((50.0, 700.0, 300.0, 712.0), (50.0, 680.0, 300.0, 692.0))
    text = "The keeper of the tower. The bells ring at noon."
    writer.add("paragraph", text, page=1, boxes=boxes, confidence=0.6)
    chunk = keep(document, writer.document())
    Chunk.objects.update(confidence=0.6)
    start, end = span(chunk, "The bells ring at noon.")
    client = client_for(bob)
    svg = client.get(f"{reverse('chat:marks', args=[chunk.pk, 1])}?quote={start}-{end}")
    (box,) = re.findall(r'y="([\d.]+)"', svg.content.decode())
    assert float(box) == pytest.approx(842 - 692, abs=1)
    assert "recognised, 60% sure" in shown(client, answer(bob, chunk), 1, (start, end))


# --- text ---------------------------------------------------------------------------------------
def test_a_section_as_text_with_the_words_marked(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    chunk = written(collection)
    page = shown(client_for(bob), answer(bob, chunk), 1, span(chunk, "thirty <b>days</b>"))
    assert "<mark>thirty &lt;b&gt;days&lt;/b&gt;</mark>" in page and "<b>" not in page
    assert "Leave 32" in page and "Travel" not in page and "Sickness" not in page


def test_words_of_a_table_are_marked_cell_by_cell(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    chunk = written(collection)
    page = shown(client_for(bob), answer(bob, chunk), 1, span(chunk, "5 | Leave 32"))
    assert "<td><mark>5</mark></td><td><mark>Leave 32</mark></td>" in page


def test_of_a_slide_all_of_it_and_no_other(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    chunk = written(collection, PPTX, "slides.pptx")
    page = shown(client_for(bob), answer(bob, chunk), 1, span(chunk, "thirty"))
    assert "slide 2" in page and "Leave 32" in page and "Travel" not in page


def test_without_what_was_read_the_passage_alone(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    chunk = written(collection)
    Extract.objects.all().delete()
    page = shown(client_for(bob), answer(bob, chunk), 1, span(chunk, "thirty"))
    assert "<mark>thirty</mark>" in page


@pytest.mark.parametrize("quote", ["", "9-1", "a-b", "999999999-999999999", "0-999999999", "-1-3"])
def test_a_quote_that_is_none_marks_the_passage(
    client_for: ClientFor, bob: User, collection: Collection, quote: str
) -> None:
    chunk = written(collection)
    page = client_for(bob).get(f"{address(answer(bob, chunk).pk, 1)}?quote={quote}")
    assert page.status_code == 200 and "<mark>" in page.content.decode()


def test_hostile_names_are_text(client_for: ClientFor, bob: User, pdf: Chunk) -> None:
    hostile = '"><script>alert(1)</script><img src=x>{{ 7|add:7 }}'
    Document.objects.update(name=hostile, title=hostile, page_labels=[hostile])
    Chunk.objects.update(heading_path=[hostile])
    Collection.objects.update(name=hostile)
    page = shown(client_for(bob), answer(bob, pdf), 1, span(pdf, SAID))
    assert "<script>alert" not in page and "<img src=x" not in page and "{{ 7" in page


# --- who ----------------------------------------------------------------------------------------
def addresses(found: Message, chunk: Chunk) -> list[str]:
    return [
        address(found.pk, 1),
        reverse("chat:passage", args=[chunk.pk]),
        reverse("chat:marks", args=[chunk.pk, 1]),
        reverse("ingest:page-picture", args=[chunk.document_id, 1]),
    ]


def test_access_that_was_taken_away_ends_at_once(
    client_for: ClientFor, bob: User, pdf: Chunk
) -> None:
    client, found = client_for(bob), answer(bob, pdf)
    assert [client.get(each).status_code for each in addresses(found, pdf)] == [200] * 4
    Grant.objects.filter(user=bob).delete()
    assert [client.get(each).status_code for each in addresses(found, pdf)] == [404] * 4


def test_a_stranger_finds_none_of_it(
    client_for: ClientFor, bob: User, charlie: User, pdf: Chunk
) -> None:
    found = answer(bob, pdf)
    asked = addresses(found, pdf)
    assert [client_for(charlie).get(each).status_code for each in asked] == [404] * 4
    assert [client_for(None).get(each).status_code for each in asked] == [302] * 4


def test_another_reader_sees_the_passage_but_not_the_answer(
    client_for: ClientFor, bob: User, alice: User, pdf: Chunk
) -> None:
    asked = addresses(answer(bob, pdf), pdf)
    assert [client_for(alice).get(each).status_code for each in asked] == [404, 200, 200, 200]


def test_a_number_that_no_source_has(client_for: ClientFor, bob: User, pdf: Chunk) -> None:
    found = answer(bob, pdf)
    for n in (0, 2, 10**30):
        assert client_for(bob).get(address(found.pk, n)).status_code == 404


def test_looking_is_recorded(client_for: ClientFor, bob: User, pdf: Chunk) -> None:
    found = answer(bob, pdf)
    Message.objects.update(finished_at="2020-01-01T00:00Z")
    for each in addresses(found, pdf):
        client_for(bob).get(each)
    read = Entry.objects.filter(actor=str(bob.pk), action=actions.DOCUMENT_READ)
    assert [entry.target_id for entry in read] == [str(pdf.document_id)]
    asked = Entry.objects.get(action=actions.CONVERSATION_READ)
    assert asked.data["chunks"] == [str(pdf.pk)]


# --- from one to the next -----------------------------------------------------------------------
def test_citations_come_in_the_order_of_their_sentences_then_the_other_sources(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    first, second, third = (written(collection, name=f"{n}.md") for n in range(3))
    found = answer(bob, first, second, third)
    sources = {source.n: source for source in found.sources.all()}
    for at, (n, words) in enumerate([(3, (0, 5)), (1, (0, 5)), (3, (7, 12))]):
        Citation.objects.create(
            message=found, source=sources[n], sentence_start=9 * at, sentence_end=9 * at + 8,
            quote_start=words[0], quote_end=words[1], support="verified",
        )  # fmt: skip
    order = [(3, (0, 5)), (1, (0, 5)), (3, (7, 12)), (2, (0, 0))]
    client = client_for(bob)
    for here, following in pairwise(order):
        page = shown(client, found, *here)
        assert f'href="{address(found.pk, *following)}" data-view rel="next"' in page
    assert 'rel="next"' not in shown(client, found, *order[-1])
    assert 'rel="prev"' not in shown(client, found, *order[0])


def test_sources_of_an_answer_that_is_being_written(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    chunk = written(collection)
    found = answer(bob, chunk, written(collection, name="b.md"))
    Message.objects.filter(pk=found.pk).update(status=Message.Status.RUNNING, finished_at=None)
    page = shown(client_for(bob), found, 1)
    assert address(found.pk, 2) in page and Conversation.objects.count() == 1


def test_scripts_get_the_panel_and_others_a_page(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    found, client = answer(bob, written(collection)), client_for(bob)
    panel = client.get(address(found.pk, 1), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in panel and "data-viewer" in panel
    assert "Back to the answer" in shown(client, found, 1)
