"""Where two passages disagree about what an answer says. Pure.

Precision first: a false alarm at each second answer would be noise. Two statements disagree where they
speak of the same matter in nearly the same words, under the same conditions, and one fact of the same
kind differs, or one denies what the other says. Versions of one document need less likeness than
documents that do not know each other; siblings ("Leave in Germany", "Leave in Spain") never disagree.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from chat.conflicts_lines import Line, all_held, checkable, lacking, likeness, lines, telling
from chat.conflicts_pair import STRANGERS, Pair, Spoken, related, same_case
from chat.facts import LABEL, Fact, holding
from chat.match import NOTHING_ASKED, Asked
from chat.polarity import contradicts
from chat.versions import By, newer

__all__ = ["Claim", "Conflict", "Spoken", "conflicts"]

#: Of the words of question and answer that the one statement says, so many must the other say.
MATTER = 0.8
#: Facts that may differ between documents that are no versions: others name another case.
_COUNTED = frozenset(["number", "date", "time"])
MOST = 3

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer that holds, and the words of passage `at` (from 0) that it rests on."""

    sentence: Span
    text: str
    at: int
    quote: Span


@dataclass(frozen=True, slots=True)
class Conflict:
    """Statement `quote` of passage `at` against `other_quote` of passage `other`, both from 0.

    `newer`: the place of the newer one of both, `by` says why; None where nothing tells.
    """

    sentence: Span
    at: int
    quote: Span
    other: int
    other_quote: Span
    newer: int | None = None
    by: By | None = None


def conflicts(
    claims: Iterable[Claim], passages: Sequence[Spoken], asked: Asked = NOTHING_ASKED
) -> list[Conflict]:
    """What of an answer's sentences other passages say otherwise, in order; MOST at most."""
    return list(islice(_distinct(claims, passages, asked), MOST))


def _distinct(
    claims: Iterable[Claim], passages: Sequence[Spoken], asked: Asked
) -> Iterator[Conflict]:
    seen: set[tuple[str, ...]] = set()
    for claim in claims:
        for other in range(len(passages)):
            found = _conflict(claim, other, passages, asked) if other != claim.at else None
            if found is None:
                continue
            said = passages[found.at].text[slice(*found.quote)]
            denied = passages[other].text[slice(*found.other_quote)]
            key = tuple(sorted((" ".join(said.split()), " ".join(denied.split()))))
            if key not in seen:
                seen.add(key)
                yield found


def _conflict(
    claim: Claim, other: int, passages: Sequence[Spoken], asked: Asked
) -> Conflict | None:
    one, against = passages[claim.at], passages[other]
    if (one.language or "en") != (against.language or "en"):
        return None
    wanted = telling(f"{asked.question} {claim.text}", one.language)
    pair = Pair(one, against, wanted, related(one, against))
    if not same_case(pair, f"{asked.question}\n{claim.text}"):
        return None
    found = _disagreeing(claim, pair)
    if found is None:
        return None
    said, denied = found
    late = newer(one.edition, against.edition)
    return Conflict(
        claim.sentence,
        claim.at,
        (said.start, said.end),
        other,
        (denied.start, denied.end),
        (claim.at if late.document == one.edition.document else other) if late else None,
        late.by if late else None,
    )


def _disagreeing(claim: Claim, pair: Pair) -> tuple[Line, Line] | None:
    """The statements of both passages that contradict each other; None where they do not."""
    against = lines(pair.other.text, pair.other.language)
    for said in lines(pair.one.text, pair.one.language):
        if not (said.start < claim.quote[1] and said.end > claim.quote[0]):
            continue
        beside = _other_cell if said.row else _other_line
        found = beside(claim, said, against, pair)
        if found:
            return said, found
    return None


def _other_line(claim: Claim, said: Line, against: Sequence[Line], pair: Pair) -> Line | None:
    nearest = _nearest(said, against, pair)
    if any(_agree(said, each, pair) for each in nearest):
        return None
    return next((each for each in nearest if _contradict(claim, said, each, pair)), None)


