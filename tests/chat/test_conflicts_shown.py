"""Conflicts on their way: in the stream, kept, on the page, in files; and what is superseded."""

import io
from typing import Any
from uuid import uuid4

import pypdf
import pytest
from django.http import Http404
from django.test import RequestFactory
from django.urls import reverse
from docx import Document as WordFile

from accounts.models import User
from audit.models import Entry
from chat.answer import answer
from chat.ask import Ask
from chat.cite import AnswerWriter, Basis
from chat.collected import collected
from chat.conflicts_told import told_otherwise
from chat.context import Context
from chat.conversations import start_answer
from chat.events import CitationEvent, ConflictEvent, Event, PassageData, Sources
from chat.export import as_file
from chat.find import Query, find
from chat.models import Conflict, Message
from chat.pack import Packed
from chat.present import PresentedAnswer, present_answer
from chat.private import Rendered, private_events
from chat.private_views import _asked, rendered
from chat.replay import replay
from chat.streaming import events_of
from chat.viewer import view_passage, view_source
from ingest import holds
from ingest.erase import finish_document
from ingest.models import Chunk, Collection, Document, Grant
from tests import people
from tests.chat.conftest import LEAVE, Add
from tests.chat.test_private import ClientFor

QUESTION = "How many days of annual leave does every employee have?"
NEWER = LEAVE.replace("28", "31")


@pytest.fixture
def versions(add: Add, collection: Collection) -> Collection:
    """Two files that nobody replaced, and that are versions of one by their names."""
    add("leave v1.md", LEAVE)
    add("leave v2.md", NEWER)
    return collection


def never() -> bool:
    return False


def asked(user: User, *collections: Collection, **options: Any) -> list[Event]:
    ask = Ask(user, QUESTION, tuple(c.pk for c in collections), uuid4(), **options)
    return list(answer(ask, stopped=lambda: False))


def kept(user: User) -> Message:
    message = start_answer(user, question=QUESTION, collections=None)
    list(events_of(message, lambda: False))
    message.refresh_from_db()
    return message


def only(events: list[Event]) -> ConflictEvent:
    [conflict] = [event for event in events if isinstance(event, ConflictEvent)]
    return conflict


def said(conflict: ConflictEvent, passages: tuple[PassageData, ...]) -> list[str]:
    both = ((conflict.n, conflict.quote), (conflict.other.n, conflict.other.quote))
    return sorted(passages[n - 1].text[slice(*quote)] for n, quote in both)


@pytest.mark.parametrize("model", ["", "extractive"])
def test_both_statements_are_told_right_before_the_end(
    bob: User, versions: Collection, model: str
) -> None:
    events = asked(bob, versions, model=model)
    conflict = only(events)
    assert [event.name for event in events[-2:]] == ["conflict", "done"]
    sources = next(event for event in events if isinstance(event, Sources)).passages
    sentences = {event.sentence for event in events if isinstance(event, CitationEvent)}
    assert conflict.sentence in sentences
    assert [text[19:26] for text in said(conflict, sources)] == ["28 days", "31 days"]
    assert conflict.newer is not None
    assert sources[conflict.newer - 1].document.name == "leave v2.md"
    assert conflict.by == "version"
    assert "passage" not in conflict.data()


def test_where_documents_agree_nothing_is_said(bob: User, add: Add, handbook: Collection) -> None:
    add("leave v2.md", LEAVE.replace("five", "six"))
    assert not [e for e in asked(bob, handbook) if isinstance(e, ConflictEvent)]


def test_what_was_found_and_not_given_becomes_a_source(bob: User, versions: Collection) -> None:
    found = find(bob, Query(QUESTION, (versions.pk,)), 20).passages
    one = next(each for each in found if "28 days" in each.text)
    other = next(each for each in found if "31 days" in each.text)
    writer = AnswerWriter([Basis(one.text)])
    list(writer.feed("Every employee has 28 days of annual leave per year. [1]"))
    list(writer.close())
    context = Context((one,), Packed(1, "", QUESTION), "en", (), others=(other,))
    [event] = told_otherwise(bob, writer, context, never)
    assert (event.n, event.other.n, event.newer) == (1, 2, 2)
    assert event.passage is not None
    assert event.passage.chunk == str(other.chunk)
    body = collected([Sources(context.data()), event])
    assert [passage["n"] for passage in body["passages"]] == [1, 2]
    assert "passage" not in body["conflicts"][0]
    assert not list(told_otherwise(bob, writer, context, lambda: True)), "stopped meanwhile"
    Grant.objects.filter(user=bob).delete()
    assert not list(told_otherwise(bob, writer, context, never)), (
        "no longer open when it would be shown"
    )


def test_it_is_kept_and_shown_with_the_newer_one_first(bob: User, versions: Collection) -> None:
    message = kept(bob)
    assert Conflict.objects.get().message == message
    [conflict] = present_answer(bob, message).conflicts
    assert [side.document_name for side in conflict.sides] == ["leave v2.md", "leave v1.md"]
    assert [side.newer for side in conflict.sides] == [True, False]
    assert "31 days" in conflict.sides[0].quote
    assert "28 days" in conflict.sides[1].quote
    assert "versions in the names" in conflict.why
    assert all("added on" in side.dated for side in conflict.sides)
    assert only(list(replay(message))).by == "version"
    entry = Entry.objects.get(action="chat.answer.finish")
    assert entry.data["conflicts"] == 1
    assert "31" not in str({k: v for k, v in entry.data.items() if k in ("conflicts", "status")})


