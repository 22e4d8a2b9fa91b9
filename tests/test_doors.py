"""One test that walks every URL: nobody gets what they may not see, whoever adds a page or a call.

A new parameter needs a line in `things` below; a new address that needs no sign-in, one in PUBLIC.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from accounts import links, tokens
from accounts.models import ApiToken, User
from audit.models import Entry
from chat.models import Assistant, AssistantGrant, Conversation, Feedback, Message, Share
from chat.share_audience import named
from chat.shares import share_answer
from ingest import holds
from ingest.models import Chunk, Collection, Document, Grant, Receipt
from tests import people
from tests.chat import assisting
from tests.compliance import people as officers
from tests.doors import METHODS, Door, find_doors, knock
from tests.evaluation import things as measuring
from tests.fleet import things as fleet
from tests.ingest import moving
from usage.models import Price

#: Open to everyone, and what a stranger without any right gets there.
PUBLIC: dict[tuple[str, str], set[int]] = {
    ("accounts/sign-in/", "GET"): {200},
    ("accounts/sign-in/", "POST"): {422},
    ("accounts/sign-out/", "POST"): {302},
    ("accounts/language/", "POST"): {302},
    ("accounts/link/", "GET"): {404},
    ("accounts/link/", "POST"): {404},
    ("accounts/link/<str:secret>/", "GET"): {302},
    ("api/v1/openapi.json", "GET"): {200},
    ("api/v1/tokens", "POST"): {401},
    ("browser-reports", "POST"): {204},
    ("livez", "GET"): {200},
    ("readyz", "GET"): {200, 503},
}
#: Doors of administrators: there is nothing to hide from others but the door itself.
ADMIN = (
    "accounts/users/", "accounts/groups/", "collections/unmanaged", "erasures",
    "api/v1/users", "api/v1/groups", "api/v1/collections/unmanaged", "api/v1/erasures",
    "evaluation/", "api/v1/evaluation", "usage/", "api/v1/usage",
    "models/", "api/v1/models/",
)  # fmt: skip
#: Doors of compliance officers: an administrator is none by that.
OFFICER = ("compliance/", "api/v1/audit")
#: What is not the owner's to do, or what her finished objects cannot do. Not 404, though.
ANSWERS = {200, 201, 202, 204, 302, 400, 403, 409, 422}


@dataclass
class World:
    """Alice's things, one for each word that stands before a parameter, and who asks for them."""

    alice: User
    bob: User
    charlie: User
    #: Alice shares her conversation with her, and she reads the collection.
    dora: User
    admin: User
    officer: User
    things: dict[str, object]
    keys: dict[UUID, tuple[str, str]]

    def client(self, user: User | None, door: Door) -> Client:
        """Pages by session; calls by a token that has every scope its owner may have."""
        if user is None:
            return Client()
        secret, session = self.keys[user.pk]
        if door.is_api:
            return Client(headers={"Authorization": f"Bearer {secret}"})
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = session
        return client


def keys_of(user: User) -> tuple[str, str]:
    """A token and a session, made once: each knock comes with them in fresh hands."""
    client = Client()
    client.force_login(user, backend="accounts.backends.EmailBackend")
    return tokens.create_token(user).secret, client.cookies[settings.SESSION_COOKIE_NAME].value


