"""A legal hold wins over erasure, whoever asks and whenever it comes; its release lets it go on."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client

from accounts.models import User
from accounts.people import delete_user
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from chat.conversations import delete_conversation
from chat.feedback import rate
from chat.models import Conversation, Feedback, Message
from ingest import erase, holds, queue, recover
from ingest.access import chunks_for, documents_for
from ingest.models import Chunk, Collection, Document, Hold
from ingest.pipeline import process_document
from tests import people
from tests.ingest.conftest import Add, Put

pytestmark = pytest.mark.django_db

LEAVE = "# Annual leave\n\nEvery employee has 28 days of annual leave per year."


@pytest.fixture
def officer(db: None) -> User:
    return people.make_user("Olga", is_compliance=True)


def held(officer: User, thing: object, reference: str = "2026-17/HR") -> Hold:
    kinds: dict[type, str] = {Document: "document", Collection: "collection", User: "user"}
    target = kinds.get(type(thing), "everything")
    key = getattr(thing, "pk", None)
    return holds.place(officer, target=target, target_id=key, reference=reference)


def targets(document: Document) -> dict[str, object]:
    return {
        "document": document,
        "collection": document.collection,
        "uploader": document.uploaded_by,
        "everything": None,
    }


@pytest.mark.parametrize("kind", ["document", "collection", "uploader", "everything"])
def test_a_held_document_is_not_erased(
    officer: User, erin: User, collection: Collection, kind: str
) -> None:
    document = people.make_document(collection)
    held(officer, targets(document)[kind])
    with pytest.raises(Problem) as problem:
        erase.erase_document(erin, document)
    assert (problem.value.status, problem.value.code) == (409, "on-hold")
    document.refresh_from_db()
    assert document.status == Document.Status.READY


@pytest.mark.parametrize("kind", ["document", "collection", "uploader", "everything"])
def test_a_collection_with_something_held_is_not_erased(
    officer: User, alice: User, collection: Collection, kind: str
) -> None:
    document = people.make_document(collection)
    held(officer, targets(document)[kind])
    with pytest.raises(Problem, match="on-hold"):
        erase.erase_collection(alice, collection)
    collection.refresh_from_db()
    assert not collection.erasing


def test_a_hold_on_something_else_holds_nothing_up(
    officer: User, erin: User, bob: User, collection: Collection
) -> None:
    document = people.make_document(collection)
    held(officer, people.make_document(collection, "Other text."))
    held(officer, people.make_collection(bob, "Other"))
    held(officer, bob)
    assert erase.erase_document(erin, document)


def test_a_hold_that_comes_after_the_asking_keeps_everything(
    add: Add,
    officer: User,
    erin: User,
) -> None:
    document = add("leave.md", LEAVE)
    chunks, file = document.chunk_count, Path(document.file.path)
    erase.erase_document(erin, document)
    hold = held(officer, document)
    assert erase.finish_document(document.pk) is False
    assert file.exists() and document.chunks.count() == chunks
    assert list(holds.waiting()) == [document] and not erase.due().exists()
    holds.release(officer, hold.pk)
    assert erase.finish_document(document.pk) is True
    assert not file.exists() and not Document.objects.exists()


def test_a_hold_after_the_erasure_began_comes_too_late_and_says_so(
    officer: User, erin: User, collection: Collection
) -> None:
    document = people.make_document(collection)
    erase.erase_document(erin, document)
    assert erase._begun(document.pk)
    with pytest.raises(Problem, match="hold-too-late"):
        held(officer, document)
    held(officer, collection)
    assert erase.due().get() == document  # what has begun is finished


def test_a_new_version_hides_the_held_one_and_keeps_it_until_release(
    add: Add,
    put: Put,
    officer: User,
    bob: User,
) -> None:
    old = add("leave.md", LEAVE)
    hold = held(officer, old)
    new = add("leave.md", LEAVE.replace("28", "30"))
    assert list(documents_for(bob)) == [new]
    assert not chunks_for(bob).filter(document=old).exists()
    assert erase.finish_document(old.pk) is False
    assert Chunk.objects.filter(document=old).exists() and Path(old.file.path).exists()
    holds.release(officer, hold.pk)
    assert erase.finish_document(old.pk) is True
    assert list(Document.objects.all()) == [new]


def test_the_sweep_takes_up_what_waited_for_a_release(
    officer: User, alice: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.make_document(collection)
    erase.erase_collection(alice, collection)
    hold = held(officer, collection)
    sent: list[str] = []
    monkeypatch.setattr(queue, "depth", lambda: 0)

    def send(task: str, keys: Iterable[str]) -> int:
        before = len(sent)
        sent.extend(task for _ in keys)
        return len(sent) - before

    monkeypatch.setattr(queue, "send_each", send)
    recover.lost_messages()
    assert sent == []
    holds.release(officer, hold.pk)
    recover.lost_messages()
    assert sent == [queue.ERASE_COLLECTION]


def test_a_held_collection_stays_and_goes_after_release(
    add: Add,
    officer: User,
    alice: User,
    collection: Collection,
) -> None:
    document = add("leave.md", LEAVE)
    erase.erase_collection(alice, collection)
    hold = held(officer, document)
    assert erase.finish_collection(collection.pk) is False
    assert document.chunks.count() == document.chunk_count
    holds.release(officer, hold.pk)
    assert erase.finish_collection(collection.pk) is True
    assert not Collection.objects.exists()


def test_a_document_in_work_can_be_held(
    vectors: str,
    put: Put,
    officer: User,
    erin: User,
) -> None:
    document = put("leave.md", LEAVE).document
    held(officer, document)
    process_document(document.pk)
    with pytest.raises(Problem, match="on-hold"):
        erase.erase_document(erin, document)


@pytest.mark.parametrize("everything", [True, False])
def test_a_held_persons_conversations_feedback_and_account_stay(
    officer: User, admin: User, bob: User, everything: bool
) -> None:
    conversation = people.make_conversation(bob)
    answer = conversation.messages.get(role=Message.Role.ASSISTANT)
    rate(bob, answer, 1)
    hold = held(officer, None if everything else bob)
    with pytest.raises(Problem, match="on-hold"):
        delete_conversation(bob, conversation)
    with pytest.raises(Problem, match="on-hold"):
        rate(bob, answer, -1)
    with pytest.raises(Problem, match="on-hold"):
        delete_user(admin, bob)
    assert Feedback.objects.get().rating == 1 and Conversation.objects.exists()
    assert not Entry.objects.filter(action=actions.USER_DELETED).exists()
    holds.release(officer, hold.pk)
    delete_user(admin, bob)
    assert not Conversation.objects.exists()


def test_holds_are_recorded_by_id_and_reference(officer: User, collection: Collection) -> None:
    hold = held(officer, collection)
    holds.release(officer, hold.pk)
    placed, released = Entry.objects.filter(action__startswith="ingest.hold").order_by("id")
    assert (placed.action, released.action) == (actions.HOLD_PLACED, actions.HOLD_RELEASED)
    assert placed.actor == str(officer.pk)
    assert (placed.target_type, placed.target_id) == ("collection", str(collection.pk))
    assert placed.data == {"hold": str(hold.pk), "reference": "2026-17/HR"}


@pytest.mark.parametrize("reference", ["", "Miller said so", "x" * 101, "a\nb", "<b>"])
def test_a_reference_is_the_number_of_a_case_and_no_text(officer: User, reference: str) -> None:
    with pytest.raises(Problem, match="bad-reference"):
        held(officer, None, reference)


@pytest.mark.parametrize("target", ["document", "collection", "user", "folder", ""])
def test_what_does_not_exist_cannot_be_held(officer: User, target: str) -> None:
    with pytest.raises(Problem, match="no-such-target"):
        holds.place(officer, target=target, target_id=None, reference="1")
    with pytest.raises(Problem, match="no-such-target"):
        holds.place(
            officer,
            target=target,
            target_id=officer.pk if target != "user" else Hold().pk,
            reference="1",
        )


def test_the_same_hold_is_placed_once_and_released_once(officer: User, bob: User) -> None:
    hold = held(officer, bob)
    with pytest.raises(Problem, match="already-held"):
        held(officer, bob)
    held(officer, bob, "other-case")
    holds.release(officer, hold.pk)
    with pytest.raises(Http404):
        holds.release(officer, hold.pk)
    assert holds.on(user=bob).count() == 1


def test_only_officers_place_and_release(officer: User, admin: User, bob: User) -> None:
    hold = held(officer, bob)
    for user in (admin, bob):
        with pytest.raises(PermissionDenied):
            held(user, bob)
        with pytest.raises(PermissionDenied):
            holds.release(user, hold.pk)


def test_pages_and_calls_say_that_it_is_held(
    officer: User,
    alice: User,
    collection: Collection,
    client_for: Callable[[User], Client],
    api_for: Callable[..., people.Api],
) -> None:
    document = people.make_document(collection)
    conversation = people.make_conversation(alice)
    held(officer, None)
    api, client = api_for(alice), client_for(alice)
    for path in (f"documents/{document.pk}", f"collections/{collection.pk}"):
        answer = api.delete(f"/{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "on-hold")
        page = client.post(f"/{path}/delete", follow=True)
        assert "legal hold" in page.content.decode()
    assert api.delete(f"/conversations/{conversation.pk}").status_code == 409
    assert "legal hold" in client.post(f"/c/{conversation.pk}/delete", follow=True).content.decode()
