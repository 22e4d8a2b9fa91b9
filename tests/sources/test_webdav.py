"""A WebDAV server (WsgiDAV): files, faults, certificates."""

import hashlib
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ingest.models import Collection, SyncSource
from ingest.sources import kinds
from ingest.sources.base import Limits, Place, SourceError
from ingest.sources.webdav import WebdavSource
from tests.sources import servers
from tests.sources.conftest import Make, counted, cycle, living

pytestmark = pytest.mark.django_db


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """One server for all tests: its port, and where its folder and its fault lie."""
    port, place = servers.free_port(), tmp_path_factory.mktemp("webdav")
    (place / "files").mkdir()
    command = servers.serve("webdav", port, folder=place / "files", fault=place / "fault")
    with servers.running(command, port):
        yield port, place


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return filled(tmp_path / "files")


def filled(folder: Path) -> Path:
    (folder / "team" / "öffentlich & mehr").mkdir(parents=True)
    (folder / "team" / "leave.txt").write_text("28 days.")
    (folder / "team" / "öffentlich & mehr" / "pay #1?.txt").write_text("On the 25th.")
    (folder / "private.txt").write_text("Outside of what is followed.")
    return folder


@pytest.fixture
def fault(served: tuple[int, Path]) -> Path:
    return served[1] / "fault"


def opened(port: int, settings: Any, secrets: Path) -> int:
    settings.GATES = [f"files=127.0.0.1:{port}"]
    (secrets / "dav").write_text(f"user=alice\npassword=pw\naddress=127.0.0.1:{port}\n")
    return port


@pytest.fixture
def port(settings: Any, secrets: Path) -> int:
    """Nobody listens there."""
    return opened(servers.free_port(), settings, secrets)


@pytest.fixture
def server(served: tuple[int, Path], fault: Path, settings: Any, secrets: Path) -> int:
    fault.unlink(missing_ok=True)
    return opened(served[0], settings, secrets)


@pytest.fixture
def shared(served: tuple[int, Path]) -> Path:
    """The folder of the server, as it is at first."""
    for old in (served[1] / "files").iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    return filled(served[1] / "files")


@pytest.fixture
def source(make: Make, server: int, shared: Path) -> SyncSource:
    return make(
        "webdav", "Cloud", credential="dav", settings={"url": f"http://127.0.0.1:{server}/team/"}
    )


def test_new_changed_moved_and_gone(
    source: SyncSource, shared: Path, collection: Collection
) -> None:
    assert counted(cycle(source)) == {"new": 2}
    assert living(collection) == {
        "Cloud/leave.txt": sha("28 days."),
        "Cloud/öffentlich & mehr/pay #1_.txt": sha("On the 25th."),
    }
    assert counted(cycle(source)) == {}
    kept = set(collection.documents.values_list("pk", flat=True))
    (shared / "team" / "leave.txt").rename(shared / "team" / "holidays.txt")
    assert counted(cycle(source)) == {"moved": 1}
    assert set(collection.documents.values_list("pk", flat=True)) == kept
    (shared / "team" / "holidays.txt").unlink()
    (shared / "team" / "new.txt").write_text("Something new.")
    assert counted(cycle(source)) == {"new": 1, "gone": 1}
    assert set(living(collection)) == {"Cloud/new.txt", "Cloud/öffentlich & mehr/pay #1_.txt"}


@pytest.mark.long
def test_a_server_at_fault_erases_nothing_and_it_goes_on_by_itself(
    source: SyncSource, shared: Path, fault: Path, collection: Collection
) -> None:
    cycle(source)
    before, success = living(collection), source.last_success_at
    (shared / "team" / "leave.txt").write_text("30 days, or 31.")
    (shared / "team" / "öffentlich & mehr" / "pay #1?.txt").unlink()
    said = {}
    for word in ("500", "redirect", "cut"):
        fault.write_text(word)
        said[word] = cycle(source).error_code
        assert living(collection) == before and source.last_success_at == success
    assert said == {
        "500": "source-away",
        "redirect": "source-redirects",
        "cut": "source-cut-off",
    }
    fault.write_text("half")
    assert counted(cycle(source)) == {"failed": 1, "gone": 1}
    assert living(collection) == {"Cloud/leave.txt": sha("28 days.")}
    fault.unlink()
    assert counted(cycle(source)) == {"changed": 1}


def test_a_server_that_has_gone(make: Make, port: int, secrets: Path) -> None:
    source = make("webdav", settings={"url": f"http://127.0.0.1:{port}/"}, credential="dav")
    assert cycle(source).error_code == "source-away"


@pytest.mark.long
def test_a_wrong_password(source: SyncSource, secrets: Path, server: int) -> None:
    (secrets / "dav").write_text(f"user=alice\npassword=no\naddress=127.0.0.1:{server}\n")
    assert cycle(source).error_code == "source-refused"


