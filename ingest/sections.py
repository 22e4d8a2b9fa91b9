"""The part of a document around words of a passage, from what was read of it (Extract)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest import extracts
from ingest.models import Chunk
from ingest.parsers import ocr_words
from ingest.parsers.base import Block, Box, ParsedDocument
from ingest.parsers.letters import Span, Words, find, letters
from ingest.parsers.registry import APART, CONVERTED

#: Characters before and after a passage that are shown with it.
AROUND = 4_000
#: Pages on which words of a passage may stand.
MOST_PAGES = 4


@dataclass(frozen=True, slots=True)
class Section:
    """`blocks` hold a passage and what stands around it under its heading; `spans` are the words, as
    characters of the whole text. `pages`: where they may stand; `words`: as the pages say them. `seen`:
    their lines that text recognition kept, with their pages.
    """

    blocks: tuple[Block, ...]
    spans: tuple[Span, ...]
    pages: tuple[int, ...]
    words: Words
    seen: tuple[tuple[int, Box], ...] = ()


def section_of(chunk: Chunk, start: int, end: int) -> Section:
    """The section with the characters `start:end` of a chunk's text; all of it where these are none.

    Where nothing is kept of what was read, or it no longer holds the words: the passage alone.
    """
    words = Words.of(chunk.text, start, end)
    parsed = extracts.load(chunk.document_id)
    spans = _spans(parsed, chunk, words) if parsed else []
    if parsed is None or not spans:
        return _alone(chunk, words)
    first, last = _passage(parsed.blocks, chunk.start, chunk.end)
    held = parsed.blocks[first:last]
    apart = _apart(chunk)
    return Section(
        blocks=tuple(_around(parsed.blocks, first, last, apart=apart)),
        spans=tuple(spans),
        pages=_own_pages(held, spans) if apart else _pages([b.page for b in held if b.page]),
        words=_said(parsed.text, spans),
        seen=tuple(_seen(held, spans)),
    )


def _alone(chunk: Chunk, words: Words) -> Section:
    block = Block("paragraph", chunk.text, 0, len(chunk.text), page=chunk.page)
    spans = find(words, letters(chunk.text))
    found = [chunk.page] if chunk.page else []
    pages = tuple(found or (1,)) if _apart(chunk) else _pages(found)
    return Section((block,), tuple(spans), pages, words)


def _apart(chunk: Chunk) -> bool:
    kind = chunk.document.media_type
    return CONVERTED.get(kind, kind) in APART


def _spans(parsed: ParsedDocument, chunk: Chunk, words: Words) -> list[Span]:
    """A passage is a slice of the text; pieces of tables say their headers again, so they are looked for."""
    text = parsed.text[chunk.start : chunk.end]
    found = find(words, letters(text))
    return [(chunk.start + start, chunk.start + end) for start, end in found]


def _said(text: str, spans: Sequence[Span]) -> Words:
    if len(spans) == 1:
        return Words.of(text, *spans[0])
    return Words(" ".join(text[start:end] for start, end in spans))


def _passage(blocks: Sequence[Block], start: int, end: int) -> tuple[int, int]:
    """Numbers of the first block of a passage and of the one behind its last."""
    held = [i for i, block in enumerate(blocks) if block.start < end and block.end > start]
    return (held[0], held[-1] + 1) if held else (0, 0)


def _around(blocks: Sequence[Block], first: int, last: int, *, apart: bool) -> Sequence[Block]:
    """From the heading above to the next one; of slides and sheets what is on the same ones."""
    pages = {block.page for block in blocks[first:last]}

    def ends(block: Block) -> bool:
        return block.page not in pages if apart else block.kind == "heading"

    size, begin, end = 0, first, last
    while begin and (apart or blocks[begin].kind != "heading") and size < AROUND:
        if apart and ends(blocks[begin - 1]):
            break
        begin -= 1
        size += len(blocks[begin].text)
    size = 0
    while end < len(blocks) and not ends(blocks[end]) and size < AROUND:
        size += len(blocks[end].text)
        end += 1
    return blocks[begin:end]


def _pages(found: Sequence[int]) -> tuple[int, ...]:
    """And the page after: a paragraph is said to be where it begins."""
    if not found:
        return (1,)
    return tuple(range(min(found), max(found) + 2)[:MOST_PAGES])


def _own_pages(blocks: Sequence[Block], spans: Sequence[Span]) -> tuple[int, ...]:
    """The slides of the words themselves: the next one may say the same."""
    own = {
        block.page
        for block in blocks
        if block.page and any(start < block.end and end > block.start for start, end in spans)
    }
    return tuple(sorted(own))[:MOST_PAGES] or (1,)


def _seen(blocks: Sequence[Block], spans: Sequence[Span]) -> Iterator[tuple[int, Box]]:
    """Words of recognised blocks; of those that were kept without, their lines, which are about equal."""
    for block in blocks:
        if block.confidence is None or not block.page:
            continue
        length = max(1, block.end - block.start)
        for start, end in spans:
            if start >= block.end or end <= block.start:
                continue
            if block.words:
                for box in ocr_words.marked(block.words, start - block.start, end - block.start):
                    yield block.page, box
                continue
            first = max(0, start - block.start) * len(block.boxes) // length
            last = -(-(min(end, block.end) - block.start) * len(block.boxes) // length)
            for box in block.boxes[first:last]:
                yield block.page, box
