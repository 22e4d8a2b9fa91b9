"""What passages are made of: blocks, rows of tables, sentences of long blocks. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingest.parsers.base import Block

#: Units (about words) that no passage passes: small pieces rank better and cost less to read.
MAX_UNITS = 160
#: A header of a table is repeated up to this many units.
HEADER_UNITS = 50
#: A run without spaces longer than this is no word (base64, a key): it may be cut.
MAX_WORD = 1_000
MAX_LEAD_IN = 160
#: Columns from which on nobody can tell by counting which value stands below which header.
WIDE = 8
#: Letters of a header that each value below it repeats.
MAX_LABEL = 200
#: Units of a row's first cell that later pieces of the row repeat.
KEY_UNITS = 20

_SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
# A sentence ends at . ! ? with closing marks before a space and an upper-case letter, a digit or an
# opening mark; in CJK at the full stop itself.
_SENTENCE_END = re.compile(
    r"[.!?\u2026][\"')\]\u201d\u2019\u00bb]*\s+(?=[\"'(\[\u201c\u2018\u00ab\u201e\u00bf\u00a1]*[^\W_a-z])"
    r"|[\u3002\uff01\uff1f][\u300d\u300f\uff09\u201d\u2019]*\s*|\n"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(.])(?:[A-Za-z]|Dr|Mrs?|Ms|Nr|No|St|vs|bzw|vgl|etc|usw|Art|Abs|Fig|Sec|Inc|Ltd|approx)\.\s$"
)
_PIECE = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True)
class Atom:
    """What a passage is made of: a block, a row of a table, a sentence of a long block."""

    start: int
    end: int
    units: int
    block: Block
    #: Never the last of a passage if something follows: a heading, the line that leads in a list.
    leads: bool = False
    #: What a passage that begins here should say of what came before: a lead-in, a table's header.
    lead_in: str = ""
    header: str = ""
    #: What a passage says in place of text[start:end]: a row of a wide table with its headers.
    shown: str = ""


def units(text: str) -> int:
    """Length as a model sees it: words, long words as several, CJK by characters (about a token)."""
    words = text.split()
    count = len(words)
    if len(text) > 12 * count:
        count += sum(len(word) // 13 for word in words if len(word) > 12)
    if not text.isascii() and (spaceless := len(_SPACELESS.findall(text))):
        count += spaceless * 3 // 4
    return count


def with_lead_in(blocks: tuple[Block, ...]) -> Iterator[tuple[Block, str]]:
    """Each block with the line that led in its list ("" where none did)."""
    lead_in = ""
    for index, block in enumerate(blocks):
        if block.kind == "paragraph" or block.kind == "caption":
            follows = blocks[index + 1].kind if index + 1 < len(blocks) else ""
            leads = follows == "list_item" or (
                follows == "table" and len(block.text) <= MAX_LEAD_IN
            )
            lead_in = flat(block.text)[-MAX_LEAD_IN:] if leads else ""
        elif block.kind not in ("list_item", "table"):
            lead_in = ""
        yield block, lead_in


def atoms_of(text: str, block: Block, lead_in: str) -> Iterator[Atom]:
    size = units(block.text)
    if block.kind == "table" and block.rows:
        yield from _table_atoms(text, block, size, lead_in)
    elif block.kind == "heading" and size <= MAX_UNITS // 2:
        yield Atom(block.start, block.end, size, block, leads=True)
    elif size <= MAX_UNITS and len(block.text) <= MAX_WORD * 10:
        leads = bool(lead_in) and block.kind in ("paragraph", "caption")
        yield Atom(block.start, block.end, size, block, leads, "" if leads else lead_in)
    else:
        for start, end in _pieces(text, block.start, block.end):
            yield Atom(
                start,
                end,
                units(text[start:end]),
                block,
                lead_in="" if start == block.start else lead_in,
            )


def _table_atoms(text: str, block: Block, size: int, lead_in: str) -> Iterator[Atom]:
    if size <= MAX_UNITS:
        yield Atom(block.start, block.end, size, block, lead_in=lead_in)
        return
    header = "\n".join(block.text.split("\n")[: block.header_rows])
    header = header if units(header) <= HEADER_UNITS else ""
    labels = _labels(block)
    start = block.start
    for index, line in enumerate(block.text.split("\n")):
        end = start + len(line)
        if index >= block.header_rows and _is_record(line, index, block, labels, header):
            yield from _record_atoms(start, block, block.rows[index], labels, lead_in)
        elif line.strip():
            repeated = header if index >= block.header_rows else ""
            for piece in _row_pieces(text, start, end, MAX_UNITS - units(header)):
                yield Atom(
                    *piece,
                    units(text[piece[0] : piece[1]]),
                    block,
                    index < block.header_rows,
                    lead_in,
                    repeated,
                )
        start = end + 1


def _labels(block: Block) -> list[str]:
    """What stands above each column of a wide table, on one line; nothing for other tables."""
    heads = block.rows[: block.header_rows]
    if not heads or len(heads[0]) < WIDE:
        return []
    columns = zip(*heads, strict=False)
    return [" ".join(dict.fromkeys(filter(None, column)))[:MAX_LABEL] for column in columns]


def _is_record(line: str, index: int, block: Block, labels: list[str], header: str) -> bool:
    """Whether a row is told cell by cell: its table is wide, and it does not fit below its header."""
    if not labels or index >= len(block.rows) or len(block.rows[index]) != len(labels):
        return False
    fits = header and units(header) + units(line) <= MAX_UNITS
    return not fits and " | ".join(block.rows[index]).strip() == line


def _record_atoms(
    start: int, block: Block, row: tuple[str, ...], labels: list[str], lead_in: str
) -> Iterator[Atom]:
    """A row as "header: value; header: value", in pieces that each begin with its first cell."""
    end = start + len(" | ".join(row).strip())
    place = start - (1 if not row[0] else 0)  # the space before the first bar is stripped
    begin, key = start, ""
    cells: list[str] = []
    for label, cell in zip(labels, row, strict=True):
        for offset, piece in _told(label, cell):
            if cells and units("; ".join([key, *cells, piece])) > MAX_UNITS:
                yield _record(begin, place + offset, block, key, cells, lead_in)
                begin, cells = place + offset, []
                key = key or _first_told(row, labels)
            cells.append(piece)
        place += len(cell) + 3
    yield _record(begin, end, block, key, cells, lead_in)


def _record(start: int, end: int, block: Block, key: str, cells: list[str], lead_in: str) -> Atom:
    shown = "; ".join([key, *cells] if key else cells)
    return Atom(start, end, units(shown), block, lead_in=lead_in, shown=shown)


def _told(label: str, cell: str) -> Iterator[tuple[int, str]]:
    """A cell with its header; a long one in pieces, and where in it each begins."""
    name = f"{label}: " if label and cell else ""
    limit = MAX_UNITS - KEY_UNITS - min(units(name), MAX_UNITS // 4)
    for start, end in _row_pieces(cell, 0, len(cell), limit) if cell else ():
        yield start, name + cell[start:end]


def _first_told(row: tuple[str, ...], labels: list[str]) -> str:
    """The first filled cell with its header, "" where that is too long to be repeated."""
    for label, cell in zip(labels, row, strict=True):
        if cell:
            key = f"{label}: {cell}" if label else cell
            return key if units(key) <= KEY_UNITS else ""
    return ""


def _row_pieces(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    if units(text[start:end]) <= limit:
        yield start, end
    else:
        yield from _by_spaces(text, start, end, limit)


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Sentences of a long block; one longer than a passage is cut at spaces."""
    place = start
    for match in _SENTENCE_END.finditer(text, start, end):
        if match.end() >= end:
            break
        if match[0] == ". " and _ABBREVIATION.search(
            text[max(start, match.start() - 8) : match.end()]
        ):
            continue
        yield from _sentence(text, place, match.end())
        place = match.end()
    yield from _sentence(text, place, end)


