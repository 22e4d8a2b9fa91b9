"""Golden questions: kept by administrators, made from answers, suggested by everybody."""

import json

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from accounts.models import User
from audit.models import Entry
from audit.problems import Problem
from chat.models import Citation, Conversation, Message, Source
from evaluation import suggestions
from evaluation.draft import Draft, Faulty, draft_of
from evaluation.imports import import_questions
from evaluation.models import Question, QuestionSet
from evaluation.questions import accept, change_question, create_question, delete_question
from evaluation.sets import delete_set
from evaluation.suggestions import golden_from_answer, sets_covering, suggest
from ingest import holds
from ingest.models import Collection, Document
from tests import people
from tests.evaluation.conftest import LEAVE, draft

QUOTE = "Annual leave is 30 days."


def answer_of(user: User, collection: Collection, question: str = LEAVE) -> Message:
    """A finished answer whose one sentence rests on the first sentence of a document."""
    there = Document.objects.filter(collection=collection).first()
    document = there or people.make_document(collection, f"{QUOTE} More.", path="hr")
    chunk = document.chunks.get()
    conversation = Conversation.objects.create(user=user)
    Message.objects.create(conversation=conversation, ordinal=0, role="user", text=question)
    answer = people.make_conversation(user).messages.get(role="assistant")
    Message.objects.filter(pk=answer.pk).update(conversation=conversation, text="30 days [1].")
    source = Source.objects.create(message=answer, n=1, chunk=chunk, document=document)
    spans = {"sentence_start": 0, "sentence_end": 12, "quote_start": 0, "quote_end": len(QUOTE)}
    Citation.objects.create(message=answer, source=source, support="verified", **spans)
    answer.refresh_from_db()
    return answer


# --- kept by administrators ---------------------------------------------------------------------
def test_a_question_is_made_changed_and_deleted(admin: User, golden: QuestionSet) -> None:
    question = create_question(admin, golden, draft("k", "Why?", "a.md", "So."))
    changed = change_question(admin, question, draft("", "Why not?", "a.md", "So."))
    assert changed.key == "k" and Question.objects.get().question == "Why not?"
    assert changed.digest == draft_of(changed).digest != question.digest or question is changed
    delete_question(admin, question)
    actions = Entry.objects.filter(target_type="question").values_list("action", flat=True)
    assert sorted(actions) == [
        f"evaluation.question.{verb}" for verb in ("change", "create", "delete")
    ]
    assert "Why" not in str(list(Entry.objects.values_list("data", flat=True)))


def test_the_same_key_or_words_are_refused(admin: User, golden: QuestionSet) -> None:
    first = create_question(admin, golden, draft("k", "Why?", "a.md", "So."))
    for twice in (draft("k", "How?", "a.md", "So."), draft("l", " why? ", "a.md", "So.")):
        with pytest.raises(Problem, match="question-there"):
            create_question(admin, golden, twice)
    other = create_question(admin, golden, draft("l", "How?", "a.md", "So."))
    with pytest.raises(Problem, match="question-there"):
        change_question(admin, other, draft("l", "Why?", "a.md", "So."))
    assert change_question(admin, first, draft("k", "WHY?", "a.md", "So.")).question == "WHY?"


def test_what_cannot_be_scored_is_refused(admin: User, golden: QuestionSet) -> None:
    with pytest.raises(Faulty) as faulty:
        create_question(admin, golden, Draft(question="Why?"))
    assert list(faulty.value.faults) == ["evidence"]


