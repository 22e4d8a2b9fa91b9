"""Runs of answers whose questions are put to an assistant."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from chat.assistants import Draft, change_assistant
from chat.models import Assistant
from evaluation.models import QuestionSet, Run
from evaluation.runs import start_run
from tests import people
from tests.chat.assisting import make_assistant
from tests.evaluation.test_runs import finished
from tests.people import Api

pytestmark = pytest.mark.usefixtures("questions")


@pytest.fixture
def helper(admin: User, golden: QuestionSet) -> Assistant:
    return make_assistant(admin, *golden.collections.all(), instructions="Be brief.")


def test_a_run_puts_its_questions_to_an_assistant(
    admin: User, golden: QuestionSet, helper: Assistant
) -> None:
    run = finished(start_run(admin, golden, kind="answers", assistant=helper.pk))
    assert run.status == "done" and run.results.get(key="q1").answer
    assert run.config["assistant"] == "Legal" and run.config["assistant_version"] == helper.version
    entry = Entry.objects.get(action=actions.RUN_BEGUN)
    assert entry.data["assistant_id"] == str(helper.pk) and "Legal" not in str(entry.data)


def test_one_that_changes_meanwhile_answers_no_more(
    admin: User, golden: QuestionSet, helper: Assistant
) -> None:
    run = start_run(admin, golden, kind="answers", assistant=helper.pk)
    change_assistant(admin, helper, Draft(name="Legal", everywhere=True))
    assert "assistant-changed" in set(finished(run).results.values_list("error_code", flat=True))
    config = {**run.config, "assistant_id": str(uuid4())}
    Run.objects.filter(pk=run.pk).delete()
    run = start_run(admin, golden, kind="answers")
    Run.objects.filter(pk=run.pk).update(config=config)
    assert "assistant-closed" in set(finished(run).results.values_list("error_code", flat=True))


def test_what_cannot_be_asked(admin: User, alice: User, golden: QuestionSet) -> None:
    elsewhere = make_assistant(admin, people.make_collection(admin, name="Elsewhere"))
    for kind, wanted, code in (
        ("retrieval", elsewhere.pk, "invalid"),
        ("answers", elsewhere.pk, "assistant-nowhere"),
        ("answers", make_assistant(alice).pk, "assistant-closed"),
        ("answers", uuid4(), "assistant-closed"),
    ):
        with pytest.raises(Problem) as refused:
            start_run(admin, golden, kind=kind, assistant=wanted)
        assert refused.value.code == code


def test_page_and_call_take_one(
    admin: User,
    golden: QuestionSet,
    helper: Assistant,
    client_for: Callable[[User | None], Client],
    api_for: Callable[..., Api],
) -> None:
    browser = client_for(admin)
    page = browser.get(f"/evaluation/sets/{golden.pk}/run").content.decode()
    assert f'<option value="{helper.pk}">Legal</option>' in page
    body = {"kind": "answers", "assistant": str(helper.pk)}
    assert api_for(admin).post(f"/evaluation/sets/{golden.pk}/runs", body).status_code == 202
    run = finished(Run.objects.get())
    assert run.config["assistant_id"] == str(helper.pk)
    shown = browser.get(f"/evaluation/runs/{run.pk}").content.decode()
    assert "Version of the assistant" in shown and str(helper.pk) not in shown
