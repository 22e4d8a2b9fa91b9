"""One-time links that outlive their reason, and addresses that look like another's."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import links, people
from accounts.models import User
from accounts.passwords import change_own_password
from audit.problems import Problem
from tests.people import PASSWORD, make_user

NEW = "a wholly different sentence"


def works(path: str) -> bool:
    return bool(Client().get(path).status_code == 302)


def test_an_invitation_to_a_wrong_address_ends_when_it_is_corrected(admin: User) -> None:
    made = people.create_user(admin, email="typo@example.com")
    assert made.link and works(made.link)
    people.change_user(admin, made.user, name="Tilda")
    assert works(made.link)
    people.change_user(admin, made.user, email="right@example.com")
    assert not works(made.link)


def test_links_end_with_the_account_and_stay_so(admin: User, bob: User) -> None:
    path = links.create_link("reset", bob, actor=admin)
    people.change_user(admin, bob, is_active=False)
    people.change_user(admin, bob, is_active=True)
    assert not works(path)


def test_a_reset_ends_when_the_person_changes_the_password(admin: User, bob: User, rf: Any) -> None:
    path = links.create_link("reset", bob, actor=admin)
    change_own_password(rf.post("/"), bob, PASSWORD, NEW)
    assert not works(path)


def test_a_link_that_waits_in_a_session_ends_too(
    admin: User, bob: User, client_for: Callable[..., Client]
) -> None:
    client = client_for(None)
    client.get(links.create_link("reset", bob, actor=admin))
    people.change_user(admin, bob, email="bob.new@example.com")
    assert client.post("/accounts/link/", {"password": NEW, "repeat": NEW}).status_code == 404
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


@pytest.mark.parametrize("email", ["al\u0131ce@example.com", "bo\u017f@example.com"])
def test_an_address_that_a_database_takes_for_another_is_refused(admin: User, email: str) -> None:
    with pytest.raises(Problem) as refused:
        people.create_user(admin, email=email)
    assert refused.value.code == "bad-email"


def test_case_and_spaces_sign_in_as_the_same_person(db: None) -> None:
    make_user("Alice")
    form = {"email": "  ALICE@Example.com ", "password": PASSWORD}
    assert Client().post("/accounts/sign-in/", form).status_code == 302
