"""Holds and retention by the API and the terminal: the same rules, and the same entries."""

from collections.abc import Callable
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from audit import actions
from audit.models import Entry
from compliance import retention
from ingest import holds
from ingest.models import Collection, Hold
from tests import people
from tests.compliance.people import make_officer

ApiFor = Callable[..., people.Api]


@pytest.fixture
def olga(db: None) -> User:
    return make_officer()


@pytest.fixture
def api(olga: User, api_for: ApiFor) -> people.Api:
    return api_for(olga, ["audit"])


def entry(action: str) -> tuple[str, str, dict[str, Any]]:
    found = Entry.objects.get(action=action)
    return found.actor, found.target_id, found.data


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_hold_is_placed_and_released(api: people.Api, olga: User, collection: Collection) -> None:
    body = {"target": "collection", "target_id": str(collection.pk), "reference": "2026-17/HR"}
    answer = api.post("/audit/holds", body)
    made = answer.json()
    assert answer.status_code == 201
    assert {name: made[name] for name in body} == body
    assert (made["placed_by"], made["released_at"]) == (str(olga.pk), None)
    assert holds.on(collection=collection).exists()
    assert entry(actions.HOLD_PLACED)[:2] == (str(olga.pk), str(collection.pk))
    assert api.delete(f"/audit/holds/{made['id']}").status_code == 204
    assert not holds.on(collection=collection).exists()
    assert entry(actions.HOLD_RELEASED)[2]["hold"] == made["id"]
    assert api.delete(f"/audit/holds/{made['id']}").status_code == 404


def test_holds_are_listed(api: people.Api, olga: User) -> None:
    for number in range(3):
        holds.place(olga, target="everything", target_id=None, reference=f"case-{number}")
    holds.release(olga, Hold.objects.get(reference="case-1").pk)
    first = api.get("/audit/holds", {"limit": "2"}).json()
    second = api.get("/audit/holds", {"limit": "2", "cursor": first["next_cursor"]}).json()
    listed = first["items"] + second["items"]
    assert [each["reference"] for each in listed] == ["case-2", "case-1", "case-0"]
    assert [bool(each["released_at"]) for each in listed] == [False, True, False]
    active = api.get("/audit/holds", {"active": "true"}).json()["items"]
    assert [each["reference"] for each in active] == ["case-2", "case-0"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"target": "user", "target_id": str(uuid4()), "reference": "1"}, (422, "no-such-target")),
        ({"target": "user", "reference": "1"}, (422, "no-such-target")),
        ({"target": "everything", "reference": "a sentence"}, (422, "bad-reference")),
        ({"target": "machine", "reference": "1"}, (422, "invalid")),
        ({"target": "everything", "reference": "1", "why": "x"}, (422, "invalid")),
    ],
)
def test_what_cannot_be_held_is_refused(
    api: people.Api, body: dict[str, str], expected: tuple[int, str]
) -> None:
    assert problem(api.post("/audit/holds", body)) == expected
    assert not Hold.objects.exists()


def test_retention_says_what_is_past_its_time(
    api: people.Api, alice: User, settings: Any, transactional_db: None
) -> None:
    settings.KEEP_CONVERSATIONS_DAYS = 30
    kept = {each["kind"]: each for each in api.get("/audit/retention").json()}
    assert kept.keys() == retention.KINDS.keys()
    assert (kept["conversations"]["days"], kept["conversations"]["last"]) == (30, None)
    assert kept["feedback"] == {"kind": "feedback", "days": 0, "older": 0, "held": 0, "last": None}
    retention.purge(retention.KINDS["conversations"])
    (last,) = [
        each["last"]
        for each in api.get("/audit/retention").json()
        if each["kind"] == "conversations"
    ]
    assert (last["removed"], last["left"], last["ok"]) == (0, 0, True)
    assert last["entry"] == str(Entry.objects.get(action=actions.RETENTION_APPLIED).uuid)


# --- from the terminal --------------------------------------------------------------------------
def hold(*words: str) -> str:
    out = StringIO()
    call_command("hold", *words, stdout=out)
    return out.getvalue().strip()


def test_the_terminal_places_lists_and_releases(alice: User) -> None:
    key = hold("place", "user", alice.email, "--case", "case-7")
    assert holds.on(user=alice).get().pk.hex == key.replace("-", "")
    assert entry(actions.HOLD_PLACED)[:2] == ("", str(alice.pk))
    assert hold("list").startswith(f"{key}  case-7  user {alice.pk}  since ")
    assert hold("release", key) == "Released: case-7"
    assert hold("list") == ""
    assert "released" in hold("list", "--all")


@pytest.mark.parametrize(
    "words",
    [
        ("place", "user", "nobody@example.com", "--case", "1"),
        ("place", "document", "--case", "1"),
        ("place", "everything", "--case", "a sentence"),
        ("release", str(uuid4())),
    ],
)
def test_the_terminal_refuses_in_one_sentence(db: None, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        hold(*words)
    assert not Hold.objects.exists()
