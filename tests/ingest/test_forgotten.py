"""What was erased does not come back by itself: no source, no backup, no second delivery."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.http import Http404

from accounts.models import User
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from ingest import erase, exact, forgetting, forgotten, holds, replay, terms
from ingest.forgotten import is_forgotten
from ingest.models import Collection, Document, Forgotten, Receipt
from tests import people
from tests.ingest.conftest import Add, Put

pytestmark = pytest.mark.django_db


@pytest.fixture
def document(collection: Collection) -> Document:
    return people.make_document(collection, "Kestrel lanterns.", "leave.txt", path="a/b")


def test_bytes_and_place_are_remembered_and_nothing_of_them_is_kept(
    document: Document, alice: User, collection: Collection
) -> None:
    assert is_forgotten(collection, document.sha256, "a/b/leave.txt") == ""
    erase.erase_document(alice, document)
    assert is_forgotten(collection, document.sha256) == "bytes"
    assert is_forgotten(collection.pk, "0" * 64, "a/b/leave.txt") == "place"
    assert is_forgotten(collection, "0" * 64, "a/leave.txt") == ""
    other = people.make_collection(alice, name="Other")
    assert is_forgotten(other, document.sha256, "a/b/leave.txt") == ""
    row = Forgotten.objects.get()
    assert document.sha256 not in (row.bytes_key, row.place_key) and "leave" not in str(
        row.__dict__
    )


def test_what_was_replaced_or_gone_at_its_source_is_not_forgotten(
    document: Document, collection: Collection
) -> None:
    erase.erase_document(None, document, reason=Receipt.Reason.SOURCE)
    assert not Forgotten.objects.exists()
    assert is_forgotten(collection, document.sha256, "a/b/leave.txt") == ""


def test_a_person_may_bring_it_back_and_is_told(
    vectors: str, add: Add, put: Put, alice: User, collection: Collection
) -> None:
    document = add("leave.md", "# Leave\n\nKestrel lanterns.")
    erase.erase_document(alice, document)
    erase.finish_document(document.pk)
    taken = put("leave.md", "# Leave\n\nKestrel lanterns.")
    assert taken.created and taken.was_erased and taken.document.pk != document.pk
    assert is_forgotten(collection, document.sha256) == ""
    assert not put("other.md", "# Other\n\nWords.").was_erased


def test_a_held_document_is_refused_in_words_and_that_is_recorded(
    document: Document, alice: User, collection: Collection
) -> None:
    officer = people.make_user("Olga", is_compliance=True)
    holds.place(officer, target="document", target_id=document.pk, reference="case-1")
    for deed, target in (
        (lambda: erase.erase_document(alice, document), ("document", document.pk)),
        (lambda: erase.erase_collection(alice, collection), ("collection", collection.pk)),
    ):
        with pytest.raises(Problem, match="on-hold") as refused:
            deed()
        assert "legal hold" in str(refused.value.detail)
        entry = Entry.objects.filter(action=actions.ERASURE_REFUSED).latest("id")
        assert (entry.target_type, entry.target_id) == (target[0], str(target[1]))
        assert entry.actor == str(alice.pk)
    assert not Receipt.objects.exists() and not Forgotten.objects.exists()


def test_a_restored_backup_does_not_bring_it_back(
    document: Document, alice: User, collection: Collection, django_capture_on_commit_callbacks: Any
) -> None:
    other = people.make_document(collection, "Meals.", "meals.txt")
    with django_capture_on_commit_callbacks(execute=True):
        erase.erase_document(alice, document)
    [line] = [json.loads(each) for each in forgotten.ledger().read_text().splitlines()]
    assert line["document"] == str(document.pk) and "leave" not in str(line)
    # The database of before: the document is there, and nobody knows of its erasure.
    Receipt.objects.all().delete()
    Forgotten.objects.all().delete()
    Document.objects.filter(pk=document.pk).update(status="ready", visible=True)
    assert [each.pk for each in replay.returned()] == [document.pk]
    assert replay.has_news() and not replay.has_news()
    done = replay.replay()
    assert [receipt.reason for receipt in done.receipts] == ["replayed"] and done.remembered == 1
    assert is_forgotten(collection, document.sha256) == "bytes"
    assert Document.objects.exclude(status="erasing").get() == other
    assert replay.replay().receipts == []


def test_an_exported_record_is_replayed_too_and_holds_win(
    document: Document, alice: User, collection: Collection, tmp_path: Path
) -> None:
    other = people.make_collection(alice, name="Other")
    people.make_document(other, "Meals.", "meals.txt")
    lines = [
        {
            "action": "ingest.document.erase",
            "target_id": str(document.pk),
            "data": {"step": "asked"},
        },
        {
            "action": "ingest.document.erase",
            "target_id": str(document.pk),
            "data": {"step": "done"},
        },
        {"action": "ingest.collection.erase", "target_id": str(other.pk), "data": {}},
        {"action": "accounts.session.start", "target_id": str(alice.pk)},
    ]
    file = tmp_path / "record.jsonl"
    file.write_text("\n".join([*map(json.dumps, lines), '{"cut', "7", "{}"]))
    officer = people.make_user("Olga", is_compliance=True)
    held = holds.place(officer, target="document", target_id=document.pk, reference="case-1")
    done = replay.replay([file])
    assert done.held == [document.pk] and done.collections == [other.pk]
    assert Collection.objects.get(pk=other.pk).erasing
    holds.release(officer, held.pk)
    assert len(replay.replay([file]).receipts) == 1


def test_a_version_without_its_successor_is_not_replayed(
    collection: Collection, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    """The backup is older than the version that replaced it: it is the newest that is left."""
    first = people.make_document(collection, "Old.", "leave.txt")
    second = people.make_document(collection, "New.", "leave.txt", version=2)
    with django_capture_on_commit_callbacks(execute=True):
        erase.supersede(second)
    Document.objects.filter(pk=first.pk).update(status="ready")
    assert [each.pk for each in replay.returned()] == [first.pk]
    second.delete()
    assert replay.returned() == []


def test_what_a_crash_kept_from_the_file_is_added(document: Document, alice: User) -> None:
    people.make_receipt(alice, document)
    assert forgotten.complete() == 1 and forgotten.complete() == 0


def test_the_command_erases_and_says_so(
    vectors: str, add: Add, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = add("leave.md", "# Leave\n\nKestrel lanterns.")
    monkeypatch.setattr("builtins.input", lambda _: "no")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase", str(document.pk))
    out = StringIO()
    call_command("erase", str(document.pk), "--yes", "--json", stdout=out)
    [said] = json.loads(out.getvalue())
    assert said["state"] == "pending" and said["removed"]["chunks"] == 1
    assert said["remains"][-1]["until"] and not Document.objects.exists()
    with pytest.raises(CommandError, match="no such"):
        call_command("erase", str(document.pk), "--yes")
    with pytest.raises(CommandError, match="Give the id"):
        call_command("erase")
    call_command("erase", str(collection.pk), "--yes", stdout=out)
    assert not Collection.objects.exists()


def test_replay_by_command(document: Document, alice: User, tmp_path: Path, vectors: str) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        call_command("erase", "--replay", str(tmp_path / "none"))
    file = tmp_path / "erased.jsonl"
    file.write_text(json.dumps({"document": str(document.pk), "reason": "asked"}) + "\n")
    out = StringIO()
    call_command("erase", "--replay", str(file), stdout=out)
    assert "pending" in out.getvalue() and not Document.objects.exists()


def test_nobody_erases_twice(document: Document) -> None:
    erase.erase_document(None, document)
    with pytest.raises(Http404):
        erase.erase_document(None, document)


def test_processes_forget_what_they_keep_in_memory(
    vectors: str, add: Add, alice: User, collection: Collection
) -> None:
    document = add("leave.md", "# Leave\n\nKestrel lanterns are lit at night.")
    terms.terms("kestrel lanterns", "en")
    forgetting._seen.clear()
    forgetting.empty_if_erased()
    assert terms._terms_of.cache_info().currsize or terms.terms("kestrel", "en")
    assert not forgetting.empty_if_erased()
    exact.matrices._kept[collection.pk, document.pk] = None  # type: ignore[assignment]
    erase.erase_document(alice, document)
    assert forgetting.empty_if_erased()
    assert terms._terms_of.cache_info().currsize == 0 and not exact.matrices._kept


def test_one_that_took_longer_is_seen_after_later_ones_and_again_when_it_is_done(
    vectors: str, collection: Collection, alice: User
) -> None:
    slow, quick = (people.make_document(collection, f"{n}.", f"{n}.txt") for n in range(2))
    erase.erase_document(alice, quick)
    forgetting._seen.clear()
    assert forgetting.empty_if_erased() and not forgetting.empty_if_erased()
    receipt = erase.erase_document(alice, slow)
    # As it is when its transaction took longer than the other's.
    Receipt.objects.filter(pk=receipt.pk).update(
        requested_at=receipt.requested_at - timedelta(seconds=30)
    )
    assert forgetting.empty_if_erased() and not forgetting.empty_if_erased()
    assert erase.finish_document(slow.pk)
    assert forgetting.empty_if_erased() and not forgetting.empty_if_erased()
