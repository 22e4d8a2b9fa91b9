"""The malware scanner: what it is sent, what its answers do to an upload, what happens without one."""

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from audit import actions
from audit.models import Entry
from ingest import files, scanner
from ingest.models import Document
from ingest.upload import UploadRefused
from sovereign import parts
from sovereign.launcher import walls
from tests.ingest import clamd
from tests.ingest.conftest import Put
from wall.hosts import Wanted

needs_clamd = pytest.mark.skipif(
    not Path(clamd.CLAMD).exists(), reason="NO REAL SCANNER: apt install clamav-daemon"
)


@pytest.fixture
def short() -> Iterator[Path]:
    """A short path: that of a socket may have 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="scan"))
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("tcp", [False, True])
def test_a_file_is_sent_whole_and_from_where_it_stands(short: Path, tcp: bool) -> None:
    data = os.urandom(3 * scanner.PIECE + 17)
    file = io.BytesIO(b"before" + data)
    file.seek(6)
    with clamd.small(short, tcp=tcp) as server:
        scanner.scan(server.address, file)
        assert scanner.version(server.address).startswith("ClamAV 1.4.3")
    assert server.received == [data]


def test_what_is_found_has_its_name(short: Path) -> None:
    with clamd.small(short) as server:
        server.answer = b"stream: Win.Test.EICAR_HDB-1 <b>\n FOUND\0"
        with pytest.raises(scanner.MalwareFound) as caught:
            scanner.scan(server.address, io.BytesIO(b"x"))
    assert caught.value.signature == "Win.Test.EICAR_HDB-1__b_"


@pytest.mark.parametrize(
    "answer",
    [
        b"stream: OK",
        b"",
        b"OK\0",
        b"stream: OK and more\0",
        b"stream: lstat() failed. ERROR\0",
        b"COMMAND READ TIMED OUT\0",
        b"x" * 9_000 + b"\0",
        b"\xff\xfe\0",
    ],
)
def test_any_other_answer_means_that_nothing_is_known(short: Path, answer: bytes) -> None:
    with clamd.small(short) as server:
        server.answer = answer
        with pytest.raises(scanner.ScannerError) as caught:
            scanner.scan(server.address, io.BytesIO(b"x"))
    assert caught.value.code == "scanner-unavailable"


def test_a_scanner_that_says_nothing_is_waited_for_no_longer_than_told(short: Path) -> None:
    with clamd.small(short) as server:
        server.silent = True
        with pytest.raises(scanner.ScannerError) as caught:
            scanner.scan(server.address, io.BytesIO(b"x"), seconds=0.2)
    assert (caught.value.code, caught.value.why) == ("scanner-unavailable", "TimeoutError")


@pytest.mark.parametrize(
    "address", ["unix:/nowhere/at/all", "127.0.0.1:1", "127.0.0.1", "unix:", "127.0.0.1:x"]
)
def test_one_that_is_not_there(address: str) -> None:
    with pytest.raises(scanner.ScannerError, match="scanner-unavailable"):
        scanner.scan(address, io.BytesIO(b"x"))


def test_more_than_the_scanner_takes(short: Path) -> None:
    with clamd.small(short) as server:
        server.limit = scanner.PIECE
        with pytest.raises(scanner.ScannerError, match="scanner-limit"):
            scanner.scan(server.address, io.BytesIO(bytes(9 * scanner.PIECE)))


# --- uploads ------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("encrypted", [True, False])
def test_an_upload_passes_the_scanner_in_plain_bytes(
    settings: Settings, put: Put, short: Path, encrypted: bool
) -> None:
    settings.ENCRYPT_ORIGINALS = encrypted
    with clamd.small(short) as server:
        settings.CLAMD = server.address
        assert put("a.txt", "Thirty days of leave.").created
    assert server.received == [b"Thirty days of leave."]


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
def test_what_it_finds_is_not_taken_and_recorded_by_the_signature(
    settings: Settings, put: Put, short: Path
) -> None:
    with clamd.small(short) as server:
        settings.CLAMD = server.address
        server.answer = b"stream: Own.Test FOUND\0"
        with pytest.raises(UploadRefused) as caught:
            put("secret name.txt", "bad words")
    assert (caught.value.status, caught.value.code) == (422, "malware-found")
    entry = Entry.objects.get(action=actions.DOCUMENT_REFUSED)
    assert entry.data["signature"] == "Own.Test"
    assert "secret" not in str(entry.data)
    assert "words" not in str(entry.data)
    _nothing_is_left()


@pytest.mark.django_db
@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("answer", "limit", "status", "code"),
    [
        (b"oops\0", None, 503, "scanner-unavailable"),
        (b"", 3, 413, "scanner-limit"),
    ],
)
def test_without_its_word_nothing_is_taken(
    settings: Settings,
    put: Put,
    short: Path,
    answer: bytes,
    limit: int | None,
    status: int,
    code: str,
) -> None:
    with clamd.small(short) as server:
        settings.CLAMD = server.address
        server.answer, server.limit = answer, limit
        with pytest.raises(UploadRefused) as caught:
            put("a.txt", "words")
    assert (caught.value.status, caught.value.code) == (status, code)
    assert str(caught.value.detail).endswith(".")
    _nothing_is_left()


def _nothing_is_left() -> None:
    assert not Document.objects.exists()
    assert not list(files.incoming_dir().glob("*"))


def test_the_doctor_asks_it(settings: Settings, short: Path) -> None:
    settings.CLAMD = ""
    assert parts.malware_scanner().ok
    with clamd.small(short) as server:
        settings.CLAMD = server.address
        assert parts.malware_scanner().detail.startswith("ClamAV")
    found = parts.malware_scanner()
    assert not found.ok
    assert "no file is taken" in found.advice


def test_an_outside_scanner_gets_a_gate_and_a_socket_stays_visible(settings: Settings) -> None:
    settings.CLAMD = "scanner.example.org:3310"
    assert Wanted("scanner", "scanner.example.org", 3310) in walls.outside()
    settings.CLAMD = "unix:/run/clamav/clamd.ctl"
    assert "scanner" not in {each.name for each in walls.outside()}
    assert Path("/run/clamav") in walls.unix_sockets()


@needs_clamd
@pytest.mark.django_db
def test_a_real_clamd(settings: Settings, put: Put, short: Path) -> None:
    with clamd.real(short, limit="600K") as address:
        settings.CLAMD = address
        assert scanner.version(address).startswith("ClamAV")
        assert put("good.txt", "Thirty days of leave.").created
        with pytest.raises(UploadRefused) as caught:
            put("bad.txt", b"Words, then " + clamd.MARK + b".")
        assert caught.value.code == "malware-found"
        with pytest.raises(UploadRefused) as caught:
            put("big.txt", b"word " * 400_000)
        assert caught.value.code == "scanner-limit"
    with pytest.raises(UploadRefused) as caught:
        put("other.txt", "Other words.")
    assert caught.value.code == "scanner-unavailable"
    entry = Entry.objects.get(action=actions.DOCUMENT_REFUSED)
    assert entry.data["signature"].startswith("Own.Test.Mark")
    assert Document.objects.count() == 1
