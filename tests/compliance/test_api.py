"""The officers' API: the record with filters and pages, access in words, and nobody else."""

import fcntl
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from accounts.models import User
from accounts.tokens import create_token
from audit import actions, checkpoints
from audit.models import Entry
from audit.record import record
from audit.seal import seal
from compliance import access
from compliance.buttons import LOCK
from compliance.views.overview import VERIFIER
from ingest.models import Collection
from tests import people
from tests.compliance.people import make_officer, make_report

ApiFor = Callable[..., people.Api]

CALLS = [
    *("/audit", "/audit/state", "/audit/key", "/audit/verify", "/audit/export", "/audit/reports"),
    *("/audit/holds", "/audit/retention"),
]


@pytest.fixture
def olga(db: None) -> User:
    return make_officer()


@pytest.fixture
def api(olga: User, api_for: ApiFor) -> people.Api:
    return api_for(olga, ["audit"])


def problem(answer: Any, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"


# --- the record ---------------------------------------------------------------------------------
def test_an_entry_has_its_place_in_the_chain(api: people.Api, bob: User) -> None:
    made = record(actions.GROUP_CREATED, actor=bob, target=("group", uuid4()), data={"members": []})
    seal()
    (item,) = api.get("/audit", {"action": actions.GROUP_CREATED}).json()["items"]
    assert item["id"] == str(made.uuid) and item["actor"] == str(bob.pk)
    assert item["position"] >= 1 and len(item["digest"]) == len(item["previous"]) == 64
    assert api.get(f"/audit/{made.uuid}").json() == item


def test_an_unsealed_entry_says_so(api: people.Api) -> None:
    made = record(actions.STARTED)
    found = api.get(f"/audit/{made.uuid}").json()
    assert found["position"] is None and found["digest"] is None


def test_filters(api: people.Api, bob: User) -> None:
    key = uuid4()
    made = record(actions.DOCUMENT_DOWNLOADED, actor=bob, target=("document", key))
    record(actions.STARTED)

    def found(**filters: str) -> list[str]:
        return [item["action"] for item in api.get("/audit", filters).json()["items"]]

    assert found(actor="bob@example.com") == [actions.DOCUMENT_DOWNLOADED]
    assert found(target=f"document:{key}") == [actions.DOCUMENT_DOWNLOADED]
    assert found(action="sovereign.") == [actions.STARTED]
    assert found(actor=str(bob.pk), to=made.at.isoformat()) == []
    assert found(**{"actor": str(bob.pk), "from": made.at.isoformat()}) == [
        actions.DOCUMENT_DOWNLOADED
    ]


def test_pages_by_cursor(api: people.Api) -> None:
    for _ in range(5):
        record(actions.STARTED)
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        asked = {"limit": "2", "action": actions.STARTED} | ({"cursor": cursor} if cursor else {})
        page = api.get("/audit", asked).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({"from": "yesterday"}, "invalid"),
        ({"from": "2026-01-01T00:00:00"}, "invalid"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "invalid"),
        ({"actor": "nobody@example.com"}, "no-such-user"),
        ({"actor": "a\x00b"}, "invalid"),
        ({"target": "x" * 300}, "invalid"),
        ({"limit": "0"}, "invalid"),
    ],
)
def test_wrong_filters(api: people.Api, filters: dict[str, str], code: str) -> None:
    problem(api.get("/audit", filters), 422, code)


def test_a_look_is_recorded_without_the_e_mail(api: people.Api, olga: User, bob: User) -> None:
    api.get("/audit", {"actor": "bob@example.com"})
    entry = Entry.objects.get(action=actions.RECORD_READ)
    assert entry.actor == str(olga.pk) and entry.data["actor"] == str(bob.pk)
    assert "@" not in str(entry.data)


def test_no_such_entry(api: people.Api) -> None:
    problem(api.get(f"/audit/{uuid4()}"), 404, "not-found")


# --- the state and the key ----------------------------------------------------------------------
def test_the_state_is_the_worst_of_its_sentences(api: people.Api) -> None:
    found = api.get("/audit/state").json()
    states = {sentence["state"] for sentence in found["sentences"]}
    assert states <= {"good", "attention", "bad"} and found["state"] in states
    assert {"wall", "proof", "record"} <= {sentence["key"] for sentence in found["sentences"]}


