"""E-mail messages (EML): the message, then what is attached to it."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesFeedParser
from email.policy import Compat32
from pathlib import Path
from typing import Any

from ingest.parsers import clean, decode, mail, mail_headers, nested
from ingest.parsers.base import BlockWriter, Limits, ParsedDocument, ParseError
from ingest.parsers.nested import Parts

#: Parts in parts: mail programs write up to five. The library reads each line once for each.
MAX_NESTING = 100
#: Parts of the whole message: a digest of a thousand messages has three thousand.
MAX_PARTS = 10_000
READ_BYTES = 1 << 20

_ENCRYPTED = ("multipart/encrypted", "application/pgp-encrypted")
_SIGNATURES = (
    "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature",
    "application/pgp-keys",
)  # fmt: skip
#: The same again for special readers, or what is no text to read.
_NO_BODIES = frozenset([
    "text/calendar", "text/css", "text/javascript", "text/x-amp-html", "text/x-watch-html",
    "text/rfc822-headers", "text/vcard", "text/x-vcard", "text/directory",
])  # fmt: skip
_SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime")


class _Policy(Compat32):
    """Headers as they stand (the newer policy takes quadratic time on long ones), none too long."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[: 4 * mail_headers.MAX_HEADER]


class _Message(Message):
    """A part that knows how deep it lies, and stops the library where that is no message's depth."""

    def __init__(self, policy: Any = None) -> None:
        super().__init__(policy or _Policy())
        self.nesting = 0
        self.seen = [1]

    def attach(self, payload: Any) -> None:
        super().attach(payload)
        payload.nesting, payload.seen = self.nesting + 1, self.seen
        self.seen[0] += 1
        if payload.nesting > MAX_NESTING or self.seen[0] > MAX_PARTS:
            raise ParseError(
                "nested-too-deep",
                f"The message has more than {MAX_NESTING} parts in each other, or {MAX_PARTS:,} in all. "
                "Save the parts that matter as files.",
            )


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    part: Message


