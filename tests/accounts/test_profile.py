"""One's own name, password and tokens."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiToken, Group, User
from accounts.tokens import hash_secret
from audit import actions
from audit.models import Entry
from tests import people

ClientFor = Callable[[User | None], Client]
NEW = "a longer way to say it"
CHANGE = {"old": people.PASSWORD, "password": NEW, "repeat": NEW}


def test_name(bob: User, client_for: ClientFor) -> None:
    client = client_for(bob)
    assert client.post(reverse("accounts:profile"), {"name": " Bob\n<b>B.</b> "}).status_code == 302
    bob.refresh_from_db()
    assert bob.name == "Bob <b>B.</b>"
    content = client.get(reverse("accounts:profile")).content
    assert b"<b>B.</b>" not in content and b"&lt;b&gt;B.&lt;/b&gt;" in content


def test_password(bob: User, client_for: ClientFor) -> None:
    here, elsewhere = client_for(bob), client_for(bob)
    assert here.post(reverse("accounts:password"), CHANGE).status_code == 302
    assert here.get(reverse("accounts:profile")).status_code == 200
    assert elsewhere.get(reverse("accounts:profile")).status_code == 302
    bob.refresh_from_db()
    assert bob.check_password(NEW)
    assert Entry.objects.filter(action=actions.PASSWORD_SET, actor=str(bob.pk)).count() == 1


@pytest.mark.parametrize(
    "change",
    [
        {"old": "wrong"},
        {"password": "short", "repeat": "short"},
        {"password": "bob@example.com", "repeat": "bob@example.com"},
        {"password": "1q2w3e4r5t6y", "repeat": "1q2w3e4r5t6y"},
        {"repeat": "something else entirely"},
        {"password": "x" * 2000, "repeat": "x" * 2000},
    ],
)
def test_password_refused(bob: User, client_for: ClientFor, change: dict[str, str]) -> None:
    response = client_for(bob).post(reverse("accounts:password"), CHANGE | change)
    assert response.status_code == 422
    assert b"errorlist" in response.content
    bob.refresh_from_db()
    assert bob.check_password(people.PASSWORD)


def test_guessing_the_old_password_is_throttled(bob: User, client_for: ClientFor) -> None:
    client = client_for(bob)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = client.post(reverse("accounts:password"), CHANGE | {"old": "wrong"})
    assert response.status_code == 429
    assert client.post(reverse("accounts:password"), CHANGE).status_code == 429


def test_token_is_shown_once(bob: User, client_for: ClientFor) -> None:
    client = client_for(bob)
    data = {"name": "<i>night</i>", "scopes": ["ask", "read"], "days": "30"}
    response = client.post(reverse("accounts:tokens"), data)
    secret = response.context["made"].secret
    assert secret.startswith("sv_") and secret.encode() in response.content
    token = bob.tokens.get()
    assert token.token_hash == hash_secret(secret) and token.scopes == ["ask", "read"]
    assert timedelta(days=29) < token.expires_at - timezone.now() <= timedelta(days=30)
    page = client.get(reverse("accounts:profile")).content
    assert secret.encode() not in page and b"<i>night" not in page
    assert not Entry.objects.filter(data__icontains=secret).exists()


@pytest.mark.parametrize(
    "data",
    [
        {"name": "x", "scopes": ["admin"], "days": "30"},
        {"name": "x", "scopes": ["root"], "days": "30"},
        {"name": "x", "scopes": [], "days": "30"},
        {"name": "x", "scopes": ["ask"], "days": "9999"},
        {"name": "x", "scopes": ["ask"], "days": "-1"},
    ],
)
def test_token_refused(bob: User, client_for: ClientFor, data: dict[str, object]) -> None:
    assert client_for(bob).post(reverse("accounts:tokens"), data).status_code == 422
    assert not bob.tokens.exists()


def test_revoke(
    bob: User, charlie: User, client_for: ClientFor, api_for: Callable[..., people.Api]
) -> None:
    api = api_for(bob)
    url = reverse("accounts:token-revoke", args=[bob.tokens.get().pk])
    assert client_for(charlie).post(url).status_code == 404
    assert client_for(bob).get(url).status_code == 405
    assert api.get("/me").status_code == 200
    assert client_for(bob).post(url).status_code == 302
    assert api.get("/me").status_code == 401
    assert client_for(bob).post(url).status_code == 404
    assert not ApiToken.objects.exists()


def test_a_name_does_not_turn_the_words_around_it(bob: User) -> None:
    bob.name = "\u202eecila\u2066  Bob\u200f"
    bob.save()
    bob.refresh_from_db()
    assert bob.name == "ecila Bob"
    assert Group.objects.create(name="\u202dStaff ").name == "Staff"
