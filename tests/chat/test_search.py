"""The search page without a browser: what it shows, to whom, and what bad input gets."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit import actions
from audit.models import Entry
from chat.bounds import place
from chat.events import Sources
from chat.models import Message
from chat.search import MOST_AT_ONCE, MOST_PASSAGES
from chat.streaming import events_of
from inference.client import get_client
from inference.protocol import ModelsUnavailable
from ingest.models import Collection, Document, Grant
from tests.chat.conftest import Add
from tests.people import Api, make_document

pytestmark = pytest.mark.django_db
ClientFor = Callable[[User | None], Client]
ApiFor = Callable[..., Api]
HTMX = {"HX-Request": "true"}
HOSTILE = (
    "# <script>alert(1)</script>\n\n<img src=x onerror=alert(2)> zebra & {{ 7|add:1 }} | <b>x</b>\n"
)


@pytest.fixture
def found(client_for: ClientFor) -> Callable[..., str]:
    def get(user: User, **asked: Any) -> str:
        page = client_for(user).get(reverse("chat:search"), asked, headers=HTMX)
        assert page.status_code == 200
        return page.content.decode()

    return get


def test_a_search_shows_passages_with_their_words_marked(
    found: Callable[..., str], bob: User, handbook: Collection
) -> None:
    page = found(bob, q="days of annual leave")
    assert "28 <mark>days</mark> of <mark>annual</mark> <mark>leave</mark>" in page
    assert "Annual leave</a>" in page and "Entitlement" in page
    assert "leave.md" in page and "?chunk=" in page
    assert page.count("Entitlement") == 1
    assert "Why this passage" in page and "<meter" in page
    assert f"{reverse('chat:ask')}" in page and 'value="days of annual leave"' in page


def test_the_page_can_be_kept_as_an_address(
    client_for: ClientFor,
    handbook: Collection,
    bob: User,
) -> None:
    address = reverse("chat:search") + "?q=meal+allowance&mode=lexical&kinds=text&since=2020-01-01"
    page = client_for(bob).get(address).content.decode()
    assert "<mark>allowance</mark>" in page
    assert 'value="2020-01-01"' in page and 'value="lexical" checked' in page


def test_a_stranger_finds_nothing_and_learns_nothing(
    found: Callable[..., str],
    charlie: User,
    handbook: Collection,
) -> None:
    page = found(charlie, q="annual leave")
    assert "There is no document yet that you may read." in page
    assert "leave.md" not in page


@pytest.mark.parametrize("name", ["collections", "document"])
def test_what_one_may_not_read_does_not_exist(
    client_for: ClientFor,
    handbook: Collection,
    charlie: User,
    name: str,
) -> None:
    pk = handbook.pk if name == "collections" else handbook.documents.all()[0].pk
    for one in (pk, uuid4()):
        page = client_for(charlie).get(reverse("chat:search"), {"q": "leave", name: str(one)})
        assert page.status_code == 404


def test_filters_take_away(found: Callable[..., str], bob: User, handbook: Collection) -> None:
    travel = Document.objects.get(name="travel.md")
    page = found(bob, q="days of annual leave allowance", document=str(travel.pk))
    assert "travel.md" in page and "leave.md" not in page
    assert "leave.md" not in found(bob, q="days of annual leave allowance", named="trav")
    alone = found(bob, q="annual leave allowance", named=".md", document=str(travel.pk))
    assert "travel.md" in alone and "leave.md" not in alone, "both narrow"
    nothing = found(bob, q="annual leave", kinds="pdf")
    assert "Nothing fits within what you narrowed the search to." in nothing
    assert "kinds" not in nothing.split("Search everywhere")[0].rsplit("href=", 1)[1]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"since": "yesterday"}, "Write the day as"),
        ({"since": "2024-02-02", "until": "2024-01-01"}, "before the first"),
        ({"kinds": "hologram"}, "hologram"),
        ({"languages": "klingon"}, "klingon"),
        ({"mode": "magic"}, "magic"),
        ({"k": "many"}, "whole number"),
        ({"collections": "nonsense"}, "This is no id."),
        ({"named": "no such document"}, "You can read no document of that name."),
        ({"q": "x" * 9_000}, "at most"),
    ],
)
def test_what_makes_no_sense_is_said(
    found: Callable[..., str], bob: User, asked: dict[str, str], said: str
) -> None:
    page = found(bob, **({"q": "leave"} | asked))
    assert said in page
    assert 'class="found"' not in page


def test_a_name_tells_nothing_of_what_others_hold(
    found: Callable[..., str],
    charlie: User,
    handbook: Collection,
) -> None:
    assert "You can read no document of that name." in found(charlie, q="x", named="leave.md")


def test_more_is_bounded(
    found: Callable[..., str],
    bob: User,
    add: Add,
    collection: Collection,
) -> None:
    rest = "Nothing else is said of it here. " * 25
    text = "\n\n".join(f"# Part {n}\n\nThe zebra {n} eats grass. {rest}" for n in range(13))
    add("zebras.md", text)
    first = found(bob, q="zebra grass", mode="lexical", k=5)
    assert first.count('class="found"') == 5 and "k=15" in first
    assert found(bob, q="zebra grass", mode="lexical", k="15").count('class="found"') == 13
    found(bob, q="zebra grass", k=str(10**9))
    assert MOST_PASSAGES == 100


def test_access_that_was_taken_away_counts_at_once(
    found: Callable[..., str],
    bob: User,
    handbook: Collection,
) -> None:
    assert "leave.md" in found(bob, q="annual leave", k=1)
    Grant.objects.filter(user=bob).delete()
    assert "leave.md" not in found(bob, q="annual leave", k=11)


def test_words_alone_where_models_are_away(
    found: Callable[..., str], bob: User, monkeypatch: pytest.MonkeyPatch, handbook: Collection
) -> None:
    def away(*_: object, **__: object) -> None:
        raise ModelsUnavailable("models-loading", "Still loading.")

    monkeypatch.setattr(type(get_client()), "embed_queries", away)
    page = found(bob, q="annual leave")
    assert "only words were compared" in page and "<mark>annual</mark>" in page
    assert Entry.objects.filter(action=actions.SEARCHED).latest("id").data["mode"] == "lexical"


def test_whatever_a_document_says_is_text(
    found: Callable[..., str],
    bob: User,
    add: Add,
) -> None:
    add("<i>evil</i>.md", HOSTILE)
    page = found(bob, q='zebra "><script>alert(3)</script>')
    assert "<script" not in page and "<img" not in page and "<i>" not in page
    assert "{{ 7|add:1 }}" in page


def test_a_table_is_shown_as_one(found: Callable[..., str], bob: User, add: Add) -> None:
    add("rates.md", "# Rates\n\n| City | Euro |\n|---|---|\n| Kiel | 45 |\n| Bonn | 60 |\n")
    page = found(bob, q="rates Kiel")
    assert "<td><mark>Kiel</mark></td><td>45</td>" in page


def test_the_record_has_filters_and_no_words(found: Callable[..., str], bob: User) -> None:
    found(bob, q="secret annual leave", kinds="text", since="2020-01-01")
    data = Entry.objects.filter(action=actions.SEARCHED).latest("id").data
    assert data["filter_kinds"] == ["text"] and data["filter_since"] == "2020-01-01"
    assert "secret" not in str(data)


def test_one_person_does_not_take_all_searches(
    found: Callable[..., str], bob: User, handbook: Collection
) -> None:
    with place(bob.pk, "search", MOST_AT_ONCE), place(bob.pk, "search", MOST_AT_ONCE):
        assert 'class="found"' in found(bob, q="annual leave")
        with place(bob.pk, "search", MOST_AT_ONCE), place(bob.pk, "search", MOST_AT_ONCE):
            assert "Too many of your searches" in found(bob, q="annual leave")


def test_names_of_documents_are_offered(
    client_for: ClientFor,
    handbook: Collection,
    bob: User,
    charlie: User,
) -> None:
    address = reverse("chat:search-documents")
    offered = client_for(bob).get(address, {"named": "trav"}).content.decode()
    assert 'value="travel.md"' in offered and "leave.md" not in offered
    assert client_for(charlie).get(address, {"named": "trav"}).content.strip() == b""
    assert client_for(bob).get(address, {"named": "\x00"}).content.strip() == b""


def test_the_api_takes_filters(bob: User, handbook: Collection, api_for: ApiFor) -> None:
    api = api_for(bob)
    travel = Document.objects.get(name="travel.md")

    def names(**filters: Any) -> set[str]:
        answer = api.post("/search", {"query": "annual leave allowance", "filters": filters})
        return {passage["document"]["name"] for passage in answer.json()["passages"]}

    assert names() == {"leave.md", "travel.md"}
    assert names(documents=[str(travel.pk)]) == {"travel.md"}
    assert names(kinds=["pdf"]) == names(languages=["fr"]) == names(until="2001-01-01") == set()
    assert names(kinds=["text"], since="2001-01-01") == {"leave.md", "travel.md"}


@pytest.mark.parametrize("address", ["/search", "/answers"])
@pytest.mark.parametrize(
    "filters",
    [
        {"kinds": ["hologram"]},
        {"languages": ["Klingon!"]},
        {"since": "yesterday"},
        {"since": "2024-02-01", "until": "2024-01-01"},
        {"documents": ["x"]},
        {"documents": [str(UUID(int=1))] * 1_001},
        {"kind": ["pdf"]},
        "all",
    ],
)
def test_the_api_refuses_bad_filters(
    bob: User, api_for: ApiFor, address: str, filters: object
) -> None:
    body = {"query": "x", "question": "x", "stream": False, "filters": filters}
    answer = api_for(bob).post(address, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize("address", ["/search", "/answers"])
def test_the_api_knows_no_document_of_others(
    charlie: User, collection: Collection, api_for: ApiFor, address: str
) -> None:
    document = make_document(collection)
    for pk in (document.pk, UUID(int=1)):
        body = {"query": "x", "question": "x", "stream": False, "filters": {"documents": [str(pk)]}}
        assert api_for(charlie).post(address, body).status_code == 404


@pytest.mark.parametrize("store", [True, False])
def test_an_answer_is_written_from_what_matches(
    bob: User, handbook: Collection, api_for: ApiFor, store: bool
) -> None:
    travel = Document.objects.get(name="travel.md")
    body = {"question": "How many days of annual leave are there?", "stream": False, "store": store}
    answer = api_for(bob).post("/answers", body | {"filters": {"documents": [str(travel.pk)]}})
    assert {passage["document"]["name"] for passage in answer.json()["passages"]} == {"travel.md"}
    data = Entry.objects.filter(action=actions.ANSWERED).latest("id").data
    assert data["filter_documents"] == [str(travel.pk)]


def test_a_question_of_the_page_carries_its_filters(
    client_for: ClientFor, bob: User, handbook: Collection
) -> None:
    client = client_for(bob)
    asked = {"question": "Days of leave?", "collections": [str(handbook.pk)], "kinds": ["pdf"]}
    client.post(reverse("chat:send"), asked, headers=HTMX)
    answer = Message.objects.get(role=Message.Role.ASSISTANT)
    events = list(events_of(answer, lambda: False))
    assert [len(event.passages) for event in events if isinstance(event, Sources)] == [0]
    assert Entry.objects.latest("id").data["filter_kinds"] == ["pdf"]


def test_filters_of_a_question_that_make_no_sense_are_refused(
    client_for: ClientFor, bob: User, handbook: Collection
) -> None:
    client = client_for(bob)
    asked = {"question": "Leave?", "collections": [str(handbook.pk)], "since": "soon"}
    answer = client.post(reverse("chat:send"), asked, headers=HTMX)
    assert answer.status_code == 422 and "2024-12-31" in answer.content.decode()
    asked = {"question": "Leave?", "collections": [str(handbook.pk)], "document": str(uuid4())}
    assert client.post(reverse("chat:send"), asked, headers=HTMX).status_code == 404


def test_a_query_is_handed_over_to_be_asked(client_for: ClientFor, bob: User) -> None:
    said = "</textarea><script>alert(1)</script> leave?"
    page = client_for(bob).get(reverse("chat:ask"), {"question": said}).content.decode()
    assert "&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt; leave?</textarea>" in page


def test_to_ask_instead_takes_along_where_it_looked(
    found: Callable[..., str], client_for: Callable[[User], Client], bob: User, handbook: Collection
) -> None:
    travel = Document.objects.get(name="travel.md")
    page = found(bob, q="allowance", document=str(travel.pk), collections=str(handbook.pk))
    within = f'name="document" value="{travel.pk}"'
    assert within in page and f'name="collections" value="{handbook.pk}"' in page
    query = {"question": "allowance", "document": str(travel.pk), "collections": str(handbook.pk)}
    asked = client_for(bob).get(reverse("chat:ask"), query).content.decode()
    assert within in asked
    assert client_for(bob).get(reverse("chat:ask"), {"collections": "\x00"}).status_code == 200
