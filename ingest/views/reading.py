"""What was read of a document, as its page shows it: passages, and the blocks that they were cut from.

Whatever a file holds, a page of ours stays of a size that a browser can show: long blocks and tables
are shown in part, and how much is left out is said.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from ingest.extracts import blocks
from ingest.models import Chunk, Document
from ingest.parsers.base import Block
from ingest.places import place

PASSAGES = 100
BLOCKS = 100
#: Characters of one block, cells of all tables and columns of one, on one page of ours.
MOST_CHARS = 20_000
MOST_CELLS = 20_000
MOST_COLUMNS = 100
LEAST_ROWS = 5
SPAN = re.compile(r"(\d{1,9})-(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as the page shows it; `above` and `heading` where a new section begins.

    A heading that the text itself begins with is shown once, as a heading. `place`: where a new page
    begins, its name. `sure`: per cent, for recognised text.
    """

    chunk: Chunk
    above: str
    heading: str
    place: str
    wanted: bool
    before: str
    marked: str
    after: str
    sure: int | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A block as the page shows it. `left_out` says what is not shown of it."""

    kind: str
    name: str
    level: int
    place: str
    text: str
    head: tuple[tuple[str, ...], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    left_out: str = ""
    sure: int | None = None


def wanted_chunk(
    every: QuerySet[Chunk], shown: QuerySet[Chunk], pk: str, quote: str
) -> tuple[Chunk | None, str]:
    """The chunk that a link names and the span of its quote; None where it is no longer there.

    One of an index that was replaced is looked for in those that are `shown`.
    """
    try:
        named = every.filter(pk=UUID(pk)).first()
    except ValueError:
        return None, ""
    if named is None or shown.filter(pk=named.pk).exists():
        return named, quote
    span = SPAN.fullmatch(quote)
    start, end = (int(span[1]), int(span[2])) if span else (0, 0)
    place = named.start + min(start, len(named.text))
    here = shown.filter(start__lte=place).order_by("-start").first() or shown.first()
    said = named.text[start:end]
    at = here.text.find(said) if here and said else -1
    return here, f"{at}-{at + len(said)}" if at >= 0 else ""


def page_of(chunks: QuerySet[Chunk], wanted: Chunk | None, number: str) -> Page[Chunk]:
    """The page of that number, or the one with `wanted` on it."""
    pages = Paginator(chunks, PASSAGES)
    if wanted is None:
        return pages.get_page(number)
    return pages.get_page(chunks.filter(ordinal__lt=wanted.ordinal).count() // PASSAGES + 1)


def passages(
    document: Document, chunks: Iterable[Chunk], wanted: Chunk | None, quote: str
) -> Iterator[Passage]:
    """Chunks as the page shows them; of `wanted` the span `quote` ("a-b") is marked."""
    path: list[str] = []
    page: int | None = None
    for chunk in chunks:
        opens = chunk.heading_path != path
        is_wanted = wanted is not None and chunk.pk == wanted.pk
        heading = chunk.heading_path[-1] if opens and chunk.heading_path else ""
        before, marked, after = _split(chunk.text, quote if is_wanted else "")
        yield Passage(
            chunk=chunk,
            above=" › ".join(chunk.heading_path[:-1]) if opens else "",
            heading=heading,
            place=place(document, chunk.page) if chunk.page != page else "",
            wanted=is_wanted,
            before=_without(heading, before),
            marked=marked,
            after=after,
            sure=_percent(chunk.confidence),
        )
        path, page = chunk.heading_path, chunk.page


def block_page(document: Document, number: str) -> tuple[Page[int], list[Piece]]:
    """One page of the blocks that were kept, and the pieces that it shows."""
    wanted = int(number[:9]) if number.isdecimal() and number.isascii() else 1
    found, total = blocks(document, max(0, wanted - 1) * BLOCKS, BLOCKS)
    page = Paginator(range(total), BLOCKS).get_page(number)
    if page.number != wanted:
        found, total = blocks(document, (page.number - 1) * BLOCKS, BLOCKS)
    return page, list(_pieces(document, found))


def _pieces(document: Document, found: Sequence[Block]) -> Iterator[Piece]:
    page: int | None = None
    cells = MOST_CELLS
    for block in found:
        rows = _some_rows(block, cells)
        cells -= sum(len(row) for row in rows)
        yield Piece(
            kind=block.kind,
            name=_kind(block),
            level=min(max(block.level, 1), 5) + 1,
            place=place(document, block.page) if block.page != page else "",
            text=block.text[:MOST_CHARS],
            head=rows[: block.header_rows],
            rows=rows[block.header_rows :],
            left_out=_left_out(block, rows),
            sure=_percent(block.confidence),
        )
        page = block.page


def _some_rows(block: Block, cells: int) -> tuple[tuple[str, ...], ...]:
    if not block.rows:
        return ()
    columns = max(1, min(MOST_COLUMNS, max(len(row) for row in block.rows)))
    rows = block.rows[: max(LEAST_ROWS, cells // columns)]
    return tuple(tuple(cell[:MOST_CHARS] for cell in row[:MOST_COLUMNS]) for row in rows)


def _left_out(block: Block, rows: tuple[tuple[str, ...], ...]) -> str:
    if block.rows:
        more = len(block.rows) - len(rows)
        wide = max(len(row) for row in block.rows) - MOST_COLUMNS
        said = [_("Rows that are not shown here: %(n)d.") % {"n": more}] if more > 0 else []
        said += [_("Columns that are not shown here: %(n)d.") % {"n": wide}] if wide > 0 else []
        return " ".join(said)
    more = len(block.text) - MOST_CHARS
    return _("Characters that are not shown here: %(n)d.") % {"n": more} if more > 0 else ""


def _kind(block: Block) -> str:
    names = {
        "heading": _("Heading %(level)d") % {"level": block.level},
        "paragraph": _("Paragraph"),
        "list_item": _("List item"),
        "table": _("Table"),
        "caption": _("Caption"),
        "note": _("Note"),
        "code": _("Code"),
    }
    return names.get(block.kind, block.kind)


def _percent(confidence: float | None) -> int | None:
    return None if confidence is None else round(confidence * 100)


def _without(heading: str, text: str) -> str:
    return text.removeprefix(heading).lstrip() if heading and text.startswith(heading) else text


def _split(text: str, quote: str) -> tuple[str, str, str]:
    """The text before, in and after the span `a-b`; all of it before where there is none."""
    span = SPAN.fullmatch(quote)
    start, end = (int(span[1]), int(span[2])) if span else (0, 0)
    if not text[start:end]:
        return text, "", ""
    return text[:start], text[start:end], text[end:]
