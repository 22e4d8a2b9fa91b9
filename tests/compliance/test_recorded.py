"""Everything worth proving is recorded once: by whom, about what, in ids and counts.

`CASES` says for each action of these rooms how it comes about. Actions of other rooms are held to
being written somewhere; their own tests say when.
"""

import ast
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.test import Client
from django.utils import timezone

from accounts import groups, links, passwords, tokens
from accounts import people as accounts
from accounts.models import ApiToken, Group, User
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from chat import assistants, conversations, feedback, pack, shares
from chat.ask import Ask
from chat.events import Failed
from chat.models import Assistant, Conversation, Message, Share
from chat.retrieve import _count_faults
from chat.run import claim, run, run_unstored
from chat.search import search
from chat.share_audience import named
from chat.tasks import sweep
from compliance import person, retention
from inference.client import get_client
from inference.protocol import ModelsUnavailable
from ingest import build, claims, erase, holds, rebuild, receipts, reconcile, reindex, retire
from ingest import collections as ingest_collections
from ingest.documents import cancel, retry
from ingest.models import Collection, Document, Index, Receipt, Transfer
from ingest.moving import jobs as moving
from ingest.moving import work as moving_work
from ingest.pipeline import process_document
from ingest.upload import UploadRefused, upload
from tests import people
from tests.chat.assisting import make_assistant
from tests.ingest import clamd

pytestmark = pytest.mark.django_db

NAMES = {
    name: value
    for name, value in vars(actions).items()
    if name.isupper() and isinstance(value, str)
}
ROOMS = ("accounts", "ingest", "chat", "compliance")
HERE = {name: value for name, value in NAMES.items() if value.split(".")[0] in ROOMS}
#: Done by commands on whole folders, or with a place outside: tests/ingest/ and tests/sources/ have their
#: entries.
ELSEWHERE = {
    actions.ORIGINALS_ENCRYPTED,
    actions.KEYS_ROTATED,
    *(value for name, value in NAMES.items() if name.startswith("SOURCE_")),
}
QUESTION = f"How many days of annual leave? {people.CANARY}"


@dataclass
class World:
    """Alice's collection with a document that went through the pipeline, and who works with it."""

    alice: User
    admin: User
    officer: User
    collection: Collection
    document: Document

    def page(self, user: User, path: str, data: Any = None) -> Any:
        client = Client()
        client.force_login(user, backend="accounts.backends.EmailBackend")
        return client.get(path) if data is None else client.post(path, data)

    def put(self, name: str, text: str, read: bool = True) -> Document:
        file = ContentFile(text.encode(), name=name)
        document = upload(self.alice, self.collection, file, name=name).document
        if read:
            process_document(document.pk)
        document.refresh_from_db()
        return document

    def asked(self) -> Message:
        return conversations.start_answer(self.alice, question=QUESTION, collections=None)

    def answered(self) -> Message:
        message = self.asked()
        lease = claim(message)
        assert lease
        list(run(message, lease, gone=lambda: False))
        message.refresh_from_db()
        return message


@pytest.fixture
def world(vectors: str, alice: User, admin: User, collection: Collection) -> World:
    officer = people.make_user("Olga", is_compliance=True)
    world = World(alice, admin, officer, collection, people.make_document(collection, "none"))
    world.document = world.put(f"{people.CANARY}.md", f"# Leave\n\n28 days. {people.CANARY}")
    return world


def sign_in(password: str) -> Callable[[World], object]:
    form = {"email": "alice@example.com", "password": password}
    return lambda world: Client().post("/accounts/sign-in/", form)


def locked_out(world: World) -> object:
    for _number in range(settings.AXES_FAILURE_LIMIT):
        sign_in("wrong")(world)
    return None


def broken(world: World) -> Document:
    """A document that cannot be read: it has no text."""
    return world.put("blank.md", "   \n# \n\n<!-- x -->")


def read_again(world: World) -> object:
    message = world.answered()
    Message.objects.filter(pk=message.pk).update(finished_at=timezone.now() - timedelta(hours=1))
    path = f"/c/{message.conversation_id}"
    world.page(world.alice, path)
    return world.page(world.alice, path)  # the same visit


