"""A collection whose last manager has gone finds a new one in an administrator, and it is recorded."""

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.urls import reverse

from accounts.groups import remove_member
from accounts.models import User
from accounts.people import change_user, delete_user
from audit import actions
from audit.models import Entry
from ingest.access import MANAGER, role_on
from ingest.models import Collection
from ingest.unmanaged import take_over, unmanaged
from tests import people


def test_a_managed_collection_is_nobody_elses(
    admin: User, alice: User, collection: Collection
) -> None:
    assert not unmanaged(admin).exists()
    with pytest.raises(Http404):
        take_over(admin, collection.pk)
    assert role_on(admin, collection) is None


def test_deleting_the_only_manager_leaves_it_to_an_administrator(
    admin: User, alice: User, bob: User, collection: Collection
) -> None:
    delete_user(admin, alice)
    assert list(unmanaged(admin)) == [collection]
    take_over(admin, collection.pk)
    assert role_on(admin, collection) == MANAGER and role_on(bob, collection) == "reader"
    assert not unmanaged(admin).exists()
    entry = Entry.objects.get(action=actions.GRANTS_CHANGED)
    assert entry.actor == str(admin.pk) and entry.target_id == str(collection.pk)
    assert entry.data["added"] == [f"user:{admin.pk}=manager"]


def test_a_manager_who_may_not_sign_in_is_none(
    admin: User, alice: User, collection: Collection
) -> None:
    change_user(admin, alice, is_active=False)
    assert list(unmanaged(admin)) == [collection]
    change_user(admin, alice, is_active=True)
    assert not unmanaged(admin).exists()


def test_a_group_without_members_manages_nothing(admin: User, charlie: User) -> None:
    left = people.make_collection(None)
    group = people.make_group("Sales", charlie)
    people.grant(left, group, MANAGER)
    assert not unmanaged(admin).exists()
    remove_member(admin, group, charlie.pk)
    assert list(unmanaged(admin)) == [left]


def test_a_reader_who_administers_becomes_manager(admin: User) -> None:
    left = people.make_collection(None, reader=admin)
    take_over(admin, left.pk)
    assert role_on(admin, left) == MANAGER and left.grants.count() == 1


def test_one_that_is_being_erased_is_not_offered(admin: User) -> None:
    Collection.objects.filter(pk=people.make_collection(None).pk).update(erasing=True)
    assert not unmanaged(admin).exists()


def test_nobody_else_takes_over(alice: User, bob: User) -> None:
    left = people.make_collection(None, reader=bob)
    for act in (lambda: unmanaged(bob), lambda: take_over(bob, left.pk)):
        with pytest.raises(PermissionDenied):
            act()


def test_by_page(admin: User, client_for: Callable[[User | None], Client]) -> None:
    left = people.make_collection(None, name="<b>Left</b>")
    client = client_for(admin)
    page = client.get(reverse("ingest:unmanaged")).content
    assert b"&lt;b&gt;Left" in page and b"<b>Left" not in page
    answer = client.post(reverse("ingest:take-over", args=[left.pk]))
    assert answer["Location"] == reverse("ingest:collection-settings", args=[left.pk])
    assert client.get(answer["Location"]).status_code == 200
    assert b"Every collection has a manager" in client.get(reverse("ingest:unmanaged")).content


def test_by_api(admin: User, api_for: Callable[..., people.Api]) -> None:
    left = people.make_collection(None, name="Left")
    people.make_document(left)
    api = api_for(admin)
    (found,) = api.get("/collections/unmanaged").json()["items"]
    assert (found["id"], found["name"], found["documents"]) == (str(left.pk), "Left", 1)
    assert api.post(f"/collections/unmanaged/{left.pk}").json()["role"] == "manager"
    assert api.post(f"/collections/unmanaged/{left.pk}").status_code == 404
