"""The API of golden questions and runs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.client import MULTIPART_CONTENT
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from evaluation.claims import take
from evaluation.models import Question, QuestionSet, Result, Run
from evaluation.questions import create_question
from evaluation.sets import create_set
from evaluation.work import work
from ingest.models import Collection
from tests import people
from tests.evaluation.conftest import LEAVE, draft
from tests.people import Api

ONE = {
    "key": "k",
    "question": LEAVE,
    "evidence": [{"file": "leave.md", "quote": "28 days"}],
    "must_contain": ["28"],
}


@pytest.fixture
def api(api_for: Callable[..., Api], admin: User) -> Api:
    return api_for(admin)


def upload(api: Api, golden: QuestionSet, data: bytes, name: str, **fields: str) -> Any:
    body = {"file": SimpleUploadedFile(name, data), **fields}
    address = f"/evaluation/sets/{golden.pk}/import"
    return api.post(address, body, content_type=MULTIPART_CONTENT)


def test_only_with_the_scope_of_administrators(
    api_for: Callable[..., Api], admin: User, alice: User, golden: QuestionSet
) -> None:
    for api in (api_for(alice), api_for(admin, ["read", "ask", "write"])):
        assert api.get(f"/evaluation/sets/{golden.pk}").status_code == 403


def test_sets(api: Api, golden: QuestionSet, collection: Collection) -> None:
    made = api.post("/evaluation/sets", {"name": "Two", "collections": [str(collection.pk)]})
    assert made.status_code == 201 and made.json()["questions"] == 0
    names = [item["name"] for item in api.get("/evaluation/sets").json()["items"]]
    assert names == ["Golden", "Two"]
    address = f"/evaluation/sets/{made.json()['id']}"
    assert api.patch(address, {"name": "Three"}).json()["name"] == "Three"
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404


def test_questions(api: Api, golden: QuestionSet) -> None:
    address = f"/evaluation/sets/{golden.pk}/questions"
    made = api.post(address, ONE)
    assert made.status_code == 201, made.json()
    assert api.post(address, ONE).json()["code"] == "question-there"
    one = f"/evaluation/questions/{made.json()['id']}"
    changed = api.put(one, {**ONE, "question": "How many?", "type": "table"}).json()
    assert (changed["type"], changed["question"]) == ("table", "How many?")
    listed = api.get(f"{address}?state=accepted&limit=1").json()
    assert [item["key"] for item in listed["items"]] == ["k"] and listed["next_cursor"] is None
    assert api.get(f"{address}?state=suggested").json()["items"] == []
    assert api.get(f"{address}?state=xx").status_code == 422
    assert api.delete(one).status_code == 204 and api.get(one).status_code == 404


def test_a_question_that_cannot_be_kept_says_why(api: Api, golden: QuestionSet) -> None:
    answer = api.post(f"/evaluation/sets/{golden.pk}/questions", {**ONE, "must_contain": ["("]})
    assert answer.status_code == 422 and answer.json()["code"] == "question-faulty"
    assert answer.json()["errors"][0]["field"] == "must_contain"


def test_import_and_export(api: Api, golden: QuestionSet) -> None:
    line = json.dumps({**ONE, "note": "checked"}).encode()
    found = upload(api, golden, line, "q.jsonl").json()
    assert found == {"created": 1, "updated": 0, "unchanged": 0, "ignored": ["note"]}
    for form in ("jsonl", "csv"):
        file = api.get(f"/evaluation/sets/{golden.pk}/export?form={form}")
        assert "attachment" in file["Content-Disposition"]
        assert upload(api, golden, file.content, f"q.{form}").json()["unchanged"] == 1
    assert api.get(f"/evaluation/sets/{golden.pk}/export?form=xml").status_code == 422


def test_an_import_that_is_refused_names_its_lines(api: Api, golden: QuestionSet) -> None:
    answer = upload(api, golden, b"{}\n{", "q.jsonl")
    assert answer.status_code == 422 and answer.json()["code"] == "import-refused"
    assert [fault["line"] for fault in answer.json()["faults"]] == [1, 2]
    assert not Question.objects.exists()
    assert upload(api, golden, b"", "q.xml", form="xml").json()["code"] == "invalid"


@pytest.mark.usefixtures("questions")
def test_runs(api: Api, golden: QuestionSet) -> None:
    address = f"/evaluation/sets/{golden.pk}/runs"
    ids = []
    for label in ("before", "after"):
        begun = api.post(address, {"label": label})
        assert begun.status_code == 202, begun.json()
        ids.append(begun.json()["id"])
        claim = take(ids[-1])
        assert claim is not None
        work(claim)
    run = f"/evaluation/runs/{ids[1]}"
    detail = api.get(run).json()
    assert detail["status"] == "done" and detail["scores"]["all"]["n"] == 5
    results = api.get(f"{run}/results?limit=2").json()
    assert [item["key"] for item in results["items"]] == ["q1", "q2"] and results["next_cursor"]
    compared = api.get(f"{run}/compare").json()
    assert compared["a"] == ids[0] and compared["questions"] == []
    assert api.get(f"{run}/compare?against={ids[0]}").json() == compared
    first = f"/evaluation/runs/{ids[0]}"
    assert api.get(f"{first}/compare").json()["code"] == "nothing-to-compare"
    assert api.post(f"{first}/stop").json()["status"] == "done"
    listed = api.get(f"/evaluation/runs?of={golden.pk}").json()["items"]
    assert [item["label"] for item in listed] == ["after", "before"]
    assert api.delete(first).status_code == 204


@pytest.mark.usefixtures("questions")
def test_stopping_a_run_that_waits(api: Api, golden: QuestionSet) -> None:
    begun = api.post(f"/evaluation/sets/{golden.pk}/runs", {}).json()
    assert begun["status"] == "queued"
    assert api.post(f"/evaluation/runs/{begun['id']}/stop").json()["status"] == "stopped"


def test_what_cannot_be_run(api: Api, golden: QuestionSet, questions: list[Question]) -> None:
    address = f"/evaluation/sets/{golden.pk}/runs"
    nothing = "00000000-0000-0000-0000-000000000000"
    assert api.post(address, {"index": nothing}).status_code == 404
    assert api.post(address, {"mode": "both"}).status_code == 422
    assert api.post(address, {"mode": "dense", "kind": "answers"}).json()["code"] == "invalid"
    assert api.post(address, {"mode": "dense"}).json()["config"]["mode"] == "dense"
    unknown = api.post(address, {"kind": "answers", "model": "none"})
    assert unknown.status_code == 503 and unknown.json()["code"] == "model-unknown"


def test_lists_ask_as_often_however_long_they_are(
    api: Api, admin: User, golden: QuestionSet, collection: Collection
) -> None:
    document = people.make_document(collection)
    passage = {"chunk": str(document.chunks.get().pk), "document": str(document.pk)}
    run = Run.objects.create(set=golden, kind="answers", started_by=admin, status="done")
    for n in range(6):
        Result.objects.create(
            run=run, key=f"k{n}", ordinal=n, type="fact", language="en", digest="",
            answer=f"{n} days", passages=[passage],
        )  # fmt: skip
        create_question(admin, golden, draft(f"k{n}", f"{n}?", "leave.txt", "So."))
        create_set(admin, name=f"Set {n}", collections=[collection.pk])
    for address in ("/evaluation/sets", f"/evaluation/runs/{run.pk}/results"):
        asked = []
        for limit in (1, 6):
            with CaptureQueriesContext(connection) as queries:
                items = api.get(f"{address}?limit={limit}").json()["items"]
            asked.append(len(queries))
            assert len(items) == limit
        assert asked[1] <= asked[0]  # the first notes that the token was used
    assert [item["answer"] for item in items] == [f"{n} days" for n in range(6)]
    assert api.get("/evaluation/sets").json()["items"][0] == {
        **api.get(f"/evaluation/sets/{golden.pk}").json(), "questions": 6, "suggested": 0,
    }  # fmt: skip
