"""Where the documents of an answer disagree, as pages and files show it: the newer one first."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from chat.models import Conflict, Source
from chat.passages import passage_of


@dataclass(frozen=True, slots=True)
class Side:
    """A statement word for word. `day`: of the document, as `dated` says it."""

    n: int
    chunk: UUID
    document: UUID
    document_name: str
    heading: str
    page_label: str
    dated: str
    quote_start: int
    quote_end: int
    quote: str
    newer: bool = False


@dataclass(frozen=True, slots=True)
class ConflictView:
    """Two statements that contradict each other; `why` one is the newer, in words."""

    sides: tuple[Side, Side]
    why: str


def conflict_views(
    conflicts: Iterable[Conflict], readable: Mapping[int, Source]
) -> tuple[ConflictView, ...]:
    """Those of which both sides may be read now. `readable`: sources with chunk and document, by number."""
    return tuple(_views(conflicts, readable))


def _views(conflicts: Iterable[Conflict], readable: Mapping[int, Source]) -> Iterator[ConflictView]:
    for each in conflicts:
        one, other = readable.get(each.source.n), readable.get(each.other.n)
        if one and other:
            newer = each.newer
            first = _side(one, (each.quote_start, each.quote_end), newer)
            second = _side(other, (each.other_start, each.other_end), newer)
            sides = (second, first) if second.newer else (first, second)
            yield ConflictView(sides, _why(each, same=first.document == second.document))


def _side(source: Source, quote: tuple[int, int], newer: int | None) -> Side:
    assert source.chunk is not None  # noqa: S101 (readable sources have one)
    passage = passage_of(source.chunk, source.score)
    added = passage.added.date() if passage.added else None
    return Side(
        n=source.n,
        chunk=passage.chunk,
        document=passage.document,
        document_name=passage.document_name,
        heading=passage.heading,
        page_label=passage.page_label,
        dated=_dated(passage.dated, added),
        quote_start=quote[0],
        quote_end=quote[1],
        quote=passage.text[slice(*quote)],
        newer=source.n == newer,
    )


def _dated(own: date | None, added: date | None) -> str:
    if own:
        return date_format(own)
    return _("added on %(day)s") % {"day": date_format(added)} if added else ""


def _why(conflict: Conflict, *, same: bool) -> str:
    match conflict.by:
        case Conflict.By.DATED:
            return _("The first one is newer, by the dates that the documents say of themselves.")
        case Conflict.By.VERSION:
            return _("The first one is newer, by the versions in the names of the documents.")
        case Conflict.By.ADDED:
            return _("The first one is newer, by the days when the documents were added here.")
    if same:
        return _("Both stand in the same document.")
    return _("Nothing says which of them is newer.")
