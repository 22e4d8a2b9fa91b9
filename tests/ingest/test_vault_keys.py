"""The keys of originals: custody, rotation, erasure, and what a crash at any step leaves."""

import base64
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from audit import actions
from audit.models import Entry
from ingest import files, keys, rewrap, vault
from ingest.keys import MasterKeyError
from ingest.models import Collection, Document
from ingest.upload import UploadRefused
from ingest.vault import Unreadable
from sovereign import checks
from tests import people
from tests.ingest.conftest import Put

pytestmark = pytest.mark.django_db

TEXT = f"Annual leave is 28 days. {people.CANARY}"
OLD = f"Annual leave was 20 days. {people.CANARY}"


@pytest.fixture(autouse=True)
def _own_key(folder: Path, settings: Any) -> None:
    settings.MASTER_KEY_COMMAND = ""


@pytest.fixture
def document(put: Put) -> Document:
    return put("leave.txt", TEXT).document


@pytest.fixture
def plain(collection: Collection) -> Document:
    return people.make_document(collection, OLD)


def text_of(document: Document) -> str:
    with files.open_original(document) as opened:
        return opened.read().decode()


def code_of(document: Document) -> str:
    with pytest.raises(Unreadable) as refusal:
        text_of(document)
    return refusal.value.code


def bytes_under(folder: Path) -> bytes:
    return b"\n".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


def new_master() -> str:
    return base64.b64encode(vault.new_key()).decode()


def master_file() -> Path:
    return keys.keys_dir().parent / "secrets" / "master_key"


# --- where they lie ------------------------------------------------------------------------------


def test_the_plain_bytes_lie_nowhere(document: Document, folder: Path) -> None:
    assert people.CANARY.encode() not in bytes_under(folder)
    assert text_of(document) == TEXT


def test_keys_lie_apart_for_their_owner_alone(document: Document, folder: Path) -> None:
    file = keys.key_path(document.id)
    assert not file.is_relative_to(folder / "documents") and file.is_relative_to(folder / "keys")
    for each in (file, master_file()):
        assert each.stat().st_mode & 0o777 == 0o600
        assert each.parent.stat().st_mode & 0o777 == 0o700


def test_a_wrapped_key_opens_no_other_document(document: Document, put: Put) -> None:
    other = put("other.txt", "31 days.").document
    shutil.copyfile(keys.key_path(document.id), keys.key_path(other.id))
    assert code_of(other) == "key-missing"


def test_originals_of_two_documents_cannot_be_exchanged(document: Document, put: Put) -> None:
    other = put("other.txt", "31 days.").document
    shutil.copyfile(document.file.path, other.file.path)
    assert code_of(other) == "original-damaged"
    shutil.copyfile(keys.key_path(document.id), keys.key_path(other.id))
    assert code_of(other) == "key-missing"


def test_plain_bytes_in_the_place_of_an_encrypted_original_are_refused(document: Document) -> None:
    Path(document.file.path).write_text("Annual leave is 99 days.")
    assert code_of(document) == "original-damaged"


def test_without_encryption_originals_are_plain_and_have_no_key(put: Put, settings: Any) -> None:
    settings.ENCRYPT_ORIGINALS = False
    document = put("leave.txt", TEXT).document
    assert Path(document.file.path).read_text() == TEXT == text_of(document)
    assert not keys.key_path(document.id).exists()


def test_encrypted_and_plain_live_together(document: Document, plain: Document) -> None:
    assert (text_of(document), text_of(plain)) == (TEXT, OLD)


# --- the master key ------------------------------------------------------------------------------


def test_a_lost_master_key_is_not_made_anew(document: Document) -> None:
    master_file().unlink()
    assert code_of(document) == "key-missing"
    assert not master_file().exists()
    [said] = checks.originals()
    assert said.id == "sovereign.W010" and "is gone" in said.msg


def test_another_master_key_opens_nothing_and_the_doctor_says_so(document: Document) -> None:
    master_file().write_text(new_master())
    assert code_of(document) == "key-missing"
    [said] = checks.originals()
    assert "another master key" in said.msg


@pytest.mark.parametrize("content", ["", "words", base64.b64encode(b"short").decode()])
def test_what_is_no_key_is_said(document: Document, content: str) -> None:
    master_file().write_text(content)
    with pytest.raises(MasterKeyError) as refusal:
        keys.masters()
    assert refusal.value.why.startswith("The master key")
    assert checks.originals()


