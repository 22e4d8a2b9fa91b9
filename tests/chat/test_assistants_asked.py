"""Questions put to assistants: where they look, what they change of an answer, and what they never do."""

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, RequestFactory

from accounts.models import User
from audit import actions
from audit.models import Entry
from chat import pack
from chat.ask import SEED, Ask
from chat.assistant_use import put_to
from chat.assistants import archive, change_assistant, delete_assistant, draft_of
from chat.conversations import ask_again, start_answer
from chat.models import Assistant, Conversation, Message
from chat.private_views import _asked
from chat.refusals import QuestionRefused
from chat.streaming import events_of
from inference.client import get_client
from inference.fake import FakeEngine
from inference.protocol import ChatMessage, Piece, Sampling
from ingest.models import Collection, Grant
from tests import people
from tests.chat.assisting import let_in, make_assistant
from tests.chat.conftest import Add
from tests.people import Api

QUESTION = "How many days of annual leave does every employee have?"
STYLE = "Quote the clause that decides."
ClientFor = Callable[[User | None], Client]
ApiFor = Callable[..., Api]


class Heard(FakeEngine):
    """The fake, with what it was told and how."""

    def __init__(self, context: int = 4_096) -> None:
        super().__init__(model="fake", context=context)
        self.prompts: list[list[ChatMessage]] = []
        self.samplings: list[Sampling] = []

    def chat(
        self, messages: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        self.prompts.append(list(messages))
        self.samplings.append(sampling)
        yield from super().chat(messages, sampling)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    engine = Heard()
    monkeypatch.setattr(get_client(), "_engine", engine)
    return engine


@pytest.fixture
def legal(alice: User, bob: User, handbook: Collection) -> Assistant:
    """Alice's, over the handbook, which Bob reads and may use it."""
    made = make_assistant(alice, handbook, instructions=STYLE, temperature=0.4, answer_tokens=64)
    let_in(made, bob)
    return made


def ask(user: User, **more: Any) -> Message:
    more.setdefault("collections", None)
    message = start_answer(user, question=more.pop("question", QUESTION), **more)
    list(events_of(message, lambda: False))
    message.refresh_from_db()
    return message


def test_a_conversation_keeps_its_assistant_and_answers_say_what_made_them(
    bob: User, legal: Assistant, heard: Heard
) -> None:
    first = ask(bob, assistant=legal.pk)
    assert first.status == Message.Status.COMPLETE and "28 days" in first.text
    made = (first.assistant_name, first.assistant_version)
    assert made == ("Legal", legal.version) and first.conversation.assistant == legal
    entry = Entry.objects.filter(action=actions.ANSWERED).latest("id")
    assert entry.data["assistant"] == str(legal.pk)
    assert entry.data["assistant_version"] == legal.version and STYLE not in str(entry.data)
    second = ask(bob, conversation=first.conversation, question="And after five years of service?")
    assert second.assistant == legal
    third = ask(bob, conversation=first.conversation, assistant=None)
    assert third.assistant is None and third.conversation.assistant is None
    again = ask_again(bob, second)
    assert again.assistant == legal and Conversation.objects.get().assistant == legal


def test_what_it_says_stands_before_our_last_words_and_is_not_shown_to_the_look(
    bob: User, legal: Assistant, heard: Heard
) -> None:
    ask(bob)
    ask(bob, assistant=legal.pk)
    plain_look, plain, look, written = (prompt[-1].content for prompt in heard.prompts)
    assert look == plain_look and STYLE not in look
    assert written.endswith(pack.task("en", STYLE)) and written.endswith(pack.task("en"))
    assert written.startswith(plain[: plain.index(pack.task("en"))])
    assert heard.prompts[3][0].content == pack.SYSTEM
    assert [each.temperature for each in heard.samplings] == [0, 0, 0, 0.4]
    assert heard.samplings[3].max_tokens == 64
    ask(bob, assistant=legal.pk)
    seeds = [each.seed for each in heard.samplings]
    assert seeds[:3] == [Sampling().seed] * 3 and len({seeds[1], seeds[3], seeds[5]}) == 3


def test_only_what_its_asker_may_read_of_what_it_names_is_searched(
    alice: User, bob: User, handbook: Collection, add: Add
) -> None:
    closed = people.make_collection(alice, name="Closed")
    add("secret.md", "# Leave\n\nEvery employee of the board has 99 days of annual leave.", closed)
    other = people.make_collection(bob, name="Bob's own")
    add(
        "own.md", "# Leave\n\nEvery employee in Bob's team has 77 days of annual leave.", other, bob
    )
    made = make_assistant(alice, handbook, closed)
    let_in(made, bob)

    def found(user: User, **more: Any) -> set[str]:
        sources = ask(user, assistant=made.pk, **more).sources.all()
        return {source.document.name for source in sources if source.document}

    assert "secret.md" in found(alice)
    assert found(bob) and not found(bob) & {"secret.md", "own.md"}
    with pytest.raises(QuestionRefused) as refused:
        found(bob, collections=[other.pk])
    assert refused.value.code == "assistant-nowhere"
    Grant.objects.filter(collection=handbook, user=bob).delete()
    with pytest.raises(QuestionRefused):
        found(bob)
    assert not Message.objects.filter(conversation__user=bob, ordinal__gt=1).exists()


def test_one_that_is_not_open_is_refused_until_another_is_chosen(
    alice: User, bob: User, charlie: User, legal: Assistant
) -> None:
    with pytest.raises(QuestionRefused) as refused:
        start_answer(charlie, question=QUESTION, collections=None, assistant=legal.pk)
    assert refused.value.code == "assistant-closed"
    first = ask(bob, assistant=legal.pk)
    waiting = start_answer(
        bob, question=QUESTION, collections=None, conversation=first.conversation
    )
    archive(alice, legal, archived=True)
    list(events_of(waiting, lambda: False))
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_code) == ("failed", "assistant-closed")
    with pytest.raises(QuestionRefused):
        start_answer(bob, question="x", collections=None, conversation=first.conversation)
    with pytest.raises(QuestionRefused):
        ask_again(bob, first)
    assert ask(bob, conversation=first.conversation, assistant=None).status == "complete"


