"""Assistants: made, changed, shared, put away, and left behind, by whom it is theirs to do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from accounts.models import User
from accounts.people import delete_user
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from chat.assistant_access import (
    assistants_for,
    get_assistant,
    open_and_closed,
    ownerless,
    role_on,
    usable,
)
from chat.assistant_belongings import assistants as belongings
from chat.assistants import (
    Draft,
    archive,
    change_assistant,
    create_assistant,
    delete_assistant,
    draft_of,
    set_grants,
    take_over,
)
from chat.models import Assistant
from inference.client import get_client
from inference.fake import FakeEngine
from ingest import holds
from ingest.models import Collection, Grant
from tests import people
from tests.chat.assisting import let_in, make_assistant

GOOD: dict[str, Any] = {"name": "Legal", "everywhere": True}


def entries(assistant: Assistant) -> list[str]:
    found = Entry.objects.filter(target_id=str(assistant.pk)).order_by("id")
    return list(found.values_list("action", flat=True))


def test_only_its_maker_has_a_new_one(alice: User, bob: User, collection: Collection) -> None:
    made = make_assistant(alice, collection, instructions="Quote the clause.")
    assert role_on(alice, made) == "owner" and role_on(bob, made) is None
    assert list(assistants_for(bob)) == []
    with pytest.raises(Http404):
        get_assistant(bob, made.pk)
    [entry] = Entry.objects.filter(target_id=str(made.pk))
    assert entry.action == actions.ASSISTANT_CREATED and entry.data == {"version": made.version}
    assert "clause" not in str(entry.data)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"name": " \u202e "}, "bad-name"),
        ({"name": "x" * 101}, "bad-name"),
        ({"description": "x" * 501}, "bad-description"),
        ({"instructions": "x" * 2_001}, "instructions-too-long"),
        ({"temperature": 1.5}, "bad-assistant"),
        ({"temperature": float("nan")}, "bad-assistant"),
        ({"answer_tokens": 3}, "bad-assistant"),
        ({"answer_tokens": 100_000}, "bad-assistant"),
        ({"starters": ("a", "b", "c", "d", "e")}, "bad-assistant"),
        ({"starters": ("x" * 201,)}, "bad-assistant"),
        ({"everywhere": False}, "bad-assistant"),
    ],
)
def test_what_cannot_be_made(alice: User, said: dict[str, Any], code: str) -> None:
    with pytest.raises(Problem) as refused:
        create_assistant(alice, Draft(**{**GOOD, **said}))
    assert refused.value.code == code and not Assistant.objects.exists()
    assert not Entry.objects.filter(action=actions.ASSISTANT_CREATED).exists()


def test_instructions_leave_passages_their_room(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get_client(), "_engine", FakeEngine(context=1_000))
    create_assistant(alice, Draft(**GOOD, instructions="a few words"))
    with pytest.raises(Problem) as refused:
        create_assistant(alice, Draft(**GOOD, instructions="word " * 300))
    assert refused.value.code == "instructions-too-long"


def test_nothing_unseen_is_kept(alice: User) -> None:
    made = make_assistant(
        alice,
        name="Le\u202egal\u200b",
        description="a\nb\u2066",
        instructions="Say\u202e it.\U000e0041",
        starters=("  What\u202e? ", "", "What?"),
    )
    assert (made.name, made.description, made.instructions) == ("Legal", "a b", "Say it.")
    assert made.starters == ["What?"]


def test_a_collection_that_the_maker_cannot_read_is_not_there(
    charlie: User, collection: Collection
) -> None:
    with pytest.raises(Http404):
        make_assistant(charlie, collection)


def test_an_editor_changes_it_and_no_more(
    alice: User, bob: User, charlie: User, collection: Collection
) -> None:
    closed = people.make_collection(alice, name="Closed")
    made = make_assistant(alice, collection, closed)
    let_in(made, bob, "editor")
    let_in(made, charlie)
    assert draft_of(bob, made).collections == (collection.pk,)
    own = people.make_collection(bob, name="Bob's")
    draft = Draft(name="Contracts", collections=(own.pk,), temperature=0.5)
    changed = change_assistant(bob, made, draft)
    assert {each.name for each in changed.collections.all()} == {"Closed", "Bob's"}
    entry = Entry.objects.get(action=actions.ASSISTANT_CHANGED)
    assert set(entry.data["fields"]) == {"name", "collections", "temperature"}
    for deed in (
        lambda: set_grants(bob, made, []),
        lambda: archive(bob, made, archived=True),
        lambda: delete_assistant(bob, made),
        lambda: change_assistant(charlie, made, draft),
    ):
        with pytest.raises(PermissionDenied):
            deed()


def test_it_gives_nobody_a_right_to_a_collection(
    alice: User, bob: User, charlie: User, collection: Collection
) -> None:
    closed = people.make_collection(alice, name="Closed")
    made = make_assistant(alice, collection, closed)
    let_in(made, None)
    assert open_and_closed(alice, made) == ([closed.pk, collection.pk], 0)
    assert open_and_closed(bob, made) == ([collection.pk], 1)
    assert open_and_closed(charlie, made) == ([], 2)


def test_whom_it_is_shared_with(alice: User, bob: User, charlie: User, erin: User) -> None:
    made = make_assistant(alice)
    group = people.make_group("Law", bob)
    set_grants(alice, made, [(f"group:{group.pk}", "user"), ("user:erin@example.com", "editor")])
    assert role_on(bob, made) == "user" and role_on(erin, made) == "editor"
    assert role_on(charlie, made) is None
    set_grants(alice, made, [("everyone", "user"), (f"user:{alice.pk}", "user")])
    assert role_on(charlie, made) == "user" and role_on(erin, made) == "user"
    assert made.grants.count() == 1
    last = Entry.objects.filter(action=actions.ASSISTANT_SHARED).latest("id")
    assert last.data["added"] == ["everyone=user"] and last.data["count"] == 1
    bob.is_active = False
    bob.save()
    assert not assistants_for(bob).exists() and role_on(bob, made) is None


@pytest.mark.parametrize(
    ("grants", "code"),
    [
        ([("user:nobody@example.com", "user")], "unknown-principal"),
        ([(f"group:{uuid4()}", "user")], "unknown-principal"),
        ([("everyone", "owner")], "unknown-role"),
        ([("everyone", "user"), ("everyone", "editor")], "principal-twice"),
        ([("everyone", "user")] * 201, "too-many-recipients"),
    ],
)
def test_whom_it_cannot_be_shared_with(alice: User, grants: list[Any], code: str) -> None:
    made = make_assistant(alice)
    with pytest.raises(Problem) as refused:
        set_grants(alice, made, grants)
    assert refused.value.code == code and not made.grants.exists()


def test_an_archived_one_is_there_and_not_asked(alice: User, bob: User) -> None:
    made = make_assistant(alice)
    let_in(made, bob)
    archive(alice, made, archived=True)
    archive(alice, made, archived=True)
    assert list(usable(bob)) == [] and list(assistants_for(bob)) == [made]
    archive(alice, made, archived=False)
    assert list(usable(bob)) == [made]
    assert entries(made) == [
        actions.ASSISTANT_CREATED,
        actions.ASSISTANT_ARCHIVED,
        actions.ASSISTANT_RESTORED,
    ]


def test_who_leaves_takes_along_what_nobody_else_uses(alice: User, bob: User, admin: User) -> None:
    alone, shared = make_assistant(alice, name="Alone"), make_assistant(alice, name="Shared")
    let_in(shared, bob)
    told = {each["name"]: each for each in belongings(alice)}
    assert told["Shared"]["grants"] == [f"user:{bob.pk}=user"] and "Alone" in told
    with pytest.raises(Http404):
        take_over(admin, shared.pk)
    delete_user(admin, alice)
    assert [each.name for each in Assistant.objects.all()] == ["Shared"]
    assert entries(alone)[-1] == actions.ASSISTANT_DELETED
    assert list(ownerless()) == [shared]
    with pytest.raises(PermissionDenied):
        take_over(bob, shared.pk)
    assert take_over(admin, shared.pk).owner == admin
    assert entries(shared)[-1] == actions.ASSISTANT_TAKEN


def test_a_hold_on_its_owner_keeps_it(
    alice: User, client_for: Callable[[User | None], Any]
) -> None:
    made = make_assistant(alice)
    officer = people.make_user("Olga", is_compliance=True)
    holds.place(officer, target="user", target_id=alice.pk, reference="case-1")
    with pytest.raises(Problem) as refused:
        delete_assistant(alice, made)
    assert refused.value.code == "on-hold"
    assert client_for(alice).post(f"/assistants/{made.pk}/delete", follow=True).status_code == 200
    assert Assistant.objects.exists()


def test_the_version_tells_what_makes_answers(alice: User, collection: Collection) -> None:
    made = make_assistant(alice, collection, instructions="One.")
    version = made.version
    same = change_assistant(
        alice, made, Draft(name="Other", instructions="One.", collections=(collection.pk,))
    )
    assert same.version == version
    before = draft_of(alice, same)
    changes: list[dict[str, Any]] = [
        {"instructions": "Two."},
        {"temperature": 0.3},
        {"everywhere": True},
    ]
    for said in changes:
        assert change_assistant(alice, made, replace(before, **said)).version != same.version


def test_pages_say_only_what_is_ones_own_to_do(
    client_for: Callable[[User | None], Any], alice: User, bob: User, collection: Collection
) -> None:
    secret = people.make_collection(alice, name="Merger plans")
    made = make_assistant(alice, collection, secret, instructions="Quote the clause.")
    let_in(made, bob)
    page = client_for(bob).get(f"/assistants/{made.pk}").content.decode()
    assert "Quote the clause." in page and "1 collection is closed to you" in page
    assert "Merger" not in page and "/edit" not in page
    assert client_for(bob).get(f"/assistants/{made.pk}/edit").status_code == 403
    Grant.objects.filter(collection=collection, user=bob).delete()
    page = client_for(bob).get(f"/assistants/{made.pk}").content.decode()
    assert "You may read none of the collections" in page
    mine = client_for(alice).get(f"/assistants/{made.pk}").content.decode()
    assert "Merger plans" in mine and "/edit" in mine


def form(**said: Any) -> dict[str, Any]:
    fields = {"name": "Legal", "where": "everywhere", "temperature": "0", "answer_tokens": "0"}
    return fields | said


def test_pages_make_change_share_and_remove_one(
    client_for: Callable[[User | None], Any], alice: User, bob: User, collection: Collection
) -> None:
    browser = client_for(alice)
    assert b"Quote the clause that decides" in browser.get("/assistants/new?template=legal").content
    refused = browser.post("/assistants/new", form(name="", starters="a\nb\nc\nd\ne"))
    assert refused.status_code == 422
    browser.post("/assistants/new", form(starters="Which notice?\n\nWhich term?"))
    made = Assistant.objects.get()
    assert made.starters == ["Which notice?", "Which term?"] and made.everywhere
    named = {"where": "named", "collections": [str(collection.pk)], "model": "gone"}
    refused = browser.post(f"/assistants/{made.pk}/edit", form(**named))
    assert refused.status_code == 422 and b"gone" in refused.content
    browser.post(f"/assistants/{made.pk}/edit", form(**named | {"model": "extractive"}))
    made.refresh_from_db()
    assert made.model == "extractive" and not made.everywhere
    access = f"/assistants/{made.pk}/access"
    browser.post(access, {"who": "person", "email": "bob@example.com", "role": "user"})
    assert role_on(bob, made) == "user"
    browser.post(access, {"principal": f"user:{bob.pk}", "role": "editor"})
    assert role_on(bob, made) == "editor" and b"Bob" in browser.get(access).content
    browser.post(access, {"principal": f"user:{bob.pk}", "role": ""})
    assert role_on(bob, made) is None
    browser.post(f"/assistants/{made.pk}/archive")
    assert b"Legal" not in browser.get("/assistants/").content.replace(b"Legal</h2>", b"")
    assert b"Legal" in browser.get("/assistants/?archived").content
    browser.post(f"/assistants/{made.pk}/archive", {"back": "on"})
    browser.post(f"/assistants/{made.pk}/delete")
    assert not Assistant.objects.exists()


def test_a_long_list_costs_as_much_as_a_short_one(
    alice: User,
    bob: User,
    collection: Collection,
    api_for: Callable[..., people.Api],
    client_for: Callable[[User | None], Any],
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    for n in range(70):
        let_in(make_assistant(alice, collection, name=f"No. {n:02}"), bob)
    api, browser = api_for(bob), client_for(bob)
    with django_assert_max_num_queries(20):
        first = api.get("/assistants?limit=60").json()
    rest = api.get(f"/assistants?limit=60&cursor={first['next_cursor']}").json()
    assert len(first["items"]) == 60 and len(rest["items"]) == 10
    with django_assert_max_num_queries(20):
        page = browser.get("/assistants/").content.decode()
    assert "No. 59" in page and "No. 60" not in page and "?page=2" in page
