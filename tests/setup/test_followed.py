"""What the doctor says of sources: folders, gates, secret files, and how long ago each was in step."""

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ingest.models import Collection, SyncSource
from sovereign import followed

pytestmark = pytest.mark.django_db
OTHER = "0b0f4f2e-0000-4000-8000-000000000000"


@pytest.fixture
def secrets(tmp_path: Path, settings: Any) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    settings.SOURCE_SECRETS_DIR = str(folder)
    return folder


def make(collection: Collection, **fields: Any) -> SyncSource:
    known = {"kind": "webdav", "name": "Cloud", "settings": {"url": "https://files.example.org/"}}
    return SyncSource.objects.create(collection=collection, **(known | fields))


def test_nothing_is_followed(db: None) -> None:
    found = followed.sources()
    assert found.ok and not found.needed and found.detail == "none is followed"


def test_what_settings_name_is_looked_at(
    settings: Any, tmp_path: Path, secrets: Path, collection: Collection
) -> None:
    (tmp_path / "file").write_text("No folder.")
    settings.SOURCE_ROOTS = [str(tmp_path), f"{tmp_path}/none", f"{secrets}={collection.pk}"]
    settings.GATES, settings.SOURCE_GATES = ["files=a.example:443"], ["files", "mail=typo"]
    settings.SOURCE_CERTIFICATES = str(tmp_path / "file")
    said = followed.sources()
    assert not said.ok and not said.needed and "docs/sources.md" in said.advice
    for words in (
        f"{tmp_path}/none is no folder",
        "SOVEREIGN_GATES has no gate mail",
        "the gate mail is for the collection typo, which is not there",
        "holds no certificates",
    ):
        assert words in said.detail
    assert said.detail.count(";") == 3
    settings.SOURCE_ROOTS, settings.SOURCE_GATES = [f"{tmp_path}={OTHER}"], ["files"]
    settings.SOURCE_CERTIFICATES = ""
    assert f"for the collection {OTHER}, which is not there" in followed.sources().detail
    settings.SOURCE_ROOTS = [str(tmp_path)]
    assert followed.sources().ok


def test_secret_files_are_for_nobody_else(
    secrets: Path, settings: Any, collection: Collection
) -> None:
    file = secrets / "dav"
    source = make(collection, credential="dav", last_success_at=timezone.now())
    assert "Cloud: There is no such secret file" in followed.sources().detail
    file.write_text("user=alice\npassword=very-secret\naddress=files.example.org:443\n")
    file.chmod(0o604)
    assert f"{file} is open to everybody: chmod 600" in followed.sources().detail
    file.chmod(0o640)
    secrets.chmod(0o702)
    assert "can be written by everybody" in followed.sources().detail
    secrets.chmod(0o700)
    assert followed.sources().ok
    file.write_text("user=alice\npassword=very-secret\naddress=elsewhere.example.org:443\n")
    said = followed.sources().detail
    assert "another address" in said and "very-secret" not in said
    SyncSource.objects.filter(pk=source.pk).update(paused=True)
    assert followed.sources().detail == "1 paused"
    settings.SOURCE_SECRETS_DIR = str(secrets / "none")
    assert "none cannot be read" in followed.sources().detail


def test_the_age_of_the_last_success(collection: Collection) -> None:
    now = timezone.now()
    first = make(collection, last_success_at=now - timedelta(minutes=10))
    make(collection, name="Other", last_success_at=now - timedelta(minutes=2))
    assert followed.sources().detail.replace("\xa0", " ") == (
        "2 followed, the oldest in step 10 minutes ago"
    )
    SyncSource.objects.filter(pk=first.pk).update(deletions_waiting=30)
    assert followed.sources().detail == "Cloud: 30 deletions wait for a manager"
    SyncSource.objects.filter(pk=first.pk).update(
        last_success_at=now - timedelta(days=2), error_code="source-away"
    )
    said = followed.sources()
    assert not said.ok and "Cloud: in step 2 days ago (source-away)" in said.detail.replace(
        "\xa0", " "
    )
    SyncSource.objects.filter(pk=first.pk).update(settings={"no": "address"}, credential="x")
    assert "not whole" in followed.sources().detail


def test_the_doctor_has_the_line() -> None:
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("doctor", stdout=out)
    assert "ok sources" in out.getvalue() and "none is followed" in out.getvalue()