@pytest.mark.long
def test_secrets_are_told_to_their_address_and_collection_alone(
    source: SyncSource, secrets: Path, server: int, collection: Collection
) -> None:
    right = f"user=alice\npassword=pw\naddress=127.0.0.1:{server}\n"
    for text, code in (
        ("user=alice\npassword=pw\naddress=127.0.0.1:1\n", "secret-elsewhere"),
        (f"{right}collections=0b0f4f2e-0000-4000-8000-000000000000\n", "secret-elsewhere"),
        (f"{right}collections={collection.pk}\n", ""),
        ("no pairs at all", "secret-wrong"),
    ):
        (secrets / "dav").write_text(text)
        assert cycle(source).error_code == code
    for name in ("../secrets/dav", "none", "/etc/passwd"):
        SyncSource.objects.update(credential=name)
        assert cycle(source).error_code == "secret-missing"


def test_only_gates_are_called(make: Make, settings: Any, port: int) -> None:
    settings.GATES = [f"files=files.example.org:{port}"]
    for url in (f"http://127.0.0.1:{port}/", "http://169.254.169.254/latest", "http://[::1]/"):
        source = make("webdav", name=url[:60], settings={"url": url})
        assert cycle(source).error_code == "address-not-allowed"


@pytest.mark.long
def test_certificates(
    make: Make, files: Path, tmp_path: Path, port: int, settings: Any, collection: Collection
) -> None:
    first, second = tmp_path / "first.pem", tmp_path / "second.pem"
    pin = servers.certificate(first)
    servers.certificate(second)
    both = tmp_path / "both.ca"
    both.write_bytes(first.with_suffix(".ca").read_bytes() + second.with_suffix(".ca").read_bytes())
    url = f"https://127.0.0.1:{port}/team"
    source = make("webdav", settings={"url": url, "certificate": pin}, credential="dav")
    unpinned = make("webdav", "Unpinned", settings={"url": url}, credential="dav")
    with servers.running(servers.serve("webdav", port, folder=files, certificate=first), port):
        assert cycle(source).error_code == "source-certificate"  # nobody we know signed it
        settings.SOURCE_CERTIFICATES = str(first.with_suffix(".ca"))
        assert counted(cycle(source)) == {"new": 2}
        cycle(unpinned)
    with servers.running(servers.serve("webdav", port, folder=files, certificate=second), port):
        assert cycle(unpinned).error_code == "source-certificate"
        settings.SOURCE_CERTIFICATES = str(both)
        assert cycle(unpinned).error_code == ""
        # The company's own signed it, and still it is not the one that was pinned.
        assert cycle(source).error_code == "source-certificate"
    assert len(living(collection)) == 2


def test_folders_without_end_come_to_an_end(settings: Any) -> None:
    """No file is in them, so nothing is counted but they themselves."""
    from defusedxml.ElementTree import fromstring

    place = Place(gates=frozenset({"files.example:80"}), limits=Limits(files=50))
    source = WebdavSource("http://files.example/", place)

    def answer(_method: str, url: str, _right: int, **_options: Any) -> Any:
        path = url.removeprefix("http://files.example")
        folder = (
            "<response><href>%s</href><propstat><prop><resourcetype><collection/></resourcetype>"
        )
        folder += "</prop><status>HTTP/1.1 200 OK</status></propstat></response>"
        listed = [path, *(f"{path}{number}/" for number in range(9))]
        return fromstring(
            f'<multistatus xmlns="DAV:">{"".join(folder % each for each in listed)}</multistatus>'
        )

    with (
        mock.patch.object(source._http, "xml", side_effect=answer),
        pytest.raises(SourceError, match="source-too-many"),
    ):
        list(source.listing({}))


def test_a_name_that_folds_into_another_servers_is_no_address() -> None:
    """`ß` folds into `ss`, and is another server when it is called."""
    for url in ("https://straße.example/", "https://\u212aiwi.example/"):
        with pytest.raises(kinds.BadSettings):
            kinds.checked("webdav", {"url": url})


def _drip(listening: socket.socket) -> None:
    """A letter now and then, and never the last."""
    connected, _ = listening.accept()
    with connected, suppress(OSError):
        connected.recv(65_536)
        connected.sendall(b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            connected.sendall(b" ")
            time.sleep(0.02)


def test_a_server_that_drips_is_given_up_and_the_source_stays_ours_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    beats = list[int]()
    # Each beat is a second: what comes in half of a real one is a matter of luck.
    monkeypatch.setattr("ingest.sources.base.monotonic", lambda: float(len(beats)))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_drip, args=[listening], daemon=True).start()
        where = f"127.0.0.1:{listening.getsockname()[1]}"
        limits = Limits(until=5.0, beat=lambda: beats.append(1))
        source = WebdavSource(f"http://{where}/", Place(gates=frozenset({where}), limits=limits))
        with pytest.raises(SourceError, match="source-slow"):
            list(source.listing({}))
        source.close()
    assert len(beats) == 6
