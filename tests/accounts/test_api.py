"""The calls of people, and the manners that all calls share."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiToken, Group, User
from accounts.tokens import create_token, find_token
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from tests import people

ApiFor = Callable[..., people.Api]
ClientFor = Callable[[User | None], Client]
BOB = {"email": "bob@example.com", "password": people.PASSWORD}


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["status"] == status and body["code"] == code
    assert {"type", "title", "detail"} <= body.keys() and body["detail"]
    return body


# --- tokens ---------------------------------------------------------------------------------------
def test_token_by_password(bob: User, api_for: ApiFor) -> None:
    made = api_for(None).post("/tokens", {**BOB, "email": " Bob@Example.COM"})
    assert made.status_code == 201
    body = made.json()
    assert body["scopes"] == ["ask", "read", "write"]
    api = Client(headers={"Authorization": f"Bearer {body['token']}"})
    me = api.get("/api/v1/me").json()
    assert (me["id"], me["email"], me["is_admin"]) == (str(bob.pk), bob.email, False)
    assert me["limits"]["max_upload_mb"] == settings.MAX_UPLOAD_MB
    entry = Entry.objects.get(action=actions.TOKEN_CREATED)
    assert entry.target_id == body["id"] and body["token"] not in str(entry.data)


def test_an_administrator_gets_all_scopes_or_those_asked_for(admin: User, api_for: ApiFor) -> None:
    body = {"email": admin.email, "password": people.PASSWORD}
    assert "admin" in api_for(None).post("/tokens", body).json()["scopes"]
    assert api_for(None).post("/tokens", {**body, "scopes": ["read"]}).json()["scopes"] == ["read"]


@pytest.mark.parametrize(
    "change",
    [{"password": "wrong"}, {"email": "nobody@example.com"}, {"email": ""}, {"password": ""}],
)
def test_bad_credentials_all_look_the_same(
    bob: User, api_for: ApiFor, change: dict[str, str]
) -> None:
    body = problem(api_for(None).post("/tokens", BOB | change), 401, "bad-credentials")
    assert body["detail"].startswith("E-mail and password do not belong together")


def test_throttle(bob: User, api_for: ApiFor) -> None:
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = api_for(None).post("/tokens", BOB | {"password": "wrong"})
    problem(response, 429, "locked-out")
    assert response["Retry-After"] == "900"
    problem(api_for(None).post("/tokens", BOB), 429, "locked-out")
    assert Client().post("/accounts/sign-in/", BOB).status_code == 429


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"scopes": ["admin"]}, 403, "admin-scope"),
        ({"scopes": ["root"]}, 422, "invalid"),
        ({"scopes": []}, 422, "bad-scope"),
        ({"days": 366}, 422, "invalid"),
        ({"days": 0}, 422, "invalid"),
        ({"password": "x" * 2000}, 422, "invalid"),
        ({"email": "a\x00b"}, 422, "invalid"),
        ({"surprise": 1}, 422, "invalid"),
        ({"email": None}, 422, "invalid"),
    ],
)
def test_token_refused(
    bob: User, api_for: ApiFor, change: dict[str, Any], status: int, code: str
) -> None:
    response = api_for(None).post("/tokens", BOB | change)
    problem(response, status, code)
    assert people.PASSWORD not in response.content.decode()
    assert not bob.tokens.exists()


def test_own_tokens(bob: User, charlie: User, api_for: ApiFor) -> None:
    api, other = api_for(bob), create_token(bob, name="other").token
    listed = api.get("/tokens").json()
    assert [item["name"] for item in listed["items"]] == ["other", "test"]
    assert "token_hash" not in listed["items"][0] and "token" not in listed["items"][0]
    problem(api_for(charlie).delete(f"/tokens/{other.pk}"), 404, "not-found")
    assert api.delete(f"/tokens/{other.pk}").status_code == 204
    assert bob.tokens.count() == 1


def test_a_token_ends(bob: User, api_for: ApiFor) -> None:
    api = api_for(bob)
    assert api.get("/me").status_code == 200
    bob.tokens.update(expires_at=timezone.now() - timedelta(seconds=1))
    problem(api.get("/me"), 401, "sign-in-needed")


def test_expired_tokens_are_forgotten_and_the_number_is_bounded(
    bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.tokens.MAX_TOKENS", 2)
    create_token(bob)
    bob.tokens.update(expires_at=timezone.now() - timedelta(days=1))
    create_token(bob)
    create_token(bob)
    with pytest.raises(Problem, match="too-many-tokens"):
        create_token(bob)
    assert bob.tokens.count() == 2


def test_last_use_is_written_once_a_minute(bob: User) -> None:
    secret = create_token(bob).secret
    find_token(secret)
    first = bob.tokens.get().last_used_at
    find_token(secret)
    assert first and bob.tokens.get().last_used_at == first
    bob.tokens.update(last_used_at=first - timedelta(minutes=2))
    find_token(secret)
    later = bob.tokens.get().last_used_at
    assert later and later >= first


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer x", "Basic Zm9vOmJhcg==", "Bearer sv_\x7f", "é"]
)
def test_nonsense_in_authorization(db: None, value: str) -> None:
    response = Client(headers={"Authorization": value}).get("/api/v1/me")
    problem(response, 401, "sign-in-needed")
    assert response["WWW-Authenticate"] == "Bearer"


def test_scopes_bound_a_token(admin: User, api_for: ApiFor) -> None:
    for scopes in (["ask"], ["read"], ["write"]):
        problem(api_for(admin, scopes).get("/users"), 403, "missing-scope")
    assert api_for(admin, ["admin"]).get("/users").status_code == 200
    problem(api_for(admin, ["ask"]).get("/tokens"), 403, "missing-scope")
    problem(api_for(admin, ["read"]).delete(f"/tokens/{uuid4()}"), 403, "missing-scope")
    assert api_for(admin, ["ask"]).get("/me").status_code == 200


def test_who_is_no_administrator_any_more(admin: User, api_for: ApiFor) -> None:
    api = api_for(admin)
    User.objects.filter(pk=admin.pk).update(is_admin=False)
    problem(api.get("/users"), 403, "admin-only")


# --- sessions -------------------------------------------------------------------------------------
def test_a_session_may_read(bob: User, client_for: ClientFor) -> None:
    assert client_for(bob).get("/api/v1/me").json()["email"] == bob.email
    problem(client_for(bob).get("/api/v1/users"), 403, "admin-only")
    problem(client_for(None).get("/api/v1/me"), 401, "sign-in-needed")


def test_a_session_needs_the_csrf_token_to_write(admin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin, backend="accounts.backends.EmailBackend")
    body = {"name": "Sales"}
    problem(
        client.post("/api/v1/groups", body, content_type="application/json"), 403, "csrf-failed"
    )
    assert not Group.objects.exists()
    client.get(reverse("accounts:profile"))
    headers = {"X-CSRFToken": client.cookies["csrftoken"].value}
    made = client.post("/api/v1/groups", body, content_type="application/json", headers=headers)
    assert made.status_code == 201


def test_a_bad_token_does_not_fall_back_to_the_session(bob: User, client_for: ClientFor) -> None:
    response = client_for(bob).get("/api/v1/me", headers={"Authorization": "Bearer sv_stale"})
    problem(response, 401, "sign-in-needed")


# --- users and groups -----------------------------------------------------------------------------
def test_users(admin: User, api_for: ApiFor) -> None:
    api, group = api_for(admin), people.make_group("Sales")
    made = api.post(
        "/users", {"email": "New@example.com", "name": "New", "groups": [str(group.pk)]}
    )
    assert made.status_code == 201
    body = made.json()
    assert body["email"] == "new@example.com" and body["groups"] == [
        {"id": str(group.pk), "name": "Sales"}
    ]
    assert body["invitation"].startswith("http://testserver/accounts/link/")
    assert "password" not in body
    url = f"/users/{body['id']}"
    assert api.get(url).json()["name"] == "New"
    assert api.patch(url, {"name": "Newer"}).json()["name"] == "Newer"
    user = User.objects.get(pk=body["id"])
    assert user.is_active and list(user.groups.all()) == [group]
    assert api.patch(url, {"groups": [], "is_active": False}).json()["groups"] == []
    problem(api.post(f"{url}/link"), 409, "inactive")
    assert api.delete(url).status_code == 204
    problem(api.get(url), 404, "not-found")


def test_a_user_with_a_password(admin: User, api_for: ApiFor) -> None:
    body = {"email": "new@example.com", "password": people.PASSWORD, "is_admin": True}
    made = api_for(admin).post("/users", body)
    assert made.status_code == 201 and made.json()["invitation"] is None
    assert people.PASSWORD not in made.content.decode()
    assert User.objects.get(email="new@example.com").check_password(people.PASSWORD)


def test_a_reset_link(admin: User, bob: User, api_for: ApiFor) -> None:
    link = api_for(admin).post(f"/users/{bob.pk}/link").json()["link"]
    assert Client().get(link).status_code == 302


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"email": "BOB@example.com"}, 409, "email-taken"),
        ({"email": "nonsense"}, 422, "bad-email"),
        ({"email": "x" * 400 + "@example.com"}, 422, "invalid"),
        ({"password": "short"}, 422, "weak-password"),
        ({"groups": [str(uuid4())]}, 422, "no-such-group"),
        ({"groups": ["x"]}, 422, "invalid"),
        ({"is_admin": "maybe"}, 422, "invalid"),
    ],
)
def test_user_refused(
    admin: User, bob: User, api_for: ApiFor, change: dict[str, Any], status: int, code: str
) -> None:
    problem(api_for(admin).post("/users", {"email": "new@example.com"} | change), status, code)
    assert User.objects.count() == 2


def test_the_last_administrator_stays(admin: User, api_for: ApiFor) -> None:
    api, url = api_for(admin), f"/users/{admin.pk}"
    problem(api.patch(url, {"is_admin": False}), 409, "last-admin")
    problem(api.patch(url, {"is_active": False}), 409, "last-admin")
    problem(api.delete(url), 409, "last-admin")
    assert User.objects.get().is_admin


def test_pages_of_users(admin: User, api_for: ApiFor) -> None:
    for number in range(7):
        people.make_user(f"P{number}")
    api, cursor = api_for(admin), ""
    seen: list[str] = []
    while True:
        query = {"limit": "3", "q": "example"} | ({"cursor": cursor} if cursor else {})
        body = api.get("/users", query).json()
        seen += [item["email"] for item in body["items"]]
        cursor = body["next_cursor"]
        if not cursor:
            break
    assert seen == sorted(seen) and len(seen) == len(set(seen)) == 8
    assert [item["name"] for item in api.get("/users", {"q": "p3"}).json()["items"]] == ["P3"]


@pytest.mark.parametrize(
    "cursor", ["x", "bnVsbA", "W10", "WzEsMl0", "W251bGxd", "é", "W1siYSJdXQ", "=" * 900]
)
def test_a_cursor_of_someone_elses_making(admin: User, api_for: ApiFor, cursor: str) -> None:
    problem(api_for(admin).get("/tokens", {"cursor": cursor}), 400, "bad-cursor")


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"q": "\x00"}])
def test_query_refused(admin: User, api_for: ApiFor, query: dict[str, Any]) -> None:
    problem(api_for(admin).get("/users", query), 422, "invalid")


def test_groups(admin: User, bob: User, api_for: ApiFor) -> None:
    api = api_for(admin)
    made = api.post("/groups", {"name": "Sales", "members": [str(bob.pk)]}).json()
    url = f"/groups/{made['id']}"
    assert made["members"] == 1 and api.get(url).json() == made
    assert api.get("/groups", {"q": "sal"}).json()["items"] == [made]
    assert [item["email"] for item in api.get(f"{url}/members").json()["items"]] == [bob.email]
    problem(api.post("/groups", {"name": "Sales"}), 409, "name-taken")
    problem(api.post("/groups", {"name": " "}), 422, "bad-name")
    problem(api.patch(url, {"members": [str(uuid4())]}), 422, "no-such-user")
    assert api.patch(url, {"name": "Sale"}).json()["members"] == 1
    assert api.patch(url, {"members": []}).json() == {**made, "name": "Sale", "members": 0}
    assert api.delete(url).status_code == 204
    problem(api.delete(url), 404, "not-found")


def test_nobody_else_may(bob: User, api_for: ApiFor) -> None:
    group = people.make_group("Sales")
    calls = [
        ("get", "/users"),
        ("post", "/users"),
        ("get", f"/users/{bob.pk}"),
        ("patch", f"/users/{bob.pk}"),
        ("delete", f"/users/{bob.pk}"),
        ("post", f"/users/{bob.pk}/link"),
        ("get", "/groups"),
        ("post", "/groups"),
        ("get", f"/groups/{group.pk}"),
        ("get", f"/groups/{group.pk}/members"),
        ("patch", f"/groups/{group.pk}"),
        ("delete", f"/groups/{group.pk}"),
    ]
    for method, path in calls:
        problem(getattr(api_for(None), method)(path), 401, "sign-in-needed")
        problem(getattr(api_for(bob), method)(path), 403, "missing-scope")
    forged = create_token(bob)
    ApiToken.objects.filter(pk=forged.token.pk).update(scopes=["admin"])
    client = Client(headers={"Authorization": f"Bearer {forged.secret}"})
    problem(client.get("/api/v1/users"), 403, "admin-only")


# --- manners --------------------------------------------------------------------------------------
def test_errors_have_one_form(admin: User, api_for: ApiFor) -> None:
    api = api_for(admin)
    problem(api.get("/none"), 404, "not-found")
    problem(api.get("/api/none"), 404, "not-found")
    problem(api.get("/"), 404, "not-found")
    problem(api.get("/users/not-an-id"), 404, "not-found")
    response = api.put("/me")
    problem(response, 405, "method-not-allowed")
    assert response["Allow"] == "GET"
    problem(api.post("/openapi.json"), 405, "method-not-allowed")
    problem(api.post("/groups", "{", content_type="application/json"), 400, "bad-request")
    body = problem(api.post("/users", {"name": 3}), 422, "invalid")
    assert {error["field"] for error in body["errors"]} == {"email", "name"}


def test_a_huge_body(admin: User, api_for: ApiFor) -> None:
    response = api_for(admin).post("/groups", {"name": "x" * 3_000_000})
    problem(response, 413, "too-large")


def test_what_nobody_foresaw_tells_nothing(
    admin: User, api_for: ApiFor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the text of a document")

    monkeypatch.setattr("accounts.groups.create_group", fail)
    body = problem(api_for(admin).post("/groups", {"name": "x"}), 500, "unexpected")
    assert "document" not in str(body) and "RuntimeError" not in str(body)
    assert "RuntimeError" in caplog.text and "the text of a document" not in caplog.text


def test_openapi(api_for: ApiFor, db: None) -> None:
    schema = api_for(None).get("/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    assert schema["info"]["version"] == settings.VERSION
    assert {"/api/v1/tokens", "/api/v1/me", "/api/v1/users", "/api/v1/groups"} <= schema[
        "paths"
    ].keys()


def test_readable_pages(bob: User, client_for: ClientFor) -> None:
    assert client_for(None).get("/api/docs").status_code == 302
    response = client_for(bob).get("/api/docs")
    assert response.status_code == 200
    content = response.content.decode()
    assert "/api/v1/users/{pk}" in content and "max_upload_mb" in content
    assert "http://" not in content and "https://" not in content
    assert client_for(bob).post("/api/docs").status_code == 405
