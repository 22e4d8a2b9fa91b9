"""What text recognition read of some pages, put among what a parser read of the others. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ingest.parsers.base import Block, BlockWriter, Limits, Notice, ParsedDocument

#: Words of a page below this confidence are worth a look (measured: docs/formats.md).
POOR = 0.6
WITHOUT_TEXT, RECOGNISED, POORLY = "pages-without-text", "pages-recognised", "recognised-poorly"
#: Letters of the names of pages in a notice.
MAX_NAMES = 200


def merged(
    parsed: ParsedDocument, recognised: ParsedDocument, pages: Iterable[int], limits: Limits
) -> ParsedDocument:
    """`parsed` with the blocks that were recognised on its blank `pages`, in the order of pages.

    Blocks of other pages are not taken, and what a page holds already stays as it is: the same batch
    again changes nothing. Pages that hold text are no longer blank:
    some have words of their own, to which recognition adds none. Raises ParseError
    `too-much-text`.
    """
    wanted = set(pages) & set(parsed.blank)
    new = [block for block in recognised.blocks if block.page in wanted]
    writer = BlockWriter(limits)
    for block in _by_page(parsed.blocks, sorted(new, key=lambda block: block.page or 0)):
        _add(writer, block)
    own = {block.page for block in parsed.blocks} - set(recognised.blank)
    read = {block.page for block in new} | (wanted & own)
    return writer.document(
        title=parsed.title,
        pages=parsed.pages,
        warnings=parsed.warnings,
        metadata=parsed.metadata,
        blank=tuple(page for page in parsed.blank if page not in read),
        page_labels=parsed.page_labels,
    )


def _by_page(old: Iterable[Block], new: list[Block]) -> Iterator[Block]:
    """Both in their own order; a new one comes before the first old one of a later page."""
    place = 0
    for block in old:
        while block.page is not None and place < len(new) and (new[place].page or 0) < block.page:
            yield new[place]
            place += 1
        yield block
    yield from new[place:]


def _add(writer: BlockWriter, block: Block) -> None:
    writer.add(
        block.kind,
        block.text,
        level=block.level,
        page=block.page,
        rows=block.rows,
        header_rows=block.header_rows,
        boxes=block.boxes,
        confidence=block.confidence,
        words=block.words,
    )


def confidences(parsed: ParsedDocument) -> dict[int, float]:
    """How sure recognition was of each page that it read: the mean over its letters."""
    sums: dict[int, tuple[float, int]] = {}
    for block in parsed.blocks:
        if block.confidence is not None and block.page is not None:
            total, letters = sums.get(block.page, (0.0, 0))
            size = len(block.text)
            sums[block.page] = (total + block.confidence * size, letters + size)
    return {page: round(total / letters, 3) for page, (total, letters) in sums.items()}


def noticed(parsed: ParsedDocument) -> ParsedDocument:
    """`parsed` with the notices on its pages: blank, recognised, recognised poorly."""
    sure = confidences(parsed)
    poor = [page for page, confidence in sure.items() if confidence < POOR]
    found = [
        _notice(code, pages, parsed)
        for code, pages in ((WITHOUT_TEXT, parsed.blank), (RECOGNISED, sure), (POORLY, poor))
        if pages
    ]
    codes = {notice.code for notice in found}
    others = [notice for notice in parsed.warnings if notice.code not in codes]
    return replace(parsed, warnings=(*others, *found))


def _notice(code: str, pages: Iterable[int], parsed: ParsedDocument) -> Notice:
    numbers = sorted(pages)
    total = max(parsed.pages or 0, numbers[-1])
    return Notice(code, len(numbers), total, names(numbers))


def names(pages: Iterable[int]) -> str:
    """Numbers of pages as a person writes them: "3, 7, 9-12"; long lists end in an ellipsis."""
    runs: list[list[int]] = []
    for page in sorted(set(pages)):
        if runs and page == runs[-1][-1] + 1:
            runs[-1][1:] = [page]
        else:
            runs.append([page])
    shown = ""
    for first, *last in runs:
        name = f"{first}-{last[0]}" if last else f"{first}"
        if len(shown) + len(name) > MAX_NAMES:
            return f"{shown}, \u2026"
        shown = f"{shown}, {name}" if shown else name
    return shown
