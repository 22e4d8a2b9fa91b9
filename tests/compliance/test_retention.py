"""What is past its time goes, and the purge proves it; what is held stays."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.seal import seal
from audit.verify import verify
from chat.models import Conversation, Feedback, Message
from compliance import retention
from compliance.keeping_tasks import purge as purge_task
from compliance.retention import KINDS, Kind, purge
from ingest import holds
from ingest.models import Collection, Document
from tests import people

pytestmark = pytest.mark.django_db

DAYS = 30


@pytest.fixture
def officer(db: None) -> User:
    return people.make_user("Olga", is_compliance=True)


@pytest.fixture(autouse=True)
def _kept(settings: Any) -> None:
    for kind in ROWS.values():
        setattr(settings, kind.setting, DAYS)


def make(kind: Kind, user: User, collection: Collection, age: timedelta) -> Any:
    """One thing of that kind of that age; return its id."""
    then = timezone.now() - age
    if kind.name == "originals":
        document = people.make_document(collection, f"{age}")
        Document.objects.filter(pk=document.pk).update(created_at=then)
        return document.pk
    conversation = people.make_conversation(user)
    if kind.name == "conversations":
        Conversation.objects.filter(pk=conversation.pk).update(updated_at=then)
        return conversation.pk
    answer = conversation.messages.get(role=Message.Role.ASSISTANT)
    feedback = Feedback.objects.create(message=answer, rating=1)
    Feedback.objects.filter(pk=feedback.pk).update(created_at=then)
    return feedback.pk


def kept(kind: Kind) -> set[Any]:
    tables: dict[str, Any] = {
        "conversations": Conversation.objects,
        "feedback": Feedback.objects,
        "originals": Document.objects.filter(original_removed_at=None),
    }
    return set(tables[kind.name].values_list("pk", flat=True))


OLD, YOUNG = timedelta(days=DAYS, minutes=1), timedelta(days=DAYS, minutes=-1)
ROWS = {name: kind for name, kind in KINDS.items() if name != "record"}
every_kind = pytest.mark.parametrize("kind", ROWS.values(), ids=list(ROWS))


@every_kind
def test_what_is_past_its_time_goes_and_nothing_else(
    bob: User, collection: Collection, kind: Kind
) -> None:
    make(kind, bob, collection, OLD)
    young = make(kind, bob, collection, YOUNG)
    applied = purge(kind)
    assert applied == retention.Applied(kind.name, DAYS, 1, 1, 0, 0)
    assert kept(kind) == {young}


@every_kind
def test_for_ever_is_for_ever(bob: User, collection: Collection, kind: Kind, settings: Any) -> None:
    setattr(settings, kind.setting, 0)
    old = make(kind, bob, collection, timedelta(days=10_000))
    assert purge(kind) is None and not retention.due(kind)
    assert kept(kind) == {old} and not Entry.objects.exists()


@every_kind
def test_a_hold_wins_and_its_release_lets_go(
    officer: User, bob: User, collection: Collection, kind: Kind
) -> None:
    target, key = ("collection", collection.pk) if kind.name == "originals" else ("user", bob.pk)
    hold = holds.place(officer, target=target, target_id=key, reference="1")
    old = make(kind, bob, collection, OLD)
    applied = purge(kind)
    assert applied and applied.ok and (applied.removed, applied.held) == (0, 1)
    assert kept(kind) == {old}
    holds.release(officer, hold.pk)
    purge(kind)
    assert kept(kind) == set()


@every_kind
def test_the_record_says_before_and_after(bob: User, collection: Collection, kind: Kind) -> None:
    make(kind, bob, collection, OLD)
    purge(kind)
    purge(kind)
    second, first = Entry.objects.filter(action=actions.RETENTION_APPLIED)[:2]
    assert (first.target_type, first.target_id) == ("retention", kind.name)
    found = {name: first.data[name] for name in ("days", "before", "removed", "left", "ok")}
    assert found == {"days": DAYS, "before": 1, "removed": 1, "left": 0, "ok": True}
    assert (second.data["before"], second.data["removed"]) == (0, 0)


@every_kind
def test_many_go_in_small_transactions(
    bob: User, collection: Collection, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    for minutes in range(5):
        make(kind, bob, collection, OLD + timedelta(minutes=minutes))
    applied = purge(kind)
    assert applied and applied.removed == 5 and kept(kind) == set()


@every_kind
def test_what_a_purge_leaves_is_said_and_taken_by_the_next(
    bob: User, collection: Collection, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minutes in range(3):
        make(kind, bob, collection, OLD + timedelta(minutes=minutes))
    with monkeypatch.context() as patch:
        patch.setattr(retention, "BATCH", 1)
        patch.setattr(retention, "MOST_BATCHES", 1)
        applied = purge(kind)
    assert applied and not applied.ok and applied.left == 2
    assert retention.due(kind)
    assert purge_task() == 2
    assert not retention.due(kind)


def test_a_purge_is_due_once_a_day_and_when_its_time_changes(db: None, settings: Any) -> None:
    kind = KINDS["conversations"]
    assert retention.due(kind)
    purge(kind)
    assert not retention.due(kind)
    settings.KEEP_CONVERSATIONS_DAYS = 7
    assert retention.due(kind)


def test_a_conversation_that_is_being_answered_stays(bob: User, collection: Collection) -> None:
    kind = KINDS["conversations"]
    old = make(kind, bob, collection, OLD)
    Message.objects.filter(conversation=old, role="assistant").update(status="running")
    applied = purge(kind)
    assert applied and applied.ok and kept(kind) == {old}


def test_the_original_goes_and_its_passages_stay(
    bob: User, collection: Collection, client_for: Callable[[User], Client]
) -> None:
    pk = make(KINDS["originals"], bob, collection, OLD)
    document = Document.objects.get(pk=pk)
    file = Path(document.file.path)
    assert file.exists()
    purge(KINDS["originals"])
    assert not file.exists() and document.chunks.count() == 1
    page = client_for(bob).get(f"/documents/{pk}").content.decode()
    assert "The original was removed on" in page and "Download the original" not in page
    told = client_for(bob).get(f"/documents/{pk}/content", follow=True).content.decode()
    assert "time to be kept had passed" in told


def test_the_api_says_why_the_original_is_gone(
    bob: User, collection: Collection, api_for: Callable[..., people.Api]
) -> None:
    pk = make(KINDS["originals"], bob, collection, OLD)
    purge(KINDS["originals"])
    answer = api_for(bob).get(f"/documents/{pk}/content")
    assert (answer.status_code, answer.json()["code"]) == (410, "original-expired")
    assert not Entry.objects.filter(action=actions.DOCUMENT_DOWNLOADED).exists()


def test_a_kill_between_file_and_row_is_made_good(
    bob: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS["originals"]
    pk = make(kind, bob, collection, OLD)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        kind.remove(kind, timezone.now() - timedelta(days=DAYS))
        raise KeyboardInterrupt
    assert kept(kind) == {pk}
    applied = purge(kind)
    assert applied and applied.ok and kept(kind) == set()


def test_each_person_is_told_how_long_conversations_are_kept(
    bob: User, client_for: Callable[[User], Client], settings: Any
) -> None:
    page = client_for(bob).get("/").content.decode()
    assert "deleted 30 days after their last question" in page
    settings.KEEP_CONVERSATIONS_DAYS = 0
    assert "after their last question" not in client_for(bob).get("/").content.decode()


@pytest.fixture
def record(settings: Any, tmp_path: Path) -> Kind:
    """A record of which three entries are past their time."""
    settings.KEEP_RECORD_DAYS = DAYS
    settings.EVIDENCE_DIR = tmp_path / "evidence"
    for age in (OLD * 3, OLD * 2, OLD, YOUNG):
        Entry.objects.create(at=timezone.now() - age, action=actions.SIGNED_IN)
    return KINDS["record"]


@pytest.mark.django_db(transaction=True)
def test_the_record_is_cut_and_still_verifies(record: Kind) -> None:
    applied = purge(record)
    assert applied == retention.Applied("record", DAYS, 3, 3, 0, 0)
    assert Entry.objects.filter(action=actions.SIGNED_IN).count() == 1
    assert Entry.objects.filter(action=actions.RECORD_CUT).exists()
    seal()
    assert verify().faults == []


@pytest.mark.django_db(transaction=True)
def test_any_hold_keeps_the_whole_record(record: Kind, officer: User) -> None:
    hold = holds.place(officer, target="user", target_id=officer.pk, reference="1")
    applied = purge(record)
    assert applied and applied.ok and (applied.removed, applied.held) == (0, 3)
    holds.release(officer, hold.pk)
    assert purge(record) == retention.Applied("record", DAYS, 3, 3, 0, 0)
