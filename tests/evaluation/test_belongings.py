"""What a person suggested is in the file of all that is kept about her."""

import json
import zipfile
from typing import Any

import pytest

from accounts.models import User
from compliance import person
from evaluation.models import QuestionSet
from evaluation.questions import accept
from evaluation.suggestions import suggest
from ingest.models import Collection
from tests.evaluation.test_questions import QUOTE, answer_of

pytestmark = pytest.mark.django_db


def told(user: User) -> list[dict[str, Any]]:
    with person.export(user, user) as file, zipfile.ZipFile(file) as archive:
        found: list[dict[str, Any]] = json.loads(archive.read("suggestions.json"))
    return found


def test_suggestions_are_taken_along_also_where_the_conversation_is_gone(
    admin: User, bob: User, golden: QuestionSet, collection: Collection
) -> None:
    answer = answer_of(bob, collection, "What about OKAPI?")
    question = suggest(bob, answer)
    answer.conversation.delete()
    assert told(admin) == []
    [suggested] = told(bob)
    assert (suggested["question"], suggested["answer"]) == ("What about OKAPI?", "30 days.")
    assert suggested["evidence"][0]["file"] and QUOTE not in json.dumps(suggested)
    accept(admin, question)
    [accepted] = told(bob)
    assert accepted["question"] == "What about OKAPI?" and "answer" not in accepted
