"""What messages have in common, whatever program kept them: a head, a body, files inside."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.parsers import clean, html, mail_headers, mail_quotes, nested, text
from ingest.parsers.base import Block, BlockKind, BlockWriter, Limits, ParsedDocument, ParseError

#: Names that the head lists; the others are counted.
MAX_NAMES = 50
#: Share of the HTML's words below which the plain text only says "see the HTML".
MIN_PLAIN_SHARE = 0.3

_STRUCTURE = re.compile(r"<(?:table|h[1-6]|ul|ol|dl)\b", re.IGNORECASE)
_TAGS = re.compile(r"<[^<>]*>")
_PGP = re.compile(r"\s*-----BEGIN PGP MESSAGE-----")


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a message. `date` is what its header says where that is no time."""

    subject: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    sent: dt.datetime | None = None
    date: str = ""

    @property
    def forwards(self) -> bool:
        """Whether it passes another message on: then what it quotes is what it says."""
        return mail_quotes.forwards(self.subject)

    def metadata(self) -> dict[str, str]:
        """With the keys of base.METADATA."""
        found = {
            "subject": self.subject,
            "sender": self.sender,
            "recipients": _names([*self.to, *self.cc]),
            "sent": self.sent.isoformat() if self.sent else "",
        }
        return {key: value for key, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Body:
    """One text of a message, in one form or in two."""

    plain: str = ""
    html: str = ""


def encrypted(detail: str = "Open it in a mail program and save it decrypted.") -> ParseError:
    """The error of a message that only its recipient can read."""
    return ParseError("encrypted", f"The message is encrypted. {detail}")


def write_head(writer: BlockWriter, head: Head, files: Sequence[str]) -> None:
    """The lines that a person reads first: who wrote whom, when, about what, with which files."""
    lines = {
        "From": head.sender,
        "To": _names(head.to),
        "Cc": _names(head.cc),
        "Date": mail_headers.shown_time(head.sent) if head.sent else head.date,
        "Subject": head.subject,
        "Attachments": _names(files),
    }
    writer.add("paragraph", "\n".join(f"{key}: {value}" for key, value in lines.items() if value))


def write_body(writer: BlockWriter, body: Body, limits: Limits, *, forwarded: bool) -> None:
    """The better form of a body: what is new, then what it quotes, as notes.

    Raises ParseError `encrypted`, `too-much-text`, `nested-too-deep`.
    """
    if _PGP.match(body.plain):
        raise encrypted()
    if _prefers_html(body):
        try:
            _write_html(writer, body.html, limits, forwarded)
            return
        except ParseError as error:
            if error.code != "nested-too-deep" or not body.plain.strip():
                raise
    _write_plain(writer, body.plain, limits, forwarded)


def finish(
    writer: BlockWriter, head: Head, files: Sequence[tuple[str, ParsedDocument]]
) -> ParsedDocument:
    """The message with its files below it. Raises ParseError `no-text`, `too-much-text`."""
    for name, parsed in files:
        nested.append(writer, name, parsed)
    document = writer.document(title=head.subject, metadata=head.metadata())
    if not document.blocks:
        raise ParseError("no-text", "The message holds no text.")
    return document


def is_inline(html: str, content_id: str) -> bool:
    """Whether a file is shown in the midst of the HTML: it is part of the page's design."""
    name = content_id.strip().strip("<>")
    return bool(name) and f"cid:{name}" in html


def unflow(body: str, *, delete_space: bool) -> str:
    """Lines that a mail program broke (format=flowed, RFC 3676), joined again."""
    out: list[str] = []
    flows, depth = False, ""
    for line in body.split("\n"):
        quoted = re.match(r">*", line)
        marks = quoted[0] if quoted else ""
        content = line[len(marks) :].removeprefix(" ")
        is_signature = content == "-- "
        if flows and marks == depth and not is_signature:
            out[-1] += content
        else:
            out.append(f"{marks} {content}" if marks else content)
        flows = content.endswith(" ") and not is_signature
        depth = marks
        if flows and delete_space:
            out[-1] = out[-1][:-1]
    return "\n".join(out)


def _prefers_html(body: Body) -> bool:
    if not body.html.strip() or not body.plain.strip():
        return not body.plain.strip()
    words = len(_TAGS.sub(" ", body.html).split())
    return bool(_STRUCTURE.search(body.html)) or (len(body.plain.split()) < MIN_PLAIN_SHARE * words)


def _write_plain(writer: BlockWriter, body: str, limits: Limits, forwarded: bool) -> None:
    for piece in mail_quotes.pieces(clean.clean(body), forwarded=forwarded):
        if piece.kind == "signature":
            writer.add("note", clean.lines(piece.text))
            continue
        kind: BlockKind | None = "note" if piece.kind == "quoted" else None
        for block in text.parse_text(piece.text, limits).blocks:
            nested.copy(writer, block, kind=kind)


def _write_html(writer: BlockWriter, source: str, limits: Limits, forwarded: bool) -> None:
    new, quoted = mail_quotes.split_html(source, forwarded=forwarded)
    blocks = _fragment(new, limits)
    kind: BlockKind | None = None
    for place, block in enumerate(blocks):
        if place and not forwarded and mail_quotes.begins_history(block.text):
            kind = "note"
        nested.copy(writer, block, kind=kind if block.kind != "table" else None)
    for source in quoted:
        for block in _fragment(source, limits):
            nested.copy(writer, block, kind="note" if blocks and block.kind != "table" else None)


def _fragment(source: str, limits: Limits) -> tuple[Block, ...]:
    writer = BlockWriter(limits)
    html.write_fragment(source, writer)
    return writer.document().blocks


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MAX_NAMES])
    more = len(names) - MAX_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
