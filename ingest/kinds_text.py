"""What a text is: HTML, Markdown, an e-mail, a table, or just text. Pure."""

import csv
import re
from pathlib import PurePosixPath

from ingest.kinds import unsupported
from ingest.parsers import decode
from ingest.parsers.registry import CSV, EML, HTML, MARKDOWN, RTF, TEXT

_NAMES = {
    ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".md": MARKDOWN, ".markdown": MARKDOWN, ".mdown": MARKDOWN,
    ".csv": CSV, ".tsv": CSV, ".tab": CSV, ".eml": EML, ".mht": EML, ".mhtml": EML,
}  # fmt: skip

# Atomic: a comment ends at its first end, or the ways to share comments out double with each.
_HTML_START = re.compile(
    r"(?:\s++|<\?xml[^>]*+>|(?><!--.*?-->))*+<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)
_HTML_END_TAG = re.compile(r"</(?:p|div|table|tr|td|ul|ol|li|body|h[1-6]|span|a)\s*>", re.I)
_MARKDOWN_SIGNS = [
    re.compile(r"^#{1,6} \S", re.M),
    re.compile(r"^(?:```|~~~)", re.M),
    re.compile(r"\[[^\]\n]{1,200}\]\([^)\n]{1,500}\)"),
    re.compile(r"^\|?[ :]*-{3,}[ :]*\|[-| :]*$", re.M),
    re.compile(r"\A---[ \t]*\n[\w-]+:", re.M),
    re.compile(r"\*\*\S[^*\n]{0,200}\*\*"),
]
_HEADER = re.compile(r"([!-9;-~]{1,100}):")
#: Headers that a person writes above a memo, too, and those that only a mail program writes.
_SPOKEN = frozenset({"from", "to", "cc", "bcc", "date", "subject", "sender", "reply-to"})
_WRITTEN = {
    "received": re.compile(r"\s*(?:from|by)\s", re.I),
    "message-id": re.compile(r"\s*<[^\s<>]+>"),
    "mime-version": re.compile(r"\s*\d\.\d"),
    "return-path": re.compile(r"\s*<[^\s<>]*>"),
    "content-type": re.compile(r"\s*(?:text|multipart|application|message)/", re.I),
    "dkim-signature": re.compile(r"\s*\w+="),
    "delivered-to": re.compile(r"\s*\S+@\S+"),
}
_MBOX = re.compile(r"\A>?From \S+ .{0,100}\d{4}[^\n]{0,20}\n")
_ANOTHER_MAIL = re.compile(r"\n\nFrom \S+ [^\n]{0,100}\d{4}[^\n]{0,20}\n[!-9;-~]{1,100}:")

#: A text is a table by itself where this many lines have the same number of columns.
_MIN_ROWS, _MIN_COLUMNS = 6, 3
_MAX_CELL = 80
#: Lines that are looked at, and the letters from which the last of fewer lines may be cut off.
_ROWS, _CUT = 200, 10_000
_SIGNS_OF_CODE = re.compile(r"[{}<>\[\]]|;\s*$|//|^\s*[#|]", re.M)


def text_kind(head: bytes, name: str) -> str:
    """The media type of a text that begins with `head`. `name` decides where the content leaves it open.

    Raises ParseError `unsupported-format` for a mailbox of many messages.
    """
    text = decode.decode(head, html=True).replace("\r\n", "\n").lstrip("\ufeff")
    named = _NAMES.get(PurePosixPath(name.lower()).suffix, TEXT)
    if text.lstrip().startswith("{\\rtf"):
        return RTF
    if _is_mail(text, named):
        return EML
    if _HTML_START.match(text):
        return HTML
    if named == CSV:
        return CSV
    return _prose_kind(text, named)


def _prose_kind(text: str, named: str) -> str:
    end_tags = len(_HTML_END_TAG.findall(text))
    if named == HTML:
        return HTML if end_tags else TEXT
    signs = sum(bool(sign.search(text)) for sign in _MARKDOWN_SIGNS)
    if named == MARKDOWN or signs >= 3:
        return MARKDOWN
    if end_tags >= 20 and text.lstrip().startswith("<"):
        return HTML
    return CSV if _is_table(text) else TEXT


def _is_mail(text: str, named: str) -> bool:
    """Headers from the very first line on. Under another name than a mail's they must hold one that
    only programs write, in its form: a memo begins with From and To, too, and is a text."""
    if _MBOX.match(text):
        if _ANOTHER_MAIL.search(text):
            raise unsupported("a mailbox of several messages (MBOX)")
        text = text.partition("\n")[2]
    headers = _headers(text)
    spoken = {name for name, _ in headers if name in _SPOKEN}
    written = {name for name, value in headers if name in _WRITTEN and _WRITTEN[name].match(value)}
    if named == EML:
        return len(spoken) + len(written) >= 2
    return bool(written) and bool(spoken) and len(spoken) + len(written) >= 3


def _headers(text: str) -> list[tuple[str, str]]:
    """The headers at the beginning; none where a line among them is none."""
    headers: list[tuple[str, str]] = []
    for line in text.lstrip("\n").split("\n"):
        if not line.strip():
            break
        if line[0] in " \t" and headers:
            name, value = headers[-1]
            headers[-1] = name, value + line
            continue
        found = _HEADER.match(line)
        if found is None:
            # Broken mail is common, and a name that says mail is believed; but not a first line.
            return headers if len(headers) >= 3 else []
        headers.append((found[1].lower(), line[found.end() :]))
    return headers


def _is_table(text: str) -> bool:
    """Whether all its lines have the same three columns or more, of short cells."""
    lines = text.split("\n")
    if len(lines) <= _ROWS and len(text) > _CUT:
        lines.pop()  # which may be half a line
    lines = [line for line in lines[:_ROWS] if line.strip()]
    if len(lines) < _MIN_ROWS or sum(bool(_SIGNS_OF_CODE.search(line)) for line in lines) > 1:
        return False
    return any(_same_columns(lines, mark) for mark in "\t;,")


def _same_columns(lines: list[str], mark: str) -> bool:
    try:
        rows = [row for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:
        return False
    if len(rows) < _MIN_ROWS or len(rows[0]) < _MIN_COLUMNS:
        return False
    if any(len(row) != len(rows[0]) for row in rows):
        return False
    # Sentences have their commas, too: more than one in six cells of words that go on is prose.
    cells = [cell for row in rows for cell in row]
    prose = sum(len(cell) > _MAX_CELL or len(cell.split()) > 6 for cell in cells)
    return prose * 6 <= len(cells)