def _sentence(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    stripped = text[start:end].rstrip()
    if not stripped:
        return
    end = start + len(stripped)
    if units(stripped) <= MAX_UNITS and len(stripped) <= MAX_WORD * 10:
        yield start, end
    else:
        yield from _by_spaces(text, start, end, MAX_UNITS // 2)


def _by_spaces(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Runs of words of up to `limit` units; a run of CJK or of data is cut by characters."""
    begin, count, last = start, 0, start
    for piece_start, piece_end in _words(text, start, end):
        size = max(1, units(text[piece_start:piece_end]))
        if count and count + size > limit:
            yield begin, last
            begin, count = piece_start, 0
        count += size
        last = piece_end
    if last > begin:
        yield begin, last


def _words(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in _PIECE.finditer(text, start, end):
        word_end = match.start() + len(match[0].rstrip())
        spaceless = not match[0].isascii() and _SPACELESS.search(match[0])
        step = 1 if spaceless else MAX_WORD
        if word_end - match.start() <= step:
            yield match.start(), word_end
            continue
        for place in range(match.start(), word_end, step):
            yield place, min(word_end, place + step)


def sentence_ends(text: str) -> Iterator[int]:
    """Where sentences and lines of `text` end, in order; abbreviations may count as ends."""
    return (match.end() for match in _SENTENCE_END.finditer(text))


def flat(text: str) -> str:
    return " ".join(text.split())
