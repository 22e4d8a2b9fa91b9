"""A parsed document to the passages that are found and cited. Pure, linear in the text.

Passages follow headings first, then lists and tables, then paragraphs, then sentences. A passage is
a slice of the parsed text; only later pieces of a long table are not: they repeat its header.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest.parsers.base import Block, Box, ParsedDocument

#: Units (about words) that no passage passes: small pieces rank better and cost less to read.
MAX_UNITS = 160
#: A section below this joins its neighbours: a passage of one line ranks by chance.
MIN_UNITS = 40
#: From here on a new page begins a new passage, so that its page number is right for all of it.
PAGE_UNITS = 80
#: A header of a table is repeated up to this many units.
HEADER_UNITS = 50
#: A run without spaces longer than this is no word (base64, a key): it may be cut.
MAX_WORD = 1_000
MAX_CONTEXT = 1_000
MAX_LEAD_IN = 160

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
class ChunkDraft:
    """One passage. `text == parsed.text[start:end]`, but for later pieces of a table, which stand
    below its repeated header. `boxes` are those on `page`."""

    ordinal: int
    text: str
    context: str
    heading_path: tuple[str, ...]
    page: int | None
    start: int
    end: int
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class _Atom:
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


#: Level and text of the headings above, outermost first.
_Path = tuple[tuple[int, str], ...]


@dataclass(slots=True)
class _Section:
    """Headings and what stands below them, up to the next heading."""

    path: _Path
    #: Level of its heading; stays when it joins with others and its path becomes what they share.
    depth: int = 0
    atoms: list[_Atom] = field(default_factory=list)
    units: int = 0

    def add(self, atom: _Atom) -> None:
        self.atoms.append(atom)
        self.units += atom.units


def chunk_document(parsed: ParsedDocument, *, title: str) -> list[ChunkDraft]:
    """Passages of up to MAX_UNITS words in reading order, none empty, all text in at least one."""
    drafts: list[ChunkDraft] = []
    for section in _merged(_sections(parsed)):
        path = tuple(text for _, text in section.path)
        for atoms in _packed(section):
            drafts.append(_draft(len(drafts), parsed, atoms, path, title))
    return drafts


def units(text: str) -> int:
    """Length as a model sees it: words, long words as several, CJK by characters (about a token)."""
    words = text.split()
    count = len(words)
    if len(text) > 12 * count:
        count += sum(len(word) // 13 for word in words if len(word) > 12)
    if not text.isascii() and (spaceless := len(_SPACELESS.findall(text))):
        count += spaceless * 3 // 4
    return count


# --- sections -----------------------------------------------------------------------------------
def _sections(parsed: ParsedDocument) -> Iterator[_Section]:
    path: list[tuple[int, str]] = []
    section = _Section(())
    body = False
    for block, lead_in in _with_lead_in(parsed.blocks):
        if block.kind == "heading":
            if body:
                yield section
            if body or not section.atoms:
                section, body = _Section(()), False
            path = [item for item in path if item[0] < block.level] + [
                (block.level, _flat(block.text))
            ]
            section.path = tuple(path) if not section.atoms else _shared(section.path, tuple(path))
            section.depth = section.depth or block.level
        body = body or block.kind != "heading"
        for atom in _atoms(parsed.text, block, lead_in):
            section.add(atom)
    if section.atoms:
        yield section


def _shared(first: _Path, second: _Path) -> _Path:
    """Headings in a row: the deeper path if it continues the first, else what both share."""
    if second[: len(first)] == first:
        return second
    common = 0
    while common < min(len(first), len(second)) and first[common] == second[common]:
        common += 1
    return first[:common]


def _merged(sections: Iterable[_Section]) -> Iterator[_Section]:
    """Small sections joined with what follows them at the same depth or below."""
    held: _Section | None = None
    for section in sections:
        if held is not None and _joins(held, section):
            held.path = _common(held.path, section.path)
            held.atoms += section.atoms
            held.units += section.units
            continue
        if held is not None:
            yield held
        held = section
    if held is not None:
        yield held


def _joins(held: _Section, following: _Section) -> bool:
    small = held.units < MIN_UNITS or following.units < MIN_UNITS // 2
    return small and held.units + following.units <= MAX_UNITS and following.depth >= held.depth


def _common(first: _Path, second: _Path) -> _Path:
    if second[: len(first)] == first:
        return first
    return _shared(first, second)


# --- atoms --------------------------------------------------------------------------------------
def _with_lead_in(blocks: tuple[Block, ...]) -> Iterator[tuple[Block, str]]:
    """Each block with the line that led in its list ("" where none did)."""
    lead_in = ""
    for index, block in enumerate(blocks):
        if block.kind == "paragraph" or block.kind == "caption":
            follows = blocks[index + 1].kind if index + 1 < len(blocks) else ""
            leads = follows == "list_item" or (
                follows == "table" and len(block.text) <= MAX_LEAD_IN
            )
            lead_in = _flat(block.text)[-MAX_LEAD_IN:] if leads else ""
        elif block.kind not in ("list_item", "table"):
            lead_in = ""
        yield block, lead_in


def _atoms(text: str, block: Block, lead_in: str) -> Iterator[_Atom]:
    size = units(block.text)
    if block.kind == "table" and block.rows:
        yield from _table_atoms(text, block, size, lead_in)
    elif block.kind == "heading" and size <= MAX_UNITS // 2:
        yield _Atom(block.start, block.end, size, block, leads=True)
    elif size <= MAX_UNITS and len(block.text) <= MAX_WORD * 10:
        leads = bool(lead_in) and block.kind in ("paragraph", "caption")
        yield _Atom(block.start, block.end, size, block, leads, "" if leads else lead_in)
    else:
        for start, end in _pieces(text, block.start, block.end):
            yield _Atom(
                start,
                end,
                units(text[start:end]),
                block,
                lead_in="" if start == block.start else lead_in,
            )


def _table_atoms(text: str, block: Block, size: int, lead_in: str) -> Iterator[_Atom]:
    if size <= MAX_UNITS:
        yield _Atom(block.start, block.end, size, block, lead_in=lead_in)
        return
    header = "\n".join(block.text.split("\n")[: block.header_rows])
    header = header if units(header) <= HEADER_UNITS else ""
    start = block.start
    for index, line in enumerate(block.text.split("\n")):
        end = start + len(line)
        if line.strip():
            repeated = header if index >= block.header_rows else ""
            for piece in _row_pieces(text, start, end, MAX_UNITS - units(header)):
                yield _Atom(
                    *piece,
                    units(text[piece[0] : piece[1]]),
                    block,
                    index < block.header_rows,
                    lead_in,
                    repeated,
                )
        start = end + 1


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


# --- packing ------------------------------------------------------------------------------------
def _packed(section: _Section) -> Iterator[list[_Atom]]:
    """Atoms to passages of about equal size, none above MAX_UNITS, leads with what they lead."""
    groups = _groups(section.atoms)
    target = section.units / max(1, math.ceil(section.units / MAX_UNITS))
    atoms: list[_Atom] = []
    size = 0
    for group, group_units in groups:
        if atoms and _ends(atoms, size, group[0], group_units, target):
            yield atoms
            atoms, size = [], _header_units(group)
        atoms += group
        size += group_units
    if atoms:
        yield atoms


def _ends(atoms: list[_Atom], size: int, following: _Atom, units_: int, target: float) -> bool:
    if size + units_ > MAX_UNITS:
        return True
    new_page = (
        following.block.page != atoms[-1].block.page and following.block is not atoms[-1].block
    )
    return (new_page and size >= PAGE_UNITS) or size >= target


def _header_units(group: list[_Atom]) -> int:
    return units(group[0].header) if group[0].header else 0


def _groups(atoms: list[_Atom]) -> Iterator[tuple[list[_Atom], int]]:
    """Atoms that stay together: leads with the next, a list with its lead-in where both fit."""
    place = 0
    while place < len(atoms):
        end = place + 1
        while end < len(atoms) and atoms[end - 1].leads:
            end += 1
        size = sum(atom.units for atom in atoms[place:end])
        if end < len(atoms) and atoms[end - 1].block.kind == "list_item" and end - place > 1:
            end, size = _whole_list(atoms, end, size)
        if size > MAX_UNITS:
            yield from (([atom], atom.units) for atom in atoms[place:end])
        else:
            yield atoms[place:end], size
        place = end


def _whole_list(atoms: list[_Atom], end: int, size: int) -> tuple[int, int]:
    """`end` and `size` with the rest of the list if that fits into one passage, else unchanged."""
    last, total = end, size
    while last < len(atoms) and atoms[last].block.kind == "list_item":
        total += atoms[last].units
        last += 1
        if total > MAX_UNITS:
            return end, size
    return last, total


# --- drafts -------------------------------------------------------------------------------------
def _draft(
    ordinal: int, parsed: ParsedDocument, atoms: list[_Atom], path: tuple[str, ...], title: str
) -> ChunkDraft:
    first, last = atoms[0], atoms[-1]
    text = parsed.text[first.start : last.end]
    if first.header:
        text = f"{first.header}\n{text}"
    page = first.block.page
    return ChunkDraft(
        ordinal=ordinal,
        text=text,
        context=_context(title, path, first.lead_in),
        heading_path=path,
        page=page,
        start=first.start,
        end=last.end,
        boxes=tuple(box for atom in atoms if atom.block.page == page for box in _boxes(atom)),
    )


def _context(title: str, path: tuple[str, ...], lead_in: str) -> str:
    parts = [_flat(title), *path, lead_in]
    kept = [part for index, part in enumerate(parts) if part and part not in parts[:index]]
    context = " > ".join(kept)
    return context if len(context) <= MAX_CONTEXT else f"{context[: MAX_CONTEXT - 1]}\u2026"


def _boxes(atom: _Atom) -> tuple[Box, ...]:
    """The boxes of an atom's share of its block: boxes are lines, and lines are about equal."""
    block = atom.block
    length = max(1, block.end - block.start)
    first = (atom.start - block.start) * len(block.boxes) // length
    last = -(-(atom.end - block.start) * len(block.boxes) // length)
    return block.boxes[first:last]


def _flat(text: str) -> str:
    return " ".join(text.split())
