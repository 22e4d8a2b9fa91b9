"""Plain text in any encoding."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from ingest.parsers import clean, decode
from ingest.parsers.base import BlockWriter, Limits, Notice, ParsedDocument, ParseError

#: Lines at least this long, up to the last of a paragraph, were broken by an editor, not by a writer.
WRAPPED_LINE = 50
HEADING_CHARS = 80
HEADING_WORDS = 10
READ_BYTES = 1 << 20

_BULLET = re.compile(
    r"[ \t]*(?:[-*+\u2022\u2023\u25aa\u25cf\u2013]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]+\S"
)
_BULLET_SIGN = re.compile(r"[*+\u2022\u2023\u25aa\u25cf\u2013](?=\s)")
_UNDERLINE = re.compile(r"\s*(={3,}|-{3,}|~{3,})\s*$")
_NUMBERED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+[^\W\d]")
_NO_HEADING_END = (".", ",", ";", ":", "!", "\u3002", "\u3001", "\uff0c")


class TextParser:
    media_types = ("text/plain",)

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `no-text`, `too-much-text`."""
        return parse_text(read(path, limits), limits)


def parse_text(text: str, limits: Limits, warnings: tuple[Notice, ...] = ()) -> ParsedDocument:
    """Paragraphs by blank lines; lists, underlined, numbered and capital headings are seen."""
    writer = BlockWriter(limits)
    for paragraph in _paragraphs(clean.clean(text)):
        _write(writer, paragraph)
    document = writer.document(warnings=warnings)
    if not document.blocks:
        raise ParseError("no-text", "The file holds no text.")
    return document


def read(path: Path, limits: Limits) -> str:
    """The decoded text, in bounded memory. Raises ParseError `too-much-text`."""
    with path.open("rb") as file:
        head = file.read(4 * decode.SAMPLE)
        decoder = codecs.getincrementaldecoder(encoding_of(path, head))("replace")
        parts = [decoder.decode(head)]
        length = len(parts[0])
        while data := file.read(READ_BYTES):
            parts.append(decoder.decode(data))
            length += len(parts[-1])
            if length > limits.max_chars:
                raise limits.too_much_text()
    return "".join([*parts, decoder.decode(b"", final=True)])


def encoding_of(path: Path, head: bytes) -> str:
    """The encoding of the text at `path`, which begins with `head`."""
    encoding = decode.detect(head)
    # UTF-8 is the one guess that later bytes can refute (an ASCII head says little of the rest).
    if encoding == "utf-8" and not _all_utf8(path):
        return decode.detect(_around_first_bad_byte(path))
    return encoding


def _all_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while data := file.read(READ_BYTES):
                decoder.decode(data)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _around_first_bad_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        while data := file.read(READ_BYTES):
            if not data.isascii():
                place = len(data) - len(data.lstrip(bytes(range(128))))
                return data[max(0, place - 1_000) : place + decode.SAMPLE]
    return b""


def _paragraphs(text: str) -> Iterator[list[str]]:
    lines: list[str] = []
    for line in text.split("\n"):
        if line.strip():
            lines.append(line.rstrip())
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def _write(writer: BlockWriter, lines: list[str]) -> None:
    if len(lines) >= 2 and _UNDERLINE.match(lines[1]) and _UNDERLINE.match(lines[0]) is None:
        writer.add("heading", clean.one_line(lines[0]), level=1 if "=" in lines[1] else 2)
        lines = lines[2:]
    if len(lines) == 1 and (level := heading_level(lines[0])):
        writer.add("heading", clean.one_line(lines[0]), level=level)
        return
    for item, is_list in _items(lines):
        text = _joined(item)
        if is_list:
            text = _BULLET_SIGN.sub("-", text, count=1) if _BULLET_SIGN.match(text) else text
        writer.add(
            "list_item" if is_list else "paragraph", text, level=_depth(item[0]) if is_list else 0
        )


def heading_level(line: str) -> int:
    """1 to 6 for a lone line that looks like a heading, 0 for any other."""
    line = line.strip()
    words = line.split()
    if len(line) > HEADING_CHARS or len(words) > HEADING_WORDS or line.endswith(_NO_HEADING_END):
        return 0
    if numbered := _NUMBERED.match(line):
        return min(6, numbered[1].count(".") + 1)
    letters = [c for c in line if c.isalpha()]
    return 1 if len(letters) >= 4 and line.isupper() else 0


def _depth(line: str) -> int:
    indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
    return min(6, indent // 2 + 1)


def _items(lines: list[str]) -> Iterator[tuple[list[str], bool]]:
    """Lines of a paragraph grouped: what stands before a list, then one group an item."""
    group: list[str] = []
    in_list = False
    for line in lines:
        if _BULLET.match(line):
            if group:
                yield group, in_list
            group, in_list = [line], True
        else:
            group.append(line)
    if group:
        yield group, in_list


def _joined(lines: list[str]) -> str:
    wrapped = len(lines) > 1 and all(len(line.strip()) >= WRAPPED_LINE for line in lines[:-1])
    text = (" " if wrapped else "\n").join(line.strip() for line in lines)
    return clean.lines(text)
