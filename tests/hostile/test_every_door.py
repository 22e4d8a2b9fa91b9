"""Every address of the product with the corpus in everything that it shows: nothing of it is markup."""

import json

import pytest
from django.db.models import CharField, JSONField, Model, TextField

from accounts.models import Group, User
from audit.models import Entry
from chat.models import Assistant, Conversation, Message
from evaluation.models import Question, QuestionSet, Result, Run
from ingest.models import Chunk, Collection, Document
from tests.doors import Door, find_doors
from tests.hostile.corpus import ATTEMPTS
from tests.hostile.harmless import faults_of_page, text_of_page
from tests.test_doors import ADMIN, OFFICER, World, make_world, text_of

#: Shown as they are, so that one page holds them all.
ALL = "\n".join(each.text for each in ATTEMPTS).replace("\x00", "")
#: For what is short, such as names.
SHORT = '"><img src=//canary-1.invalid/a onerror=window.__owned=1> {{ 7|add:7 }}'
FIELDS: list[tuple[type[Model], tuple[str, ...], str]] = [
    (Chunk, ("text", "context"), ALL),
    (Document, ("name", "title"), SHORT),
    (Collection, ("name", "description"), SHORT),
    (Conversation, ("title",), SHORT),
    (Message, ("text", "condensed"), ALL),
    (Message, ("assistant_name",), SHORT),
    (Assistant, ("name", "description"), SHORT),
    (Assistant, ("instructions",), ALL),
    (User, ("name",), SHORT),
    (Group, ("name",), SHORT),
    (QuestionSet, ("name",), SHORT),
    (Question, ("question", "answer"), ALL),
    (Run, ("label",), SHORT),
    (Result, ("answer",), ALL),
]


@pytest.fixture
def world(db: None) -> World:
    """tests/test_doors.py's, and every text of it hostile."""
    made = make_world()
    for model, names, text in FIELDS:
        for name in names:
            field = model._meta.get_field(name)
            assert isinstance(field, CharField | TextField) and not isinstance(field, JSONField)
            model._default_manager.update(**{name: text[: field.max_length or None]})
    Assistant.objects.update(starters=[SHORT])
    Chunk.objects.update(heading_path=[SHORT, ALL[:500]])
    Question.objects.update(evidence=[{"file": SHORT, "page_or_section": SHORT, "quote": ALL}])
    return made


def whose(world: World, door: Door) -> User:
    if door.route.startswith(ADMIN):
        return world.admin
    return world.officer if door.route.startswith(OFFICER) else world.alice


def test_no_address_gives_markup_of_others(world: World) -> None:
    pages = hostile = 0
    for door in find_doors(lambda door: world.client(whose(world, door), door)):
        if "GET" not in door.methods:
            continue
        answer = world.client(whose(world, door), door).get(door.path(world.things))
        kind, said = answer.headers.get("Content-Type", ""), text_of(answer)
        if kind.startswith("text/html") and answer.status_code == 200:
            pages += 1
            hostile += "canary-1.invalid" in text_of_page(said)
            assert faults_of_page(said) == [], door.route
            assert "__owned=1> 14" not in text_of_page(said), door.route
        elif kind.startswith("application/json") and said:
            json.loads(said)
        elif "image/svg" in kind:
            assert "<script" not in said and "canary" not in said, door.route
    assert pages > 40 and hostile > 25


def test_the_record_holds_no_word_of_it(world: World) -> None:
    """It keeps ids, hashes and counts: what a document says never gets there."""
    assert not Entry.objects.filter(data__icontains="canary-").exists()
