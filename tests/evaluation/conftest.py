"""A set of golden questions on a small handbook that went through the real pipeline."""

import pytest

from accounts.models import User
from evaluation.draft import Draft
from evaluation.models import Question, QuestionSet
from evaluation.questions import create_question
from evaluation.sets import create_set
from ingest.models import Collection
from tests import people
from tests.chat.conftest import add, handbook  # noqa: F401 (fixtures)

LEAVE = "How many days of annual leave do I have?"


@pytest.fixture
def golden(admin: User, collection: Collection) -> QuestionSet:
    """An empty set of an administrator who may read `collection`."""
    people.grant(collection, admin, "reader")
    return create_set(admin, name="Golden", collections=[collection.pk])


def draft(key: str, question: str, file: str, quote: str, must: str = "") -> Draft:
    evidence = [{"file": file, "page_or_section": "", "quote": quote}]
    return Draft(key, question=question, evidence=evidence, must_contain=[must] if must else [])


@pytest.fixture
def questions(
    admin: User,
    golden: QuestionSet,
    handbook: Collection,  # noqa: F811
) -> list[Question]:
    """Three that can be found, one that cannot be answered, one whose document is not there."""
    drafts = [
        draft("q1", LEAVE, "leave.md", "28 days of annual leave per year", "28"),
        draft("q2", "How many days may be carried over?", "leave.md", "Up to 5 days", "5"),
        draft("q3", "What is the meal allowance?", "hr/travel.md", "45 euros in Germany", "45"),
        Draft("q4", "unanswerable", question="Who is the mayor?", answerable=False),
        draft("q5", "Where do I park?", "parking.md", "Behind the house"),
    ]
    return [create_question(admin, golden, each) for each in drafts]
