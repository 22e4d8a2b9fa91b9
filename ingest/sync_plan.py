"""What a listing means against what was known: new, changed, moved, gone. No database is asked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ingest.models import SourceItem
from ingest.sources.base import Item

#: Fewer than this are no mass deletion, whatever their share.
MASS = 20


@dataclass
class Plan:
    """`moves`: what was known, and where it is now; `over`: the same, where another file was, which is lost
    by it. `touched`: what has to be read. `gone`: what is missing and did not move."""

    moves: list[tuple[SourceItem, Item]] = field(default_factory=list)
    over: list[tuple[SourceItem, Item]] = field(default_factory=list)
    touched: list[Item] = field(default_factory=list)
    gone: list[SourceItem] = field(default_factory=list)


def plan(known: Mapping[str, SourceItem], listed: Iterable[Item]) -> Plan:
    """Compare what was known (by digest of its key) with what is there now."""
    there = {item.digest: item for item in listed}
    gone = {digest: row for digest, row in known.items() if digest not in there}
    left = _by_identity(gone.values())
    made: Plan = Plan()
    for digest, item in sorted(there.items(), key=lambda each: each[1].key):
        row = known.get(digest)
        if row is not None and row.version == item.version:
            continue
        source = left.pop(item.same, None) if item.same else None
        if source is None:
            made.touched.append(item)
        else:
            (made.moves if row is None else made.over).append((source, item))
            del gone[source.digest]
    made.gone = sorted(gone.values(), key=lambda row: row.key)
    return made


def _by_identity(rows: Iterable[SourceItem]) -> dict[str, SourceItem]:
    """Rows by what identifies their bytes; of two with the same bytes either may have moved."""
    found: dict[str, SourceItem] = {}
    for row in sorted(rows, key=lambda each: each.key):
        if row.same:
            found.setdefault(row.same, row)
    return found


def surely_gone(
    gone: Iterable[SourceItem], unread: Sequence[str], waiting: Collection[Item]
) -> list[SourceItem]:
    """Those of `gone` that may be erased: not below a folder that could not be listed, and not what a
    file that is still to be read may turn out to be."""
    sizes = {item.size for item in waiting if not item.same}
    return [
        row
        for row in gone
        if not any(_below(row.key, folder) for folder in unread)
        and row.size not in sizes
        and None not in sizes
    ]


def _below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def is_mass(gone: int, known: int, listed: int, percent: int) -> bool:
    """Whether so many gone at once wait for a person: a share of all, or everything."""
    if not gone:
        return False
    return not listed or (gone >= MASS and gone * 100 > known * percent)