def test_a_conversation_outlives_its_assistant(
    alice: User, bob: User, legal: Assistant, client_for: ClientFor
) -> None:
    first = ask(bob, assistant=legal.pk)
    waiting = start_answer(
        bob, question=QUESTION, collections=None, conversation=first.conversation
    )
    delete_assistant(alice, legal)
    list(events_of(waiting, lambda: False))
    waiting.refresh_from_db()
    assert waiting.error_code == "assistant-closed"
    page = client_for(bob).get(f"/c/{first.conversation_id}").content.decode()
    assert "Legal · " in page
    assert ask(bob, conversation=first.conversation).assistant is None


def test_a_model_that_is_gone_is_told_and_nothing_else_happens(
    alice: User, bob: User, legal: Assistant, api_for: ApiFor
) -> None:
    Assistant.objects.filter(pk=legal.pk).update(model="left-1b")
    failed = ask(bob, assistant=legal.pk)
    assert (failed.status, failed.error_code) == ("failed", "assistant-model-gone")
    body = {"question": QUESTION, "stream": False, "assistant": str(legal.pk)}
    refused = api_for(bob).post("/answers", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "assistant-model-gone")
    body["model"] = "extractive"
    assert api_for(bob).post("/answers", body).json()["model"] == "extractive"
    slip = api_for(bob).post("/answers", {**body, "model": "nobody"})
    assert slip.json()["code"] == "model-unknown"
    assert api_for(alice).patch(f"/assistants/{legal.pk}", {"model": ""}).status_code == 200