def make_world() -> World:
    names = ("Alice", "Bob", "Charlie", "Dora")
    alice, bob, charlie, dora = (people.make_user(name) for name in names)
    admin = people.make_user("Admin", is_admin=True)
    officer = people.make_user("Olga", is_compliance=True)
    collection = people.make_collection(alice, name=f"Handbook {people.CANARY}", reader=bob)
    document = people.make_document(collection)
    conversation = people.make_conversation(alice, document.chunks.get())
    conversation.collections.add(collection)
    answer = conversation.messages.get(role=Message.Role.ASSISTANT)
    people.grant(collection, dora, Grant.Role.READER)
    share = share_answer(alice, answer, named(alice, [f"user:{dora.pk}"]))
    secret = links.create_link("reset", alice, actor=admin).rstrip("/").rsplit("/", 1)[-1]
    things: dict[str, object] = {
        "collections": collection.pk,
        "documents": document.pk,
        "receipts": (receipt := people.make_receipt(alice, document).pk),
        "erasures": receipt,
        "c": conversation.pk,
        "conversations": conversation.pk,
        "answers": answer.pk,
        "shared": share.pk,
        "tokens": tokens.create_token(alice).token.pk,
        "users": alice.pk,
        "groups": people.make_group("Sales", alice).pk,
        "assistants": assisting.make_assistant(alice, collection, name=f"Legal {people.CANARY}").pk,
        "audit": Entry.objects.latest("id").uuid,
        "record": Entry.objects.latest("id").uuid,
        "reports": officers.make_report().id,
        "unmanaged": people.make_collection(None, name="Left").pk,
        "link": secret,
        "exports": moving.make_export(alice, collection).pk,
        "imports": moving.make_import(alice).pk,
        "holds": holds.place(officer, target="user", target_id=bob.pk, reference="case-1").pk,
        "pages": 1,
        **people.make_source(collection),
        "prices": Price.objects.create(kind="electricity", since="2026-01-01", amount=1).pk,
        "sources": 1,
        "marks": 1,
        "passages": document.chunks.get().pk,
        **measuring.make_things(admin),
        **fleet.make_things(admin),
    }
    keys = {user.pk: keys_of(user) for user in (alice, bob, charlie, dora, admin, officer)}
    return World(alice, bob, charlie, dora, admin, officer, things, keys)


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def doors(world: World) -> list[Door]:
    # As whose door it is: the door itself must answer, not the guard before it.
    found = find_doors(lambda door: world.client(whose(world, door), door))
    unknown = {thing for door in found for thing in door.things} - world.things.keys()
    assert not unknown, (
        f"tests/test_doors.py knows no {sorted(unknown)}: add one of Alice's to things"
    )
    return found


#: What the policy must say on every answer, and in which words: tests/browser/test_hostile.py tries it.
POLICY = {
    "default-src 'none'", "script-src 'self'", "script-src-attr 'none'", "style-src 'self'",
    "img-src 'self'", "connect-src 'self'", "form-action 'self'", "frame-src 'none'",
    "object-src 'none'", "worker-src 'none'", "frame-ancestors 'none'", "base-uri 'none'",
    "require-trusted-types-for 'script'", "trusted-types sovereign default",
    "report-uri /browser-reports",
}  # fmt: skip
WALL = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Origin-Agent-Cluster": "?1",
    "X-DNS-Prefetch-Control": "off",
    "X-Permitted-Cross-Domain-Policies": "none",
}


def check_headers(answer: Any, where: str) -> None:
    """The browser's wall."""
    policy = answer.headers.get("Content-Security-Policy", "")
    assert {part.strip() for part in policy.split(";")} >= POLICY, where
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy, where
    assert {name: answer.headers.get(name) for name in WALL} == WALL, where
    assert "no-store" in answer.headers.get("Cache-Control", ""), where
    off = answer.headers.get("Permissions-Policy", "")
    assert {"camera=()", "geolocation=()", "display-capture=()", "usb=()"} <= set(off.split(", "))


def check(answer: Any, where: str) -> None:
    """What holds for every response, whoever asked for what."""
    assert answer.status_code < 500 or where.startswith("GET /readyz"), (
        f"{where}: {answer.status_code}"
    )
    check_headers(answer, where)
    assert answer.headers.get("X-Request-ID"), where
    if "/api/v1/" in where and answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json", where
        assert answer.json()["code"], where


def text_of(answer: Any) -> str:
    """The body, if it is there as a whole. Streams are the rooms' own tests' business."""
    if not answer.streaming:
        return str(answer.content.decode(errors="replace"))
    if answer.is_async:
        return ""
    return b"".join(answer.streaming_content).decode(errors="replace")


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ask(world: World, user: User | None, door: Door, method: str, path: str = "") -> Any:
    path = path or door.path(world.things)
    answer = knock(world.client(user, door), door, method, path)
    check(answer, f"{method} {path}")
    answer.seen = text_of(answer)
    return answer


def each(doors: list[Door]) -> Iterator[tuple[Door, str]]:
    for door in doors:
        for method in door.methods:
            yield door, method


def is_admins(door: Door) -> bool:
    return door.route.startswith(ADMIN)


def is_officers(door: Door) -> bool:
    return door.route.startswith(OFFICER)


def whose(world: World, door: Door) -> User:
    """Who may knock at this door and ask for Alice's things."""
    if is_officers(door):
        return world.officer
    return world.admin if is_admins(door) else world.alice


def test_there_are_doors(doors: list[Door]) -> None:
    """That the walk sees both kinds, so that the tests below are about something."""
    routes = {door.route for door in doors}
    assert {"", "collections/<uuid:pk>", "accounts/users/"} <= routes
    assert any(door.is_api and door.things == ("documents",) for door in doors)
    assert len(routes) > 50


