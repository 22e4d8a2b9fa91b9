"""Outlook messages (MSG): what an e-mail holds, out of the streams of a compound file."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import compressed_rtf
import olefile
from oxmsg.domain import constants as c
from oxmsg.properties import Properties
from oxmsg.storage import Storage

from ingest.parsers import clean, eml, mail, mail_headers, nested, rtf
from ingest.parsers.base import BlockWriter, Limits, ParsedDocument, ParseError
from ingest.parsers.nested import Parts

#: Bytes of a body of compressed Rich Text: it unpacks to eight times as much, slowly.
MAX_COMPRESSED = 4 << 20

_DAMAGED = "The Outlook message is damaged. Open it in Outlook and save it anew."
#: Where properties begin: behind a header, which is shorter in a message inside a message.
_TOP, _EMBEDDED, _CHILD = 32, 24, 8
_STREAMS = "__substg1.0_"
_ATTACHED_STORAGE = f"{_STREAMS}3701000D"
_UNICODE, _STRING, _BINARY = c.PTYP_STRING, c.PTYP_STRING8, c.PTYP_BINARY
_TO, _CC = 1, 2
_OLDEST = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)

T = TypeVar("T")


class MsgParser:
    media_types = ("application/vnd.ms-outlook",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `damaged`, `encrypted`, `no-text`, `too-much-text`."""
        parts = Parts(limits)
        return parts.told(self.parse_within(path, parts))

    def parse_within(self, path: Path, parts: Parts) -> ParsedDocument:
        """As `parse`; the files inside are counted by `parts`."""
        return _read(_Item(_load(path), _TOP), parts)


@dataclass(frozen=True, slots=True)
class _Item:
    """A message, a recipient or an attachment, and where its properties begin."""

    storage: Storage
    start: int

    @property
    def properties(self) -> Properties:
        return Properties(self.storage, properties_header_offset=self.start)

    def bytes(self, number: int, kind: int = _BINARY) -> bytes:
        """A property's stream, whatever the table of properties says; b"" without one."""
        return _or(lambda: self.storage.property_stream_bytes(number, kind), b"")

    def text(self, number: int) -> str:
        """A string, in Unicode or in the code page of the message; broken letters are replaced."""
        if wide := self.bytes(number, _UNICODE):
            return wide.decode("utf-16-le", "replace").strip("\0")
        narrow = self.bytes(number, _STRING).strip(b"\0")
        return mail_headers.in_charset(narrow, self.encoding()) if narrow else ""

    def encoding(self) -> str:
        return _or(lambda: self.properties.body_encoding, "")


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    item: _Item
    #: The message, where the attachment is one.
    message: Storage | None


def _load(path: Path) -> Storage:
    """All of a file, in memory. Raises ParseError `damaged`."""
    try:
        with olefile.OleFileIO(str(path)) as file:
            streams = [e for e in file.direntries if e and e.entry_type == olefile.STGTY_STREAM]
            # Streams that share sectors make a large file of a small one.
            if sum(entry.size for entry in streams) > path.stat().st_size:
                raise ValueError("streams overlap")
            storage = Storage.from_ole(file)
        if not storage.properties_stream_bytes:
            raise ValueError("no properties")
    except MemoryError:
        raise
    except Exception as error:
        raise ParseError("damaged", _DAMAGED) from error
    return storage


def _read(message: _Item, parts: Parts) -> ParsedDocument:
    kind = message.text(c.PID_MESSAGE_CLASS).lower()
    if kind.startswith("ipm.note.smime") and not kind.endswith("multipartsigned"):
        raise mail.encrypted()
    body = _body(message, parts.limits)
    files = [file for file in _files(message) if not _is_inline(file, body)]
    head = _head(message)
    writer = BlockWriter(parts.limits)
    mail.write_head(writer, head, [file.name for file in files])
    mail.write_body(writer, body, parts.limits, forwarded=head.forwards)
    parts.spend(writer.document())
    read = ((file.name, _read_file(file, parts)) for file in files)
    return mail.finish(writer, head, [(name, parsed) for name, parsed in read if parsed])


