"""Stop, and try again: one document, or all of a collection."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone, translation

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from ingest import claims, documents, erase, lexical, queue
from ingest.indexes import active
from ingest.models import Chunk, Collection, Document, Extract
from ingest.parsers import sandbox
from ingest.parsers.base import Limits
from ingest.parsers.frames import Told
from ingest.parsers.sandbox import parse_isolated
from ingest.pipeline import process_document
from tests import people
from tests.ingest.conftest import Add, Put

pytestmark = pytest.mark.django_db
Status, Lane = Document.Status, Document.Lane

TEXT = "# Annual leave\n\nEvery employee has 28 days of annual leave per year."


def failed(collection: Collection, code: str, **fields: Any) -> Document:
    """A document that was read, and failed with `code` at some point."""
    text = f"{code} {fields} 28 days"
    document = people.make_document(
        collection, text, status=Status.FAILED, error_code=code, attempts=3, **fields
    )
    chunk = people.make_chunk(document, text)
    lexical.index(document, [chunk])
    Extract.objects.create(document=document, data=b"blocks")
    return document


# --- stop ---------------------------------------------------------------------------------------
def test_what_waits_is_stopped(erin: User, put: Put) -> None:
    document = put("leave.md", TEXT).document
    stopped = documents.cancel(erin, document)
    assert (stopped.status, stopped.error_code) == ("failed", "cancelled")
    assert stopped.reason == "It was stopped. Read it again when you like."
    assert claims.take(document.pk) is None and claims.take_next() is None
    entry = Entry.objects.get(action=actions.DOCUMENT_CANCELLED)
    assert entry.target_id == str(document.pk) and entry.actor == str(erin.pk)


def test_what_is_in_work_is_stopped_and_its_worker_notices(erin: User, put: Put) -> None:
    document = put("leave.md", TEXT).document
    claim = claims.take_next()
    assert claim
    claim.check()
    claim.held().update(visible=True)
    stopped = documents.cancel(erin, document)
    assert (stopped.status, stopped.visible, stopped.lease) == ("failed", False, None)
    for notices in (claim.check, claim.renew, lambda: claim.kept(1, 2)):
        with pytest.raises(claims.LeaseLost):
            notices()
    assert claims.release(claim, 5) is False
    assert claims.fail(claim.held(), "internal-error", "x") is False
    document.refresh_from_db()
    assert document.error_code == "cancelled"


def test_a_reader_at_work_is_ended(
    put: Put, erin: User, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child is reading when the document is stopped: the check ends it."""
    # A quick machine reads the file within the second after which a silent child is asked for.
    monkeypatch.setattr(sandbox, "_CHECK_SECONDS", 0.01)
    document = put("leave.md", TEXT).document
    claim = claims.take_next()
    assert claim
    documents.cancel(erin, document)
    large = tmp_path / "large.txt"
    large.write_text("Every employee has 28 days of annual leave. " * 200_000)
    with large.open("rb") as source, pytest.raises(claims.LeaseLost):
        parse_isolated(
            source.fileno(),
            "text/plain",
            Limits(max_pages=10, max_chars=100_000_000),
            told=Told(claim.progress, check=claim.check),
            cpu_seconds=60,
            wall_seconds=60,
            memory_mb=1_000,
        )


def test_what_was_stopped_a_moment_ago_is_erased_when_its_worker_has_noticed(
    erin: User, put: Put
) -> None:
    """It may be writing vectors just then, and they would stay."""
    document = put("leave.md", TEXT).document
    assert claims.take_next()
    documents.cancel(erin, document)
    erase.erase_document(erin, document)
    assert not erase.due().exists()
    Document.objects.update(lease_until=timezone.now() - timedelta(seconds=5))
    assert erase.due().exists()


def test_what_has_ended_is_left_alone(erin: User, collection: Collection) -> None:
    ready = people.make_document(collection)
    assert documents.cancel(erin, ready).status == "ready"
    broken = failed(collection, "damaged")
    assert documents.cancel(erin, broken).error_code == "damaged"
    assert not Entry.objects.filter(action=actions.DOCUMENT_CANCELLED).exists()


def test_the_sentence_is_kept_in_english_whoever_asks(erin: User, put: Put) -> None:
    document = put("leave.md", TEXT).document
    with translation.override("de"):
        documents.cancel(erin, document)
    document.refresh_from_db()
    assert document.error_detail == "It was stopped. Read it again when you like."


def test_all_that_wait_in_a_collection_are_stopped(
    erin: User, put: Put, alice: User, collection: Collection
) -> None:
    other = people.make_collection(alice, "Other")
    elsewhere = put("leave.md", TEXT, into=other).document
    running = put("running.md", TEXT + " a").document
    assert claims.take(running.pk)
    for number in range(3):
        put(f"{number}.md", f"{TEXT} {number}")
    assert documents.cancel_waiting(erin, collection) == 3
    states = dict(Document.objects.values_list("pk", "status"))
    assert states.pop(elsewhere.pk) == "queued" and states.pop(running.pk) == "processing"
    assert set(states.values()) == {"failed"}
    entry = Entry.objects.get(action=actions.DOCUMENT_CANCELLED)
    assert entry.target_id == str(collection.pk) and entry.data == {"documents": 3}
    assert documents.cancel_waiting(erin, collection) == 0