def test_passages_are_measured_by_the_model_that_reads_them(
    bob: User, legal: Assistant, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, counted = get_client(), list[str]()
    count = client.count

    def noted(texts: Sequence[str], *, model: str = "") -> list[int]:
        counted.append(model)
        return count(texts)

    monkeypatch.setattr(client, "count", noted)
    monkeypatch.setattr(
        client, "models", lambda: [heard.info, replace(heard.info, name="legal-7b")]
    )
    Assistant.objects.filter(pk=legal.pk).update(model="legal-7b")
    assert ask(bob, assistant=legal.pk).status == Message.Status.COMPLETE
    assert set(counted) == {"legal-7b"} and len(counted) > 1, "instructions and passages"
    counted.clear()
    ask(bob)
    assert set(counted) == {"fake"}


def test_instructions_that_were_short_for_a_larger_model(
    bob: User, legal: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    Assistant.objects.filter(pk=legal.pk).update(instructions="word " * 300)
    monkeypatch.setattr(get_client(), "_engine", Heard(context=1_000))
    assert ask(bob, assistant=legal.pk).error_code == "instructions-too-long"


def test_a_question_kept_nowhere(
    bob: User, legal: Assistant, heard: Heard, api_for: ApiFor, handbook: Collection
) -> None:
    request: Any = RequestFactory().post(
        "/", {"question": QUESTION, "assistant": str(legal.pk), "collections": [str(handbook.pk)]}
    )
    request.user = bob
    asked = _asked(request)
    assert asked.assistant and asked.assistant.instructions == STYLE and asked.temperature == 0.4
    body = {"question": QUESTION, "stream": False, "store": False, "assistant": str(legal.pk)}
    told = api_for(bob).post("/answers", body).json()
    assert told["assistant"] == str(legal.pk) and told["status"] == "complete"
    assert STYLE in heard.prompts[-1][-1].content and not Message.objects.exists()
    api_for(bob).post("/answers", {**body, "temperature": 0, "max_tokens": 32})
    assert (heard.samplings[-1].temperature, heard.samplings[-1].max_tokens) == (0, 32)
    api_for(bob).post("/answers", {**body, "temperature": None})
    assert heard.samplings[-1].temperature == 0.4


@pytest.mark.parametrize(("wanted", "used"), [(None, 0.4), (0.0, 0.0), (0.9, 0.9)])
def test_no_temperature_is_another_wish_than_none_at_all(
    bob: User, legal: Assistant, wanted: float | None, used: float
) -> None:
    ask = put_to(Ask(bob, QUESTION, (), uuid4(), temperature=wanted), legal)
    assert ask.temperature == used
    assert (ask.seed == SEED) == (used == 0.0)


def test_a_stream_tells_the_assistant_and_only_then(bob: User, legal: Assistant) -> None:
    def started(**more: Any) -> dict[str, Any]:
        message = start_answer(bob, question=QUESTION, collections=None, **more)
        first = next(events_of(message, lambda: False)).sse()
        return dict(json.loads(first.split("data: ")[1]))

    told = started(assistant=legal.pk)
    assert told["assistant"] == str(legal.pk) and told["assistant_version"] == legal.version
    assert not {"assistant", "assistant_version"} & started().keys()


def test_an_old_answer_keeps_the_version_that_made_it(
    alice: User, bob: User, legal: Assistant
) -> None:
    first = ask(bob, assistant=legal.pk)
    change_assistant(alice, legal, draft_of(alice, legal).__class__(name="New", everywhere=True))
    legal.refresh_from_db()
    first.refresh_from_db()
    assert first.assistant_name == "Legal" and first.assistant_version != legal.version


def test_the_page_offers_and_keeps_it(
    bob: User, legal: Assistant, client_for: ClientFor, handbook: Collection
) -> None:
    browser = client_for(bob)
    page = browser.get(f"/?assistant={legal.pk}").content.decode()
    assert f'<option value="{legal.pk}" selected>Legal</option>' in page
    assert "selected" not in browser.get("/?assistant=nonsense").content.decode()
    body = {"question": QUESTION, "collections": [str(handbook.pk)], "assistant": str(legal.pk)}
    shown = browser.post("/ask", body, headers={"HX-Request": "true"})
    assert b"With Legal" in shown.content
    talk = Conversation.objects.get()
    assert f'<option value="{legal.pk}" selected>' in browser.get(f"/c/{talk.pk}").content.decode()
    legal.grants.all().delete()
    page = browser.get(f"/c/{talk.pk}").content.decode()
    assert "not open to you any more" in page and '<input type="hidden" name="assistant"' in page


def test_a_draft_is_tried_and_kept_nowhere(
    alice: User, handbook: Collection, heard: Heard, client_for: ClientFor
) -> None:
    fields = {
        "question": QUESTION,
        "name": "Draft",
        "where": "named",
        "collections": [str(handbook.pk)],
        "instructions": STYLE,
        "temperature": "0.2",
        "answer_tokens": "0",
    }
    browser = client_for(alice)
    shown = browser.post("/assistants/try", fields, headers={"HX-Request": "true"}).content.decode()
    assert 'data-private="/assistants/try/answer"' in shown and f'value="{STYLE}"' in shown
    refused = browser.post("/assistants/try", fields | {"temperature": "9"})
    assert refused.status_code == 422 and "Temperature" in refused.content.decode()
    assert browser.post("/assistants/try/answer", fields | {"collections": []}).status_code == 422
    assert not Assistant.objects.exists() and not Message.objects.exists()


def test_calls_make_change_share_and_remove_one(
    alice: User, bob: User, handbook: Collection, api_for: ApiFor
) -> None:
    api, his = api_for(alice), api_for(bob)
    body = {"name": "Legal", "collections": [str(handbook.pk)], "starters": ["Which term?"]}
    made = api.post("/assistants", body)
    assert made.status_code == 201 and made.json()["role"] == "owner"
    place = f"/assistants/{made.json()['id']}"
    assert api.post("/assistants", {**body, "colour": 1}).status_code == 422
    assert his.get(place).status_code == 404
    grants = [{"principal": "user:bob@example.com", "role": "user"}]
    assert api.put(f"{place}/grants", grants).json() == [
        {"principal": f"user:{bob.pk}", "role": "user"}
    ]
    told = his.get(place).json()
    assert (told["role"], told["collections"], told["closed"]) == ("user", [str(handbook.pk)], 0)
    assert his.get("/assistants").json()["items"] == [told]
    assert his.patch(place, {"name": "x"}).status_code == 403
    changed = api.patch(place, {"temperature": 0.5, "archived": True}).json()
    assert changed["temperature"] == 0.5 and changed["archived"]
    assert changed["starters"] == ["Which term?"] and changed["version"] != told["version"]
    ask_it = {"question": QUESTION, "stream": False, "assistant": told["id"]}
    assert his.post("/answers", ask_it).json()["code"] == "assistant-closed"
    assert api.delete(place).status_code == 204 and his.get(place).status_code == 404
