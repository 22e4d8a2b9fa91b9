"""Whoever reads the results of a run, or takes them along, is in the record as a reader."""

from typing import Any

import pytest
from django.urls import reverse

from accounts.models import User
from audit import actions
from audit.models import Entry
from compliance.access import who_read
from evaluation.models import Run
from ingest.models import Document
from tests import people
from tests.evaluation.things import make_things

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(admin: User) -> User:
    """An administrator who started none of the runs that are there."""
    make_things(admin)
    found = people.make_user("Root", is_admin=True)
    people.grant(Run.objects.all()[0].set.collections.get(), found, "reader")
    return found


def test_results_are_recorded_once_a_visit(reader: User, client_for: Any) -> None:
    document = Document.objects.get()
    run = Run.objects.all()[0]
    url = reverse("evaluation:result", args=[run.results.get().pk])
    for _ in range(3):
        assert people.CANARY in client_for(reader).get(url).content.decode()
    entry = Entry.objects.get(action=actions.RUN_READ)
    assert (entry.actor, entry.target_id) == (str(reader.pk), str(run.pk))
    assert entry.data == {"documents": [str(document.pk)]}
    [reading] = [each for each in who_read([document.pk]).people if each.user == reader]
    assert reading.times == {actions.RUN_READ: 1}


def test_answers_over_the_api_are_recorded(reader: User, api_for: Any) -> None:
    run = Run.objects.all()[0]
    answer = run.results.get().answer
    run.results.update(answer="")
    api_for(reader).get(f"/evaluation/runs/{run.pk}/results")
    assert not Entry.objects.filter(action=actions.RUN_READ).exists(), "no text was shown"
    run.results.update(answer=answer)
    assert people.CANARY in str(api_for(reader).get(f"/evaluation/runs/{run.pk}/results").json())
    entry = Entry.objects.get(action=actions.RUN_READ)
    assert entry.data == {"documents": [str(Document.objects.get().pk)]}


def test_a_file_of_results_is_recorded_each_time(reader: User, client_for: Any) -> None:
    url = reverse("evaluation:run-file", args=[Run.objects.all()[0].pk])
    document = str(Document.objects.get().pk)
    assert people.CANARY in client_for(reader).get(url).content.decode()
    client_for(reader).get(url, {"form": "md"})
    found = Entry.objects.filter(action=actions.RUN_EXPORTED).order_by("id")
    assert [entry.data for entry in found] == [
        {"format": "json", "documents": [document], "document_count": 1},
        {"format": "md", "documents": [], "document_count": 0},
    ]
