"""Rich Text (RTF): paragraphs, headings, lists, tables, footnotes, text boxes."""

import datetime as dt
import html
import re
from dataclasses import dataclass, field
from pathlib import Path

from ingest.parsers import clean
from ingest.parsers.base import BlockWriter, Limits, ParsedDocument, ParseError
from ingest.parsers.rtf_reader import Reader, State

#: A heading longer than this is a paragraph that someone gave an outline level.
MAX_HEADING = 300
#: Bytes of a file: it lies in memory twice. Pictures make them large, not text.
MAX_BYTES = 256 << 20

#: A lone bold line up to this long is a heading to its reader, whatever its style says.
BOLD_HEADING_WORDS = 12
BOLD_HEADING_LEVEL = 6

_NUMBER = re.compile(r"\(?(?:[^\W\d_]{1,5}|[\d.]+[a-z]?)[.):\]]+$|\d")
_HEADING_STYLE = re.compile(
    r"(?:heading|\u00fcberschrift|titre|titolo|t\u00edtulo|kop) ?([1-9])", re.IGNORECASE
)
_TITLE_STYLE = re.compile(r"(?:title|titel|titre)\s*;?\s*$", re.IGNORECASE)


class RtfParser:
    media_types = ("application/rtf", "text/rtf")

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file. Raises ParseError `damaged`, `no-text`, `too-much-text`, `nested-too-deep`."""
        if path.stat().st_size > MAX_BYTES:
            raise limits.too_much_text()
        document = parse_rtf(path.read_bytes(), limits)
        if not document.blocks:
            raise ParseError("no-text", "The document holds no text.")
        return document


def parse_rtf(data: bytes, limits: Limits) -> ParsedDocument:
    """The document that `data` says; it may have no blocks. Raises ParseError as RtfParser."""
    blocks = _Blocks(BlockWriter(limits))
    reader = blocks.reader = Reader(_source(data), blocks)
    reader.read()
    blocks.finish()
    about = {key: clean.one_line(_whole(value)) for key, value in reader.about.items()}
    found = {
        "author": about.get("author", ""),
        "subject": about.get("subject", ""),
        "keywords": about.get("keywords", ""),
        "created": _time(reader.times.get("creatim", {})),
        "modified": _time(reader.times.get("revtim", {})),
    }
    metadata = {key: value for key, value in found.items() if value}
    return blocks.writer.document(title=blocks.title or about.get("title", ""), metadata=metadata)


def html_of(data: bytes) -> str:
    """The HTML that a mail program wrapped into Rich Text ([MS-OXRTFEX]), "" where there is none.

    Raises ParseError `damaged`, `nested-too-deep`.
    """
    output = _Html()
    reader = Reader(_source(data), output)
    reader.read()
    return _whole("".join(output.parts)) if reader.from_html else ""


def _source(data: bytes) -> str:
    """Each byte as one letter: the format is ASCII, and says itself what other bytes mean."""
    start = data[:4096].find(b"{\\rtf")
    if start < 0:
        raise ParseError("damaged", "The file does not begin as Rich Text. Save it anew.")
    return data[start:].decode("latin-1")


@dataclass
class _Html:
    """Keeps the tags and the text between them; what stands there for readers of RTF alone is not."""

    parts: list[str] = field(default_factory=list)

    def text(self, text: str, state: State) -> None:
        if state.into == "htmltag":
            self.parts.append(text)
        elif state.into == "body" and state.html_only:
            self.parts.append(html.escape(text, quote=False))

    def end(self, what: str, state: State) -> None:
        if state.into == "htmltag" or (state.into == "body" and state.html_only):
            self.parts.append("\n")


@dataclass
class _Blocks:
    writer: BlockWriter
    title: str = ""
    #: Has the style sheet; set once it is there.
    reader: Reader | None = None
    parts: list[str] = field(default_factory=list)
    marker: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    note: list[str] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)
    box: list[str] = field(default_factory=list)
    row: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    header_rows: int = 0
    #: Whether there is text in the paragraph, or in the row, that is not bold.
    thin: bool = False
    thin_row: bool = False

    def text(self, text: str, state: State) -> None:
        self._sink(state.into).append(text)
        if not state.bold and state.into == "body" and text.strip():
            self.thin = self.thin_row = True

    def end(self, what: str, state: State) -> None:
        if what == "listtext":
            return
        if what in ("footnote", "shptxt"):
            self._keep_aside(what)
        elif state.into != "body":
            self._sink(state.into).append("\n")
        elif what == "cell":
            self.row.append(self._taken())
        elif what == "row":
            self._end_row()
        elif what in ("nestcell", "nestrow") or state.in_table:
            self.parts.append(" " if what == "nestcell" else "\n")
        else:
            self._end_paragraph(state)

    def finish(self) -> None:
        """Write what the file leaves open."""
        self._end_paragraph(State())
        self._end_table()
        self._write_aside()

    def _sink(self, into: str) -> list[str]:
        sinks = {"listtext": self.marker, "footnote": self.note, "shptxt": self.box}
        return sinks.get(into, self.parts)

    def _taken(self) -> str:
        text = clean.lines(_whole("".join(self.parts)))
        self.parts.clear()
        self.marker.clear()
        return text

    def _keep_aside(self, what: str) -> None:
        """Notes and boxes stand in the middle of a paragraph and are read after it."""
        source, target = (self.note, self.notes) if what == "footnote" else (self.box, self.boxes)
        target.append(clean.lines(_whole("".join(source))))
        source.clear()

    def _end_row(self) -> None:
        if self.parts:
            self.row.append(self._taken())
        is_header = (self.reader is not None and self.reader.header_row) or (
            not self.thin_row and not self.rows
        )
        self.header_rows += is_header and self.header_rows == len(self.rows)
        self.thin = self.thin_row = False
        if any(self.row):
            self.rows.append(self.row)
        self.row = []

    def _end_table(self) -> None:
        if self.row:
            self._end_row()
        rows = clean.filled(self.rows)
        header_rows = min(self.header_rows, max(0, len(rows) - 1))
        self.rows, self.header_rows = [], 0
        if rows and len(rows[0]) > 1:
            self.writer.add("table", clean.table_text(rows), rows=rows, header_rows=header_rows)
        elif rows:
            self.writer.add("paragraph", clean.table_text(rows))

    def _end_paragraph(self, state: State) -> None:
        marker = clean.one_line(_whole("".join(self.marker)))
        text, is_bold = self._taken(), not self.thin
        self.thin = self.thin_row = False
        if not text:
            return
        if self.rows or self.row:
            self._end_table()
        level = self._level(state, text) or (0 if marker else _bold_level(text, is_bold=is_bold))
        number = marker if _NUMBER.match(marker) else ""
        if level:
            self.writer.add("heading", f"{number} {clean.one_line(text)}", level=level)
        elif marker:
            text = f"{number or '-'} {text}"
            self.writer.add("list_item", text, level=min(6, state.list_level + 1))
        else:
            self.writer.add("paragraph", text)
        self._write_aside()

    def _write_aside(self) -> None:
        for box in self.boxes:
            self.writer.add("paragraph", box)
        for note in self.notes:
            self.writer.add("note", note)
        self.boxes.clear()
        self.notes.clear()

    def _level(self, state: State, text: str) -> int:
        """1 to 6 for a heading by its own outline level or its style, 0 for any other paragraph."""
        styles = self.reader.styles if self.reader is not None else {}
        style = styles.get(state.style) if state.style >= 0 else None
        if len(text) > MAX_HEADING:
            return 0
        if style is not None and _TITLE_STYLE.match(style.name.strip()):
            self.title = self.title or clean.one_line(text)
            return 1
        outline = state.outline if state.outline < 9 or style is None else style.outline
        named = _HEADING_STYLE.match(style.name.strip()) if style is not None else None
        if outline < 0 or outline > 8:
            return min(6, int(named[1])) if named else 0
        return min(6, outline + 1)


def _bold_level(text: str, *, is_bold: bool) -> int:
    words = len(text.split())
    is_heading = (
        is_bold
        and words <= BOLD_HEADING_WORDS
        and "\n" not in text
        and any(letter.isalpha() for letter in text)
        and not text.endswith((".", ",", ";", ":"))
    )
    return BOLD_HEADING_LEVEL if is_heading else 0


def _whole(text: str) -> str:
    """Letters beyond the first plane come in two halves; a half without the other is none."""
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _time(parts: dict[str, int]) -> str:
    try:
        day = dt.date(parts["yr"], parts["mo"], parts["dy"])
        time = dt.time(parts.get("hr", 0), parts.get("min", 0))
    except (KeyError, ValueError):
        return ""
    return f"{day.isoformat()}T{time.isoformat()}"