def test_the_key_is_public(api: people.Api) -> None:
    found = api.get("/audit/key").json()
    assert "BEGIN PUBLIC KEY" in found["pem"] and "PRIVATE" not in found["pem"]
    assert len(found["fingerprint"]) == 64


# --- verification -------------------------------------------------------------------------------
def test_an_intact_record(api: people.Api, olga: User) -> None:
    for _ in range(3):
        record(actions.STARTED)
    seal()
    checkpoints.write()
    found = api.get("/audit/verify").json()
    assert found["ok"] and found["faults"] == []
    assert found["position"] == found["sealed"] and found["checkpoints"] >= 1
    assert Entry.objects.get(action=actions.RECORD_VERIFIED).actor == str(olga.pk)


def test_a_forged_head_is_a_fault(api: people.Api) -> None:
    record(actions.STARTED)
    seal()
    checkpoints.write()
    checkpoints.head_file().write_text("{}")
    found = api.get("/audit/verify").json()
    assert not found["ok"] and found["faults"][0]["code"] == "checkpoint-changed"


def test_a_broken_key_is_said(api: people.Api, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "evidence_key").write_text("no key")
    for call in ("/audit/verify", "/audit/key"):
        problem(api.get(call), 503, "key-unusable")


# --- export -------------------------------------------------------------------------------------
def exported(api: people.Api, **asked: str) -> list[str]:
    answer: Any = api.get("/audit/export", asked)
    assert answer.status_code == 200 and "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content).decode().splitlines()


def test_an_export_holds_what_fits_the_oldest_first(api: people.Api, olga: User) -> None:
    made = [record(actions.STARTED) for _ in range(450)]
    seal()
    found = [json.loads(line) for line in exported(api, action=actions.STARTED)]
    assert [entry["uuid"] for entry in found] == [str(entry.uuid) for entry in made]
    assert all(len(entry["digest"]) == 64 for entry in found)
    entry = Entry.objects.get(action=actions.RECORD_EXPORTED)
    assert entry.actor == str(olga.pk)
    assert entry.data["entries"] == 450 and entry.data["format"] == "jsonl"


@pytest.mark.parametrize("form", ["csv", "cef"])
def test_other_formats(api: people.Api, form: str) -> None:
    record(actions.STARTED)
    assert any(actions.STARTED in line for line in exported(api, format=form))


def test_an_unknown_format(api: people.Api) -> None:
    problem(api.get("/audit/export", {"format": "xml"}), 422, "invalid")


@pytest.mark.django_db(transaction=True)
async def test_an_export_streams_under_asgi() -> None:
    officer = await sync_to_async(make_officer)()
    token = await sync_to_async(create_token)(officer, scopes=["audit"])
    headers = {"Authorization": f"Bearer {token.secret}"}
    answer: Any = await AsyncClient().get("/api/v1/audit/export", headers=headers)
    lines = b"".join([part async for part in answer.streaming_content]).splitlines()
    assert any(b"accounts.token.create" in line for line in lines)


# --- proof and reports --------------------------------------------------------------------------
def test_a_proof_is_made_and_kept(api: people.Api, olga: User) -> None:
    problem(api.get("/audit/proof"), 404, "not-found")
    answer = api.post("/audit/proof")
    assert answer.status_code == 201
    made = answer.json()
    assert made["attempts"] == made["refused"] > 0
    assert api.get("/audit/proof").json() == made
    entry = Entry.objects.get(action=actions.PROOF_FINISHED)
    assert entry.actor == str(olga.pk) and entry.data["sha256"] == made["sha256"]


