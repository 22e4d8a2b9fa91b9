"""One-time links: used once, by one, in time."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import links, tokens
from accounts.bootstrap import first_link, open_installation
from accounts.models import OneTimeLink, User
from audit import actions
from audit.models import Entry
from audit.problems import Problem
from tests import people

ClientFor = Callable[[User | None], Client]
NEW = "a longer way to say it"
OPEN = "/accounts/link/"
FORM = {"password": NEW, "repeat": NEW}


def reset_for(user: User) -> str:
    return links.create_link(OneTimeLink.Purpose.RESET, user, actor=None)


def follow(client: Client, path: str, data: dict[str, str] | None = None) -> Any:
    """Open the link as a browser does and send the form behind it."""
    response = client.get(path)
    if response.status_code != 302:
        return response
    assert response["Location"] == OPEN
    return client.get(OPEN) if data is None else client.post(OPEN, data)


def secret_of(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1]


def test_only_the_hash_is_stored(bob: User) -> None:
    secret = secret_of(reset_for(bob))
    stored = OneTimeLink.objects.get()
    assert len(secret) >= 43
    assert secret not in (stored.token_hash, str(stored.id))
    assert not Entry.objects.filter(data__icontains=secret).exists()


def test_setting_a_password_signs_in_and_spends_the_link(bob: User, client: Client) -> None:
    path = reset_for(bob)
    assert follow(client, path).status_code == 200
    assert follow(client, path, FORM)["Location"] == reverse("chat:ask")
    assert client.session["_auth_user_id"] == str(bob.pk)
    bob.refresh_from_db()
    assert bob.check_password(NEW)
    assert Client().get(path).status_code == 404
    assert client.get(OPEN).status_code == client.post(OPEN, FORM).status_code == 404


def test_a_reset_ends_tokens_and_other_links(bob: User, client: Client) -> None:
    tokens.create_token(bob, name="night")
    invitation = links.create_link(OneTimeLink.Purpose.INVITE, bob, actor=None)
    follow(client, reset_for(bob), FORM)
    assert not bob.tokens.exists()
    assert Entry.objects.get(action=actions.TOKEN_REVOKED).data == {"tokens": 1}
    assert Client().get(invitation).status_code == 404


def test_looking_does_not_spend(bob: User, client: Client) -> None:
    path = reset_for(bob)
    for _ in range(3):
        assert client.head(path).status_code == 302
        assert follow(client, path).status_code == 200


def test_an_expired_link_says_what_to_do(bob: User, client: Client) -> None:
    path = reset_for(bob)
    follow(client, path)
    OneTimeLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.get(path).status_code == 404
    response = client.post(OPEN, FORM)
    assert response.status_code == 404
    assert b"Ask an administrator" in response.content
    bob.refresh_from_db()
    assert bob.check_password(people.PASSWORD)


@pytest.mark.parametrize(("purpose", "hours"), [("setup", 24), ("invite", 7 * 24), ("reset", 24)])
def test_lifetimes(bob: User, purpose: str, hours: int) -> None:
    links.create_link(purpose, None if purpose == "setup" else bob, actor=None)
    left = OneTimeLink.objects.get().expires_at - timezone.now()
    assert timedelta(hours=hours) - timedelta(minutes=1) < left <= timedelta(hours=hours)


def test_a_new_link_replaces_the_unused_one(bob: User, erin: User, client: Client) -> None:
    first, other, second = reset_for(bob), reset_for(erin), reset_for(bob)
    assert follow(client, first).status_code == 404
    assert follow(client, other).status_code == 200
    assert follow(client, second).status_code == 200


def test_a_weak_password_keeps_the_link(bob: User, client: Client) -> None:
    path = reset_for(bob)
    for weak in ("short", "1q2w3e4r5t6y", "bob@example.com"):
        response = follow(client, path, {"password": weak, "repeat": weak})
        assert response.status_code == 422
    assert follow(client, path, {"password": NEW, "repeat": NEW + "x"}).status_code == 422
    assert follow(client, path, FORM).status_code == 302


def test_a_deactivated_person_has_no_link(bob: User, client: Client) -> None:
    path = reset_for(bob)
    follow(client, path)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert client.get(path).status_code == client.post(OPEN, FORM).status_code == 404


@pytest.mark.parametrize("secret", ["x", "a" * 5000, "%00", "é", "..%2f..", "'--"])
def test_any_other_link_is_gone(db: None, client: Client, secret: str) -> None:
    assert client.get(f"/accounts/link/{secret}/").status_code == 404


def test_nobody_opens_without_a_link(db: None, client: Client) -> None:
    assert client.get(OPEN).status_code == client.post(OPEN, FORM).status_code == 404


def test_the_secret_is_never_logged(bob: User, caplog: pytest.LogCaptureFixture) -> None:
    strict, path = Client(enforce_csrf_checks=True), reset_for(bob)
    assert strict.put(path).status_code == strict.post(path).status_code == 405
    assert strict.get(path).status_code == 302
    assert strict.post(OPEN, FORM).status_code == 403
    OneTimeLink.objects.all().delete()
    assert strict.get(path).status_code == 404
    assert secret_of(path) not in caplog.text


def test_a_loser_of_the_race_is_told_so(bob: User) -> None:
    """Both have looked the link up before either uses it."""
    secret = secret_of(reset_for(bob))
    mine, yours = links.find_link(secret), links.find_link(secret)
    links.open_account(mine, NEW)
    with pytest.raises(Problem, match="link-gone"):
        links.open_account(yours, "another long password 77")
    bob.refresh_from_db()
    assert bob.check_password(NEW)
    assert Entry.objects.filter(action=actions.LINK_USED).count() == 1


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
def test_of_eight_at_once_one_wins() -> None:
    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        pytest.skip("threads do not share a database in memory: set DATABASE_URL")
    user = people.make_user("Raced")
    link = links.find_link(secret_of(reset_for(user)))
    won: list[int] = []

    def attempt(number: int) -> None:
        try:
            links.open_account(link, f"{NEW} {number}")
            won.append(number)
        except Problem:
            pass
        finally:
            connections.close_all()

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_set_up_makes_the_first_administrator(db: None, client: Client) -> None:
    path = first_link()
    assert path
    data = {"email": "Ada@Example.com", "name": "Ada", **FORM}
    assert follow(client, path, data).status_code == 302
    user = User.objects.get()
    assert (user.email, user.name, user.is_admin) == ("ada@example.com", "Ada", True)
    assert client.get(reverse("accounts:users")).status_code == 200
    assert first_link() is None


def test_set_up_is_over_once_there_is_an_administrator(db: None, client: Client) -> None:
    path = first_link()
    assert path and follow(client, path).status_code == 200
    people.make_user("Admin", is_admin=True)
    assert client.get(path).status_code == 404
    assert client.post(OPEN, {"email": "eve@example.com", **FORM}).status_code == 404
    assert User.objects.count() == 1


def test_set_up_that_nobody_may_take_twice(db: None) -> None:
    """The second has the form open while the first sends it."""
    link = links.find_link(secret_of(first_link() or ""))
    open_installation(link, email="first@example.com", name="", password=NEW)
    with pytest.raises(Problem, match="link-gone"):
        open_installation(link, email="second@example.com", name="", password=NEW)
    assert User.objects.count() == 1


def test_each_start_retires_the_link_before(db: None, client: Client) -> None:
    old, new = first_link(), first_link()
    assert old and new
    assert follow(client, old).status_code == 404
    assert follow(client, new).status_code == 200