def test_owner_finds_her_things(world: World, doors: list[Door]) -> None:
    """Without this, the 404 of a stranger might be everybody's."""
    for door, method in each(doors):
        if not door.things:
            continue
        with undone():
            answer = ask(world, whose(world, door), door, method)
            right = {200, 302} if method == "GET" else ANSWERS
            assert answer.status_code in right, f"{method} {door.route}: {answer.status_code}"


def test_anonymous_is_asked_to_sign_in(world: World, doors: list[Door]) -> None:
    for door, method in each(doors):
        with undone():
            answer = ask(world, None, door, method)
            where = f"{method} {door.route}: {answer.status_code}"
            if (door.route, method) in PUBLIC:
                assert answer.status_code in PUBLIC[door.route, method], where
            elif door.is_api:
                assert answer.status_code == 401, where
            else:
                assert answer.status_code == 302, where
                assert answer["Location"].startswith("/accounts/sign-in/?next="), where
            assert people.CANARY not in answer.seen, where


def test_a_stranger_finds_nothing(world: World, doors: list[Door]) -> None:
    for door, method in each(doors):
        if (door.route, method) in PUBLIC:
            continue
        with undone():
            answer = ask(world, world.charlie, door, method)
            where = f"{method} {door.route}: {answer.status_code}"
            if is_admins(door) or is_officers(door):
                assert answer.status_code == 403, where
            elif door.things:
                assert answer.status_code == 404, where
                nobodys = ask(world, world.charlie, door, method, door.path_with(UUID(int=0)))
                assert nobodys.seen == answer.seen or not door.is_api, where
            assert people.CANARY not in answer.seen, where


def test_an_administrator_without_grants_finds_nothing(world: World, doors: list[Door]) -> None:
    for door, method in each(doors):
        if (door.route, method) in PUBLIC or is_admins(door):
            continue
        with undone():
            answer = ask(world, world.admin, door, method)
            where = f"{method} {door.route}: {answer.status_code}"
            if is_officers(door):
                assert answer.status_code == 403, where
            else:
                assert answer.status_code == 404 or not door.things, where
            assert people.CANARY not in answer.seen, where


def test_an_officer_without_grants_sees_no_content(world: World, doors: list[Door]) -> None:
    """The record and what it proves are hers; documents, their names and conversations are not."""
    for door, method in each(doors):
        if (door.route, method) in PUBLIC:
            continue
        with undone():
            answer = ask(world, world.officer, door, method)
            where = f"{method} {door.route}: {answer.status_code}"
            if is_admins(door):
                assert answer.status_code == 403, where
            elif not is_officers(door):
                assert answer.status_code == 404 or not door.things, where
            assert people.CANARY not in answer.seen, where
            assert "leave.txt" not in answer.seen, where


def state() -> list[object]:
    """All of Alice's collection, as the database has it."""
    tables: list[Any] = [Collection, Grant, Document, Chunk, Receipt]
    return [list(table.objects.order_by("pk").values()) for table in tables]


def test_a_reader_changes_nothing(world: World, doors: list[Door]) -> None:
    before = state()
    for door, method in each(doors):
        if method == "GET" or not {"collections", "documents"} & set(door.things):
            continue
        answer = ask(world, world.bob, door, method)
        assert answer.status_code == 403, f"{method} {door.route}: {answer.status_code}"
        assert state() == before, f"{method} {door.route} changed something"


def test_a_reader_reads_documents_and_no_conversation(world: World, doors: list[Door]) -> None:
    title = Conversation.objects.get().title
    for door in doors:
        if (
            "GET" not in door.methods
            or whose(world, door) != world.alice
            or (door.route, "GET") in PUBLIC
        ):
            continue
        answer = ask(world, world.bob, door, "GET")
        where = f"GET {door.route}: {answer.status_code}"
        if set(door.things) & {
            "c",
            "conversations",
            "answers",
            "shared",
            "tokens",
            "receipts",
            "assistants",
        }:
            assert answer.status_code == 404, where
        assert title not in answer.seen, where


def test_nobody_acts_for_another(world: World, doors: list[Door]) -> None:
    """Bob may read the collection; what is Alice's alone stays as it is under all that he sends."""

    def hers() -> list[object]:
        tables: list[Any] = [
            Conversation,
            Message,
            Feedback,
            Share,
            Share.users.through,
            Assistant,
            AssistantGrant,
            ApiToken.objects.filter(user=world.alice),
        ]
        rows = [getattr(table, "objects", table).order_by("pk").values() for table in tables]
        return [list(row) for row in rows] + [User.objects.values().get(pk=world.alice.pk)]

    before = hers()
    for door, method in each(doors):
        if method == "GET" or not door.things:
            continue
        answer = ask(world, world.bob, door, method)
        assert answer.status_code in (403, 404), f"{method} {door.route}: {answer.status_code}"
        assert hers() == before, f"{method} {door.route} changed something"