def purge(world: World) -> object:
    conversation = people.make_conversation(world.alice)
    old = timezone.now() - timedelta(days=9)
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=old)
    kept = settings.KEEP_CONVERSATIONS_DAYS
    settings.KEEP_CONVERSATIONS_DAYS = 7
    try:
        return retention.purge(retention.KINDS["conversations"])
    finally:
        settings.KEEP_CONVERSATIONS_DAYS = kept


def unstored(world: World) -> object:
    ask = Ask(world.alice, QUESTION, (world.collection.pk,), world.document.pk)
    return list(run_unstored(ask, gone=lambda: False))


def erased(world: World) -> object:
    erase.erase_document(world.alice, world.document)
    return erase.finish_document(world.document.pk)


def proven(world: World) -> None:
    """The look itself: tests/ingest/test_proving.py."""
    erased(world)
    check = {"at": "2026-01-01T00:00:00+00:00", "files": 1, "bytes": 1, "unread": 0}
    receipts.judge(Receipt.objects.get(), check, {})


def kept(world: World) -> None:
    holds.place(world.officer, target="document", target_id=world.document.pk, reference="case-2")
    with suppress(Problem):
        erase.erase_document(world.alice, world.document)


def export(world: World) -> object:
    message = world.answered()
    path = f"/conversations/{message.conversation_id}/export?format=md"
    return people.Api(world.alice).get(path)


def downloaded(world: World) -> None:
    # Read, not closed: closing ends the connection that this test shares with the view.
    assert b"".join(world.page(world.alice, f"/documents/{world.document.pk}/content"))


def held(world: World) -> Any:
    return holds.place(
        world.officer, target="collection", target_id=world.collection.pk, reference="1"
    )


def group(world: World) -> Group:
    return groups.create_group(world.admin, name="Sales", members=[world.alice.pk])


def invited(world: World) -> str:
    made = accounts.create_user(world.admin, email="new@example.com")
    return str(made.link).rstrip("/").rsplit("/", 1)[-1]


def open_account(world: World) -> object:
    return links.open_account(links.find_link(invited(world)), people.PASSWORD)


def revoked(world: World) -> object:
    return tokens.revoke_token(world.alice, tokens.create_token(world.alice).token.pk)


def refused(world: World) -> None:
    made = tokens.create_token(world.alice)
    ApiToken.objects.filter(pk=made.token.pk).update(expires_at=timezone.now())
    for secret in (made.secret, made.secret, "sv_nobody"):
        assert tokens.find_token(secret) is None


def sign_out(world: World) -> object:
    return world.page(world.alice, "/accounts/sign-out/", {})


def rated(world: World) -> object:
    return feedback.rate(world.alice, world.answered(), 1, comment=people.CANARY)


def shared(world: World) -> Share:
    return shares.share_answer(
        world.alice, world.answered(), named(world.alice, [f"user:{world.admin.pk}"])
    )


def reshared(world: World) -> Share:
    found = shared(world)
    return shares.change_recipients(
        world.alice, found, named(world.alice, [f"user:{world.officer.pk}"])
    )


def opened(world: World) -> object:
    path = f"/shared/{shared(world).pk}/"
    world.page(world.admin, path)
    return world.page(world.admin, path)  # the same visit


def assistant(world: World) -> Assistant:
    said = f"Say {people.CANARY}."
    return make_assistant(world.alice, world.collection, name=people.CANARY, instructions=said)


def restored(world: World) -> object:
    put_away = assistants.archive(world.alice, assistant(world), archived=True)
    return assistants.archive(world.alice, put_away, archived=False)


def taken_over(world: World) -> object:
    left = assistant(world)
    Assistant.objects.filter(pk=left.pk).update(owner=None)
    return assistants.take_over(world.admin, left.pk)


def retried(world: World) -> object:
    failed = broken(world)
    return retry(world.alice, failed)


def infected(world: World) -> None:
    """A scanner finds something in an upload."""
    folder = Path(tempfile.mkdtemp(prefix="scan"))  # short: that of a socket may have 107 bytes
    with clamd.small(folder) as server:
        server.answer = b"stream: Test.Signature FOUND\0"
        settings.CLAMD = server.address
        try:
            with pytest.raises(UploadRefused):
                world.put("bad.txt", "Bad words.", read=False)
        finally:
            settings.CLAMD = ""
    shutil.rmtree(folder)


def regrant(world: World) -> object:
    grants = [(f"user:{world.alice.pk}", "manager"), ("everyone", "reader")]
    return ingest_collections.set_grants(world.alice, world.collection, grants)


