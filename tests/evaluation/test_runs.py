"""Runs: asked by workers that may be killed at any point, each question once, as who started them."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from audit.models import Entry
from audit.problems import Problem
from chat.models import Conversation
from evaluation import asking, claims, erasure, tasks
from evaluation import work as working
from evaluation.claims import Claim
from evaluation.compare import compare
from evaluation.draft import draft_of
from evaluation.models import Question, QuestionSet, Result, Run
from evaluation.questions import change_question, delete_question
from evaluation.runs import delete_run, start_run, stop_run, summary_of
from evaluation.work import work
from inference.client import get_client
from ingest import erase
from ingest.indexes import active
from ingest.models import Collection, Document, Grant, Index
from tests.evaluation.conftest import LEAVE
from tests.ingest.conftest import on_disk  # noqa: F401 (a fixture)

ALL = ["q1", "q2", "q3", "q4", "q5"]


def taken(run: Run) -> Claim:
    claim = claims.take(run.pk)
    assert claim is not None
    return claim


def finished(run: Run) -> Run:
    work(taken(run))
    run.refresh_from_db()
    return run


def some_of(run: Run, monkeypatch: pytest.MonkeyPatch, count: int) -> Claim:
    """A worker that is lost after so many questions: nothing of it is left but what it wrote."""
    claim = taken(run)

    class Killed(BaseException):
        pass

    def progress(done: int, total: int, result: Result) -> None:
        if done == count:
            raise Killed

    with pytest.raises(Killed):
        work(claim, progress=progress)
    return claim


def expire(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


# --- what a run finds ---------------------------------------------------------------------------
@pytest.mark.usefixtures("questions")
def test_a_run_of_finding(admin: User, golden: QuestionSet) -> None:
    run = finished(start_run(admin, golden, label="First"))
    assert (run.status, run.done, run.total, run.error_code) == ("done", 5, 5, "")
    assert list(run.results.values_list("key", flat=True)) == ALL
    everything = run.scores["all"]
    assert everything["scores"]["strict@5"]["n"] == 3
    assert everything["scores"]["strict@5"]["share"] == 1.0
    assert (everything["no-document"], everything["unscored"]) == (1, 1)
    assert {"type:fact", "language:en", "half:odd", "half:even"} <= run.scores.keys()
    assert run.config["embedder"] == active().embedder and run.config["documents"] == 2
    assert run.results.get(key="q1").passages[0].keys() == {"chunk", "document", "rank", "score"}


@pytest.mark.usefixtures("questions")
def test_a_reranker_is_told_and_can_be_left_out(
    admin: User, golden: QuestionSet, settings: Settings
) -> None:
    settings.RERANKER = "fake"
    on, off = (finished(start_run(admin, golden, mode=mode)) for mode in ("hybrid", "fused"))
    told = {"reranker": "fake", "rerank_depth": 20, "rerank_seconds": 1.0}
    assert told.items() <= on.config.items() and not told.keys() & off.config.keys()
    assert [each.name for each in compare(on, off).config] == sorted([*told, "mode"])


@pytest.mark.usefixtures("questions")
def test_a_part_of_the_search_is_measured_as_a_control(
    admin: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = []
    client = get_client()
    embed = client.embed_queries

    def counted(*args: Any, **named: Any) -> Any:
        embedded.append(args)
        return embed(*args, **named)

    monkeypatch.setattr(client, "embed_queries", counted)
    runs = {}
    for mode in Run.Mode.values:
        runs[mode] = finished(start_run(admin, golden, mode=mode))
        assert runs[mode].status == "done" and runs[mode].config["mode"] == mode
        assert bool(embedded) == (mode != "lexical")
        embedded.clear()
    changes = compare(runs["hybrid"], runs["lexical"]).config
    assert [(each.name, each.a, each.b) for each in changes] == [("mode", "hybrid", "lexical")]
    del runs["hybrid"].config["mode"]  # as a run of an older release
    assert [each.a for each in compare(runs["hybrid"], runs["lexical"]).config] == ["hybrid"]


def test_an_answer_is_written_from_the_whole_search(
    admin: User, golden: QuestionSet, questions: list[Question]
) -> None:
    with pytest.raises(Problem) as refused:
        start_run(admin, golden, kind="answers", mode="dense")
    assert refused.value.code == "invalid"


@pytest.mark.usefixtures("questions")
def test_a_run_of_answers_keeps_them_and_no_conversation(admin: User, golden: QuestionSet) -> None:
    run = finished(start_run(admin, golden, kind="answers"))
    assert run.status == "done", run.error_code
    result = run.results.get(key="q1")
    assert result.answer and result.scores["in context"] and result.ms is not None
    assert result.documents.count() == len({p["document"] for p in result.passages})
    assert "refused unanswerable" in run.results.get(key="q4").scores
    assert run.config["prompt_sha256"] and run.config["model"]
    assert not Conversation.objects.exists()


@pytest.mark.usefixtures("questions")
def test_the_record_has_a_run_and_not_its_questions(admin: User, golden: QuestionSet) -> None:
    before = Entry.objects.count()
    run = finished(start_run(admin, golden))
    begun, ended = Entry.objects.filter(id__gt=0).order_by("id")[before:]
    assert (begun.action, ended.action) == ("evaluation.run.begin", "evaluation.run.finish")
    assert begun.actor == ended.actor == str(admin.pk) and ended.target_id == str(run.pk)
    assert ended.data["document_count"] == 2 and ended.data["done"] == 5
    assert LEAVE not in str([begun.data, ended.data])


def test_a_run_needs_questions_and_is_alone(
    admin: User, golden: QuestionSet, questions: list[Question]
) -> None:
    start_run(admin, golden)
    with pytest.raises(Problem, match="run-in-progress"):
        start_run(admin, golden)
    assert start_run(admin, golden, kind="answers").total == 5
    for question in questions:
        delete_question(admin, question)
    with pytest.raises(Problem, match="no-questions"):
        start_run(admin, golden)


@pytest.mark.usefixtures("questions")
def test_an_index_that_is_not_built_is_not_measured(admin: User, golden: QuestionSet) -> None:
    other = Index.objects.create(state="building", embedder="other", chunking="1")
    for index, kind in ((other, "retrieval"), (other, "answers")):
        with pytest.raises(Problem, match="index-not-built"):
            start_run(admin, golden, index=index, kind=kind)
    Index.objects.filter(pk=other.pk).update(built_at=timezone.now())
    other.refresh_from_db()
    run = finished(start_run(admin, golden, index=other))
    assert run.config["embedder"] == "other"
    assert run.scores["all"]["scores"]["file@5"]["share"] == 0  # it holds nothing


# --- killed, stopped, at once -------------------------------------------------------------------
@pytest.mark.usefixtures("questions")
def test_a_run_goes_on_behind_its_last_result(
    admin: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_run(admin, golden)
    lost = some_of(run, monkeypatch, 2)
    assert claims.take(run.pk) is None  # its lease holds
    first = list(run.results.values_list("pk", flat=True))
    expire(run)
    claims.recover()
    run = finished(run)
    assert run.status == "done" and run.done == 5
    assert list(run.results.values_list("key", flat=True)) == ALL
    assert list(run.results.values_list("pk", flat=True))[:2] == first
    work(lost)  # whoever was taken for dead and wakes up writes nothing
    assert run.results.count() == 5


@pytest.mark.usefixtures("questions")
def test_a_run_that_loses_each_worker_ends(
    admin: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_run(admin, golden)
    for _attempt in range(claims.MOST_ATTEMPTS):
        taken(run)
        expire(run)
        claims.recover()
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("failed", "worker-lost") and run.reason


@pytest.mark.usefixtures("questions")
def test_a_result_makes_the_attempts_before_it_forgotten(
    admin: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_run(admin, golden)
    for count in (1, 2, 3):
        some_of(run, monkeypatch, count)
        expire(run)
        claims.recover()
    run.refresh_from_db()
    assert run.attempts == 1 and run.status == "queued"


@pytest.mark.usefixtures("questions")
def test_stopping(admin: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = start_run(admin, golden)
    stop_run(admin, waiting)
    waiting.refresh_from_db()
    assert waiting.status == "stopped" and claims.take(waiting.pk) is None

    run = start_run(admin, golden)
    claim = taken(run)

    def stop(done: int, total: int, result: Result) -> None:
        stop_run(admin, run)

    work(claim, progress=stop)
    run.refresh_from_db()
    assert (run.status, run.done) == ("stopped", 1)
    assert run.scores["all"]["n"] == 1 and summary_of(run) == run.scores
    stop_run(admin, run)  # harmless


@pytest.mark.usefixtures("questions")
def test_a_stop_reaches_a_run_whose_worker_is_lost(
    admin: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start_run(admin, golden)
    some_of(run, monkeypatch, 1)
    stop_run(admin, run)
    expire(run)
    claims.recover()
    run.refresh_from_db()
    assert run.status == "stopped"


@pytest.mark.usefixtures("questions")
def test_a_deleted_run_ends_its_worker(admin: User, golden: QuestionSet) -> None:
    run = start_run(admin, golden)
    claim = taken(run)
    work(claim, progress=lambda *_: delete_run(admin, run))
    assert not Run.objects.exists() and not Result.objects.exists()


@pytest.mark.usefixtures("questions")
def test_a_run_makes_way_for_what_waits(
    admin: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "SLICE_SECONDS", 0)
    monkeypatch.setattr("ingest.queue.depth", lambda: 1)
    run = start_run(admin, golden)
    work(taken(run))
    run.refresh_from_db()
    assert (run.status, run.done) == ("queued", 1)
    tasks.work(str(run.pk))
    run.refresh_from_db()
    assert run.done == 2


@pytest.mark.usefixtures("questions")
def test_the_sweep_sends_nothing_while_many_messages_wait(
    admin: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_run(admin, golden)
    Run.objects.update(created_at=timezone.now() - timedelta(minutes=1))
    assert claims.recover() == 1
    monkeypatch.setattr(claims, "DEEP", -1)
    assert claims.recover() == 0


@pytest.fixture
def shared(request: pytest.FixtureRequest) -> None:
    """In memory whoever comes while somebody writes is sent away at once, in a file she waits."""
    if connection.vendor == "sqlite":
        request.getfixturevalue("on_disk")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("shared", "questions")
def test_two_workers_at_once_ask_each_question_once(admin: User, golden: QuestionSet) -> None:
    run = start_run(admin, golden)
    won: list[Claim] = []
    gate = threading.Barrier(2)

    def worker() -> None:
        gate.wait()
        claim = claims.take(run.pk)
        if claim:
            won.append(claim)
            work(claim)
        connection.close()

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.refresh_from_db()
    assert len(won) == 1 and run.status == "done"
    assert list(run.results.values_list("key", flat=True)) == ALL


# --- what changes while it is at work -----------------------------------------------------------
def test_keys_that_change_meanwhile_come_once(
    admin: User, golden: QuestionSet, questions: list[Question]
) -> None:
    """One that was asked is not asked again as another; one that took a key that has a result waits."""

    def swap(done: int, total: int, result: Result) -> None:
        if done == 1:
            change_question(admin, questions[0], replace(draft_of(questions[0]), key="z"))
            change_question(admin, questions[1], replace(draft_of(questions[1]), key="q1"))

    run = start_run(admin, golden)
    work(taken(run), progress=swap)
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("done", "")
    assert list(run.results.values_list("key", flat=True)) == ["q1", "q3", "q4", "q5"]


@pytest.mark.usefixtures("questions")
@pytest.mark.parametrize(
    "change",
    [
        lambda admin: Grant.objects.filter(user=admin).delete(),
        lambda admin: User.objects.filter(pk=admin.pk).update(is_admin=False),
        lambda admin: User.objects.filter(pk=admin.pk).update(is_active=False),
        lambda admin: Run.objects.update(started_by=None),
    ],
)
def test_a_run_asks_nothing_that_its_starter_may_not(
    admin: User, golden: QuestionSet, change: Any
) -> None:
    run = start_run(admin, golden)
    work(taken(run), progress=lambda *_: change(admin))
    run.refresh_from_db()
    assert (run.status, run.error_code, run.done) == ("failed", "run-forbidden", 1)


@pytest.mark.usefixtures("questions")
def test_a_run_does_not_mix_indexes(admin: User, golden: QuestionSet) -> None:
    def switch(*_: object) -> None:
        Index.objects.filter(state="active").update(state="retired")
        Index.objects.create(state="active", embedder="new", chunking="1")

    run = start_run(admin, golden, kind="answers")
    work(taken(run), progress=switch)
    run.refresh_from_db()
    assert run.status == "failed" and run.error_code in ("index-switched", "index-gone")


def test_questions_that_change_while_a_run_is_at_work(
    admin: User, golden: QuestionSet, questions: list[Question]
) -> None:
    run = start_run(admin, golden)
    before = finished(start_run(admin, golden, kind="answers"))

    def change(done: int, total: int, result: Result) -> None:
        if done == 1:
            delete_question(admin, questions[1])
            draft = draft_of(questions[2])
            change_question(admin, questions[2], draft)

    work(taken(run), progress=change)
    run.refresh_from_db()
    assert run.status == "done" and list(run.results.values_list("key", flat=True)) == [
        "q1", "q3", "q4", "q5",
    ]  # fmt: skip
    assert before.results.get(key="q2").question is None


@pytest.mark.usefixtures("questions")
def test_the_same_run_again_wins_and_loses_nothing(admin: User, golden: QuestionSet) -> None:
    found = compare(finished(start_run(admin, golden)), finished(start_run(admin, golden)))
    assert found.questions == [] and found.config == [] and found.changed == 0
    assert {each.difference for each in found.scores} == {0}


# --- erasure ------------------------------------------------------------------------------------
@pytest.mark.usefixtures("questions")
def test_answers_go_with_the_documents_that_they_were_written_from(
    admin: User, alice: User, golden: QuestionSet, collection: Collection
) -> None:
    run = finished(start_run(admin, golden, kind="answers"))
    document = Document.objects.get(name="leave.md")
    written_from = run.results.filter(documents=document)
    assert written_from.exclude(answer="").exists()
    ids = list(written_from.values_list("pk", flat=True))
    erase.erase_document(alice, document)
    erase.finish_document(document.pk)
    assert not Result.objects.filter(pk__in=ids).exclude(answer="").exists()
    assert run.results.get(key="q1").scores["in context"]


@pytest.mark.usefixtures("questions")
def test_an_answer_whose_document_goes_meanwhile_is_not_kept(
    admin: User, alice: User, golden: QuestionSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = asking.write_answer

    def erased_meanwhile(*args: Any, **kwargs: Any) -> Any:
        outcome = real(*args, **kwargs)
        Document.objects.update(status="erasing")
        return outcome

    monkeypatch.setattr(working, "write_answer", erased_meanwhile)
    run = start_run(admin, golden, kind="answers")
    work(taken(run), progress=lambda *_: stop_run(admin, run))
    assert run.results.get().answer == "" and run.results.get().passages


@pytest.mark.usefixtures("questions")
def test_nothing_of_a_run_is_left_of_an_erased_collection(
    admin: User, alice: User, golden: QuestionSet, collection: Collection
) -> None:
    run = finished(start_run(admin, golden, kind="answers"))
    erase.erase_collection(alice, collection)
    assert erase.finish_collection(collection.pk)
    assert not run.results.exclude(answer="").exists()
    assert not golden.collections.exists()


@pytest.mark.usefixtures("questions")
def test_answers_past_their_time_go(admin: User, golden: QuestionSet, settings: Any) -> None:
    run = finished(start_run(admin, golden, kind="answers"))
    assert erasure.forget_old_answers() == 0
    Run.objects.update(created_at=timezone.now() - timedelta(days=91))
    settings.KEEP_RUN_ANSWERS_DAYS = 0
    assert erasure.forget_old_answers() == 0
    settings.KEEP_RUN_ANSWERS_DAYS = 90
    tasks.tidy()
    assert not run.results.exclude(answer="").exists() and run.results.count() == 5


@pytest.mark.usefixtures("questions")
def test_who_started_a_run_is_forgotten_with_her(admin: User, golden: QuestionSet) -> None:
    run = finished(start_run(admin, golden))
    with transaction.atomic():
        admin.delete()
    run.refresh_from_db()
    assert run.started_by is None and run.set.created_by is None