def test_the_check_makes_no_key() -> None:
    assert checks.originals() == [] and not master_file().exists()


def test_an_upload_without_a_master_key_is_refused_before_it_is_kept(
    put: Put, settings: Any, folder: Path
) -> None:
    settings.MASTER_KEY_FILE = folder / "elsewhere"
    with pytest.raises(UploadRefused) as refusal:
        put("leave.txt", TEXT)
    assert refusal.value.code == "key-missing" and refusal.value.status == 503
    assert not Document.objects.exists() and people.CANARY.encode() not in bytes_under(folder)


def test_the_key_can_come_from_a_command(put: Put, settings: Any, tmp_path: Path) -> None:
    prints = tmp_path / "prints"
    prints.write_text(f"#!/bin/sh\necho {new_master()}\n")
    prints.chmod(0o700)
    settings.MASTER_KEY_COMMAND = f"{prints} --quiet"
    document = put("leave.txt", TEXT).document
    assert text_of(document) == TEXT and not master_file().exists()


@pytest.mark.parametrize("command", ["/nowhere/at-all", "false", "'"])
def test_a_command_that_fails_is_said(command: str, settings: Any) -> None:
    settings.MASTER_KEY_COMMAND = command
    with pytest.raises(MasterKeyError, match="key-missing") as refusal:
        keys.masters()
    assert "SOVEREIGN_MASTER_KEY_COMMAND" in refusal.value.why
    assert [each.id for each in checks.run() if each.id == "sovereign.W010"]


# --- erasure -------------------------------------------------------------------------------------


def test_a_kept_copy_is_unreadable_once_the_key_is_erased(document: Document) -> None:
    place = Path(document.file.path)
    backup = place.read_bytes()
    files.remove_original(document)
    place.write_bytes(backup)
    assert code_of(document) == "key-missing"


def test_erasing_twice_is_no_error(document: Document) -> None:
    files.remove_original(document)
    files.remove_original(document)
    assert code_of(document) == "original-missing"


def test_a_refused_upload_leaves_no_key(put: Put, folder: Path) -> None:
    with pytest.raises(UploadRefused):
        put("a.gif", b"GIF89a" + bytes(200))
    assert not list(keys.wrapped())


def test_what_a_crash_left_of_keys_is_removed_a_day_later(document: Document) -> None:
    stray, draft = keys.key_path(uuid4()), keys.key_path(document.id).with_name(".draft.ab")
    stray.parent.mkdir(exist_ok=True)
    for file in (stray, draft):
        file.write_bytes(b"anything")
    for file in (stray, draft, keys.key_path(document.id)):
        os.utime(file, (1, 1))
    assert files.remove_leftovers() == 2
    assert not stray.exists() and not draft.exists() and text_of(document) == TEXT


# --- old originals, rotation ---------------------------------------------------------------------