def erase_conversation(world: World) -> object:
    conversation = world.answered().conversation
    return conversations.delete_conversation(world.alice, conversation)


def chunk_fault(world: World) -> None:
    missing = set(world.document.chunks.values_list("id", flat=True))
    _count_faults(world.alice, missing)


def built(world: World) -> Index:
    """An index beside the one in use, of what there is to be read."""
    world.collection.documents.exclude(pk=world.document.pk).delete()
    made = reindex.begin(world.admin, switch_when_built=False)
    build.go_on(made.pk)
    made.refresh_from_db()
    assert made.built_at
    return made


def index_erased(world: World) -> bool:
    made = built(world)
    reindex.give_up(world.admin, made)
    Index.objects.filter(pk=made.pk).update(lease_until=None)
    return retire.drop(made.pk)


def exported(world: World) -> Transfer:
    world.collection.documents.exclude(pk=world.document.pk).delete()
    made = moving.begin_export(world.alice, world.collection)
    moving_work.run(made.pk)
    made.refresh_from_db()
    return made


def imported(world: World) -> None:
    with moving.download(world.alice, exported(world)) as file:
        made = moving.begin_import(world.alice, file)
    moving_work.run(made.pk)


#: action -> (how it comes about, how many entries of it there are then)
CASES: dict[str, tuple[Callable[[World], object], int]] = {
    actions.SIGNED_IN: (sign_in(people.PASSWORD), 1),
    actions.SIGN_IN_FAILED: (sign_in("wrong"), 1),
    actions.LOCKED_OUT: (locked_out, 1),
    actions.SIGNED_OUT: (sign_out, 1),
    actions.USER_CREATED: (invited, 1),
    actions.USER_CHANGED: (lambda w: accounts.change_user(w.admin, w.alice, is_admin=True), 1),
    actions.USER_DELETED: (lambda w: accounts.delete_user(w.admin, w.alice), 1),
    actions.GROUP_CREATED: (group, 1),
    actions.GROUP_CHANGED: (lambda w: groups.change_group(w.admin, group(w), members=[]), 1),
    actions.GROUP_DELETED: (lambda w: groups.delete_group(w.admin, group(w)), 1),
    actions.PASSWORD_SET: (
        lambda w: passwords.set_password(w.alice, "twelve blue lamps", actor=w.alice),
        1,
    ),
    actions.LINK_CREATED: (invited, 1),
    actions.LINK_USED: (open_account, 1),
    actions.TOKEN_CREATED: (lambda w: tokens.create_token(w.alice), 1),
    actions.TOKEN_REVOKED: (revoked, 1),
    actions.TOKEN_REFUSED: (refused, 1),
    actions.COLLECTION_CREATED: (
        lambda w: ingest_collections.create_collection(w.alice, name=people.CANARY),
        1,
    ),
    actions.COLLECTION_CHANGED: (
        lambda w: ingest_collections.change_collection(w.alice, w.collection, name=people.CANARY),
        1,
    ),
    actions.COLLECTION_EXPORTED: (exported, 1),
    actions.EXPORT_DOWNLOADED: (imported, 1),
    actions.COLLECTION_IMPORTED: (imported, 1),
    actions.INDEX_REBUILT: (lambda w: rebuild.rebuild(), 1),
    actions.COLLECTION_ERASED: (lambda w: erase.erase_collection(w.alice, w.collection), 1),
    actions.GRANTS_CHANGED: (regrant, 1),
    actions.DOCUMENT_UPLOADED: (lambda w: w.put("more.md", "More.", read=False), 1),
    actions.DOCUMENT_READY: (lambda w: w.put("more.md", "More words."), 1),
    actions.DOCUMENT_FAILED: (broken, 1),
    actions.DOCUMENT_RETRIED: (retried, 1),
    actions.DOCUMENT_CANCELLED: (
        lambda w: cancel(w.alice, w.put("more.md", "More.", read=False)),
        1,
    ),
    actions.DOCUMENT_REFUSED: (infected, 1),
    actions.DOCUMENT_READ: (
        lambda w: [w.page(w.alice, f"/documents/{w.document.pk}?page={n}") for n in (1, 2, 3)],
        1,
    ),
    actions.DOCUMENT_DOWNLOADED: (downloaded, 1),
    actions.DOCUMENT_ERASED: (erased, 2),
    actions.ERASURE_PROVEN: (proven, 1),
    actions.ERASURE_REFUSED: (kept, 1),
    actions.ORPHANS_FOUND: (lambda w: reconcile.reconcile(), 1),
    actions.PERMISSION_FAULT: (chunk_fault, 1),
    actions.INDEX_BEGUN: (built, 1),
    actions.INDEX_CHOSEN: (lambda w: reindex.activate(w.admin, built(w)), 1),
    actions.INDEX_ACTIVATED: (lambda w: reindex.activate(w.admin, built(w)), 1),
    actions.INDEX_GIVEN_UP: (lambda w: reindex.give_up(w.admin, built(w)), 1),
    actions.INDEX_ERASED: (index_erased, 1),
    actions.HOLD_PLACED: (held, 1),
    actions.HOLD_RELEASED: (lambda w: holds.release(w.officer, held(w).pk), 1),
    actions.ANSWER_BEGUN: (unstored, 1),
    actions.ANSWERED: (lambda w: w.answered(), 1),
    actions.SEARCHED: (lambda w: search(w.alice, QUESTION), 1),
    actions.CONVERSATION_READ: (read_again, 1),
    actions.CONVERSATION_EXPORTED: (export, 1),
    actions.CONVERSATION_ERASED: (erase_conversation, 1),
    actions.FEEDBACK_GIVEN: (rated, 1),
    actions.SHARED: (shared, 1),
    actions.SHARE_CHANGED: (reshared, 1),
    actions.SHARE_WITHDRAWN: (lambda w: shares.withdraw(w.alice, shared(w)), 1),
    actions.SHARE_OPENED: (opened, 1),
    actions.ASSISTANT_CREATED: (assistant, 1),
    actions.ASSISTANT_CHANGED: (
        lambda w: assistants.change_assistant(
            w.alice, assistant(w), assistants.Draft(name=people.CANARY, everywhere=True)
        ),
        1,
    ),
    actions.ASSISTANT_SHARED: (
        lambda w: assistants.set_grants(w.alice, assistant(w), [("everyone", "user")]),
        1,
    ),
    actions.ASSISTANT_ARCHIVED: (
        lambda w: assistants.archive(w.alice, assistant(w), archived=True),
        1,
    ),
    actions.ASSISTANT_RESTORED: (restored, 1),
    actions.ASSISTANT_DELETED: (lambda w: assistants.delete_assistant(w.alice, assistant(w)), 1),
    actions.ASSISTANT_TAKEN: (taken_over, 1),
    actions.RETENTION_APPLIED: (purge, 1),
    actions.PERSON_EXPORTED: (lambda w: person.export(w.alice, w.alice).close(), 1),
    actions.PERSON_ERASED: (lambda w: person.erase(w.admin, w.alice), 1),
}


