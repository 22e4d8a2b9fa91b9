"""Sign-in, sign-out, the throttle, and where it leads."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.models import User
from audit import actions
from audit.models import Entry
from tests import people

ClientFor = Callable[[User | None], Client]
URL = "/accounts/sign-in/"


def sign_in(
    client: Client, email: str = "bob@example.com", password: str = people.PASSWORD, **more: str
) -> Any:
    return client.post(URL, {"email": email, "password": password, **more})


def fail(client: Client, times: int, email: str = "bob@example.com") -> Any:
    for _ in range(times):
        response = sign_in(client, email=email, password="wrong")
    return response


def test_anonymous_is_sent_here(db: None, client: Client) -> None:
    response = client.get(reverse("accounts:profile"))
    assert response.status_code == 302
    assert response["Location"] == f"{URL}?next=/accounts/profile/"
    assert client.get(URL).status_code == 200


def test_sign_in_and_out(bob: User, client: Client) -> None:
    assert sign_in(client)["Location"] == reverse("chat:ask")
    assert client.session["_auth_user_id"] == str(bob.pk)
    assert client.get(URL).status_code == 302
    assert client.get(reverse("accounts:sign-out")).status_code == 405
    assert client.post(reverse("accounts:sign-out"))["Location"] == URL
    assert "_auth_user_id" not in client.session
    done = list(Entry.objects.order_by("id").values_list("action", "actor"))
    assert done == [(actions.SIGNED_IN, str(bob.pk)), (actions.SIGNED_OUT, str(bob.pk))]


def test_the_case_of_an_address_does_not_matter(bob: User, client: Client) -> None:
    assert sign_in(client, email=" BOB@Example.COM ").status_code == 302


def test_the_session_key_changes(bob: User, client: Client) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = session.session_key or ""
    sign_in(client)
    assert planted and client.session.session_key != planted


def test_unknown_address_and_wrong_password_look_the_same(bob: User, client: Client) -> None:
    known = sign_in(client, password="wrong")
    unknown = sign_in(client, email="nobody@example.com", password="wrong")
    assert known.status_code == unknown.status_code == 422
    hidden = known.context["csrf_token"], unknown.context["csrf_token"]
    pages = [
        page.content.decode().replace(str(token), "").replace(email, "")
        for page, token, email in zip(
            (known, unknown), hidden, ("bob@example.com", "nobody@example.com"), strict=True
        )
    ]
    assert pages[0] == pages[1]


def test_failures_are_recorded_without_the_address(bob: User, client: Client) -> None:
    sign_in(client, password="wrong")
    sign_in(client, email="BOB@example.com", password="wrong")
    sign_in(client, email="other@example.com", password="wrong")
    entries = Entry.objects.filter(action=actions.SIGN_IN_FAILED).order_by("id")
    hashes = [entry.data["email_hash"] for entry in entries]
    assert hashes[0] == hashes[1] != hashes[2]
    assert "bob" not in str([entry.data for entry in entries])


def test_throttle(bob: User, client: Client) -> None:
    assert fail(client, settings.AXES_FAILURE_LIMIT - 1).status_code == 422
    locked = fail(client, 1)
    assert locked.status_code == 429
    assert b"Wait 15 minutes" in locked.content
    assert locked["Retry-After"] == "900"
    assert sign_in(client).status_code == 429
    assert sign_in(client, email="Bob@Example.com").status_code == 429
    assert Entry.objects.filter(action=actions.LOCKED_OUT).exists()


def test_throttle_says_nothing_about_who_exists(bob: User) -> None:
    known = fail(Client(), settings.AXES_FAILURE_LIMIT)
    unknown = fail(Client(), settings.AXES_FAILURE_LIMIT, email="nobody@example.com")
    assert known.status_code == unknown.status_code == 429
    assert known.content == unknown.content


def test_throttle_leaves_others_alone(bob: User, erin: User, client: Client) -> None:
    fail(client, settings.AXES_FAILURE_LIMIT)
    assert sign_in(client, email="erin@example.com").status_code == 302
    elsewhere = Client(REMOTE_ADDR="127.0.0.9")
    assert sign_in(elsewhere).status_code == 302


def test_success_forgets_failures(bob: User, client: Client) -> None:
    for _ in range(3):
        fail(client, settings.AXES_FAILURE_LIMIT - 1)
        assert sign_in(client).status_code == 302
        client.logout()


def test_the_api_is_throttled_with_the_page(bob: User, client: Client) -> None:
    fail(client, settings.AXES_FAILURE_LIMIT)
    body = {"email": "bob@example.com", "password": people.PASSWORD}
    response = client.post("/api/v1/tokens", body, content_type="application/json")
    assert response.status_code == 429
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "locked-out"


def test_a_deactivated_person_stays_outside(bob: User, client: Client) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert sign_in(client).status_code == 422


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example/",
        "/\\evil.example",
        "http:///evil.example",
        "javascript:alert(1)",
        "https://testserver.evil.example/",
        "\thttps://evil.example",
        "",
    ],
)
def test_next_leads_nowhere_else(bob: User, client: Client, wanted: str) -> None:
    assert sign_in(client, next=wanted)["Location"] == reverse("chat:ask")
    client.logout()
    response = client.get(URL, {"next": wanted})
    assert b"evil" not in response.content and b"javascript" not in response.content


def test_next_leads_home(bob: User, client: Client) -> None:
    assert sign_in(client, next="/accounts/profile/")["Location"] == "/accounts/profile/"


def test_csrf_is_asked_for(bob: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = sign_in(strict)
    assert response.status_code == 403
    assert b"reload the page" in response.content


@pytest.mark.parametrize(
    "data", [{}, {"email": "x" * 300, "password": "y"}, {"email": "a", "password": "b" * 2000}]
)
def test_nonsense(db: None, client: Client, data: dict[str, str]) -> None:
    assert client.post(URL, data).status_code == 422
    assert client.put(URL).status_code == 405


def test_what_was_typed_is_escaped(db: None, client: Client) -> None:
    content = sign_in(client, email='"><script>alert(1)</script>', password="wrong").content
    assert b"<script>alert" not in content


def test_language(db: None, client: Client) -> None:
    response = client.post(reverse("accounts:language"), {"language": "de", "next": URL})
    assert response["Location"] == URL
    assert b'<html lang="de"' in client.get(URL).content
    away = client.post(
        reverse("accounts:language"), {"language": "fr", "next": "https://evil.example"}
    )
    assert "evil" not in away["Location"]
    assert client.get(reverse("accounts:language")).status_code == 405