def test_old_originals_are_encrypted_by_the_command(
    plain: Document, document: Document, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("encrypt_originals")
    assert "1 encrypted, 1 were already, 0 could not be." in capsys.readouterr().out
    assert text_of(plain) == OLD and people.CANARY.encode() not in bytes_under(folder)
    assert Entry.objects.get(action=actions.ORIGINALS_ENCRYPTED).data["done"] == 1


def test_an_old_original_that_is_not_what_was_uploaded_stays_and_is_named(
    plain: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(plain.file.path).write_text("something else")
    with pytest.raises(SystemExit):
        call_command("encrypt_originals")
    assert f"{plain.id}: original-damaged" in capsys.readouterr().err
    assert Path(plain.file.path).read_text() == "something else"
    assert not keys.key_path(plain.id).exists()


def test_rotation_leaves_one_new_master_key_that_opens_all(
    document: Document, put: Put, capsys: pytest.CaptureFixture[str]
) -> None:
    other, before = put("other.txt", "31 days.").document, master_file().read_text()
    call_command("encrypt_originals", "--rotate")
    assert "2 keys wrapped anew" in capsys.readouterr().out
    after = master_file().read_text()
    assert len(after.split()) == 1 and after != before
    assert (text_of(document), text_of(other)) == (TEXT, "31 days.")
    master_file().write_text(before)
    assert code_of(document) == "key-missing"


def test_a_key_that_cannot_be_opened_keeps_the_old_master_key(document: Document) -> None:
    stray = keys.key_path(uuid4())
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"no key of ours")
    with pytest.raises(SystemExit):
        call_command("encrypt_originals", "--rotate")
    assert len(master_file().read_text().split()) == 2 and text_of(document) == TEXT


def test_a_key_from_elsewhere_is_rotated_by_its_first_line(
    put: Put, settings: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = settings.MASTER_KEY_FILE = folder / "handed-in"
    old, new = new_master(), new_master()
    file.write_text(f"{old}\n")
    document = put("leave.txt", TEXT).document
    file.write_text(f"{new}\n{old}\n")
    call_command("encrypt_originals", "--rotate")
    assert "No longer needed: " in capsys.readouterr().out
    assert file.read_text() == f"{new}\n{old}\n"
    file.write_text(new)
    assert text_of(document) == TEXT


def test_the_command_says_what_is_wrong_with_the_master_key(document: Document) -> None:
    master_file().write_text("words")
    with pytest.raises(CommandError, match=r"The master key .* docs/encryption\.md"):
        call_command("encrypt_originals")


# --- crashes -------------------------------------------------------------------------------------

STEPS = {"open", "os.rename", "os.remove", "os.link", "os.mkdir"}


def crash_at(step: int, act: Callable[[], object], folder: Path) -> bool:
    """Do `act` in a fork that dies at its n-th step on our disk; False where it had fewer."""
    child = os.fork()
    if not child:
        left = step

        def hook(event: str, args: tuple[object, ...]) -> None:
            nonlocal left
            if event in STEPS and str(args[0]).startswith(str(folder)):
                left -= 1
                if left < 0:
                    os._exit(9)

        sys.addaudithook(hook)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def crashes(
    act: Callable[[], object], folder: Path, begin: Callable[[], None], check: Callable[[], None]
) -> int:
    """Crash at every step in turn; `begin` before each, `check` after. Returns how many there are."""
    step = 0
    begin()
    while crash_at(step, act, folder):
        check()
        begin()
        step += 1
    return step


def test_a_crash_while_encrypting_loses_nothing(plain: Document, folder: Path) -> None:
    place = Path(plain.file.path)

    def begin() -> None:
        place.write_text(OLD)
        keys.key_path(plain.id).unlink(missing_ok=True)
        keys.masters()

    def check() -> None:
        assert text_of(plain) == OLD
        rewrap.encrypt_one(plain)
        assert text_of(plain) == OLD and vault.is_encrypted(place.read_bytes())

    assert crashes(lambda: rewrap.encrypt_one(plain), folder, begin, check) > 5


def test_a_crash_while_rotating_loses_nothing(document: Document, folder: Path) -> None:
    def check() -> None:
        assert text_of(document) == TEXT
        assert rewrap.rotate().failed == 0
        assert text_of(document) == TEXT and len(keys.masters()) == 1

    assert crashes(rewrap.rotate, folder, lambda: None, check) > 5


def test_a_crash_while_erasing_never_leaves_a_key_without_its_file(
    document: Document, folder: Path
) -> None:
    place, key = Path(document.file.path), keys.key_path(document.id)
    kept = place.read_bytes(), key.read_bytes()

    def begin() -> None:
        place.write_bytes(kept[0])
        key.write_bytes(kept[1])

    def check() -> None:
        assert place.exists() or not key.exists()
        files.remove_original(document)
        assert not place.exists() and not key.exists()

    assert crashes(lambda: files.remove_original(document), folder, begin, check) > 2


def test_a_crash_while_uploading_leaves_nothing_that_can_be_read(put: Put, folder: Path) -> None:
    def check() -> None:
        assert people.CANARY.encode() not in bytes_under(folder)

    assert crashes(lambda: put("leave.txt", TEXT), folder, lambda: None, check) > 5
    for file in folder.rglob("*"):
        os.utime(file, (1, 1))
    files.remove_leftovers()
    assert not list(keys.wrapped())
    assert not [file for file in (folder / "documents").rglob("*") if file.is_file()]


def test_a_link_in_place_of_a_key_is_removed_and_not_followed(tmp_path: Path) -> None:
    document = uuid4()
    (tmp_path / "elsewhere").write_text("kept")
    keys.key_path(document).parent.mkdir(parents=True, exist_ok=True)
    keys.key_path(document).symlink_to(tmp_path / "elsewhere")
    keys.destroy(document)
    assert (tmp_path / "elsewhere").read_text() == "kept"
    assert not keys.key_path(document).is_symlink()
