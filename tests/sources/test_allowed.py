"""What settings allow to whom: folders and gates of some collections alone, passwords that go encrypted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from audit import actions
from audit.models import Entry
from ingest import sync_manage, sync_place
from ingest.models import Collection, SyncSource
from ingest.sources import kinds
from ingest.sources.addresses import is_loopback
from ingest.sources.base import SourceError
from ingest.sync_manage import Draft, SourceRefused
from tests.people import Api
from tests.sources.conftest import Make, cycle, living

pytestmark = pytest.mark.django_db

OTHER = "0b0f4f2e-0000-4000-8000-000000000000"
HOST = "files.example.org"
#: What each kind is told so that others can read along.
IN_CLEAR: dict[str, dict[str, Any]] = {
    "webdav": {"url": f"http://{HOST}/"},
    "imap": {"host": HOST, "security": "none", "port": 143},
    "s3": {"url": f"http://{HOST}:9000", "bucket": "files"},
    "git": {"url": f"http://{HOST}/repo.git"},
}


# --- passwords --------------------------------------------------------------------------------------


@pytest.fixture
def account(secrets: Path) -> str:
    """A secret file for each address of IN_CLEAR; returns the ending of their names."""
    for kind, known in IN_CLEAR.items():
        text = f"user=alice\npassword=pw\naddress={kinds.called(kind, known)}\n"
        (secrets / f"{kind}-account").write_text(text)
    return "account"


@pytest.mark.parametrize("kind", IN_CLEAR)
def test_a_password_goes_unencrypted_only_where_somebody_said_so(
    kind: str, alice: User, collection: Collection, account: str, make: Make
) -> None:
    known, credential = IN_CLEAR[kind], f"{kind}-{account}"
    with pytest.raises(SourceRefused) as refused:
        sync_manage.create(alice, collection, Draft(kind, "A", known, credential=credential))
    assert refused.value.code == "secret-unencrypted"
    assert refused.value.extra["field"] == "unencrypted" and "encrypted address" in str(
        refused.value.detail
    )
    # One that is followed since before there was a consent.
    old = make(kind, "Old", credential=credential, settings=known)
    assert cycle(old).error_code == "secret-unencrypted"
    with pytest.raises(SourceError, match="secret-unencrypted"):
        sync_place.secret_of(old)
    agreed = Draft(kind, "A", {**known, "unencrypted": True}, credential=credential)
    made = sync_manage.create(alice, collection, agreed)
    assert made.settings["unencrypted"] and sync_place.secret_of(made).password == "pw"
    entry = Entry.objects.get(action=actions.SOURCE_CREATED)
    assert entry.data == {"collection": str(collection.pk), "kind": kind, "unencrypted": True}


@pytest.mark.parametrize(
    ("kind", "known", "credential"),
    [
        ("webdav", {"url": f"https://{HOST}/"}, "dav"),
        ("webdav", {"url": f"http://{HOST}/"}, ""),
        ("webdav", {"url": "http://127.0.0.1:8080/"}, "dav"),
        ("imap", {"host": HOST, "security": "starttls", "port": 143}, "mail"),
        ("git", {"url": f"git://{HOST}/repo"}, ""),
    ],
)
def test_no_consent_is_kept_where_none_is_needed(
    kind: str, known: dict[str, Any], credential: str, alice: User, collection: Collection
) -> None:
    """It would hold for what the source becomes later."""
    draft = Draft(kind, "A", {**known, "unencrypted": True}, credential=credential)
    made = sync_manage.create(alice, collection, draft)
    assert made.settings["unencrypted"] is False
    assert "unencrypted" not in Entry.objects.get(action=actions.SOURCE_CREATED).data


def test_git_without_accounts_takes_no_secret_file(alice: User, collection: Collection) -> None:
    known = {"url": f"git://{HOST}/repo", "unencrypted": True}
    with pytest.raises(SourceRefused) as refused:
        sync_manage.create(alice, collection, Draft("git", "A", known, credential="git"))
    assert refused.value.extra["field"] == "credential" and "https" in str(refused.value.detail)


def test_loopback_is_this_machine_and_nothing_that_looks_like_it() -> None:
    for host in ("127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LOCALHOST."):
        assert is_loopback(host), host
    for host in ("128.0.0.1", "127.0.0.1.example.org", "localhost.example.org", "0.0.0.0", ""):  # noqa: S104
        assert not is_loopback(host), host


def test_the_page_asks_for_the_consent_and_shows_it(
    alice: User,
    collection: Collection,
    account: str,
    client_for: Callable[[User | None], Client],
) -> None:
    manager, address = client_for(alice), f"/collections/{collection.pk}/sync/new"
    form = {"kind": "webdav", "name": "A", "minutes": 5, **IN_CLEAR["webdav"]}
    form |= {"credential": f"webdav-{account}"}
    refused = manager.post(address, form)
    assert refused.status_code == 422 and SyncSource.objects.count() == 0
    assert "The password would be sent unencrypted" in refused.content.decode()
    assert manager.post(address, {**form, "unencrypted": "on"}).status_code == 302
    source = SyncSource.objects.get()
    for page in (f"/sync/{source.pk}", f"/collections/{collection.pk}/sync"):
        assert "Its password is sent unencrypted" in manager.get(page).content.decode()
    edit = manager.get(f"/sync/{source.pk}/edit").content.decode()
    assert 'name="unencrypted"' in edit and "checked" in edit
    assert manager.post(f"/sync/{source.pk}/edit", form).status_code == 422
    assert manager.post(f"/sync/{source.pk}/edit", {**form, "unencrypted": "on"}).status_code == 302
    assert Entry.objects.get(action=actions.SOURCE_CHANGED).data["unencrypted"] is True


def test_calls_ask_for_it_as_well(
    alice: User, collection: Collection, account: str, api_for: Callable[..., Api]
) -> None:
    api, base = api_for(alice), f"/collections/{collection.pk}/sync"
    body = {"kind": "s3", "name": "A", "credential": f"s3-{account}", "settings": IN_CLEAR["s3"]}
    for address in (base, f"{base}/try"):
        refused = api.post(address, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "secret-unencrypted")
    made = api.post(base, {**body, "settings": {**IN_CLEAR["s3"], "unencrypted": True}})
    assert made.status_code == 201 and made.json()["settings"]["unencrypted"] is True


# --- folders ----------------------------------------------------------------------------------------


def test_the_innermost_root_decides(
    make: Make, share: Path, settings: Any, collection: Collection
) -> None:
    """A folder that a setting keeps for others is not opened by one that lies around it."""
    (share / "hr" / "menu").mkdir(parents=True)
    for name in ("all.txt", "hr/pay.txt", "hr/menu/lunch.txt"):
        (share / name).write_text(f"Text of {name}.")
    settings.SOURCE_ROOTS = [str(share), f"{share}/hr={OTHER}", f"{share}/hr/menu/"]
    for number, path in enumerate((share / "hr", share / "hr" / "." / "..", share / "hr/none")):
        code = "" if number == 1 else "folder-not-allowed"
        assert cycle(make(name=f"{number}", settings={"path": str(path)})).error_code == code
    assert list(living(collection)) == ["1/all.txt"]
    assert not cycle(make(name="Menu", settings={"path": f"{share}/hr/menu"})).error_code
    assert set(living(collection)) == {"1/all.txt", "Menu/lunch.txt"}


def test_a_folder_that_becomes_another_collections_goes_from_those_that_had_it(
    watched: SyncSource, share: Path, settings: Any, collection: Collection
) -> None:
    (share / "hr").mkdir()
    for name in ("all.txt", "hr/pay.txt"):
        (share / name).write_text(f"Text of {name}.")
    cycle(watched)
    assert len(living(collection)) == 2
    settings.SOURCE_ROOTS = [str(share), f"{share}/hr={OTHER}"]
    cycle(watched)
    assert list(living(collection)) == ["Share/all.txt"]


def test_a_root_is_for_those_that_are_named_for_it(
    make: Make, share: Path, settings: Any, collection: Collection
) -> None:
    own = str(collection.pk).upper()
    for number, (roots, code) in enumerate(
        (
            ([f"{share}={OTHER}", f"{share}={own}"], ""),
            ([str(share), f"{share}/={OTHER}"], "folder-not-allowed"),
            ([f"{share}={own}", f"{share.parent}={OTHER}"], ""),
        )
    ):
        settings.SOURCE_ROOTS = roots
        assert cycle(make(name=f"{number}", settings={"path": str(share)})).error_code == code


# --- gates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "open_"),
    [
        ([], {"a.example:443", "b.example:443"}),
        (["a"], {"a.example:443"}),
        (["a={own}", "b={other}"], {"a.example:443"}),
        (["a={other}", "a={own}", "b"], {"a.example:443", "b.example:443"}),
        (["a={other}"], set()),
        # A second name for the same place does not open it.
        (["a={other}", "again"], set()),
        (["nowhere"], set()),
    ],
)
def test_gates_are_for_the_collections_that_are_named_for_them(
    rules: list[str], open_: set[str], settings: Any, collection: Collection
) -> None:
    settings.GATES = ["a=a.example:443", "b=B.example:443", "again=a.example:443"]
    settings.SOURCE_GATES = [rule.format(own=collection.pk, other=OTHER) for rule in rules]
    assert sync_place.gates(collection.pk) == open_


def test_a_source_does_not_pass_a_gate_of_another_collection(
    make: Make, settings: Any, alice: User, client_for: Callable[[User | None], Client]
) -> None:
    settings.GATES = [f"files={HOST}:443"]
    settings.SOURCE_GATES = [f"files={OTHER}"]
    source = make("webdav", settings={"url": f"https://{HOST}/"})
    assert cycle(source).error_code == "address-not-allowed"
    page = client_for(alice).get(f"/sync/{source.pk}/edit").content.decode()
    assert f"{HOST}:443" not in page
