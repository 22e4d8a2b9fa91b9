"""Files inside a file: attachments of a message, members of a ZIP archive that is one of them."""

import contextlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from ingest.guard import detect_media_type, safe_name
from ingest.parsers.archive import UNREADABLE, check_archive
from ingest.parsers.base import (
    Block,
    BlockKind,
    BlockWriter,
    Limits,
    Notice,
    ParsedDocument,
    ParseError,
)
from ingest.parsers.registry import CONVERTED, ZIP, parser_for
from ingest.parsers.unzip import name_of

#: Bytes of all files inside one file, unpacked: each lies in memory while it is read.
MAX_BYTES = 128 << 20
#: Letters of the names that a notice lists.
MAX_NAMES = 300

_JUNK = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


@runtime_checkable
class Container(Protocol):
    """A parser of files that hold files: they share the bounds of what they lie in."""

    def parse_within(self, path: Path, parts: "Parts") -> ParsedDocument:
        """As Parser.parse, but what lies inside is read through `parts`, which counts it."""
        ...


@dataclass
class Parts:
    """What is read of the files inside one file, at all depths, and what is left of its limits."""

    limits: Limits
    depth: int = 0
    count: int = 0
    bytes_left: int = MAX_BYTES
    unread: list[str] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)
    blank_pages: int = 0
    pages: int = 0
    others: dict[str, Notice] = field(default_factory=dict)

    def read(self, name: str, data: bytes) -> ParsedDocument | None:
        """The text of a file called `name`; None, counted as not read, where it gives none."""
        if len(data) > self.bytes_left:
            return self.leave(name)
        self.bytes_left -= len(data)
        return self.within(name, lambda: self._parse(name, data))

    def leave(self, name: str) -> ParsedDocument | None:
        """Count a file that is known to give no text."""
        self.count += 1
        return self._refused(name)

    def within(self, name: str, parse: Callable[[], ParsedDocument]) -> ParsedDocument | None:
        """What `parse` reads of a file called `name`; None, counted as not read, where it cannot,
        where it is one file too many, or where it lies too deep."""
        self.count += 1
        if self.count > self.limits.max_parts or self.depth >= self.limits.max_depth:
            return self._refused(name)
        self.depth += 1
        try:
            return self._kept(name, parse())
        except Exception:  # noqa: BLE001
            # A part may break its reader as a document may, or take too much memory: that is its
            # own affair, and what it took is free again here.
            return self._refused(name)
        finally:
            self.depth -= 1

    def told(self, document: ParsedDocument) -> ParsedDocument:
        """`document` with what a person should know of the files inside."""
        return replace(document, warnings=document.warnings + self._notices())

    def spend(self, document: ParsedDocument) -> None:
        """Take what `document` itself holds off the limits that the other files share."""
        cells = sum(len(block.rows) * len(block.rows[0]) for block in document.blocks if block.rows)
        self.limits = replace(
            self.limits,
            max_chars=max(0, self.limits.max_chars - len(document.text)),
            max_blocks=max(0, self.limits.max_blocks - len(document.blocks)),
            max_cells=max(0, self.limits.max_cells - cells),
        )

    def _notices(self) -> tuple[Notice, ...]:
        found = list(self.others.values())
        if self.unread:
            found.append(
                Notice("parts-not-read", len(self.unread), self.count, _listed(self.unread))
            )
        if self.blank_pages:
            found.append(
                Notice("pages-without-text", self.blank_pages, self.pages, _listed(self.blank))
            )
        return tuple(found)

    def _parse(self, name: str, data: bytes) -> ParsedDocument:
        media_type = detect_media_type(io.BytesIO(data), name)
        if media_type == ZIP:
            return self._members(data)
        if media_type in CONVERTED:
            raise ParseError("unsupported-format", "Files inside a file are not converted.")
        parser = parser_for(media_type)
        with _in_memory(data) as path:
            if isinstance(parser, Container):
                return parser.parse_within(path, self)
            document = parser.parse(path, self.limits)
        self.spend(document)
        return document

    def _members(self, data: bytes) -> ParsedDocument:
        check_archive(io.BytesIO(data))
        writer = BlockWriter(self.limits)
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            for member in file.infolist():
                if member.is_dir() or any(junk in member.filename for junk in _JUNK):
                    continue
                name = shown_path(name_of(member))
                is_one_too_many = self.count >= self.limits.max_parts
                content = None if is_one_too_many else content_of(file, member, self.bytes_left)
                if content is None:
                    self.leave(name)
                elif (parsed := self.read(name, content)) is not None:
                    append(writer, name, parsed)
        return writer.document()

    def _refused(self, name: str) -> ParsedDocument | None:
        self.unread.append(name)
        return None

    def _kept(self, name: str, document: ParsedDocument) -> ParsedDocument | None:
        """`document`, or None if all of it are pictures: recognition does not reach in here."""
        if not document.blocks:
            return self._refused(name)
        if document.blank:
            self.blank.append(f"{name}: {', '.join(map(str, document.blank[:20]))}")
            self.blank_pages += len(document.blank)
            self.pages += document.pages or 0
        for notice in document.warnings:
            if notice.code == "parts-not-read":
                self.leave(f"{name} ({notice.names})")
            elif notice.code != "pages-without-text":
                self.others.setdefault(notice.code, notice)
        return document


def read_part(name: str, data: bytes, parts: Parts) -> ParsedDocument | None:
    """As Parts.read, for a file of any name: it is made fit to be shown first."""
    return parts.read(shown_path(name), data)


def append(writer: BlockWriter, name: str, parsed: ParsedDocument) -> None:
    """The blocks of a file called `name` below a heading with its name, without pages and boxes.

    Raises ParseError `too-much-text`.
    """
    title = "" if any(b.text == parsed.title for b in parsed.blocks[:5]) else parsed.title
    heading = f"{name}: {title}" if title and title != name else name
    writer.add("heading", heading, level=1)
    for block in parsed.blocks:
        copy(writer, block, deeper=1)


def copy(
    writer: BlockWriter, block: Block, *, deeper: int = 0, kind: BlockKind | None = None
) -> None:
    """`block` as one of another document, of another kind where one is given.

    Raises ParseError `too-much-text`.
    """
    level = min(6, block.level + deeper) if block.kind == "heading" else block.level
    writer.add(
        kind or block.kind,
        block.text,
        level=0 if kind else level,
        rows=block.rows,
        header_rows=block.header_rows,
        confidence=block.confidence,
    )


def shown_path(name: str) -> str:
    """The name of a file inside a file, as people may see it: never a path that leads anywhere."""
    parts = [part for part in name.replace("\\", "/").split("/") if part.strip(". ")]
    return "/".join(safe_name(part)[:120] for part in parts[-4:]) or "file"


def _listed(names: list[str]) -> str:
    text = ", ".join(names)
    return text if len(text) <= MAX_NAMES else f"{text[: MAX_NAMES - 1]}\u2026"


def content_of(file: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes | None:
    """The bytes of a member, None if they are damaged or more than `most`: one that holds more than
    it declares counts as damaged."""
    if member.file_size > most:
        return None
    try:
        return file.read(member)
    except UNREADABLE:
        return None


@contextlib.contextmanager
def _in_memory(data: bytes) -> Iterator[Path]:
    """A path that leads to `data`: readers want one, and nothing of a document goes to a disk."""
    descriptor = os.memfd_create("part", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield Path(f"/proc/self/fd/{descriptor}")
    except OSError as error:
        raise ParseError("damaged", "A file inside the file cannot be read.") from error
    finally:
        os.close(descriptor)