def test_the_page_shows_it_with_marks_that_open_the_viewer(
    bob: User, versions: Collection, client_for: ClientFor
) -> None:
    message = kept(bob)
    page = client_for(bob).get(reverse("chat:conversation", args=[message.conversation_id]))
    html = page.content.decode()
    assert "The documents disagree" in html
    [conflict] = present_answer(bob, message).conflicts
    for side in conflict.sides:
        span = f"{side.quote_start}-{side.quote_end}"
        assert f"{reverse('chat:source', args=[message.pk, side.n])}?quote={span}" in html
        assert view_source(bob, message.pk, side.n, (side.quote_start, side.quote_end))


def test_files_tell_it(bob: User, versions: Collection) -> None:
    conversation = kept(bob).conversation
    files = {form: as_file(bob, conversation, form).content for form in ("md", "pdf", "docx")}
    read = {
        "md": files["md"].decode(),
        "pdf": pypdf.PdfReader(io.BytesIO(files["pdf"])).pages[0].extract_text(),
        "docx": "\n".join(p.text for p in WordFile(io.BytesIO(files["docx"])).paragraphs),
    }
    for form, text in read.items():
        assert "The documents disagree" in text, form
        flat = " ".join(text.split())
        told = flat[flat.index("The documents disagree") :]
        assert told.index("31 days") < told.index("28 days"), form
        assert "leave v2.md, added on" in told, form
    as_json = as_file(bob, conversation, "json").content.decode()
    assert '"conflicts": [{' in as_json
    assert '"by": "version"' in as_json


def test_a_private_answer_shows_it_and_keeps_nothing(bob: User, versions: Collection) -> None:
    request: Any = RequestFactory().post(
        "/", {"question": QUESTION, "collections": [str(versions.pk)]}
    )
    request.user = bob
    heard = list(
        private_events(_asked(request), lambda *shown: rendered(request, *shown), lambda: False)
    )
    html = next(event for event in heard if isinstance(event, Rendered)).html
    assert "The documents disagree" in html
    assert html.index("leave v2.md", html.index("conflicts-")) > 0
    assert not Conflict.objects.exists()


def test_half_a_conflict_is_not_shown(
    bob: User, alice: User, add: Add, handbook: Collection, client_for: ClientFor
) -> None:
    more = people.make_collection(alice, "More", reader=bob)
    add("leave v2.md", NEWER, into=more)
    message = kept(bob)
    assert present_answer(bob, message).conflicts
    Grant.objects.filter(collection=more, user=bob).delete()
    assert not present_answer(bob, message).conflicts
    assert not [event for event in replay(message) if isinstance(event, ConflictEvent)]
    page = client_for(bob).get(reverse("chat:conversation", args=[message.conversation_id]))
    assert "The documents disagree" not in page.content.decode()
    assert '"conflicts": []' in as_file(bob, message.conversation, "json").content.decode()


# --- superseded versions ------------------------------------------------------------------------


def texts(user: User, collection: Collection, **options: Any) -> str:
    found = find(user, Query(QUESTION, (collection.pk,), **options), 20).passages
    return " ".join(passage.text for passage in found)


@pytest.mark.parametrize("held", [False, True])
def test_a_superseded_version_is_never_found_nor_cited(
    bob: User, add: Add, collection: Collection, held: bool
) -> None:
    old = add("leave.md", LEAVE)
    if held:  # kept for a court, and hidden all the same
        holds.place(None, target="document", target_id=old.pk, reference="A-1")
    add("leave.md", NEWER)
    for mode in ("hybrid", "dense", "lexical"):
        found = texts(bob, collection, mode=mode)
        assert "31 days" in found
        assert "28 days" not in found
    events = asked(bob, collection)
    sources = next(event for event in events if isinstance(event, Sources))
    assert all("28 days" not in passage.text for passage in sources.passages)
    assert not [event for event in events if isinstance(event, ConflictEvent)]


def shown(answer: PresentedAnswer) -> str:
    segments = [segment for line in answer.lines for segment in line.segments]
    return str([segment.citations for segment in segments]) + str(answer.sources)


@pytest.mark.parametrize("gone", [False, True])
def test_an_older_answer_says_that_its_passage_is_gone(
    bob: User, add: Add, collection: Collection, client_for: ClientFor, gone: bool
) -> None:
    old = add("leave.md", LEAVE)
    message = kept(bob)
    chunk = Chunk.objects.get(document=old, text__contains="28 days").pk
    assert "28 days" in shown(present_answer(bob, message))
    add("leave.md", NEWER)
    if gone:
        finish_document(old.pk)
        assert not Document.objects.filter(pk=old.pk).exists()
    answer = present_answer(bob, message)
    assert "28 days" in message.text, "what was said stays"
    assert "28 days" not in shown(answer)
    assert all(source.erased for source in answer.sources)
    with pytest.raises(Http404):
        view_source(bob, message.pk, 1, (0, 1))
    with pytest.raises(Http404):
        view_passage(bob, chunk, (0, 1))
    page = client_for(bob).get(reverse("chat:conversation", args=[message.conversation_id]))
    assert "no longer there" in page.content.decode()
    assert '"passages": []' in as_file(bob, message.conversation, "json").content.decode()
    assert client_for(bob).get(reverse("ingest:document", args=[old.pk])).status_code == 404


def test_a_conflict_ends_with_the_version_that_was_replaced(
    bob: User, add: Add, versions: Collection
) -> None:
    message = kept(bob)
    assert present_answer(bob, message).conflicts
    add("leave v1.md", LEAVE.replace("28", "33"))
    assert not present_answer(bob, message).conflicts
