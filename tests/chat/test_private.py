"""Private questions: answered and shown, kept nowhere; the record says so without a word."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import AsyncClient, Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from audit import actions
from audit.models import Entry
from chat.models import Citation, Conversation, Message, Source
from chat.private import Rendered, private_events
from chat.private_views import _asked
from chat.private_views import rendered as page_of
from ingest.models import Collection, Grant
from tests.chat.conftest import Add

ClientFor = Callable[[User | None], Client]
HTMX = {"HX-Request": "true"}
QUESTION = "How many days of annual leave does every employee have?"


def kept() -> list[int]:
    tables: list[Any] = [Conversation, Message, Source, Citation]
    return [table.objects.count() for table in tables]


def sent(collection: Collection, **more: str) -> dict[str, Any]:
    return {"question": QUESTION, "collections": [str(collection.pk)], **more}


def answered(user: User, fields: dict[str, Any]) -> list[Any]:
    request: Any = RequestFactory().post("/", fields)
    request.user = user
    asked = _asked(request)
    return list(private_events(asked, lambda *shown: page_of(request, *shown), lambda: False))


def rendered(events: list[Any]) -> Rendered:
    return next(event for event in events if isinstance(event, Rendered))


def test_nothing_is_kept_and_the_record_knows(bob: User, handbook: Collection) -> None:
    events = answered(bob, sent(handbook))
    assert kept() == [0, 0, 0, 0]
    page = rendered(events).html
    assert (
        "28 days" in page and "leave.md" in page and reverse("chat:rate", args=[bob.pk]) not in page
    )
    assert "/answers/" not in page and "/passages/" in page
    names = [event.name for event in events]
    assert names[-2:] == ["rendered", "done"]
    entry = Entry.objects.get(action=actions.ANSWERED)
    assert entry.data["conversation"] is None and entry.data["documents"]
    assert "annual leave" not in str(list(Entry.objects.values_list("data", flat=True)))


def test_the_links_of_a_private_answer_open(
    client_for: ClientFor, bob: User, handbook: Collection
) -> None:
    page = rendered(answered(bob, sent(handbook))).html
    address = page.split('class="cite verified" href="')[1].split('"')[0]
    assert "<mark>" in client_for(bob).get(address.replace("&amp;", "&")).content.decode()


def test_a_follow_up_brings_along_what_was_said(bob: User, handbook: Collection) -> None:
    turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "28 days."}]
    events = answered(bob, sent(handbook, history=json.dumps(turns)) | {"question": "And after?"})
    assert any(event.name == "condensed" for event in events)
    assert kept() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "history",
    ["{", '{"role": 1}', '[{"role": "system", "content": "x"}]', "[1]", '"' + "x" * 9_999],
)
def test_a_history_that_is_none_is_refused(
    client_for: ClientFor, bob: User, collection: Collection, history: str
) -> None:
    answer = client_for(bob).post(reverse("chat:private-answer"), sent(collection, history=history))
    assert answer.status_code == 422 and not Entry.objects.filter(action=actions.ANSWERED).exists()


def test_the_question_is_shown_as_text_and_sent_again_with_its_fields(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    fields = sent(collection, since="2024-01-02", filters="shown") | {"question": '<b>"x"</b>'}
    page = client_for(bob).post(reverse("chat:private"), fields, headers=HTMX).content.decode()
    assert "<b>" not in page and page.count("&lt;b&gt;&quot;x&quot;") == 2
    assert 'name="since" value="2024-01-02"' in page and "data-private=" in page
    assert "data-stream" not in page and kept() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", ["chat:private", "chat:private-answer"])
@pytest.mark.parametrize("question", ["", "  ", "x" * 50_000])
def test_what_cannot_be_asked_is_refused(
    client_for: ClientFor, bob: User, collection: Collection, name: str, question: str
) -> None:
    fields = sent(collection) | {"question": question}
    assert client_for(bob).post(reverse(name), fields, headers=HTMX).status_code == 422


@pytest.mark.parametrize("name", ["chat:private", "chat:private-answer"])
def test_a_stranger_asks_no_collection_that_is_closed_to_her(
    client_for: ClientFor, charlie: User, collection: Collection, name: str
) -> None:
    answer = client_for(charlie).post(reverse(name), sent(collection), headers=HTMX)
    assert answer.status_code == 422
    assert not Entry.objects.filter(action=actions.ANSWER_BEGUN).exists()


def test_what_is_closed_while_it_is_answered_is_not_shown(
    bob: User, handbook: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    request: Any = RequestFactory().post("/", sent(handbook))
    request.user = bob
    asked = _asked(request)
    for event in private_events(asked, lambda *shown: page_of(request, *shown), lambda: False):
        if event.name == "sources":
            Grant.objects.filter(user=bob).delete()
        if isinstance(event, Rendered):
            assert "leave.md" not in event.html


def test_hostile_words_of_documents_are_text(bob: User, add: Add, collection: Collection) -> None:
    add(
        "evil.md",
        "# Annual leave\n\nEvery employee has <img src=x onerror=alert(1)> 28 days of leave.\n",
    )
    page = rendered(answered(bob, sent(collection))).html
    assert "evil.md" in page and "<img" not in page


def test_the_page_says_that_it_is_private(
    client_for: ClientFor, bob: User, collection: Collection
) -> None:
    client = client_for(bob)
    plain = client.get(reverse("chat:ask")).content.decode()
    private = client.get(reverse("chat:ask") + "?private").content.decode()
    assert 'aria-checked="false"' in plain and "Nothing you ask here is kept" not in plain
    assert 'aria-checked="true"' in private and "Nothing you ask here is kept" in private
    assert f'hx-post="{reverse("chat:private")}"' in private
    assert client.post(reverse("chat:private"), sent(collection)).status_code == 302


@pytest.mark.django_db(transaction=True)
async def test_it_is_streamed(bob: User, handbook: Collection) -> None:
    client = AsyncClient()
    await client.aforce_login(bob, backend="accounts.backends.EmailBackend")
    response: Any = await client.post(reverse("chat:private-answer"), sent(handbook))
    body = b"".join([part async for part in response.streaming_content]).decode()
    assert response["Content-Type"].startswith("text/event-stream")
    assert body.index("event: sources") < body.index("event: rendered") < body.index("event: done")
