"""A parsed document to the passages that are found and cited. Pure, linear in the text.

Passages follow headings first, then lists and tables, then paragraphs, then sentences. A passage is
a slice of the parsed text; only pieces of tables may differ: later ones of a long table repeat its
header, and rows of a wide one name the header of each cell.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest.atoms import MAX_UNITS, Atom, atoms_of, flat, units, with_lead_in
from ingest.parsers.base import Box, ParsedDocument

#: The version of these rules and those of atoms.py: an index is cut by one of them.
RULES = "2"
#: A section below this joins its neighbours: a passage of one line ranks by chance.
MIN_UNITS = 40
#: A slide or sheet of no more than these is a title: it goes with what follows.
TITLE_UNITS = 12
#: From here on a new page begins a new passage, so that its page number is right for all of it.
PAGE_UNITS = 80
MAX_CONTEXT = 1_000
#: Letters of a heading that each passage below it keeps.
MAX_HEADING = 500


@dataclass(frozen=True, slots=True)
class ChunkDraft:
    """One passage. `text == parsed.text[start:end]`, but for later pieces of a table, which stand
    below its repeated header, and for rows of wide tables, which name their headers cell by cell.
    `boxes` are those on `page`."""

    ordinal: int
    text: str
    context: str
    heading_path: tuple[str, ...]
    page: int | None
    start: int
    end: int
    boxes: tuple[Box, ...]


#: Level and text of the headings above, outermost first.
_Path = tuple[tuple[int, str], ...]


@dataclass(slots=True)
class _Section:
    """Headings and what stands below them, up to the next heading."""

    path: _Path
    #: Level of its heading; stays when it joins with others and its path becomes what they share.
    depth: int = 0
    atoms: list[Atom] = field(default_factory=list)
    units: int = 0

    def add(self, atom: Atom) -> None:
        self.atoms.append(atom)
        self.units += atom.units


def chunk_document(parsed: ParsedDocument, *, title: str, apart: bool = False) -> list[ChunkDraft]:
    """Passages of up to MAX_UNITS words in reading order, none empty, all text in at least one.

    `apart`: each page stands for itself (slides), so that headings of one do not hold for the next.
    """
    drafts: list[ChunkDraft] = []
    for section in _merged(_sections(parsed, apart), apart):
        path = tuple(text for _, text in section.path)
        for atoms in _packed(section):
            drafts.append(_draft(len(drafts), parsed, atoms, path, title))
    return drafts


# --- sections -----------------------------------------------------------------------------------
def _sections(parsed: ParsedDocument, apart: bool) -> Iterator[_Section]:
    path: list[tuple[int, str]] = []
    section = _Section(())
    body = False
    page: int | None = None
    for block, lead_in in with_lead_in(parsed.blocks):
        if apart and block.page != page:
            if section.atoms:
                yield section
            section, body, path = _Section(()), False, []
        page = block.page
        if block.kind == "heading":
            if body:
                yield section
            if body or not section.atoms:
                section, body = _Section(()), False
            path = [item for item in path if item[0] < block.level] + [
                (block.level, flat(block.text)[:MAX_HEADING])
            ]
            section.path = tuple(path) if not section.atoms else _shared(section.path, tuple(path))
            section.depth = section.depth or block.level
        body = body or block.kind != "heading"
        for atom in atoms_of(parsed.text, block, lead_in):
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


def _merged(sections: Iterable[_Section], apart: bool) -> Iterator[_Section]:
    """Small sections joined with what follows them at the same depth or below.

    `apart`: not with what stands on another page, unless it is little more than a title.
    """
    held: _Section | None = None
    for section in sections:
        alone = apart and held is not None and held.units > TITLE_UNITS and _turns(held, section)
        if held is not None and not alone and _joins(held, section):
            held.path = _common(held.path, section.path)
            held.atoms += section.atoms
            held.units += section.units
            continue
        if held is not None:
            yield held
        held = section
    if held is not None:
        yield held


def _turns(held: _Section, following: _Section) -> bool:
    """Whether a new page begins between the two."""
    return held.atoms[-1].block.page != following.atoms[0].block.page


def _joins(held: _Section, following: _Section) -> bool:
    small = held.units < MIN_UNITS or following.units < MIN_UNITS // 2
    return small and held.units + following.units <= MAX_UNITS and following.depth >= held.depth


def _common(first: _Path, second: _Path) -> _Path:
    if second[: len(first)] == first:
        return first
    return _shared(first, second)


# --- packing ------------------------------------------------------------------------------------
def _packed(section: _Section) -> Iterator[list[Atom]]:
    """Atoms to passages of about equal size, none above MAX_UNITS, leads with what they lead."""
    groups = _groups(section.atoms)
    target = section.units / max(1, math.ceil(section.units / MAX_UNITS))
    atoms: list[Atom] = []
    size = 0
    for group, group_units in groups:
        if atoms and _ends(atoms, size, group[0], group_units, target):
            yield atoms
            atoms, size = [], _header_units(group)
        atoms += group
        size += group_units
    if atoms:
        yield atoms


def _ends(atoms: list[Atom], size: int, following: Atom, units_: int, target: float) -> bool:
    if size + units_ > MAX_UNITS:
        return True
    new_page = (
        following.block.page != atoms[-1].block.page and following.block is not atoms[-1].block
    )
    return (new_page and size >= PAGE_UNITS) or size >= target


def _header_units(group: list[Atom]) -> int:
    return units(group[0].header) if group[0].header else 0


def _groups(atoms: list[Atom]) -> Iterator[tuple[list[Atom], int]]:
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


def _whole_list(atoms: list[Atom], end: int, size: int) -> tuple[int, int]:
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
    ordinal: int, parsed: ParsedDocument, atoms: list[Atom], path: tuple[str, ...], title: str
) -> ChunkDraft:
    first, last = atoms[0], atoms[-1]
    text = _text(parsed, atoms)
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


def _text(parsed: ParsedDocument, atoms: list[Atom]) -> str:
    if not any(atom.shown for atom in atoms):
        return parsed.text[atoms[0].start : atoms[-1].end]
    parts: list[str] = []
    for index, atom in enumerate(atoms):
        if index:
            before = atoms[index - 1]
            same = atom.block is before.block
            parts.append("\n" if same else parsed.text[before.end : atom.start])
        parts.append(atom.shown or parsed.text[atom.start : atom.end])
    return "".join(parts)


def _context(title: str, path: tuple[str, ...], lead_in: str) -> str:
    parts = [flat(title), *path, lead_in]
    kept = [part for index, part in enumerate(parts) if part and part not in parts[:index]]
    context = " > ".join(kept)
    return context if len(context) <= MAX_CONTEXT else f"{context[: MAX_CONTEXT - 1]}\u2026"


def _boxes(atom: Atom) -> tuple[Box, ...]:
    """The boxes of an atom's share of its block: boxes are lines, and lines are about equal."""
    block = atom.block
    length = max(1, block.end - block.start)
    first = (atom.start - block.start) * len(block.boxes) // length
    last = -(-(atom.end - block.start) * len(block.boxes) // length)
    return block.boxes[first:last]
