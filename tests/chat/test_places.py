"""Sources say where a passage stands as its file does: in events, on pages, in the API, in exports."""

import pytest
from django.test import Client

from accounts.models import User
from chat.context import passage_data
from chat.export import as_json, as_markdown
from chat.models import Citation, Conversation
from chat.paper import paper
from chat.passages import passage_of
from chat.present import present_answer
from ingest.models import Chunk, Collection, Document
from ingest.parsers import registry
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def chunk(collection: Collection) -> Chunk:
    document = people.make_document(collection, name="budget.xlsx")
    Document.objects.filter(pk=document.pk).update(
        media_type=registry.XLSX, page_labels=["Budget <b>"]
    )
    document.chunks.update(page=1)
    return Chunk.objects.get()


@pytest.fixture
def conversation(alice: User, chunk: Chunk) -> Conversation:
    made = people.make_conversation(alice, chunk)
    answer = made.messages.get(role="assistant")
    Citation.objects.create(
        message=answer,
        source=answer.sources.get(),
        sentence_start=0,
        sentence_end=len(answer.text),
        quote_start=0,
        quote_end=6,
        support="verified",
    )
    return made


def test_a_source_names_its_sheet(alice: User, chunk: Chunk, conversation: Conversation) -> None:
    data = passage_data(1, passage_of(chunk, 0.5))
    assert (data.page, data.page_label) == (1, "sheet Budget <b>")
    shown = present_answer(alice, conversation.messages.get(role="assistant"))
    assert shown.sources[0].page_label == "sheet Budget <b>"
    assert shown.paragraphs[0][0].citations[0].page_label == "sheet Budget <b>"


def test_the_page_shows_it_as_text(alice: User, conversation: Conversation) -> None:
    client = Client()
    client.force_login(alice, backend="accounts.backends.EmailBackend")
    page = client.get(f"/c/{conversation.pk}").content.decode()
    assert page.count("sheet Budget &lt;b&gt;") >= 2 and "Budget <b>" not in page


def test_an_export_names_it(alice: User, conversation: Conversation) -> None:
    exported = as_json(alice, conversation)
    assert exported["messages"][1]["passages"][0]["page_label"] == "sheet Budget <b>"
    assert r"budget.xlsx, sheet Budget \<b\>" in as_markdown(paper(alice, conversation))
