"""A person's own data: all of it for her, gone at her request, and nothing for anybody else."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import ApiToken, User
from accounts.tokens import create_token
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from chat.feedback import rate
from chat.models import Conversation, Message
from compliance import person
from ingest import holds
from ingest.models import Collection, Document
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(db: None) -> User:
    return people.make_user("Olga", is_compliance=True)


@pytest.fixture
def world(alice: User, bob: User, collection: Collection) -> Document:
    """Alice with one of everything; Bob with a conversation that is none of hers."""
    document = people.make_document(collection)
    conversation = people.make_conversation(alice, document.chunks.get())
    rate(alice, conversation.messages.get(role=Message.Role.ASSISTANT), 1, comment="Good.")
    people.make_group("Sales", alice)
    create_token(alice, name="laptop")
    people.make_conversation(bob)
    return document


def opened(data: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def exported(user: User) -> bytes:
    with person.export(user, user) as file:
        return file.read()


def test_the_export_holds_all_that_is_hers(world: Document, alice: User) -> None:
    files = opened(exported(alice))
    mine = Conversation.objects.get(user=alice)
    talk = files.pop(f"conversations/{mine.pk}.json")
    assert [message["role"] for message in talk["messages"]] == ["user", "assistant"]
    assert "30 days" in talk["messages"][1]["text"]
    assert files["account.json"]["email"] == "alice@example.com"
    assert [group["name"] for group in files["groups.json"]] == ["Sales"]
    assert files["grants.json"][0]["role"] == "manager"
    assert files["tokens.json"][0]["name"] == "laptop"
    assert files["feedback.json"][0]["comment"] == "Good."
    assert files["uploads.json"][0]["id"] == str(world.pk)
    assert {entry["action"] for entry in files["record.json"]} >= {actions.FEEDBACK_GIVEN}
    assert not [name for name in files if name.startswith("conversations/")]


def test_the_export_holds_no_secret_and_no_text_of_documents(world: Document, alice: User) -> None:
    data = exported(alice)
    files = opened(data)
    everything = json.dumps(files)
    assert ApiToken.objects.get().token_hash not in everything
    alice.refresh_from_db()
    assert alice.password not in everything
    assert "Annual leave is 30 days." not in everything
    talk = next(value for name, value in files.items() if name.startswith("conversations/"))
    assert talk["messages"][1]["passages"][0]["document"]["id"] == str(world.pk)


def test_nobody_exports_another(world: Document, alice: User, admin: User, officer: User) -> None:
    for other in (admin, officer):
        with pytest.raises(PermissionDenied):
            person.export(other, alice)


def test_the_profile_page_gives_it(
    world: Document, alice: User, client_for: Callable[[User], Client]
) -> None:
    client = client_for(alice)
    assert "/accounts/data" in client.get("/accounts/profile/").content.decode()
    answer: Any = client.post("/accounts/data")
    assert answer["Content-Type"] == "application/zip"
    assert "attachment" in answer["Content-Disposition"]
    assert opened(b"".join(answer.streaming_content))["account.json"]["id"] == str(alice.pk)
    entry = Entry.objects.get(action=actions.PERSON_EXPORTED)
    assert (entry.actor, entry.target_id) == (str(alice.pk), str(alice.pk))
    assert entry.data["conversations"] == 1 and people.CANARY not in str(entry.data)


@pytest.mark.parametrize("who", ["officer", "admin"])
def test_erased_with_a_receipt(
    world: Document, alice: User, who: str, request: pytest.FixtureRequest
) -> None:
    actor = request.getfixturevalue(who)
    key = str(alice.pk)
    erased = person.erase(actor, alice)
    assert not User.objects.filter(pk=key).exists()
    assert Conversation.objects.filter(user_id=key).count() == 0
    assert Conversation.objects.count() == 1
    assert erased.removed["chat.Message"] == 2 and erased.removed["accounts.ApiToken"] == 1
    assert (erased.documents, erased.collections) == (1, 1)
    world.refresh_from_db()
    assert world.uploaded_by is None and world.chunks.count() == 1
    entry = Entry.objects.get(action=actions.PERSON_ERASED)
    assert (entry.actor, entry.target_id) == (str(actor.pk), key)
    assert entry.data["chat.Message"] == 2 and "alice" not in str(entry.data)
    assert 0 < Entry.objects.filter(actor=key).count() <= erased.entries


def test_sessions_and_failed_attempts_go_too(
    alice: User, bob: User, officer: User, client_for: Callable[[User], Client]
) -> None:
    for user in (alice, bob):
        client_for(user)
        AccessAttempt.objects.create(username=user.email, failures_since_start=1)
    person.erase(officer, alice)
    assert Session.objects.count() == 1
    assert AccessAttempt.objects.get().username == bob.email


def test_a_hold_wins(world: Document, alice: User, officer: User) -> None:
    holds.place(officer, target="user", target_id=alice.pk, reference="1")
    with pytest.raises(Problem, match="on-hold"):
        person.erase(officer, alice)
    assert Conversation.objects.filter(user=alice).exists()
    assert not Entry.objects.filter(action=actions.PERSON_ERASED).exists()


def test_the_last_administrator_stays(admin: User, officer: User) -> None:
    with pytest.raises(Problem, match="last-admin"):
        person.erase(officer, admin)


def test_others_erase_nobody(alice: User, bob: User) -> None:
    with pytest.raises(PermissionDenied):
        person.erase(bob, alice)


def test_the_officers_page_erases_and_shows_the_receipt(
    world: Document, alice: User, officer: User, client_for: Callable[[User], Client]
) -> None:
    client = client_for(officer)
    assert client.post("/compliance/person", {"email": alice.email}).status_code == 422
    answer = client.post("/compliance/person", {"email": " ALICE@example.com", "sure": "on"})
    page = answer.content.decode()
    assert str(alice.pk) in page and "chat.Message" in page
    assert not User.objects.filter(pk=alice.pk).exists()
    assert (
        client.post("/compliance/person", {"email": alice.email, "sure": "on"}).status_code == 422
    )


def test_the_officers_pages_of_holds_and_retention(
    world: Document, alice: User, officer: User, client_for: Callable[[User], Client]
) -> None:
    client = client_for(officer)
    form = {"target": "user", "thing": alice.email, "reference": "2026-17"}
    assert client.post("/compliance/holds", form).status_code == 302
    page = client.get("/compliance/holds").content.decode()
    assert "2026-17" in page and alice.email in page and people.CANARY not in page
    assert client.post("/compliance/holds", form).status_code == 422
    assert client.post("/compliance/holds", form | {"thing": "nobody"}).status_code == 422
    held = holds.active().get()
    assert client.post(f"/compliance/holds/{held.pk}/release").status_code == 302
    assert not holds.active().exists()
    assert "for ever" in client.get("/compliance/retention").content.decode()
    assert client.post("/compliance/retention/apply").status_code == 302


def test_the_command_exports_and_erases(world: Document, alice: User, tmp_path: Path) -> None:
    file = tmp_path / "alice.zip"
    call_command("person", "export", "alice@example.com", "--to", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert opened(file.read_bytes())["account.json"]["id"] == str(alice.pk)
    with pytest.raises(CommandError, match="cannot be made"):
        call_command("person", "export", "alice@example.com", "--to", str(file))
    with pytest.raises(CommandError, match="Nobody"):
        call_command("person", "erase", "none@example.com", "--yes")
    call_command("person", "erase", "alice@example.com", "--yes")
    assert not User.objects.filter(pk=alice.pk).exists()
    assert Entry.objects.get(action=actions.PERSON_ERASED).actor == ""