def test_every_action_of_these_rooms_has_a_case() -> None:
    assert set(HERE.values()) - ELSEWHERE == set(CASES)


def test_every_action_is_written_somewhere() -> None:
    """By name, in a call of record(), or it is a promise that nothing keeps."""
    root = Path(settings.BASE_DIR)
    rooms = (*ROOMS, "evaluation", "fleet", "usage", "audit", "sovereign", "inference")
    written: set[str] = set()
    for file in (file for room in rooms for file in (root / room).rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        names = [ast.unparse(call.func) for call in calls]
        if not any(name == "record" or name.endswith(".record") for name in names):
            continue
        attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
        written |= {
            node.attr
            for node in attributes
            if isinstance(node.value, ast.Name) and node.value.id == "actions"
        }
    assert set(NAMES) - written == set()


@pytest.mark.parametrize("action", CASES)
def test_it_is_recorded_once_and_holds_no_words(world: World, action: str) -> None:
    deed, count = CASES[action]
    before = Entry.objects.latest("id").pk
    deed(world)
    entries = Entry.objects.filter(pk__gt=before)
    assert entries.filter(action=action).count() == count
    kept = str(list(entries.values()))
    for words in (people.CANARY, "alice@example.com", "new@example.com", "annual leave"):
        assert words not in kept


def outcome(world: World, status: str, code: str = "") -> Any:
    entry = Entry.objects.get(action=actions.ANSWERED)
    assert entry.actor == str(world.alice.pk)
    assert (entry.data["status"], entry.data["code"]) == (status, code)
    return SimpleNamespace(**entry.data, answer=entry.target_id)


def test_an_answer_says_what_it_was_made_from(world: World) -> None:
    message = world.answered()
    found = outcome(world, "complete")
    assert found.answer == str(message.pk) and found.conversation == str(message.conversation_id)
    assert found.collections == [str(world.collection.pk)]
    assert found.documents == [str(world.document.pk)]
    chunks = [str(pk) for pk in world.document.chunks.values_list("id", flat=True)]
    assert found.chunks == chunks
    assert found.model == get_client().models()[0].name
    assert found.model_sha256 == get_client().models()[0].sha256
    assert found.prompt_sha256 == pack.version() and len(pack.version()) == 64


def test_the_hash_of_the_prompt_changes_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = set()
    for name in ("", "SYSTEM", "TASK", "STYLE", "LOOK"):
        with monkeypatch.context() as patch:
            if name:
                patch.setattr(pack, name, getattr(pack, name) + " Please.")
            pack.version.cache_clear()
            hashes.add(pack.version())
    pack.version.cache_clear()
    assert len(hashes) == 5


def test_an_abstention_is_recorded(world: World) -> None:
    question = "Who painted the ceiling of the chapel?"
    message = conversations.start_answer(world.alice, question=question, collections=None)
    lease = claim(message)
    assert lease
    list(run(message, lease, gone=lambda: False))
    assert outcome(world, "abstained").chunks


def test_a_failure_is_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> Any:
        raise ModelsUnavailable("models-down", "Down.")

    monkeypatch.setattr("chat.answer.get_client", down)
    world.answered()
    outcome(world, "failed", "models-down")


def test_a_stop_before_anybody_began_is_recorded(world: World) -> None:
    conversations.request_stop(world.alice, world.asked())
    outcome(world, "stopped")


def test_a_cut_off_answer_is_recorded(world: World) -> None:
    message = world.asked()
    old = timezone.now() - timedelta(hours=1)
    Message.objects.filter(pk=message.pk).update(created_at=old)
    sweep()
    outcome(world, "failed", "interrupted")


def test_a_deleted_conversation_does_not_hide_what_was_shown(world: World) -> None:
    message = world.asked()
    lease = claim(message)
    assert lease
    events = run(message, lease, gone=lambda: False)
    while next(events).name != "sources":
        pass
    conversations.delete_conversation(world.alice, message.conversation)
    events.close()
    assert outcome(world, "stopped").documents == [str(world.document.pk)]


def test_a_question_that_waited_when_its_conversation_was_deleted_is_recorded(
    world: World,
) -> None:
    message = world.asked()
    conversations.delete_conversation(world.alice, message.conversation)
    outcome(world, "stopped")


def test_an_answer_kept_nowhere_is_recorded_before_it_is_shown(world: World) -> None:
    ask = Ask(world.alice, QUESTION, (world.collection.pk,), world.document.pk)
    events = run_unstored(ask, gone=lambda: False)
    while next(events).name != "sources":
        pass
    entry = Entry.objects.get(action=actions.ANSWER_BEGUN)
    assert entry.data["documents"] == [str(world.document.pk)]
    events.close()
    outcome(world, "stopped")


def test_too_many_answers_at_once_are_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.run.MOST_AT_ONCE", 0)
    message = world.asked()
    lease = claim(message)
    assert lease
    last = list(run(message, lease, gone=lambda: False))[-1]
    assert isinstance(last, Failed)
    outcome(world, "failed", "too-many-answers")


def test_coming_back_by_the_api_and_by_the_stream_is_recorded(world: World) -> None:
    message = world.answered()
    Message.objects.update(finished_at=timezone.now() - timedelta(hours=1))
    people.Api(world.alice).get(f"/conversations/{message.conversation_id}")
    entry = Entry.objects.get(action=actions.CONVERSATION_READ)
    assert entry.data["documents"] == [str(world.document.pk)] and entry.data["chunk_count"] == 1


def test_an_old_claim_records_nothing_twice(world: World) -> None:
    """A document that two messages name is read once."""
    document = world.put("twice.md", "Twice.", read=False)
    process_document(document.pk)
    process_document(document.pk)
    assert claims.take(document.pk) is None
    ready = Entry.objects.filter(action=actions.DOCUMENT_READY, target_id=str(document.pk))
    assert ready.count() == 1