class EmlParser:
    media_types = ("message/rfc822",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `no-text`, `encrypted`, `too-much-text`, `nested-too-deep`."""
        parts = Parts(limits)
        return parts.told(self.parse_within(path, parts))

    def parse_within(self, path: Path, parts: Parts) -> ParsedDocument:
        """As `parse`; the files inside are counted by `parts`."""
        return read_message(_load(path), parts)


def read_message(message: Message, parts: Parts) -> ParsedDocument:
    """A message that the library has parsed, with its attachments. Raises ParseError as `parse`."""
    if _is_sealed(message, message.get_content_type()):
        raise mail.encrypted()
    found = list(_walk(message))
    html = "".join(each.html for each in found if isinstance(each, mail.Body))
    files = [
        each
        for each in found
        if isinstance(each, _File)
        and not mail.is_inline(html, str(each.part.get("content-id", "")))
    ]
    head = _head(message)
    writer = BlockWriter(parts.limits)
    mail.write_head(writer, head, [file.name for file in files])
    for body in found:
        if isinstance(body, mail.Body):
            mail.write_body(writer, body, parts.limits, forwarded=head.forwards)
    parts.spend(writer.document())
    read = ((file.name, _read_file(file, parts)) for file in files)
    return mail.finish(writer, head, [(name, parsed) for name, parsed in read if parsed])


def parsed(data: bytes) -> Message:
    """A message in memory. Raises ParseError `nested-too-deep`."""
    parser = BytesFeedParser(_Message, policy=_Policy())
    parser.feed(data)
    return parser.close()


def _load(path: Path) -> Message:
    parser = BytesFeedParser(_Message, policy=_Policy())
    with path.open("rb") as file:
        head = file.read(4096)
        encoding = decode.by_bom(head) or decode.wide(head)
        if encoding.startswith(("utf-16", "utf-32")):
            return parsed((head + file.read()).decode(encoding, "replace").encode())
        parser.feed(head.removeprefix(codecs.BOM_UTF8).lstrip())
        while data := file.read(READ_BYTES):
            parser.feed(data)
    return parser.close()


def _head(message: Message) -> mail.Head:
    date = _values(message, "date")[:1]
    return mail.Head(
        subject=mail_headers.text("".join(_values(message, "subject")[:1])),
        sender=", ".join(mail_headers.addresses(_values(message, "from"))[:5]),
        to=tuple(mail_headers.addresses(_values(message, "to"))),
        cc=tuple(mail_headers.addresses(_values(message, "cc"))),
        sent=mail_headers.when(date[0]) if date else None,
        date=mail_headers.text(date[0])[:100] if date else "",
    )


def _values(message: Message, name: str) -> list[str]:
    """A header's values as they stand in the file; ten of them at most."""
    return [str(value) for key, value in message.raw_items() if key.lower() == name][:10]


def _walk(part: Message) -> Iterator[mail.Body | _File]:
    """Bodies and files in the order of the message."""
    kind = part.get_content_type()
    if _is_sealed(part, kind) or _is_file(part, kind):
        yield _File(_file_name(part, kind), part)
    elif not (children := _children(part)):
        if part.get_content_maintype() in ("text", "multipart") and kind not in _NO_BODIES:
            yield _body(part, kind)
    elif kind == "multipart/alternative":
        yield from _alternative(part)
    elif kind == "multipart/signed":
        yield from _walk(children[0])
    else:
        for child in children:
            yield from _walk(child)


def _children(part: Message) -> list[Message]:
    """The parts of a part; none where the library found none, whatever its type says."""
    # Of a part that has no others the library decodes the payload here, by any codec that is named.
    if not part.is_multipart():
        return []
    return [each for each in part.get_payload() if isinstance(each, Message)]


def _alternative(part: Message) -> Iterator[mail.Body | _File]:
    """One body of all the forms of the same text, then the files that lie between them."""
    found = [each for child in _children(part) for each in _walk(child)]
    bodies = [each for each in found if isinstance(each, mail.Body)]
    yield mail.Body(
        "\n\n".join(body.plain for body in bodies if body.plain),
        next((body.html for body in reversed(bodies) if body.html), ""),
    )
    yield from (each for each in found if isinstance(each, _File))


def _is_sealed(part: Message, kind: str) -> bool:
    """Encrypted, or signed so that the text lies inside the signature."""
    return kind in _ENCRYPTED or (
        kind in _SEALED and not str(part.get_param("smime-type", "")).startswith("certs")
    )


def _is_file(part: Message, kind: str) -> bool:
    main = part.get_content_maintype()
    disposition = part.get_content_disposition()
    if kind in _SIGNATURES or kind == "message/delivery-status":
        return False
    if main == "multipart":
        return False
    if main == "image":
        return disposition == "attachment" or (
            bool(part.get_filename()) and not part.get("content-id")
        )
    if kind in ("text/plain", "text/html"):
        return disposition == "attachment" or (bool(part.get_filename()) and disposition is None)
    return main != "text" or disposition == "attachment" or bool(part.get_filename())


def _file_name(part: Message, kind: str) -> str:
    name = mail_headers.text(part.get_filename() or "")
    inner = _children(part)
    if kind.startswith("message/") and inner and not name:
        name = mail_headers.text("".join(_values(inner[0], "subject")[:1])).replace("/", "-")
        return clean.one_line(name)[:120] or "message"
    return nested.shown_path(name) if name else kind.partition("/")[0]


def _body(part: Message, kind: str) -> mail.Body:
    data = _data(part)
    charset = str(part.get_content_charset() or "")
    if kind == "text/html":
        return mail.Body(html=mail_headers.in_charset(data, charset, html=True))
    text = clean.clean(mail_headers.in_charset(data, charset))
    if str(part.get_param("format", "")).lower() == "flowed":
        deletes = str(part.get_param("delsp", "")).lower() == "yes"
        text = mail.unflow(text, delete_space=deletes)
    return mail.Body(plain=text)


def _data(part: Message) -> bytes:
    """The bytes of a part, its transfer encoding undone as far as it goes."""
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _read_file(file: _File, parts: Parts) -> ParsedDocument | None:
    if _is_sealed(file.part, file.part.get_content_type()):
        return parts.leave(file.name)
    inner = _children(file.part)
    if inner and file.part.get_content_maintype() == "message":
        return parts.within(file.name, lambda: read_message(inner[0], parts))
    return parts.read(file.name, _data(file.part))
