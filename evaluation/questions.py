"""Golden questions one by one: written, changed, accepted, deleted. Each with its audit entry."""

from dataclasses import asdict, replace
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from audit import actions
from audit.problems import Problem
from audit.record import Data, record
from evaluation.access import get_question, get_set
from evaluation.draft import Draft, checked, draft_of
from evaluation.held import require_free
from evaluation.models import Question, QuestionSet

#: Accepted ones of one set: a run asks all of them. As many suggestions may wait besides.
MOST_QUESTIONS = 5_000


@transaction.atomic
def create_question(user: User, question_set: QuestionSet, draft: Draft) -> Question:
    """Keep a new question, accepted. Raises Http404, Faulty, Problem `question-there`,
    `too-many-questions`."""
    found = locked(get_set(user, question_set.pk))
    draft = checked(draft)
    refuse_twice(found, draft)
    require_room(found)
    question = Question.objects.create(set=found, created_by=user, **fields_of(draft))
    _record(actions.QUESTION_CREATED, user, question)
    return question


@transaction.atomic
def change_question(user: User, question: Question, draft: Draft) -> Question:
    """Replace all fields; an empty key leaves the one it has.

    Raises as create_question, and Problem `on-hold` where words of a person who is held would change.
    """
    question = get_question(user, question.pk)
    found = locked(question.set)
    draft = replace(draft, key=draft.key.strip() or question.key)
    draft = checked(draft, complete=question.state == Question.State.ACCEPTED)
    refuse_twice(found, draft, but=question)
    if fields_of(draft) != fields_of(draft_of(question)):
        require_free([question.created_by_id])
    return _saved(user, question, fields_of(draft))


@transaction.atomic
def accept(user: User, question: Question) -> Question:
    """Make a suggestion one that runs ask. Raises Http404, Faulty where it lacks what is scored,
    Problem `question-there`, `too-many-questions`."""
    question = get_question(user, question.pk)
    found = locked(question.set)
    draft = checked(draft_of(question))
    refuse_twice(found, draft, but=question)
    if question.state == Question.State.SUGGESTED:
        require_room(found)
    return _saved(user, question, {"state": Question.State.ACCEPTED})


@transaction.atomic
def delete_question(user: User, question: Question) -> None:
    """Delete a question; what it came to in runs stays, without its words.

    Raises Http404, Problem `on-hold`.
    """
    question = get_question(user, question.pk)
    require_free([question.created_by_id])
    _record(actions.QUESTION_DELETED, user, question)
    question.delete()


def record_export(user: User, found: QuestionSet, form: str) -> list[Question]:
    """The accepted questions of a set, for a file that leaves the product. Raises Http404."""
    found = get_set(user, found.pk)
    questions = list(found.questions.filter(state=Question.State.ACCEPTED))
    data: Data = {"format": form, "questions": len(questions)}
    record(actions.QUESTIONS_EXPORTED, actor=user, target=("question-set", found.pk), data=data)
    return questions


def locked(found: QuestionSet) -> QuestionSet:
    """Whoever changes questions of a set does it alone: of two that write the same, one is refused."""
    return QuestionSet.objects.select_for_update().get(pk=found.pk)


def fields_of(draft: Draft) -> dict[str, Any]:
    """The columns of a question that is kept."""
    lists = ("history", "evidence", "also_in", "must_contain")
    fields = asdict(draft) | {name: list(getattr(draft, name)) for name in lists}
    return fields | {"digest": draft.digest, "folded": draft.folded}


def refuse_twice(found: QuestionSet, draft: Draft, *, but: Question | None = None) -> None:
    """Raises Problem `question-there` where the set has the key, or the words as an accepted question:
    what people suggest stands in nobody's way."""
    others = found.questions.exclude(pk=but.pk) if but else found.questions.all()
    if others.filter(key=draft.key).exists():
        raise _there(
            _("The set has a question with this key. Choose another key, or change that one.")
        )
    accepted = others.filter(state=Question.State.ACCEPTED)
    if twin := accepted.filter(folded=draft.folded).first():
        raise _there(
            _("The set has this question already, with the key %(key)s.") % {"key": twin.key}
        )


def require_room(found: QuestionSet, more: int = 1) -> None:
    """Raises Problem `too-many-questions`."""
    accepted = found.questions.filter(state=Question.State.ACCEPTED)
    if accepted.count() + more > MOST_QUESTIONS:
        detail = _("A set holds at most %(most)d questions. Make another set.")
        raise Problem(409, "too-many-questions", detail % {"most": MOST_QUESTIONS})


def _there(detail: str) -> Problem:
    return Problem(409, "question-there", detail)


def _saved(user: User, question: Question, values: dict[str, Any]) -> Question:
    for name, value in values.items():
        setattr(question, name, value)
    question.changed_at = timezone.now()
    question.save()
    _record(actions.QUESTION_CHANGED, user, question)
    return question


def _record(action: str, user: User, question: Question) -> None:
    data = {"set": str(question.set_id), "state": question.state, "digest": question.digest}
    record(action, actor=user, target=("question", question.pk), data=data)
