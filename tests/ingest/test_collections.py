"""Collections and grants: who may, what is recorded, and that a manager always stays."""

from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from accounts.models import User
from audit import actions
from audit.models import Entry
from ingest.access import MANAGER, collections_for, get_collection
from ingest.collections import (
    CollectionRefused,
    change_collection,
    create_collection,
    set_grants,
)
from ingest.models import Collection, Grant
from tests import people

pytestmark = pytest.mark.django_db


def held(collection: Collection) -> set[tuple[str, str]]:
    return {(grant.principal, grant.role) for grant in collection.grants.all()}


def test_who_makes_a_collection_manages_it_alone(alice: User, bob: User) -> None:
    made = create_collection(alice, name="  Board   papers ", description=" Minutes ")
    assert (made.name, made.description) == ("Board papers", "Minutes")
    assert get_collection(alice, made.pk, MANAGER) == made
    assert not collections_for(bob).filter(pk=made.pk).exists()
    entry = Entry.objects.get(action=actions.COLLECTION_CREATED)
    assert entry.actor == str(alice.pk) and "Board" not in str(entry.data)


@pytest.mark.parametrize("name", ["", "   ", "x" * 151, "a\x00b", "a\u202eb"])
def test_a_name_that_says_nothing_is_refused(alice: User, name: str) -> None:
    with pytest.raises(CollectionRefused, match="bad-name"):
        create_collection(alice, name=name)


def test_a_manager_changes_what_is_named_and_nothing_else(
    alice: User, collection: Collection
) -> None:
    change_collection(alice, collection, description="New")
    collection.refresh_from_db()
    assert (collection.name, collection.description) == ("Handbook", "New")


def test_editors_and_strangers_change_nothing(
    erin: User, charlie: User, collection: Collection
) -> None:
    before = held(collection)
    for user, error in ((erin, PermissionDenied), (charlie, Http404)):
        with pytest.raises(error):
            change_collection(user, collection, name="Mine")
        with pytest.raises(error):
            set_grants(user, collection, [(f"user:{user.pk}", "manager")])
    assert held(collection) == before


def test_grants_are_replaced_and_recorded(
    alice: User, bob: User, erin: User, collection: Collection
) -> None:
    group = people.make_group("Staff", bob)
    wanted = {
        (f"user:{alice.pk}", "manager"),
        (f"group:{group.pk}", "editor"),
        ("everyone", "reader"),
    }
    set_grants(alice, collection, wanted)
    assert held(collection) == wanted
    entry = Entry.objects.get(action=actions.GRANTS_CHANGED)
    assert entry.data["count"] == 3
    assert (
        f"user:{erin.pk}=editor" in entry.data["removed"]
        and "everyone=reader" in entry.data["added"]
    )


@pytest.mark.parametrize(
    ("grants", "code"),
    [
        ([("user:{alice}", "reader")], "no-manager"),
        ([], "no-manager"),
        ([("everyone", "manager")], "no-manager"),
        ([("group:{empty}", "manager")], "no-manager"),
        ([("user:{gone}", "manager")], "no-manager"),
        ([("user:{alice}", "manager"), ("user:{alice}", "reader")], "principal-twice"),
        ([("user:{alice}", "owner")], "unknown-role"),
        ([("user:{nobody}", "manager")], "unknown-principal"),
        ([("group:{alice}", "manager")], "unknown-principal"),
        ([("user:1", "manager")], "unknown-principal"),
        ([("robot:{alice}", "manager")], "unknown-principal"),
    ],
)
def test_grants_that_make_no_sense_change_nothing(
    alice: User, collection: Collection, grants: list[tuple[str, str]], code: str
) -> None:
    gone = people.make_user("Gone", is_active=False)
    ids = {
        "alice": alice.pk,
        "nobody": uuid4(),
        "empty": people.make_group("Empty").pk,
        "gone": gone.pk,
    }
    before = held(collection)
    with pytest.raises(CollectionRefused, match=code):
        set_grants(alice, collection, [(who.format(**ids), role) for who, role in grants])
    assert held(collection) == before
    assert not Entry.objects.filter(action=actions.GRANTS_CHANGED).exists()


def test_a_manager_may_leave_when_a_group_with_members_stays(
    alice: User, bob: User, collection: Collection
) -> None:
    group = people.make_group("Staff", bob)
    set_grants(alice, collection, [(f"group:{group.pk}", "manager")])
    assert not Grant.objects.filter(collection=collection, user=alice).exists()
    assert get_collection(bob, collection.pk, MANAGER)