def _head(message: _Item) -> mail.Head:
    people = [_recipient(each) for each in message.storage.iter_recipient_storages()]
    to = tuple(name for kind, name in people if kind == _TO and name)
    shown = tuple(clean.one_line(message.text(c.PID_DISPLAY_TO)).split("; "))
    return mail.Head(
        subject=clean.one_line(message.text(c.PID_SUBJECT)),
        sender=_sender(message),
        to=to or tuple(name.strip("'") for name in shown if name.strip("'")),
        cc=tuple(name for kind, name in people if kind == _CC and name),
        sent=_time(message, c.PID_CLIENT_SUBMIT_TIME)
        or _time(message, c.PID_MESSAGE_DELIVERY_TIME),
    )


def _sender(message: _Item) -> str:
    for name, addresses in (
        (c.PID_SENDER_NAME, (c.PID_SENDER_SMTP_ADDRESS, c.PID_SENDER_EMAIL_ADDRESS)),
        (c.PID_SENT_REPRESENTING_NAME, (c.PID_SENT_REPRESENTING_EMAIL_ADDRESS,)),
    ):
        if found := _person(message, name, addresses):
            return found
    return ""


def _recipient(storage: Storage) -> tuple[int, str]:
    item = _Item(storage, _CHILD)
    kind = _or(lambda: item.properties.int_prop_value(c.PID_RECIPIENT_TYPE), None)
    person = _person(item, c.PID_DISPLAY_NAME, (c.PID_SMTP_ADDRESS, c.PID_EMAIL_ADDRESS))
    return (kind if isinstance(kind, int) else _TO), person


def _person(item: _Item, name: int, addresses: tuple[int, ...]) -> str:
    """ "Name <address>"; addresses of Exchange's own directory say nothing to a reader."""
    shown = clean.one_line(item.text(name)).strip("'\"")
    found = (clean.one_line(item.text(each)) for each in addresses)
    address = next((each for each in found if "@" in each), "")
    return f"{shown} <{address}>" if shown and address and shown != address else shown or address


def _time(message: _Item, number: int) -> dt.datetime | None:
    moment = _or(lambda: message.properties.date_prop_value(number), None)
    return moment if isinstance(moment, dt.datetime) and moment > _OLDEST else None


def _body(message: _Item, limits: Limits) -> mail.Body:
    """The text in its forms. Rich Text is looked at only where there is no HTML: it may hold it."""
    plain = message.text(c.PID_BODY)
    data = message.bytes(c.PID_HTML)
    html = mail_headers.in_charset(data, message.encoding(), html=True) if data else ""
    html = html or message.text(c.PID_BODY_HTML)
    packed = message.bytes(c.PID_RTF_COMPRESSED)
    if html.strip() or not packed or len(packed) > MAX_COMPRESSED:
        return mail.Body(plain, html)
    try:
        source = compressed_rtf.decompress(packed)
        html = rtf.html_of(source)
        if not html and not plain.strip():
            plain = rtf.parse_rtf(source, limits).text
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (the library raises nothing narrower)
        return mail.Body(plain)
    return mail.Body(plain, html)


def _files(message: _Item) -> Iterator[_File]:
    for storage in message.storage.iter_attachment_storages():
        item = _Item(storage, _CHILD)
        inner = next((s for s in storage.storages if s.name == _ATTACHED_STORAGE), None)
        name = item.text(c.PID_ATTACH_LONG_FILENAME) or item.text(c.PID_ATTACH_FILENAME)
        if not name:
            name = item.text(c.PID_DISPLAY_NAME).replace("/", "-").replace("\\", "-")
        yield _File(nested.shown_path(name), item, inner)


def _is_inline(file: _File, body: mail.Body) -> bool:
    return mail.is_inline(body.html, file.item.text(c.PID_ATTACH_CONTENT_ID))


def _read_file(file: _File, parts: Parts) -> ParsedDocument | None:
    inner = file.message
    if inner is not None:
        return parts.within(file.name, lambda: _read(_Item(inner, _EMBEDDED), parts))
    data = file.item.bytes(c.PID_ATTACH_DATA_BINARY)
    if file.item.text(c.PID_ATTACH_MIME_TAG).lower() == "multipart/signed":
        return parts.within(file.name, lambda: eml.read_message(eml.parsed(data), parts))
    return parts.read(file.name, data)


def _or(get: Callable[[], T], otherwise: T) -> T:
    """What `get` finds; the library answers what is broken or missing with any exception."""
    try:
        return get()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001
        return otherwise
