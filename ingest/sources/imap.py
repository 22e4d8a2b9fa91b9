"""Folders of a mailbox (IMAP4rev1), opened for reading alone. Each message becomes one .eml file."""

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import Any

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError

from ingest.sources import tls
from ingest.sources.addresses import require_gate
from ingest.sources.base import (
    CHUNK,
    CONNECT_SECONDS,
    SILENCE_SECONDS,
    Item,
    Limits,
    Place,
    SourceError,
    measured,
)

PORTS = {"tls": 993, "starttls": 143, "none": 143}
#: Messages whose headers are asked for at once.
_BATCH = 200
_SUBJECT = "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"
_MOST_SUBJECT = 80


class ImapSource:
    """`folders`: names as people read them."""

    def __init__(
        self, host: str, port: int, security: str, folders: Sequence[str], place: Place
    ) -> None:
        self.state: dict[str, str] = {}
        self.unread: list[str] = []
        require_gate(host, port, place)
        self._limits, self._folders, self._exists = place.limits, folders, 0
        with _errors():
            self._client = _connected(host, port, security, place)

    def listing(self, state: Mapping[str, str]) -> Iterator[Item]:
        with _errors():
            for folder in self._folders:
                validity = self._select(folder)
                uids = sorted(self._client.search("ALL"))
                self._limits.check_count(len(uids))
                if len(uids) < self._exists:
                    raise SourceError("source-cut-off", "fewer messages than said")
                for start in range(0, len(uids), _BATCH):
                    self._limits.check_time()
                    yield from self._some(folder, validity, uids[start : start + _BATCH])

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Iterator[bytes]]:
        folder, _, rest = item.key.rpartition("\n")
        validity, _, uid = rest.partition(".")
        if item.size is not None and item.size > self._limits.bytes:
            raise SourceError("file-too-large")
        with _errors():
            if self._select(folder) != validity:
                raise SourceError("source-changed-meanwhile", "UIDVALIDITY")
            # One more than is allowed: then it shows that there are more.
            part = f"BODY.PEEK[]<0.{self._limits.bytes + 1}>"
            answer = self._client.fetch([int(uid)], [part]).get(int(uid), {})
        whole = answer.get(b"BODY[]<0>", answer.get(b"BODY[]"))
        if not isinstance(whole, bytes):
            raise SourceError("source-missing")
        parts = (whole[at : at + CHUNK] for at in range(0, len(whole), CHUNK))
        yield measured(parts, item, self._limits)

    def close(self) -> None:
        with suppress(IMAPClientError, OSError):
            self._client.logout()

    def _select(self, folder: str) -> str:
        """Open a folder; returns its UIDVALIDITY."""
        if not self._client.folder_exists(folder):
            raise SourceError("source-missing")
        about = self._client.select_folder(folder, readonly=True)
        self._exists = int(about.get(b"EXISTS", 0))
        return str(int(about[b"UIDVALIDITY"]))

    def _some(self, folder: str, validity: str, uids: list[int]) -> Iterator[Item]:
        answers = self._client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE", _SUBJECT])
        missing = set(uids) - answers.keys()
        # Deleted by another program meanwhile, or kept from us? The first is gone when asked again.
        if missing and missing & set(self._client.search("ALL")):
            raise SourceError("source-cut-off", "fewer messages than said")
        for uid in sorted(answers.keys() & set(uids)):
            yield _item(folder, validity, uid, answers[uid])


def _connected(host: str, port: int, security: str, place: Place) -> IMAPClient:
    """A client that is signed in."""
    context = tls.context(place.certificates, place.pinned) if security != "none" else None
    client = IMAPClient(
        host,
        port=port,
        ssl=security == "tls",
        ssl_context=context,
        timeout=SocketTimeout(CONNECT_SECONDS, SILENCE_SECONDS),
    )
    _bound(client._imap, place.limits)
    try:
        if security == "starttls":
            client.starttls(context)
        client.login(place.secret.user, place.secret.password)
    except BaseException:
        client.shutdown()
        raise
    return client


def _bound(imap: Any, limits: Limits) -> None:
    """The library reads as many bytes as a server names, into memory."""
    read, readline = imap.read, imap.readline

    def read_some(size: int) -> bytes:
        limits.check_time()
        if size > limits.bytes + 1:
            raise SourceError("source-broken", "a literal too long")
        return bytes(read(size))

    def read_line() -> bytes:
        limits.check_time()
        return bytes(readline())

    imap.read, imap.readline = read_some, read_line


def _item(folder: str, validity: str, uid: int, answer: Mapping[bytes, Any]) -> Item:
    size, when = answer.get(b"RFC822.SIZE"), answer.get(b"INTERNALDATE")
    modified = when if isinstance(when, datetime) else None
    header = next((each for name, each in answer.items() if name.startswith(b"BODY[HEADER")), b"")
    day = f"{modified:%Y-%m-%d} " if modified else ""
    name = f"{day}{_subject(header)} {uid}.eml"
    return Item(
        key=f"{folder}\n{validity}.{uid}",
        path=f"{folder.strip('/')}/{name}",
        # A message never changes: RFC 3501, 2.3.1.1.
        version=f"{validity}.{uid}",
        size=size if isinstance(size, int) else None,
        modified=modified.astimezone(UTC) if modified else None,
        exact=False,  # some servers count other line ends
    )


def _subject(header: bytes) -> str:
    """The subject as a name: no slashes, nothing that breaks a line."""
    text = header.decode("utf-8", "replace").partition(":")[2]
    with suppress(HeaderParseError, LookupError, UnicodeError, ValueError):
        text = str(make_header(decode_header(text.strip())))
    words = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(re.sub(r"[/\\\ufffd]", " ", words).split())[:_MOST_SUBJECT].strip() or "-"


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except LoginError as error:
        raise SourceError("source-refused", "LOGIN") from error
    except (IMAPClientError, OSError, KeyError, ValueError, AssertionError, MemoryError) as error:
        raise SourceError(_code(error), type(error).__name__) from error


def _code(error: Exception) -> str:
    if tls.is_tls(error):
        return "source-certificate"
    away = isinstance(error, OSError | socket.gaierror) or "abort" in type(error).__name__
    return "source-away" if away else "source-broken"
