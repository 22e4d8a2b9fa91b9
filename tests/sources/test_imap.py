"""A mailbox on a real IMAP server (pymap)."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

from ingest.models import Collection, SyncSource
from ingest.sources.base import Place, Secret, SourceError
from ingest.sources.imap import ImapSource
from tests.sources import servers
from tests.sources.conftest import Make, counted, cycle, living

pytestmark = pytest.mark.django_db


def mail(subject: str, text: str) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "a@example.com", "b@example.com", subject
    made["Message-ID"] = f"<{abs(hash(subject))}@example.com>"
    made.set_content(text)
    return made.as_bytes()


@contextmanager
def box(port: int) -> Iterator[IMAPClient]:
    client = IMAPClient("127.0.0.1", port=port, ssl=False)
    client.login("alice", "pw")
    client.select_folder("INBOX")
    try:
        yield client
    finally:
        client.logout()


@pytest.fixture
def port(settings: Any, secrets: Path) -> int:
    found = servers.free_port()
    settings.GATES = [f"mail=127.0.0.1:{found}"]
    (secrets / "mail").write_text(f"user=alice\npassword=pw\naddress=127.0.0.1:{found}\n")
    return found


@pytest.fixture
def source(make: Make, port: int) -> SyncSource:
    return make(
        "imap",
        "Mail",
        credential="mail",
        settings={"host": "127.0.0.1", "port": port, "security": "none"},
    )


def test_messages_come_and_go(source: SyncSource, port: int, collection: Collection) -> None:
    with servers.running(servers.imap(port), port):
        with box(port) as client:
            client.append("INBOX", mail("Leave/28 days: größer", "28 days."))
            client.append("INBOX", mail("Pay", "On the 25th."))
        assert counted(cycle(source)) == {"new": 2}
        first, second = sorted(living(collection))
        assert first.startswith("Mail/INBOX/2") and first.endswith("Leave 28 days_ größer 101.eml")
        assert collection.documents.first().media_type == "message/rfc822"  # type: ignore[union-attr]
        assert counted(cycle(source)) == {}
        with box(port) as client:
            client.delete_messages([101])
            client.expunge()
            client.append("INBOX", mail("News", "Something new."))
        assert counted(cycle(source)) == {"new": 1, "gone": 1}
        assert first not in living(collection) and second in living(collection)
    assert cycle(source).error_code == "source-away"
    assert len(living(collection)) == 2


@pytest.mark.long
def test_new_numbers_are_no_deletion(source: SyncSource, port: int, collection: Collection) -> None:
    """UIDVALIDITY changes: every message has another name, and is the same document."""
    messages = [mail(f"Subject {number}", f"Text {number}.") for number in range(30)]
    with servers.running(servers.imap(port), port):
        with box(port) as client:
            for message in messages:
                client.append("INBOX", message)
        cycle(source)
        assert counted(cycle(source)) == {}
    kept = set(collection.documents.values_list("pk", flat=True))
    with servers.running(servers.imap(port), port):
        with box(port) as client:
            client.append("INBOX", mail("First", "Shifts all numbers."))
            for message in messages[:-1]:
                client.append("INBOX", message)
        assert counted(cycle(source)) == {"new": 1, "moved": 29, "gone": 1}
    documents = collection.documents.exclude(status="erasing")
    assert len(kept & set(documents.values_list("pk", flat=True))) == 29


@pytest.mark.long
def test_a_wrong_password_and_a_folder_that_is_not_there(
    source: SyncSource, port: int, secrets: Path
) -> None:
    with servers.running(servers.imap(port), port):
        SyncSource.objects.update(settings={**source.settings, "folders": ["Nowhere"]})
        assert cycle(source).error_code == "source-missing"
        (secrets / "mail").write_text(f"user=alice\npassword=no\naddress=127.0.0.1:{port}\n")
        assert cycle(source).error_code == "source-refused"


def _literal(listening: socket.socket) -> None:
    """Answers who signs in with more bytes than a memory holds, and goes on for ever."""
    connected, _ = listening.accept()
    with connected, suppress(OSError):
        connected.sendall(b"* OK Hello\r\n")
        tag = connected.recv(65_536).split()[0]
        connected.sendall(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK Done\r\n")
        connected.recv(65_536)
        connected.sendall(b"* FLAGS {99999999999}\r\n")
        while True:
            connected.sendall(bytes(65_536))


def test_a_server_that_names_more_bytes_than_are_taken_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_literal, args=[listening], daemon=True).start()
        port = listening.getsockname()[1]
        place = Place(gates=frozenset({f"127.0.0.1:{port}"}), secret=Secret("alice", "pw"))
        with pytest.raises(SourceError, match="source-broken"):
            ImapSource("127.0.0.1", port, "none", ["INBOX"], place)
