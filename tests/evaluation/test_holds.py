"""A legal hold on a person or on everything: golden questions, runs and answers stay as they are."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.problems import Problem
from evaluation import erasure
from evaluation.draft import draft_of
from evaluation.imports import import_questions
from evaluation.models import Question, QuestionSet, Result, Run
from evaluation.questions import accept, change_question, create_question, delete_question
from evaluation.runs import delete_run
from evaluation.sets import delete_set
from evaluation.suggestions import suggest
from ingest.models import Collection, Hold
from tests.evaluation.conftest import draft
from tests.evaluation.test_questions import answer_of
from tests.evaluation.things import make_things

pytestmark = pytest.mark.django_db


@pytest.fixture
def suggested(bob: User, golden: QuestionSet, collection: Collection) -> Question:
    """A question of somebody whose content is held since."""
    question = suggest(bob, answer_of(bob, collection))
    Hold.objects.create(target="user", target_id=bob.pk, reference="r")
    return question


def test_words_of_a_held_person_are_not_written_over(admin: User, suggested: Question) -> None:
    before = draft_of(suggested)
    with pytest.raises(Problem, match="on-hold"):
        change_question(admin, suggested, replace(before, question="Other words?"))
    row = {"id": suggested.key, "question": "Other words?", "must_contain": ["x"]}
    with pytest.raises(Problem, match="on-hold"):
        import_questions(admin, suggested.set, json.dumps(row).encode(), "jsonl")
    suggested.refresh_from_db()
    assert draft_of(suggested) == before
    assert change_question(admin, suggested, before).pk, "nothing of it changes"


def test_an_accepted_question_of_a_held_person_is_not_deleted(
    admin: User, suggested: Question
) -> None:
    accept(admin, suggested)
    with pytest.raises(Problem, match="on-hold"):
        delete_question(admin, suggested)
    with pytest.raises(Problem, match="on-hold"):
        delete_set(admin, suggested.set)
    other = create_question(admin, suggested.set, draft("k", "Why?", "a.md", "So."))
    delete_question(admin, other)
    assert Question.objects.get() == suggested


@pytest.mark.parametrize("target", ["everything", "user"])
def test_nothing_of_a_set_goes_while_it_is_held(
    admin: User, settings: Any, client_for: Any, target: str
) -> None:
    things = make_things(admin)
    hold = Hold(target=target, target_id=admin.pk if target == "user" else None, reference="r")
    hold.save()
    run = Run.objects.get(pk=str(things["runs"]))
    with pytest.raises(Problem, match="on-hold"):
        delete_run(admin, run)
    with pytest.raises(Problem, match="on-hold"):
        delete_set(admin, run.set)
    with pytest.raises(Problem, match="on-hold"):
        delete_question(admin, Question.objects.get())
    client: Client = client_for(admin)
    client.post(reverse("evaluation:run-delete", args=[run.pk]))
    settings.KEEP_RUN_ANSWERS_DAYS = 1
    Run.objects.update(created_at=timezone.now() - timedelta(days=9))
    assert erasure.forget_old_answers() == 0
    assert Result.objects.exclude(answer="").count() == Run.objects.count() == 2
    hold.delete()
    assert erasure.forget_old_answers() == 2