def _other_cell(claim: Claim, said: Line, against: Sequence[Line], pair: Pair) -> Line | None:
    """The same row of the same table with one other cell: the first one says whose row it is."""
    if not pair.are_versions and said.cells == said.header:
        return None
    rows = [each for each in against if each.header == said.header and each.row]
    if any(each.cells == said.cells for each in rows):
        return None
    told = holding(claim.text, "", said.language, False)
    for each in rows:
        cells = list(zip_longest(said.cells, each.cells, fillvalue=""))
        other = [at for at, (cell, against_it) in enumerate(cells) if cell != against_it]
        if len(other) == 1 and (other[0] or (pair.are_versions and _telling_enough(said, each))):
            first, second = (_values(cell, said.language) for cell in cells[other[0]])
            if second and any(map(told.has, first)) and not all(map(told.has, second)):
                return each
    return None


def _values(cell: str, language: str) -> list[Fact]:
    """The facts of a cell; a year says which case is meant."""
    return [fact for fact in checkable(cell, language) if not _is_case(fact)]


def _telling_enough(said: Line, other: Line) -> bool:
    """Whether what two rows share says whose rows they are, though their first cells differ."""
    common = telling(" ".join(said.cells[1:]), said.language) & other.words
    return len(common) >= STRANGERS.words


def _nearest(said: Line, against: Sequence[Line], pair: Pair) -> list[Line]:
    """The lines that are likest to this one: the others are of other cases."""
    near = [likeness(pair.words(said, each), pair.words(each, said)) for each in against]
    best = max(near, default=0.0)
    if best < pair.related.likeness:
        return []
    return [line for line, alike in zip(against, near, strict=True) if alike == best]


def _agree(said: Line, other: Line, pair: Pair) -> bool:
    same = all_held(said.facts, other) and all_held(other.facts, said)
    return same and not contradicts(said.text, other.text, pair.one.language)


def _contradict(claim: Claim, said: Line, other: Line, pair: Pair) -> bool:
    if not _comparable(said, other, pair):
        return False
    if contradicts(said.text, other.text, pair.one.language):
        return all_held(said.facts, other) and all_held(other.facts, said)
    told = holding(claim.text, "", pair.one.language, False)
    return any(told.has(fact) and _differ(fact, said, other, pair) for fact in said.facts)


def _comparable(said: Line, other: Line, pair: Pair) -> bool:
    """Whether two lines are statements of one matter."""
    words, others = pair.words(said, other), pair.words(other, said)
    common = words & others
    if pair.are_versions:
        common |= telling(pair.one.heading, said.language)
    if len(common) < pair.related.words or not _alike(words, others, pair):
        return False
    if said.row != other.row or said.bounds != other.bounds:
        return False
    matter = pair.asked & words
    return len(matter & others) >= MATTER * len(matter)


def _alike(words: frozenset[str], others: frozenset[str], pair: Pair) -> bool:
    """Whether neither names a case that the other does not: between versions one may say more."""
    if pair.are_versions:
        return not (lacking(words, others) and lacking(others, words))
    heads = [telling(each.context, each.language) for each in (pair.one, pair.other)]
    return not lacking(words, others | heads[1]) and not lacking(others, words | heads[0])


def _differ(fact: Fact, said: Line, other: Line, pair: Pair) -> bool:
    """Whether the other line says another fact in the place of this one, and all else the same."""
    if not _may_differ(fact, pair) or all_held([fact], other):
        return False
    against = [
        each
        for each in other.facts
        if each.kind == fact.kind and each.unit == fact.unit and not all_held([each], said)
    ]
    if len(against) != 1 or said.counted(fact) != other.counted(against[0]):
        return False
    if fact.kind == "date" and not _same_year(fact, against[0], pair):
        return False
    rest = [each for each in (*said.facts, *said.lead) if each is not fact]
    others = [each for each in (*other.facts, *other.lead) if each is not against[0]]
    return all_held(rest, other) and all_held(others, said)


def _may_differ(fact: Fact, pair: Pair) -> bool:
    return not _is_case(fact) and (fact.kind in _COUNTED or pair.are_versions)


def _is_case(fact: Fact) -> bool:
    """Whether a fact says which case is meant: "Tier 1", "FY24"."""
    years = fact.kind == "date" and all(map(_is_year, fact.keys))
    return years or fact.unit.startswith(LABEL)


def _is_year(key: object) -> bool:
    return isinstance(key, tuple) and key[1:] == (None, None)


def _same_year(fact: Fact, other: Fact, pair: Pair) -> bool:
    """What is due in another year is another case, but for a newer version of the same text."""
    years = [{key[0] for key in each.keys if isinstance(key, tuple)} for each in (fact, other)]
    return pair.are_versions or years[0] == years[1]
