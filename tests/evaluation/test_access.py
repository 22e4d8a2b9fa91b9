"""Who sees golden questions: administrators who may read all that a set is about."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from accounts.models import User
from audit.problems import Problem
from evaluation.access import get_question, get_result, get_run, get_set, sets_for, shown_answer
from evaluation.models import Question, QuestionSet, Result, Run
from evaluation.questions import change_question, create_question, delete_question
from evaluation.runs import start_run
from evaluation.sets import change_set, create_set, delete_set
from ingest.models import Collection, Grant
from tests import people
from tests.evaluation.conftest import draft

ONE = draft("k", "Why?", "leave.txt", "Annual leave is 30 days")


@pytest.fixture
def question(admin: User, golden: QuestionSet) -> Question:
    return create_question(admin, golden, ONE)


def test_only_administrators_see_a_set(
    golden: QuestionSet, question: Question, alice: User, bob: User, charlie: User
) -> None:
    for user in (alice, bob, charlie):
        with pytest.raises(Http404):
            get_set(user, golden.pk)
        with pytest.raises(Http404):
            get_question(user, question.pk)
        with pytest.raises(PermissionDenied):
            create_set(user, name="Mine", collections=[])


def test_an_administrator_must_read_all_collections(admin: User, golden: QuestionSet) -> None:
    other = people.make_collection(None, name="Closed")
    golden.collections.add(other)
    with pytest.raises(Http404):
        get_set(admin, golden.pk)
    people.grant(other, admin, "reader")
    assert get_set(admin, golden.pk) == golden


def test_one_who_was_let_go_sees_nothing(admin: User, golden: QuestionSet) -> None:
    admin.is_active = False
    assert not sets_for(admin).exists()


def test_a_set_without_collections_is_its_makers(admin: User, golden: QuestionSet) -> None:
    golden.collections.clear()
    other = people.make_user("Root", is_admin=True)
    assert sets_for(admin).get() == golden and not sets_for(other).exists()


def test_every_change_looks_again(admin: User, golden: QuestionSet, question: Question) -> None:
    Grant.objects.filter(user=admin).delete()
    for change in (
        lambda: create_question(admin, golden, ONE),
        lambda: change_question(admin, question, ONE),
        lambda: delete_question(admin, question),
        lambda: change_set(admin, golden, name="Other"),
        lambda: delete_set(admin, golden),
        lambda: start_run(admin, golden),
    ):
        with pytest.raises(Http404):
            change()
    assert Question.objects.get() == question


def test_a_set_names_only_collections_that_its_maker_reads(admin: User) -> None:
    closed = people.make_collection(None, name="Closed")
    with pytest.raises(Http404):
        create_set(admin, name="Mine", collections=[closed.pk])
    with pytest.raises(Problem, match="no-collections"):
        create_set(admin, name="Mine", collections=[])


def test_names_of_sets(admin: User, golden: QuestionSet, collection: Collection) -> None:
    with pytest.raises(Problem, match="name-taken"):
        create_set(admin, name=" golden", collections=[collection.pk])
    with pytest.raises(Problem, match="name-empty"):
        change_set(admin, golden, name="\x00 ")
    assert change_set(admin, golden, name="GOLDEN").name == "GOLDEN"


def test_an_answer_is_shown_to_whoever_may_read_its_documents(
    admin: User, golden: QuestionSet, collection: Collection
) -> None:
    document = people.make_document(collection)
    run = Run.objects.create(set=golden, kind="answers", started_by=admin)
    passage = {"chunk": str(document.chunks.get().pk), "document": str(document.pk)}
    result = Result.objects.create(
        run=run, key="k", ordinal=1, type="fact", language="en", digest="", answer="30 days",
        passages=[passage],
    )  # fmt: skip
    assert get_run(admin, run.pk) == run
    assert shown_answer(admin, get_result(admin, result.pk)) == "30 days"
    Grant.objects.filter(user=admin).delete()
    assert shown_answer(admin, result) == ""
