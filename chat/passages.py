"""Passages as they are shown, given to the model, and cited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q

from accounts.models import User
from chat.rank import Ranked
from chat.versions import Edition, groups, newer
from ingest.access import chunks_for
from ingest.models import Chunk
from ingest.places import place

#: Of so many passages, the best, the neighbours are worth reading.
JOINED = 3
#: What a model reads of a passage of which another version was found beside it.
NEWER, OLDER = "newer version", "older version"
#: Scores that differ by no more say nothing of which version is meant.
EQUAL = 0.05

_Spot = tuple[UUID, UUID | None, int]


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage. `page_label`: "page iv", "slide 3". `scores` tells why it was found, each 0 to 1."""

    chunk: UUID
    text: str
    heading: str
    page: int | None
    score: float
    document: UUID
    document_name: str
    collection: UUID
    language: str = ""
    title: str = ""
    page_label: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    #: Where it stands among the passages of its document, in one index.
    place: tuple[UUID | None, int] = (None, 0)
    #: The day that its file says of itself, and when it was taken in.
    dated: date | None = None
    added: datetime | None = None
    #: NEWER or OLDER, where a version of the same was found beside it.
    age: str = ""

    @property
    def edition(self) -> Edition:
        return Edition(self.document, self.document_name, self.title, self.dated, self.added)


def load(user: User, ranked: Sequence[Ranked]) -> list[Passage]:
    """The passages of `ranked` that `user` may be shown, in that order."""
    ids = [each.chunk for each in ranked]
    rows = chunks_for(user).filter(pk__in=ids).select_related("document__collection")
    found = {chunk.pk: chunk for chunk in rows.defer("vector")}
    return [
        passage_of(found[each.chunk], each.score, each.scores)
        for each in ranked
        if each.chunk in found
    ]


def distinct(passages: Sequence[Passage], most: int) -> list[Passage]:
    """The first `most` that differ: the same file often lies in two collections."""
    seen: dict[tuple[str, str, str], Passage] = {}
    for passage in passages:
        seen.setdefault((passage.title, passage.heading, passage.text), passage)
    return list(seen.values())[:most]


def newest_first(passages: Sequence[Passage]) -> list[Passage]:
    """Of two versions of a document that are about equally near, the newer one comes first.

    They change places and scores, so that the order stays that of the scores, and `age` tells them
    apart.
    """
    found = list(passages)
    for at, to in list(groups([(each.edition, each.text) for each in found])):
        one, other = found[at], found[to]
        late = newer(one.edition, other.edition)
        if late is None:
            continue
        first = late.document == one.document
        one, other = _aged(one, newer=first), _aged(other, newer=not first)
        if not first and one.score - other.score <= EQUAL:
            one, other = replace(other, score=one.score), replace(one, score=other.score)
        found[at], found[to] = one, other
    return found


def _aged(passage: Passage, *, newer: bool) -> Passage:
    """Of three versions the one in the middle is an older one."""
    age = NEWER if newer and passage.age != OLDER else OLDER
    return replace(passage, age=age)


def joined(user: User, passages: Sequence[Passage], most: int = JOINED) -> list[Passage]:
    """`passages` with what stands before and after the first `most` of them, in reading order.

    For a model that can read more than was found: a rule often begins in one passage and ends in the
    next. None comes twice; what was found keeps its score, a neighbour has that of its passage.
    """
    found = {_spot(passage): passage for passage in passages}
    around = _around(user, passages[:most])
    ordered: dict[_Spot, Passage] = {}
    for rank, passage in enumerate(passages):
        spots = [_spot(passage, by) for by in (-1, 0, 1)] if rank < most else [_spot(passage)]
        for spot in spots:
            if near := found.get(spot) or around.get(spot):
                score = near.score or passage.score
                ordered.setdefault(spot, replace(near, score=score))
    return list(ordered.values())


def _around(user: User, passages: Sequence[Passage]) -> dict[_Spot, Passage]:
    wanted = Q()
    for document, index, ordinal in map(_spot, passages):
        wanted |= Q(document=document, index=index, ordinal__in=(ordinal - 1, ordinal + 1))
    if not wanted:
        return {}
    rows = chunks_for(user).filter(wanted).select_related("document__collection").defer("vector")
    return {_spot(each): each for each in (passage_of(chunk, 0.0) for chunk in rows)}


def _spot(passage: Passage, by: int = 0) -> _Spot:
    index, ordinal = passage.place
    return passage.document, index, ordinal + by


def passage_of(chunk: Chunk, score: float, scores: Mapping[str, float] | None = None) -> Passage:
    document = chunk.document
    return Passage(
        chunk=chunk.pk,
        text=chunk.text,
        heading=" › ".join(chunk.heading_path),
        page=chunk.page,
        score=round(score, 4),
        document=document.pk,
        document_name=document.name,
        collection=document.collection_id,
        language=chunk.language or document.language,
        title=document.title,
        page_label=place(document, chunk.page),
        scores=scores or {},
        place=(chunk.index_id, chunk.ordinal),
        dated=document.own_day,
        added=document.created_at,
    )