@pytest.mark.parametrize("deed", [documents.cancel, documents.retry])
def test_only_editors_stop_and_repeat(
    bob: User, charlie: User, collection: Collection, deed: Callable[[User, Document], Document]
) -> None:
    document = failed(collection, "cancelled")
    with pytest.raises(PermissionDenied):
        deed(bob, document)
    with pytest.raises(Http404):
        deed(charlie, document)


@pytest.mark.parametrize("deed", [documents.cancel_waiting, documents.retry_failed])
def test_only_editors_stop_and_repeat_all(
    bob: User, charlie: User, collection: Collection, deed: Callable[[User, Collection], int]
) -> None:
    with pytest.raises(PermissionDenied):
        deed(bob, collection)
    with pytest.raises(Http404):
        deed(charlie, collection)


# --- try again ----------------------------------------------------------------------------------
READ = timezone.now() - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("cancelled", {"stage": "embed", "done": 32, "total": 90, "words_at": READ}),
        ("cancelled", {"stage": "ocr", "done": 8, "total": 20}),
        ("models-failed", {"stage": "embed"}),
        ("vectors-unavailable", {"stage": "embed"}),
        ("not-findable", {"stage": "probe", "words_at": READ}),
        ("worker-lost", {"stage": "embed", "words_at": READ}),
    ],
)
def test_it_goes_on_from_what_was_kept(
    erin: User, collection: Collection, code: str, fields: dict[str, Any]
) -> None:
    document = failed(collection, code, lane=Lane.SLOW, reading={"pages": 3}, **fields)
    again = documents.retry(erin, document)
    assert (again.status, again.attempts, again.error_code) == ("queued", 0, "")
    assert Extract.objects.filter(pk=document.pk).exists() and again.chunks.count() == 1
    assert (again.lane, again.reading) == (Lane.SLOW, {"pages": 3})
    assert (again.stage, again.done) == (fields["stage"], fields.get("done", 0))


@pytest.mark.parametrize("code", ["damaged", "no-text", "internal-error", "worker-lost"])
def test_it_is_read_anew(erin: User, collection: Collection, code: str) -> None:
    document = failed(collection, code, lane=Lane.SLOW, stage="parse", done=3, reading={"lost": 3})
    again = documents.retry(erin, document)
    assert not Extract.objects.exists() and not Chunk.objects.exists()
    assert (again.stage, again.done, again.lane, again.reading) == ("", 0, Lane.QUICK, {})
    Document.objects.update(status="ready", visible=True)
    assert lexical.search("28 days", [collection.pk], 5, index=active().pk) == []


def test_who_tries_again_stands_in_line_again(erin: User, put: Put, collection: Collection) -> None:
    document = failed(collection, "worker-lost")
    put("waits.md", TEXT)
    assert documents.retry(erin, document).turn > 0


def test_what_was_stopped_is_ready_after_another_try(add: Add, erin: User) -> None:
    document = add("leave.md", TEXT)
    # As in the middle of its last step.
    Document.objects.filter(pk=document.pk).update(
        status="processing",
        stage="embed",
        lease=uuid4(),
        lease_until=timezone.now() + timedelta(seconds=60),
    )
    before = list(document.chunks.values_list("id", "text"))
    documents.cancel(erin, document)
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.visible) == ("failed", False)
    documents.retry(erin, document)
    process_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.visible) == ("ready", True)
    assert list(document.chunks.values_list("id", "text")) == before


def test_all_that_a_second_try_may_help_are_queued(
    erin: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(queue, "send_each", lambda _task, keys: sent.extend(keys))
    helped = {
        failed(collection, code).pk
        for code in ("cancelled", "worker-lost", "models-failed", "disk-full")
    }
    left = {failed(collection, code).pk for code in ("damaged", "encrypted", "too-many-pages")}
    assert documents.retry_failed(erin, collection) == 4
    states = dict(Document.objects.values_list("pk", "status"))
    assert {pk for pk, status in states.items() if status == "queued"} == helped
    assert {pk for pk, status in states.items() if status == "failed"} == left
    assert sorted(sent) == sorted(str(pk) for pk in helped)
    entry = Entry.objects.get(action=actions.DOCUMENT_RETRIED)
    assert entry.target_id == str(collection.pk) and entry.data == {"documents": 4}
    assert documents.retry_failed(erin, collection) == 0


def test_what_is_ready_is_not_repeated(erin: User, collection: Collection) -> None:
    with pytest.raises(Problem) as refusal:
        documents.retry(erin, people.make_document(collection))
    assert refusal.value.code == "not-failed"
