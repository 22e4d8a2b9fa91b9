"""A question to its passages: in both forms, in one index, by names, and for whom."""

import pytest

from accounts.models import User
from chat.condense import Turn
from chat.find import Query, find
from inference.fake import FakeClient
from inference.protocol import Vectors
from ingest import build, reindex, store
from ingest.filters import Filters
from ingest.indexes import active
from ingest.models import Collection, Document, Index
from tests import people
from tests.chat.conftest import Add

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], str]]:
    """What is embedded to be searched, and by which embedder."""
    calls: list[tuple[list[str], str]] = []
    real = FakeClient.embed_queries

    def call(self: FakeClient, texts: list[str], *, embedder: str = "") -> Vectors:
        calls.append((list(texts), embedder))
        return real(self, texts, embedder=embedder)

    monkeypatch.setattr(FakeClient, "embed_queries", call)
    return calls


def texts(user: User, query: Query) -> str:
    return "\n".join(passage.text for passage in find(user, query, 3).passages)


def test_a_follow_up_is_searched_in_both_forms_in_one_call(
    bob: User, handbook: Collection, asked: list[tuple[list[str], str]]
) -> None:
    history = [Turn("user", "How high is the meal allowance in Germany?"), Turn("assistant", "45.")]
    finding = find(bob, Query("And in Switzerland?", [handbook.pk], history), 3)
    assert "60 euros in Switzerland" in finding.passages[0].text
    ((forms, embedder),) = asked
    assert forms == [finding.searched, "And in Switzerland?"] and "Germany" in finding.searched
    assert embedder == Index.objects.get(state="active").embedder
    assert set(finding.passages[0].scores) >= {"dense", "piece", "lexical", "coverage"}


def test_a_question_of_its_own_is_searched_once(
    bob: User, handbook: Collection, asked: list[tuple[list[str], str]]
) -> None:
    question = "How many days of annual leave does every employee have per year?"
    finding = find(bob, Query(question, [handbook.pk]), 3)
    assert finding.searched == question and asked[0][0] == [question]
    assert "28 days" in finding.passages[0].text


def test_another_index_is_asked_by_its_own_embedder(
    bob: User, handbook: Collection, asked: list[tuple[list[str], str]]
) -> None:
    other = Index.objects.create(state="building", embedder="another", chunking="1")
    finding = find(bob, Query("annual leave", [handbook.pk], index=other), 3)
    assert finding.passages == [] and asked[0][1] == "another"


def test_what_is_found_by_meaning_is_what_the_embedder_of_the_index_means(
    bob: User, handbook: Collection
) -> None:
    """Vectors of two embedders are strangers: the wrong one would find anything."""
    new = reindex.begin(None, embedder="all-minilm-l6-v2")
    build.go_on(new.pk)
    assert active() == new
    for question, words in [
        ("meal allowance in Switzerland", "60 euros in Switzerland"),
        ("annual leave of every employee", "28 days"),
        ("carried over until the end of March", "Up to 5 days"),
    ]:
        finding = find(bob, Query(question, [handbook.pk], mode="dense"), 3)
        assert words in finding.passages[0].text
        right, wrong = (nearest(question, handbook, name) for name in (new.embedder, ""))
        assert right > wrong + 0.2


def nearest(question: str, collection: Collection, embedder: str) -> float:
    vector = FakeClient().embed_queries([question], embedder=embedder)[0]
    return store.search(vector, [collection.pk], 1, index=active())[0].score


def test_a_stranger_finds_nothing_and_nothing_is_embedded(
    charlie: User, handbook: Collection, asked: list[tuple[list[str], str]]
) -> None:
    assert find(charlie, Query("annual leave", [handbook.pk]), 3).passages == []
    assert asked == []


def test_words_alone_need_no_model(
    bob: User, handbook: Collection, asked: list[tuple[list[str], str]]
) -> None:
    assert "28 days" in texts(bob, Query("annual leave", [handbook.pk], mode="lexical"))
    assert asked == []


def test_a_named_document_comes_first_unless_that_is_undone(
    bob: User, handbook: Collection, add: Add
) -> None:
    rule = "Guests are met at the gate and sign the book.\n"
    add("one.md", f"# Visitor policy 2023\n\n{rule}")
    named = add("two.md", f"# Visitor policy 2024\n\n{rule}")
    question = "According to the Visitor policy 2024, where are guests met?"
    finding = find(bob, Query(question, [handbook.pk]), 3)
    assert [each.document for each in finding.named] == [named.pk]
    assert finding.passages[0].document == named.pk and finding.passages[0].scores["named"] == 1.0
    undone = find(bob, Query(question, [handbook.pk], by_name=False), 3)
    assert undone.named == [] and all("named" not in each.scores for each in undone.passages)


def test_filters_only_take_away(bob: User, handbook: Collection) -> None:
    travel = Document.objects.get(name="travel.md")
    query = Query("annual leave", [handbook.pk], filters=Filters(documents=frozenset({travel.pk})))
    finding = find(bob, query, 3)
    assert finding.documents == frozenset({travel.pk})
    assert {passage.document for passage in finding.passages} <= {travel.pk}


def test_the_same_file_in_two_collections_is_found_once(
    bob: User, add: Add, handbook: Collection
) -> None:
    other = people.make_collection(bob, "Copies")
    text = "# Canteen\n\nThe canteen opens at noon and closes at two."
    for collection in (handbook, other):
        add("canteen.md", text, into=collection, user=bob if collection == other else None)
    found = find(bob, Query("When does the canteen open?", [handbook.pk, other.pk]), 5)
    assert [passage.text for passage in found.passages].count(found.passages[0].text) == 1
    assert "noon" in found.passages[0].text
