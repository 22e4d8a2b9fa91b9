"""What a parser takes and gives. Pure: no Django, no database, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

BlockKind = Literal["heading", "paragraph", "list_item", "table", "caption", "note", "code"]

#: Left, bottom, right, top on a page, in points (1/72 inch), origin at the lower left.
Box = tuple[float, float, float, float]


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


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What was read of a file. `text` is its blocks joined by blank lines (see BlockWriter)."""

    text: str
    blocks: tuple[Block, ...]
    title: str = ""
    pages: int | None = None
    warnings: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one parse. Each is a setting; each has a message that says what to do."""

    max_pages: int = 5_000
    max_chars: int = 20_000_000
    #: Pieces cost memory whatever their length: a million lines of one letter is no document.
    max_blocks: int = 500_000

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


class BlockWriter:
    """Collects blocks and keeps their offsets into the joined text."""

    SEPARATOR = "\n\n"

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._blocks: list[Block] = []
        self._length = 0

    def add(
        self,
        kind: BlockKind,
        text: str,
        *,
        level: int = 0,
        page: int | None = None,
        rows: tuple[tuple[str, ...], ...] = (),
        header_rows: int = 0,
        boxes: tuple[Box, ...] = (),
    ) -> None:
        """Append a block unless its text is blank. Raises ParseError `too-much-text`."""
        text = text.strip()
        if not text:
            return
        start = self._length + (len(self.SEPARATOR) if self._blocks else 0)
        end = start + len(text)
        if end > self._limits.max_chars or len(self._blocks) >= self._limits.max_blocks:
            raise self._limits.too_much_text()
        self._blocks.append(Block(kind, text, start, end, level, page, rows, header_rows, boxes))
        self._length = end

    def document(
        self,
        *,
        title: str = "",
        pages: int | None = None,
        warnings: tuple[str, ...] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> ParsedDocument:
        text = self.SEPARATOR.join(block.text for block in self._blocks)
        return ParsedDocument(
            text, tuple(self._blocks), title, pages, warnings, dict(metadata or {})
        )
