"""What a parser takes and gives. Pure: no Django, no database, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

BlockKind = Literal["heading", "paragraph", "list_item", "table", "caption", "note", "code"]

#: Left, bottom, right, top on a page, in points (1/72 inch), origin at the lower left.
Box = tuple[float, float, float, float]
#: A word of a block: its first and last character (behind it) in the block's text, and its box.
PlacedWord = tuple[int, int, Box]


@dataclass(frozen=True, slots=True)
class Block:
    """A typed piece of a document, in reading order.

    `text` is what a person reads. For a table, `rows` holds its cells and the first `header_rows`
    of them are its header; `text` then holds the rows as lines, cells joined by " | ".
    `start` and `end` are character offsets into ParsedDocument.text: text[start:end] == block.text.
    """

    kind: BlockKind
    text: str
    start: int
    end: int
    level: int = 0
    page: int | None = None
    rows: tuple[tuple[str, ...], ...] = ()
    header_rows: int = 0
    boxes: tuple[Box, ...] = ()
    #: 0 to 1: how sure text recognition was of its words. None: the file itself says them.
    confidence: float | None = None
    #: Of recognised text: where each word stands. `boxes` are its lines.
    words: tuple[PlacedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person should know of a file that was read all the same.

    `code` is stable and documented (docs/errors.md); ingest/notices.py has its sentence in the
    language of the interface. `count` of `total` things are meant; `names` says which, short.
    """

    code: str
    count: int = 0
    total: int = 0
    names: str = ""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What was read of a file. `text` is its blocks joined by blank lines (see BlockWriter).

    `pages` counts what the file is made of: pages, slides, sheets, pictures. `blank` are those of
    them (from 1) that hold no text. `page_labels`, one for each page or none at all, are what a
    reader calls them: "iv", the name of a sheet. `metadata` has the keys of METADATA, each only where
    the file says it.
    """

    text: str
    blocks: tuple[Block, ...]
    title: str = ""
    pages: int | None = None
    warnings: tuple[Notice, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    blank: tuple[int, ...] = ()
    page_labels: tuple[str, ...] = ()


#: Keys of ParsedDocument.metadata. Times are ISO 8601, with a zone where the file gives one.
METADATA = ("author", "subject", "keywords", "created", "modified", "sent", "sender", "recipients")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one parse. Each is a setting; each has a message that says what to do."""

    max_pages: int = 5_000
    max_chars: int = 20_000_000
    #: Pieces cost memory whatever their length: a million lines of one letter is no document.
    max_blocks: int = 500_000
    #: Cells of all tables: a sheet of one formatted column may declare a million rows of nothing.
    max_cells: int = 5_000_000
    #: Files inside a file (attachments), and how deep they may lie in each other.
    max_parts: int = 200
    max_depth: int = 4

    def too_much_text(self) -> "ParseError":
        """The error for a text above `max_chars` or in more than `max_blocks` pieces."""
        return ParseError(
            "too-much-text",
            f"The file holds more than {self.max_chars:,} characters or {self.max_blocks:,} pieces "
            "of text. Split it into parts.",
        )


class ParseError(Exception):
    """A file that cannot be read.

    `code` is stable and documented (docs/errors.md), `detail` is one sentence for the uploader that
    says what to do, `permanent` is False where trying again may help.
    """

    def __init__(self, code: str, detail: str, *, permanent: bool = True) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.permanent = permanent

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.detail, self.permanent)


def _rebuild(code: str, detail: str, permanent: bool) -> ParseError:
    return ParseError(code, detail, permanent=permanent)


class Parser(Protocol):
    """One format. Register it in ingest/parsers/registry.py."""

    media_types: tuple[str, ...]

    def parse(self, path: Path, limits: Limits) -> ParsedDocument:
        """Read the file at `path`. Raises ParseError; anything else counts as a crash."""
        ...


@dataclass(frozen=True, slots=True)
class Recognition:
    """Which pages (from 1) are recognised, and how: `languages` as Tesseract names them ("eng", "deu"),
    the most likely first; `tessdata`, the folder of their data; the CPU seconds that a page may take."""

    pages: tuple[int, ...]
    languages: tuple[str, ...]
    tessdata: str
    page_seconds: int = 60


class PictureParser(Parser, Protocol):
    """A format with pages that may be pictures: PDF, images."""

    def recognise(self, path: Path, limits: Limits, how: Recognition) -> ParsedDocument:
        """Read the pages of `how` by text recognition.

        Its blocks have `page`, `confidence` and, where a page has a size, `boxes`; its `blank` are
        those of the pages that hold no text for it either. Raises ParseError `ocr-unavailable`.
        """
        ...


class BlockWriter:
    """Collects blocks and keeps their offsets into the joined text."""

    SEPARATOR = "\n\n"

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._blocks: list[Block] = []
        self._length = 0

    def add(  # noqa: PLR0913 (what a block has)
        self,
        kind: BlockKind,
        text: str,
        *,
        level: int = 0,
        page: int | None = None,
        rows: tuple[tuple[str, ...], ...] = (),
        header_rows: int = 0,
        boxes: tuple[Box, ...] = (),
        confidence: float | None = None,
        words: tuple[PlacedWord, ...] = (),
    ) -> None:
        """Append a block unless its text is blank. Raises ParseError `too-much-text`."""
        text = text.strip()
        if not text:
            return
        start = self._length + (len(self.SEPARATOR) if self._blocks else 0)
        end = start + len(text)
        if end > self._limits.max_chars or len(self._blocks) >= self._limits.max_blocks:
            raise self._limits.too_much_text()
        self._blocks.append(
            Block(kind, text, start, end, level, page, rows, header_rows, boxes, confidence, words)
        )
        self._length = end

    def document(
        self,
        *,
        title: str = "",
        pages: int | None = None,
        warnings: tuple[Notice, ...] = (),
        metadata: Mapping[str, str] | None = None,
        blank: tuple[int, ...] = (),
        page_labels: tuple[str, ...] = (),
    ) -> ParsedDocument:
        """What was added so far, as one document."""
        return ParsedDocument(
            self.SEPARATOR.join(block.text for block in self._blocks),
            tuple(self._blocks),
            title,
            pages,
            warnings,
            dict(metadata or {}),
            blank,
            page_labels,
        )
