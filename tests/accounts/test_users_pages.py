"""What administrators do with people and groups, and nobody else does."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Group, OneTimeLink, User
from audit import actions
from audit.models import Entry
from ingest.access import collections_for
from ingest.models import Collection
from tests import people

ClientFor = Callable[[User | None], Client]
INVITE = {"email": "New@Example.com", "name": "New"}


def edit(user: User, **changes: object) -> dict[str, object]:
    data = {"email": user.email, "name": user.name, "is_active": "on" if user.is_active else ""}
    if user.is_admin:
        data["is_admin"] = "on"
    return {key: value for key, value in {**data, **changes}.items() if value not in ("", None)}


def test_invite(admin: User, client_for: ClientFor) -> None:
    group = people.make_group("Sales")
    response = client_for(admin).post(
        reverse("accounts:invite"), INVITE | {"groups": [str(group.pk)]}
    )
    address = response.context["address"]
    assert response.status_code == 200 and address.startswith("http://testserver/accounts/link/")
    assert address.encode() in response.content
    user = User.objects.get(email="new@example.com")
    assert not user.has_usable_password() and list(user.groups.all()) == [group]
    long = "a longer way to say it"
    invited = Client()
    invited.get(address)
    form = {"password": long, "repeat": long}
    assert invited.post(reverse("accounts:link-open"), form).status_code == 302
    user.refresh_from_db()
    assert user.check_password(long)


@pytest.mark.parametrize(
    "email", ["bob@example.com", "BOB@EXAMPLE.COM", "nonsense", "", "a@b@c", "x" * 300]
)
def test_invite_refused(admin: User, bob: User, client_for: ClientFor, email: str) -> None:
    response = client_for(admin).post(reverse("accounts:invite"), {"email": email})
    assert response.status_code == 422
    assert User.objects.count() == 2


def test_list_search_and_pages(admin: User, client_for: ClientFor) -> None:
    for number in range(60):
        people.make_user(f"Person{number:02}")
    client, url = client_for(admin), reverse("accounts:users")
    assert b"Page 1 of 2" in client.get(url).content
    assert b"person59@" in client.get(url, {"page": 2}).content
    found = client.get(url, {"q": "PERSON1 example"}).content
    assert found.count(b"@example.com</a>") == 10
    assert b"Nobody fits" in client.get(url, {"q": "zzz"}).content
    for odd in ({"page": "x"}, {"page": "99"}, {"q": "%_'\"" * 40}, {"q": "x" * 300}):
        assert client.get(url, odd).status_code == 200


def test_names_are_escaped_everywhere(admin: User, client_for: ClientFor) -> None:
    evil = '<script>alert(1)</script>"onload="x'
    user = people.make_user("Eve")
    User.objects.update(name=evil)
    group = people.make_group(evil, user)
    pages = [
        reverse("accounts:users"),
        reverse("accounts:user", args=[user.pk]),
        reverse("accounts:groups"),
        reverse("accounts:group", args=[group.pk]),
        reverse("accounts:profile"),
    ]
    for url in pages:
        content = client_for(admin).get(url).content
        assert b"<script>alert" not in content and b'"onload=' not in content, url


def test_edit(admin: User, bob: User, client_for: ClientFor) -> None:
    url = reverse("accounts:user", args=[bob.pk])
    group = people.make_group("Sales")
    data = edit(bob, name="Robert", is_admin="on", groups=[str(group.pk)])
    assert client_for(admin).post(url, data).status_code == 302
    bob.refresh_from_db()
    assert (bob.name, bob.is_admin, bob.is_active) == ("Robert", True, True)
    assert list(bob.groups.all()) == [group]
    entry = Entry.objects.get(action=actions.USER_CHANGED)
    assert entry.actor == str(admin.pk) and entry.data["is_admin"] is True
    assert "Robert" not in str(entry.data)


def test_an_address_that_someone_has_is_refused(
    admin: User, bob: User, erin: User, client_for: ClientFor
) -> None:
    response = client_for(admin).post(
        reverse("accounts:user", args=[bob.pk]), edit(bob, email="ERIN@example.com")
    )
    assert response.status_code == 422
    bob.refresh_from_db()
    assert bob.email == "bob@example.com"


def test_deactivation_ends_sessions_and_tokens_at_once(
    admin: User, bob: User, client_for: ClientFor, api_for: Callable[..., people.Api]
) -> None:
    client, api = client_for(bob), api_for(bob)
    assert client.get(reverse("accounts:profile")).status_code == api.get("/me").status_code == 200
    url = reverse("accounts:user", args=[bob.pk])
    assert client_for(admin).post(url, edit(bob, is_active="")).status_code == 302
    assert client.get(reverse("accounts:profile")).status_code == 302
    assert api.get("/me").status_code == 401


def test_the_last_administrator_stays(admin: User, bob: User, client_for: ClientFor) -> None:
    client, url = client_for(admin), reverse("accounts:user", args=[admin.pk])
    assert client.post(url, edit(admin, is_admin="")).status_code == 422
    assert client.post(url, edit(admin, is_active="")).status_code == 422
    response = client.post(reverse("accounts:user-delete", args=[admin.pk]), follow=True)
    assert b"last administrator" in response.content
    admin.refresh_from_db()
    assert admin.is_admin and admin.is_active


def test_an_administrator_who_may_not_sign_in_does_not_count(
    admin: User, client_for: ClientFor
) -> None:
    people.make_user("Gone", is_admin=True, is_active=False)
    url = reverse("accounts:user", args=[admin.pk])
    assert client_for(admin).post(url, edit(admin, is_admin="")).status_code == 422


def test_one_of_two_administrators_may_go(admin: User, client_for: ClientFor) -> None:
    other = people.make_user("Other", is_admin=True)
    assert (
        client_for(other).post(reverse("accounts:user-delete", args=[admin.pk])).status_code == 302
    )
    assert list(User.objects.all()) == [other]


def test_deleting_a_person_keeps_their_collections(
    admin: User, alice: User, collection: Collection, client_for: ClientFor
) -> None:
    document = people.make_document(collection)
    assert (
        client_for(admin).post(reverse("accounts:user-delete", args=[alice.pk])).status_code == 302
    )
    collection.refresh_from_db()
    document.refresh_from_db()
    assert collection.created_by is None and document.uploaded_by is None
    entry = Entry.objects.get(action=actions.USER_DELETED)
    assert entry.target_id == str(alice.pk)


def test_reset_link(admin: User, bob: User, client_for: ClientFor) -> None:
    response = client_for(admin).post(reverse("accounts:user-reset", args=[bob.pk]))
    assert response.context["address"].encode() in response.content
    assert OneTimeLink.objects.get().purpose == OneTimeLink.Purpose.RESET
    bob.refresh_from_db()
    assert bob.check_password(people.PASSWORD)


def test_no_link_for_the_deactivated(admin: User, bob: User, client_for: ClientFor) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    response = client_for(admin).post(reverse("accounts:user-reset", args=[bob.pk]), follow=True)
    assert b"may not sign in" in response.content
    assert not OneTimeLink.objects.exists()


def test_groups(admin: User, client_for: ClientFor) -> None:
    client, url = client_for(admin), reverse("accounts:groups")
    made = client.post(url, {"name": " Sales "})
    group = Group.objects.get()
    page = reverse("accounts:group", args=[group.pk])
    assert group.name == "Sales" and made["Location"] == page
    assert client.post(url, {"name": "Sales"}).status_code == 422
    assert client.post(url, {"name": " \x07 "}).status_code == 422
    assert client.post(page, {"name": "Sale"}).status_code == 302
    group.refresh_from_db()
    assert group.name == "Sale"
    assert client.post(reverse("accounts:group-delete", args=[group.pk])).status_code == 302
    assert not Group.objects.exists() and User.objects.count() == 1


def test_members_are_found_by_a_search(
    admin: User, bob: User, erin: User, client_for: ClientFor
) -> None:
    group = people.make_group("Sales", bob)
    page = reverse("accounts:group", args=[group.pk])
    client = client_for(admin)
    assert b"erin@" not in client.get(page).content
    found = client.get(page, {"q": "erin@example"})
    assert [person.email for person in found.context["others"]] == [erin.email]
    assert not client.get(page, {"q": "bob"}).context["others"]
    assert b"Nobody outside the group" in client.get(page, {"q": "zzz"}).content
    for odd in ({"page": "x"}, {"q": "x" * 300}, {"q": "%_'"}):
        assert client.get(page, odd).status_code == 200


def test_members_come_and_go(admin: User, bob: User, erin: User, client_for: ClientFor) -> None:
    group = people.make_group("Sales", bob)
    client, url = client_for(admin), reverse("accounts:group-member", args=[group.pk])
    assert client.post(url, {"person": str(erin.pk)}).status_code == 302
    assert set(group.users.all()) == {bob, erin}
    assert client.post(url, {"person": str(bob.pk), "remove": "1"}).status_code == 302
    assert list(group.users.all()) == [erin]
    left, joined = Entry.objects.filter(action=actions.GROUP_CHANGED)
    assert joined.data["added"] == [str(erin.pk)] and left.data["removed"] == [str(bob.pk)]
    for nobody in (str(uuid4()), "", "nonsense"):
        answer = client.post(url, {"person": nobody}, follow=True)
        assert b"does not exist" in answer.content
    assert list(group.users.all()) == [erin]


def test_leaving_a_group_closes_its_collections(
    admin: User, charlie: User, collection: Collection, client_for: ClientFor
) -> None:
    group = people.make_group("Sales", charlie)
    people.grant(collection, group, "reader")
    assert collections_for(charlie).exists()
    url = reverse("accounts:group-member", args=[group.pk])
    client_for(admin).post(url, {"person": str(charlie.pk), "remove": "1"})
    assert not collections_for(charlie).exists()


NAMES = ["users", "invite", "groups"]
WITH_USER = ["user", "user-reset", "user-delete"]
WITH_GROUP = ["group", "group-member", "group-delete"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_else_may(bob: User, client_for: ClientFor, method: str) -> None:
    group = people.make_group("Sales")
    urls = [reverse(f"accounts:{name}") for name in NAMES]
    urls += [reverse(f"accounts:{name}", args=[bob.pk]) for name in WITH_USER]
    urls += [reverse(f"accounts:{name}", args=[group.pk]) for name in WITH_GROUP]
    for url in urls:
        response = getattr(client_for(bob), method)(url, edit(bob, is_admin="on"))
        assert response.status_code in (403, 405), url
        assert getattr(client_for(None), method)(url).status_code == 302, url
    bob.refresh_from_db()
    assert not bob.is_admin and Group.objects.count() == 1 and User.objects.count() == 1


def test_nobody_by_that_id(admin: User, client_for: ClientFor) -> None:
    client = client_for(admin)
    for name in WITH_USER + WITH_GROUP:
        assert client.post(reverse(f"accounts:{name}", args=[uuid4()])).status_code == 404
    assert client.get("/accounts/users/not-an-id/").status_code == 404
