"""The role of the compliance officer: appointed by administrators, recorded, and no more than it says."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, User
from accounts.tokens import scopes_of
from audit import actions
from audit.models import Entry
from tests import people
from tests.accounts.test_users_pages import edit

ClientFor = Callable[[User | None], Client]
ApiFor = Callable[..., people.Api]


@pytest.fixture
def officer(db: None) -> User:
    return people.make_user("Olga", is_compliance=True)


def test_an_administrator_appoints_and_it_is_recorded(
    admin: User, bob: User, client_for: ClientFor
) -> None:
    url = reverse("accounts:user", args=[bob.pk])
    assert client_for(admin).post(url, edit(bob, is_compliance="on")).status_code == 302
    bob.refresh_from_db()
    entry = Entry.objects.get(action=actions.USER_CHANGED)
    assert bob.is_compliance and not bob.is_admin
    assert entry.actor == str(admin.pk) and entry.target_id == str(bob.pk)
    assert entry.data == {"fields": ["is_compliance"], "is_compliance": True}


def test_the_end_of_an_appointment_is_recorded(admin: User, officer: User, api_for: ApiFor) -> None:
    answer = api_for(admin).patch(f"/users/{officer.pk}", {"is_compliance": False})
    assert answer.json()["is_compliance"] is False
    assert Entry.objects.get(action=actions.USER_CHANGED).data["is_compliance"] is False


def test_an_invitation_may_appoint(admin: User, client_for: ClientFor) -> None:
    form = {"email": "new@example.com", "is_compliance": "on"}
    client_for(admin).post(reverse("accounts:invite"), form)
    assert User.objects.get(email="new@example.com").is_compliance
    assert Entry.objects.get(action=actions.USER_CREATED).data["is_compliance"] is True


def test_an_officer_appoints_nobody(officer: User, bob: User, api_for: ApiFor) -> None:
    answer = api_for(officer).patch(f"/users/{bob.pk}", {"is_compliance": True})
    assert answer.status_code == 403
    bob.refresh_from_db()
    assert not bob.is_compliance


def test_an_administrator_is_no_officer_by_that(admin: User, client_for: ClientFor) -> None:
    client = client_for(admin)
    assert client.get(reverse("compliance:overview")).status_code == 403
    assert b"/compliance/" not in client.get(reverse("accounts:profile")).content


def test_an_officer_has_a_link(officer: User, client_for: ClientFor) -> None:
    client = client_for(officer)
    assert b'href="/compliance/"' in client.get(reverse("accounts:profile")).content
    assert client.get(reverse("compliance:overview")).status_code == 200


def test_who_appointed_themselves_is_shown(admin: User, client_for: ClientFor) -> None:
    client = client_for(admin)
    url = reverse("accounts:user", args=[admin.pk])
    client.post(url, edit(admin, is_compliance="on"))
    assert b"Appointed themselves" in client.get(reverse("compliance:overview")).content


def test_who_was_appointed_by_another_is_not_accused(
    admin: User, bob: User, client_for: ClientFor
) -> None:
    client_for(admin).post(reverse("accounts:user", args=[bob.pk]), edit(bob, is_compliance="on"))
    page = client_for(bob).get(reverse("compliance:overview")).content
    assert b"Appointed themselves" not in page and b"appointed by admin@example.com" in page


def test_the_scope_is_the_officers(officer: User, admin: User, bob: User) -> None:
    assert ApiToken.Scope.AUDIT in scopes_of(officer)
    assert ApiToken.Scope.AUDIT not in scopes_of(admin)
    assert ApiToken.Scope.AUDIT not in scopes_of(bob)


def test_nobody_else_gets_a_token_with_it(admin: User, api_for: ApiFor) -> None:
    body = {"email": admin.email, "password": people.PASSWORD, "scopes": ["audit"]}
    answer = api_for(None).post("/tokens", body)
    assert answer.status_code == 403 and answer.json()["code"] == "audit-scope"


def test_me_says_it(officer: User, api_for: ApiFor) -> None:
    assert api_for(officer).get("/me").json()["is_compliance"] is True


def test_the_list_of_people_names_the_role(
    admin: User, officer: User, client_for: ClientFor
) -> None:
    assert b"Compliance officer" in client_for(admin).get(reverse("accounts:users")).content