def test_one_proof_at_a_time(api: people.Api, settings: Any) -> None:
    folder = Path(settings.EVIDENCE_DIR)
    folder.mkdir(parents=True)
    with (folder / LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for call in ("/audit/proof", "/audit/report"):
            problem(api.post(call), 409, "proof-running")
    assert not Entry.objects.filter(action=actions.PROOF_FINISHED).exists()


def test_a_report_is_made_listed_and_right(api: people.Api, tmp_path: Path) -> None:
    made = api.post("/audit/report").json()
    assert made["number"] == 1 and api.get("/audit/reports").json() == [made]
    answer = api.get(f"/audit/reports/{made['id']}")
    assert hashlib.sha256(answer.content).hexdigest() == made["sha256"]
    report = tmp_path / "report.json"
    report.write_bytes(answer.content)
    key = api.get("/audit/key").json()["fingerprint"]
    done = subprocess.run(
        [sys.executable, "-I", VERIFIER, str(report), "--key", key], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    bill = api.get(f"/audit/reports/{made['id']}/bill")
    assert bill.json()["bomFormat"] == "CycloneDX"


def test_downloads_are_recorded(api: people.Api, olga: User) -> None:
    made = make_report()
    api.get(f"/audit/reports/{made.id}")
    api.get(f"/audit/reports/{made.id}/bill")
    assert api.get(f"/audit/reports/{made.id}/pdf").content.startswith(b"%PDF")
    entries = Entry.objects.filter(action=actions.REPORT_DOWNLOADED).order_by("id")
    assert [entry.data["part"] for entry in entries] == ["report", "bill", "pdf"]
    assert {entry.actor for entry in entries} == {str(olga.pk)}


@pytest.mark.parametrize("name", ["nothing", "..", "20260101T000000Z-00000000", "a" * 300])
def test_no_such_report(api: people.Api, name: str) -> None:
    assert api.get(f"/audit/reports/{name}").status_code == 404


# --- access -------------------------------------------------------------------------------------
def test_who_read_it(api: people.Api, bob: User, collection: Collection) -> None:
    document = people.make_document(collection)
    record(actions.DOCUMENT_DOWNLOADED, actor=bob, target=("document", document.pk))
    answer = api.get("/audit/readings", {"subject": str(document.pk)}).json()
    (found,) = answer["items"]
    assert (answer["complete"], answer["looked_through"]) == (True, access.LOOKED_THROUGH)
    assert found["email"] == "bob@example.com" and found["downloaded"] == 1


def test_why_and_what(api: people.Api, bob: User, collection: Collection) -> None:
    asked = {"person": "bob@example.com", "subject": str(collection.pk)}
    found = api.get("/audit/ways", asked).json()
    assert [way["how"] for way in found["ways"]] == ["person"]
    assert found["collection"] == {"id": str(collection.pk), "name": "Handbook"}
    (item,) = api.get("/audit/reach", {"person": str(bob.pk)}).json()
    assert item["role"] == "reader" and item["collection"]["name"] == "Handbook"


def test_wrong_questions(api: people.Api) -> None:
    problem(api.get("/audit/reach", {"person": "nobody@example.com"}), 422, "invalid")
    problem(api.get("/audit/readings"), 422, "invalid")


# --- who may ------------------------------------------------------------------------------------
@pytest.mark.parametrize("call", CALLS)
def test_only_officers_with_the_scope(
    olga: User, admin: User, bob: User, api_for: ApiFor, call: str
) -> None:
    problem(api_for(olga, ["read", "write", "ask"]).get(call), 403, "missing-scope")
    problem(api_for(admin).get(call), 403, "missing-scope")
    problem(api_for(bob).get(call), 403, "missing-scope")
    problem(api_for(None).get(call), 401, "sign-in-needed")


@pytest.mark.parametrize("call", CALLS)
def test_a_token_outlives_no_appointment(olga: User, api: people.Api, call: str) -> None:
    User.objects.filter(pk=olga.pk).update(is_compliance=False)
    problem(api.get(call), 403, "compliance-only")


def test_a_session_of_an_administrator_is_not_enough(admin: User, client_for: Any) -> None:
    problem(client_for(admin).get("/api/v1/audit"), 403, "compliance-only")


def test_the_scope_reads_no_documents(api: people.Api, olga: User, collection: Collection) -> None:
    people.grant(collection, olga, "reader")
    problem(api.get(f"/collections/{collection.pk}"), 403, "missing-scope")
