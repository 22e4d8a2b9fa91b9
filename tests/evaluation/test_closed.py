"""What golden questions may not carry: text that their readers may not read, and words of what is gone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from audit.problems import Problem
from chat.models import Citation, Conversation, Message
from evaluation.access import get_question, sets_for
from evaluation.draft import draft_of
from evaluation.models import Question, QuestionSet
from evaluation.questions import accept, create_question
from evaluation.sets import create_set
from evaluation.suggestions import golden_from_answer, sets_covering, suggest
from ingest.models import Chunk, Collection, Document, Grant
from tests import people
from tests.evaluation.conftest import draft

OPEN, SECRET = "Public text about leave.", "The ZEBRA merger."


@dataclass
class World:
    """Bob reads both collections; `admin` and the set know the open one alone."""

    open: Chunk
    secret: Chunk
    golden: QuestionSet

    @property
    def closed(self) -> Collection:
        return self.secret.document.collection


@pytest.fixture
def world(admin: User, bob: User) -> World:
    chunks = []
    for name, text in (("Public", OPEN), ("Secret", SECRET)):
        collection = people.make_collection(None, name=name)
        people.grant(collection, bob, "reader")
        chunks.append(people.make_document(collection, text, f"{name}.txt").chunks.get())
    people.grant(chunks[0].document.collection, admin, "reader")
    golden = create_set(admin, name="Open", collections=[chunks[0].document.collection_id])
    return World(chunks[0], chunks[1], golden)


def talk(
    user: User, *turns: tuple[str, str, Sequence[tuple[Chunk, str]]], asked: Sequence[Any] = ()
) -> Message:
    """A conversation: question, answer, and its sources, each with the support of what it is cited for."""
    conversation = Conversation.objects.create(user=user)
    conversation.collections.set(asked)
    for ordinal, (question, answer, sources) in enumerate(turns):
        add = conversation.messages.create
        add(ordinal=2 * ordinal, role="user", text=question)
        message = add(
            ordinal=2 * ordinal + 1, role="assistant", text=answer, finished_at=timezone.now()
        )
        for n, (chunk, support) in enumerate(sources, 1):
            source = message.sources.create(n=n, chunk=chunk, document=chunk.document)
            if support:
                spans = {"sentence_start": 0, "sentence_end": 5, "quote_start": 0, "quote_end": 9}
                Citation.objects.create(message=message, source=source, support=support, **spans)
    return message


def carried(question: Question) -> str:
    return json.dumps([question.history, question.answer, question.evidence])


MERGER = "What about the ZEBRA merger of that year?"
ON_SECRET = "The ZEBRA merger [1]."


# --- text of collections that the set is not about ----------------------------------------------
def test_an_answer_before_that_rests_on_something_else_stays_behind(
    world: World, bob: User
) -> None:
    first = ("What about the merger?", ON_SECRET, [(world.secret, "verified")])
    second = ("And after that?", "Public [1].", [(world.open, "verified")])
    question = suggest(bob, talk(bob, first, second))
    assert [turn["content"] for turn in question.history] == ["What about the merger?"]
    # The model was given that turn, so the answer may repeat it.
    assert "ZEBRA" not in carried(question) and not question.answer
    assert question.evidence[0]["quote"] == OPEN[:9]


def test_the_turns_of_the_sets_own_collections_come_along(world: World, bob: User) -> None:
    first = ("What about leave?", "Thirty days [1].", [(world.open, "verified")])
    second = ("And after that?", "Public [1].", [(world.open, "verified")])
    question = suggest(bob, talk(bob, first, second))
    assert [turn["content"] for turn in question.history] == ["What about leave?", "Thirty days."]
    assert question.answer == "Public." and question.documents.get() == world.open.document


@pytest.mark.parametrize("support", ["likely", "none", ""])
def test_an_answer_that_rests_on_something_else_too_stays_behind(
    world: World, bob: User, support: str
) -> None:
    sources = [(world.open, "verified"), (world.secret, support)]
    turn = ("How much leave have I got in a year of work?", "Public [1]. ZEBRA [2].", sources)
    question = suggest(bob, talk(bob, turn))
    assert not question.answer and question.evidence and "ZEBRA" not in carried(question)


@pytest.mark.parametrize("asked", [True, False])
def test_what_a_person_may_not_read_any_more_is_not_suggested(
    world: World, bob: User, asked: bool
) -> None:
    chosen = [world.open.document.collection, world.closed] if asked else []
    cited = talk(bob, (MERGER, ON_SECRET, [(world.secret, "verified")]), asked=chosen)
    shown = talk(bob, (MERGER, ON_SECRET, [(world.secret, "")]), asked=chosen)
    nothing = talk(bob, (MERGER, "Not there.", []), asked=[world.closed])
    Grant.objects.filter(collection=world.closed).delete()
    for message in (cited, shown, nothing):
        with pytest.raises(Problem, match="no-question-set"):
            suggest(bob, message)


def test_what_an_administrator_may_not_read_any_more_is_not_kept(world: World, admin: User) -> None:
    people.grant(world.closed, admin, "reader")
    message = talk(admin, (MERGER, ON_SECRET, [(world.secret, "verified")]))
    sources = [(world.open, "verified"), (world.secret, "likely")]
    both = talk(admin, ("How much leave is there in a year?", "Public [1], ZEBRA [2].", sources))
    Grant.objects.filter(collection=world.closed).delete()
    assert sets_covering(admin, message) == []
    assert not golden_from_answer(admin, both).answer


def test_what_is_erased_is_not_suggested(world: World, bob: User) -> None:
    message = talk(bob, (MERGER, ON_SECRET, [(world.open, "verified")]))
    world.open.document.delete()
    with pytest.raises(Problem, match="no-question-set"):
        suggest(bob, message)


def test_a_long_turn_is_cut(world: World, bob: User) -> None:
    first = ("What about leave?", "Days. " * 900, [(world.open, "verified")])
    second = ("And after that?", "Public [1].", [(world.open, "verified")])
    assert len(suggest(bob, talk(bob, first, second)).history[1]["content"]) == 4_000


# --- words of what is erased --------------------------------------------------------------------
@pytest.fixture
def made(world: World, bob: User) -> Question:
    first = ("What about leave?", "Thirty days [1].", [(world.open, "verified")])
    second = ("And after that?", "Public [1].", [(world.open, "verified")])
    return suggest(bob, talk(bob, first, second))


def test_a_suggestion_forgets_an_erased_document(world: World, made: Question) -> None:
    world.open.document.delete()
    made.refresh_from_db()
    assert (made.answer, made.evidence) == ("", [])
    assert [turn["role"] for turn in made.history] == ["user"]
    assert (made.digest, made.folded) == (draft_of(made).digest, draft_of(made).folded)


def test_a_question_keeps_the_name_of_an_erased_file_alone(
    world: World, admin: User, made: Question
) -> None:
    accept(admin, made)
    twin = people.make_document(world.open.document.collection, f"{OPEN} b", "Public.txt", path="b")
    written = [
        create_question(admin, world.golden, draft(key, f"{key}?", file, OPEN))
        for key, file in (("a", "Public.txt"), ("b", "b/Public.txt"), ("c", "other.txt"))
    ]
    world.open.document.delete()
    made.refresh_from_db()
    [part] = made.evidence
    assert part == {"file": "Public.txt", "page_or_section": "", "quote": ""} and not made.answer
    quotes = [get_question(admin, each.pk).evidence[0]["quote"] for each in written]
    assert quotes == ["", OPEN, OPEN]
    twin.delete()
    assert get_question(admin, written[1].pk).evidence[0]["quote"] == ""


def test_names_that_json_writes_otherwise_are_found(world: World, admin: User) -> None:
    name = 'Ü"ber.txt'
    document = people.make_document(world.open.document.collection, f"{OPEN} c", name)
    question = create_question(admin, world.golden, draft("k", "Why?", name, OPEN))
    document.delete()
    assert get_question(admin, question.pk).evidence[0]["quote"] == ""


def test_a_newer_version_keeps_the_words(world: World, made: Question) -> None:
    document = world.open.document
    newer = people.make_document(document.collection, f"{OPEN} 2", document.name, version=2)
    document.delete()
    made.refresh_from_db()
    assert made.answer and made.evidence[0]["quote"]
    newer.delete()
    made.refresh_from_db()
    assert (made.answer, made.evidence) == ("", [])


# --- a set that lost a collection ---------------------------------------------------------------
def test_a_set_that_lost_a_collection_is_seen_by_nobody_else(world: World, admin: User) -> None:
    maker, other, left = (people.make_user(name, is_admin=True) for name in "MOL")
    for user in (maker, other, left):
        for collection in (world.open.document.collection, world.closed):
            people.grant(collection, user, "reader")
    both = [world.open.document.collection_id, world.closed.pk]
    found = create_set(maker, name="Both", collections=both)
    Grant.objects.filter(collection=world.closed, user=left).delete()
    Collection.objects.filter(pk=world.closed.pk).update(erasing=True)
    Document.objects.filter(collection=world.closed).delete()
    world.closed.delete()
    for user, sees in ((maker, True), (other, True), (left, False), (admin, False)):
        assert sets_for(user).filter(pk=found.pk).exists() == sees
    Grant.objects.filter(user=other).delete()
    world.open.document.collection.delete()
    assert [user for user in (maker, other, left, admin) if found in sets_for(user)] == [maker]
