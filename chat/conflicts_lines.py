"""What the lines of a passage say, made comparable: their words, facts, bounds and cells. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from chat.facts import Fact, Held, facts, rest
from chat.facts.held import held
from chat.sentences import sentences
from ingest.stopwords import STOP_WORDS
from ingest.terms import query_terms, terms

#: A line of fewer telling words is read together with the one before it: "- 20 days".
SHORT = 4
CELLS = " | "
#: Words that say on which side of a number something lies: "at least 3" does not deny "at most 5".
_BOUNDS = re.compile(
    r"\b(?:at least|at most|no more|no less|no later|no earlier|up to|minimum|min|maximum|max|over|under"
    r"|above|below|before|after|until|till|within|more than|less than|fewer than|exceed\w*|first|last"
    r"|mindestens|höchstens|maximal|minimal|bis zu|über|unter|vor|nach|innerhalb"
    r"|au moins|au plus|jusqu|avant|après|plus de|moins de"
    r"|al menos|como máximo|hasta|antes|después|más de|menos de)\b",
    re.IGNORECASE,
)
#: Words that two statements of the same may have in another form.
_LIGHT_WORDS = {
    "en": "get receive have give grant entitle earn provide allow offer must should can may will need require"
    " shall each every all per currently now please note following also",
    "de": "gewährt erhält erhalten bekommt bekommen hat haben steht zusteht jede jeder jedes alle",
    "fr": "reçoit obtient chaque tout tous",
    "es": "recibe obtiene cada todo todos",
}
_LIGHT = frozenset(
    term
    for language, words in _LIGHT_WORDS.items()
    for word in words.split()
    for term in terms(word, language)
)


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence or row at `start` to `end`, with the one before it where it is short."""

    start: int
    end: int
    text: str
    language: str
    words: frozenset[str]
    #: Those of `words` that are parts of names.
    names: frozenset[str]
    facts: tuple[Fact, ...]
    #: Facts of the lead: conditions, never what is compared.
    lead: tuple[Fact, ...]
    bounds: frozenset[str]
    #: Of the row of a table; the cells of the table's first row.
    cells: tuple[str, ...] = ()
    header: tuple[str, ...] = ()

    @property
    def row(self) -> bool:
        return bool(self.cells)

    @property
    def held(self) -> Held:
        return held([*self.facts, *self.lead])

    def counted(self, fact: Fact) -> str:
        """The word after a number that counts nothing known: "28 holidays"."""
        found = re.search(r"[^\W\d_]+", self.text[fact.end : fact.end + 24])
        return "".join(sorted(terms(found[0], self.language))) if found else ""


@lru_cache(maxsize=128)
def lines(text: str, language: str) -> tuple[Line, ...]:
    """The lines of a passage, in order."""
    found: list[Line] = []
    before = ""
    header: tuple[str, ...] = ()
    for start, end in sentences(text):
        cells = _cells(text[start:end])
        header = (header or cells) if cells else ()
        line = _line(start, text[start:end], before, language)
        found.append(replace(line, cells=cells, header=header))
        before = "" if cells else text[start:end]
    return tuple(found)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(" ".join(cell.split()) for cell in line.split("|")) if CELLS in line else ()


def _line(start: int, text: str, before: str, language: str) -> Line:
    told, end = checkable(text, language), start + len(text)
    words, lead = telling(rest(text, told), language), checkable("", language)
    if len(words) < SHORT and CELLS not in text:
        lead = checkable(before, language)
        words |= telling(rest(before, lead), language)
    bounds = frozenset(" ".join(each.lower().split()) for each in _BOUNDS.findall(text))
    named = (terms(str(key), language) for fact in told if fact.kind == "name" for key in fact.keys)
    names = frozenset(term for each in named for term in each)
    return Line(start, end, text, language, words, names, told, lead, bounds)


def checkable(text: str, language: str) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts(text, language) if not fact.soft)


def telling(text: str, language: str) -> frozenset[str]:
    """The words of a text that say what it is about."""
    found = frozenset(query_terms(text, language)) | frozenset(terms(text, language))
    return found - STOP_WORDS.get(language or "en", frozenset())


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared words of all, those aside that say nothing of the matter."""
    first, second = one - _LIGHT, other - _LIGHT
    every = first | second
    return len(first & second) / len(every) if every else 0.0


def lacking(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """Words of the one that the other lacks, and that may make another case: "part-time"."""
    return one - other - _LIGHT


def all_held(told: Iterable[Fact], by: Line) -> bool:
    """Whether a line says all these facts; names by their words."""
    holder = by.held
    return all(
        all(not by.words.isdisjoint(terms(str(key), by.language)) for key in fact.keys)
        if fact.kind == "name"
        else holder.has(fact)
        for fact in told
    )