def test_a_set_has_an_end(
    admin: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluation.questions.MOST_QUESTIONS", 1)
    create_question(admin, golden, draft("k", "Why?", "a.md", "So."))
    with pytest.raises(Problem, match="too-many-questions"):
        create_question(admin, golden, draft("l", "How?", "a.md", "So."))


# --- from answers -------------------------------------------------------------------------------
def test_an_answer_becomes_a_golden_question(
    admin: User, golden: QuestionSet, collection: Collection
) -> None:
    answer = answer_of(admin, collection)
    assert sets_covering(admin, answer) == [golden]
    question = golden_from_answer(admin, answer)
    [evidence] = question.evidence
    assert question.state == "accepted" and question.question == LEAVE
    assert question.answer == "30 days." and question.set == golden
    assert (evidence["file"], evidence["quote"]) == ("hr/leave.txt", QUOTE)
    with pytest.raises(Problem, match="question-there"):
        golden_from_answer(admin, answer)


def test_an_answer_that_was_refused_becomes_one_that_is_not_answerable(
    admin: User, golden: QuestionSet, collection: Collection
) -> None:
    answer = answer_of(admin, collection)
    Message.objects.filter(pk=answer.pk).update(status="abstained", text="Not there.")
    question = golden_from_answer(admin, answer)
    assert question.type == "unanswerable" and not question.answerable and not question.evidence


def test_a_follow_up_takes_the_turns_before_it(
    admin: User, golden: QuestionSet, collection: Collection
) -> None:
    answer = answer_of(admin, collection, "And after that?")
    turns = answer.conversation.messages
    turns.filter(ordinal=0).update(ordinal=2)
    turns.filter(ordinal=1).update(ordinal=3)
    for ordinal, (role, text) in enumerate([("user", LEAVE), ("assistant", "28 [1].")]):
        turns.create(ordinal=ordinal, role=role, text=text)
    answer.refresh_from_db()
    question = golden_from_answer(admin, answer)
    assert question.type == "follow-up"
    assert [turn["content"] for turn in question.history] == [LEAVE, "28."]


def test_a_follow_up_takes_none_of_another_branch(
    admin: User, golden: QuestionSet, collection: Collection
) -> None:
    answer = answer_of(admin, collection, "And after that?")
    turns = answer.conversation.messages
    turns.filter(ordinal=0).update(ordinal=4, after=1)
    turns.filter(ordinal=1).update(ordinal=5)
    said = [
        ("user", LEAVE),
        ("assistant", "28."),
        ("user", "And Erin?"),
        ("assistant", "She, too."),
    ]
    for ordinal, (role, text) in enumerate(said):
        turns.create(ordinal=ordinal, role=role, text=text)
    answer.refresh_from_db()
    assert [turn["content"] for turn in golden_from_answer(admin, answer).history] == [LEAVE, "28."]


def test_nobody_takes_anothers_answer(
    admin: User, alice: User, golden: QuestionSet, collection: Collection
) -> None:
    answer = answer_of(alice, collection)
    with pytest.raises(Http404):
        golden_from_answer(admin, answer)
    with pytest.raises(PermissionDenied):
        golden_from_answer(alice, answer)
    with pytest.raises(Http404):
        suggest(admin, answer)


def test_a_set_must_be_about_what_is_cited(admin: User, golden: QuestionSet) -> None:
    elsewhere = people.make_collection(admin, name="Elsewhere")
    answer = answer_of(admin, elsewhere)
    assert sets_covering(admin, answer) == []
    for chosen in (None, golden):
        with pytest.raises(Problem, match="no-question-set"):
            golden_from_answer(admin, answer, chosen)
    with pytest.raises(Problem, match="no-question-set"):
        suggest(admin, answer)


# --- suggested by everybody ---------------------------------------------------------------------
def test_a_suggestion_waits_until_it_is_accepted(
    admin: User, bob: User, golden: QuestionSet, collection: Collection
) -> None:
    suggested = suggest(bob, answer_of(bob, collection))
    assert suggested.state == "suggested" and suggested.created_by == bob
    assert accept(admin, suggested).state == "accepted"


def test_the_same_suggestion_is_refused_to_whoever_made_it_alone(
    alice: User, bob: User, golden: QuestionSet, collection: Collection
) -> None:
    """What others asked must not be learned by suggesting it."""
    suggest(bob, answer_of(bob, collection))
    with pytest.raises(Problem, match="question-there"):
        suggest(bob, answer_of(bob, collection))
    assert suggest(alice, answer_of(alice, collection)).state == "suggested"


def test_two_suggestions_of_one_question_become_one(
    admin: User, alice: User, bob: User, golden: QuestionSet, collection: Collection
) -> None:
    first, second = (suggest(user, answer_of(user, collection)) for user in (alice, bob))
    accept(admin, first)
    with pytest.raises(Problem, match="question-there"):
        accept(admin, second)


def test_a_suggestion_stands_in_nobodys_way(
    admin: User, bob: User, golden: QuestionSet, collection: Collection
) -> None:
    suggested = [suggest(bob, answer_of(bob, collection, words)) for words in ("Why?", "How?")]
    row = {"question": "why?", "evidence": [{"file": "a.md", "quote": "So."}]}
    assert import_questions(admin, golden, json.dumps(row).encode(), "jsonl").created == 1
    create_question(admin, golden, draft("how", "How?", "a.md", "So."))
    for waiting in suggested:
        with pytest.raises(Problem, match="question-there"):
            accept(admin, waiting)
    with pytest.raises(Problem, match="question-there"):
        create_question(admin, golden, draft("again", "How?", "a.md", "So."))


def test_suggestions_take_no_room_from_questions(
    admin: User,
    bob: User,
    golden: QuestionSet,
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("questions", "suggestions"):
        monkeypatch.setattr(f"evaluation.{module}.MOST_QUESTIONS", 1)
    suggested = suggest(bob, answer_of(bob, collection))
    create_question(admin, golden, draft("k", "How?", "a.md", "So."))
    with pytest.raises(Problem, match="too-many-questions"):
        accept(admin, suggested)
    row = {"key": suggested.key, "question": "Why?", "evidence": [{"file": "a.md"}]}
    with pytest.raises(Problem, match="too-many-questions"):
        import_questions(admin, golden, json.dumps(row).encode(), "jsonl")
    with pytest.raises(Problem, match="too-many-suggestions"):
        suggest(bob, answer_of(bob, collection, "Another one?"))


def test_nobody_floods_the_table(
    bob: User, golden: QuestionSet, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestions, "MOST_SUGGESTIONS", 1)
    suggest(bob, answer_of(bob, collection))
    with pytest.raises(Problem, match="too-many-suggestions"):
        suggest(bob, answer_of(bob, collection, "Another one?"))


def test_a_suggestion_that_lacks_something_is_completed_first(
    admin: User, bob: User, golden: QuestionSet, collection: Collection
) -> None:
    answer = answer_of(bob, collection)
    answer.citations.all().delete()
    suggested = suggest(bob, answer)
    with pytest.raises(Faulty):
        accept(admin, suggested)
    change_question(admin, suggested, draft("", LEAVE, "leave.txt", QUOTE))
    assert accept(admin, suggested).state == "accepted"


def test_what_a_person_suggested_goes_with_her(
    admin: User, bob: User, golden: QuestionSet, collection: Collection
) -> None:
    kept = accept(admin, suggest(bob, answer_of(bob, collection)))
    suggest(bob, answer_of(bob, collection, "Who is ill today?"))
    bob.delete()
    [question] = Question.objects.all()
    assert question == kept and question.created_by is None


def test_a_suggestion_under_a_legal_hold_stays(
    admin: User, bob: User, golden: QuestionSet, collection: Collection
) -> None:
    suggested = suggest(bob, answer_of(bob, collection))
    officer = people.make_user("Olga", is_compliance=True)
    holds.place(officer, target="user", target_id=bob.pk, reference="case-1")
    with pytest.raises(Problem, match="on-hold"):
        delete_question(admin, suggested)
    with pytest.raises(Problem, match="on-hold"):
        delete_set(admin, golden)
    assert Question.objects.get() == suggested
