"""What the headers of a message say, however they are written. Bounded: headers come from strangers."""

import base64
import binascii
import datetime as dt
import quopri
import re
from email.utils import getaddresses, parsedate_to_datetime

from ingest.parsers import clean, decode

#: Letters of one header that are read: a distribution list of 300 addresses has about 10,000.
MAX_HEADER = 16_384

_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
#: What says nothing of bytes above 127, what is no encoding of text, what takes quadratic time.
_NO_CHARSETS = frozenset(
    ["us-ascii", "ascii", "punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"]
)
#: As browsers read them: Windows programs call their own code page so.
_ALIASES = {"iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "utf8": "utf-8"}
#: Share of letters that may be broken before the declared encoding is not believed.
_MAX_BROKEN = 0.01
_SHORT = 64


def text(value: str) -> str:
    """A header on one line: encoded words and raw bytes decoded, whatever their encoding."""
    value = _raw(value[:MAX_HEADER])
    out: list[str] = []
    pending, charset, place = b"", "", 0
    for word in _WORD.finditer(value):
        between = value[place : word.start()]
        name = word[1].partition("*")[0].lower()
        # A letter of several bytes may be cut between two words of the same encoding.
        if pending and (between.strip() or name != charset):
            out.append(in_charset(pending, charset))
            pending = b""
        if between.strip() or place == 0:
            out.append(between)
        pending, charset, place = pending + _word_bytes(word[2], word[3]), name, word.end()
    if pending:
        out.append(in_charset(pending, charset))
    return clean.one_line("".join([*out, value[place:]]))


def in_charset(data: bytes, charset: str, *, html: bool = False) -> str:
    """The text of `data` in the encoding that was declared, or in the likely one if that is wrong."""
    if not data.isascii() and (readable := _utf8(data)) is not None:
        return readable
    name = _ALIASES.get(charset.strip().lower(), charset.strip())
    if not name or name.lower() in _NO_CHARSETS:
        return _likely(data, html=html)
    try:
        decoded = data.decode(name, "replace")
    except (LookupError, ValueError):
        return _likely(data, html=html)
    broken = decoded.count("\ufffd")
    return decoded if broken <= 1 + _MAX_BROKEN * len(decoded) else _likely(data, html=html)


def addresses(values: list[str]) -> list[str]:
    """Each "Name <address>" of some headers; what is no address as it stands."""
    try:
        pairs = getaddresses([_cut(value) for value in values])
    except (RecursionError, ValueError, IndexError):
        # The library calls itself for each bracket of a comment.
        pairs = []
    found = [_address(name, address) for name, address in pairs]
    return [each for each in found if each] or [each for each in map(text, values) if each]


def when(value: str) -> dt.datetime | None:
    """The time that a header names, None for one that is none."""
    value = clean.one_line(value[:200])
    for read in (parsedate_to_datetime, dt.datetime.fromisoformat):
        try:
            found: dt.datetime = read(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return found
    return None


def shown_time(moment: dt.datetime) -> str:
    """As a letter has it: "Friday, 16 December 2022, 17:04 (UTC-05:00)"."""
    zone = f" ({moment.tzname()})" if moment.tzinfo is not None else ""
    return f"{moment:%A}, {moment.day} {moment:%B} {moment.year}, {moment:%H:%M}{zone}"


def _raw(value: str) -> str:
    """Bytes that stood in the header as they are, which the library keeps as lone surrogates."""
    if value.isascii():
        return value
    try:
        return in_charset(value.encode("utf-8", "surrogateescape"), "")
    except UnicodeEncodeError:
        return value


def _likely(data: bytes, *, html: bool) -> str:
    """By what most mail is written in; a few words are too few to tell more."""
    return (
        data.decode("cp1252", "replace") if len(data) < _SHORT else decode.decode(data, html=html)
    )


def _utf8(data: bytes) -> str | None:
    """Text that is valid UTF-8 with letters beyond ASCII is in no other encoding."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _word_bytes(how: str, data: str) -> bytes:
    plain = data.encode("utf-8", "replace")
    if how in "qQ":
        return quopri.decodestring(plain, header=True)
    kept = re.sub(rb"[^A-Za-z0-9+/]", b"", plain)
    try:
        return base64.b64decode(kept + b"=" * (-len(kept) % 4))
    except binascii.Error:
        return base64.b64decode(kept[: len(kept) // 4 * 4])


def _cut(value: str) -> str:
    """At most MAX_HEADER letters, cut between two addresses."""
    if len(value) > MAX_HEADER:
        value = value[:MAX_HEADER]
        value = value.rpartition(",")[0] or value
    return " ".join(value.split())


def _address(name: str, address: str) -> str:
    name, address = text(name), text(address)
    if name and address and name != address:
        return f"{name} <{address}>"
    return address or name