#: What opens to those with whom a conversation is shared, and nothing else of it.
SHARED = {
    "shared/<uuid:pk>/",
    "api/v1/shared/<uuidstr:pk>",
    "answers/<uuid:pk>/sources/<int:n>/",
}


def test_whom_it_is_shared_with_looks_at_it_and_does_nothing(
    world: World, doors: list[Door]
) -> None:
    for door, method in each(doors):
        if not {"c", "conversations", "answers", "shared"} & set(door.things):
            continue
        if is_admins(door):
            continue
        with undone():
            answer = ask(world, world.dora, door, method)
            right = 200 if method == "GET" and door.route in SHARED else 404
            assert answer.status_code == right, f"{method} {door.route}: {answer.status_code}"


def test_who_loses_the_source_sees_nothing_of_what_is_shared(
    world: World, doors: list[Door]
) -> None:
    Grant.objects.filter(user=world.dora).delete()
    for door in doors:
        if door.route in SHARED:
            answer = ask(world, world.dora, door, "GET")
            assert answer.status_code == (404 if "sources" in door.things else 200), door.route
            assert people.CANARY not in answer.seen, door.route


def test_wrong_methods(world: World, doors: list[Door]) -> None:
    for door in doors:
        client, path = world.client(whose(world, door), door), door.path(world.things)
        for method in set(METHODS) - set(door.methods):
            answer = client.generic(method, path, "{}", content_type="application/json")
            check(answer, f"{method} {path}")
            assert answer.status_code == 405, f"{method} {door.route}: {answer.status_code}"


@pytest.mark.parametrize("bad", ["not-an-id", UUID(int=0), "%00"])
def test_bad_ids(world: World, doors: list[Door], bad: object) -> None:
    for door, method in each(doors):
        if not door.has_uuid:
            continue
        answer = ask(world, whose(world, door), door, method, door.path_with(bad))
        assert answer.status_code == 404, f"{method} {door.route} with {bad}: {answer.status_code}"


def test_a_token_without_scopes_does_nothing(world: World, doors: list[Door]) -> None:
    made = tokens.create_token(world.alice)
    ApiToken.objects.filter(pk=made.token.pk).update(scopes=[])
    client = Client(headers={"Authorization": f"Bearer {made.secret}"})
    for door, method in each(doors):
        if not door.is_api or (door.route, method) in PUBLIC or door.route == "api/v1/me":
            continue
        answer = knock(client, door, method, door.path(world.things))
        assert answer.status_code == 403, f"{method} {door.route}: {answer.status_code}"
        assert answer.json()["code"] == "missing-scope", f"{method} {door.route}"


def test_a_session_without_csrf_changes_nothing(world: World, doors: list[Door]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.admin, backend="accounts.backends.EmailBackend")
    for door, method in each(doors):
        if method == "GET" or door.route in ("api/v1/tokens", "browser-reports"):
            continue  # they look at no session
        answer = knock(client, door, method, door.path(world.things))
        assert answer.status_code == 403, f"{method} {door.route}: {answer.status_code}"


def test_addresses_of_nothing(world: World) -> None:
    for user in (None, world.charlie):
        for path in (
            "/none",
            "/api/none",
            "/api/v1/none",
            "/admin/",
            "/accounts/",
            "/metrics",
            "/.env",
        ):
            door = Door("api/v1/" if path.startswith("/api/") else "")
            answer = world.client(user, door).get(path)
            check(answer, f"GET {path}")
            assert answer.status_code in ((302, 404) if user is None else (404,)), path


def test_the_record_holds_no_content(world: World, doors: list[Door]) -> None:
    """Whatever the owner does, her words stay out of the record."""
    for door, method in each(doors):
        with undone():
            ask(world, whose(world, door), door, method)
            kept = str(list(Entry.objects.values_list("data", flat=True)))
            assert people.CANARY not in kept, f"{method} {door.route}"
            assert "leave@example.com" not in kept and "leave.txt" not in kept, (
                f"{method} {door.route}"
            )


def test_cookies_are_for_us_alone(world: World) -> None:
    form = {"email": world.bob.email, "password": people.PASSWORD}
    answer = Client().post("/accounts/sign-in/", form)
    cookie = answer.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
