"""Which parts of a passage say words of the question: for people who read. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from ingest.terms import query_terms, terms

_WORD = re.compile(r"\w+(?:[-._/@:]\w+)*")
#: From here on letters belong to scripts whose words stand without spaces between them.
_FIRST_SPACELESS = "\u0e00"


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a text; `marked` where it is a word of the question."""

    text: str
    marked: bool


def marked(text: str, question: str, languages: tuple[str, str]) -> list[Segment]:
    """`text` in pieces that give it again. `languages`: of the question, and of the text; ISO 639-1."""
    wanted = {term for language in languages for term in query_terms(question, language)}
    spans = list(_spans(text, wanted, languages[1]))
    pieces, at = [], 0
    for start, end in spans:
        pieces += [Segment(text[at:start], False), Segment(text[start:end], True)]
        at = end
    pieces.append(Segment(text[at:], False))
    return [piece for piece in pieces if piece.text]


def _spans(text: str, wanted: set[str], language: str) -> Iterator[tuple[int, int]]:
    for match in _WORD.finditer(text):
        word = match[0]
        if any(character >= _FIRST_SPACELESS for character in word):
            yield from _pairs(word, match.start(), wanted)
        elif not wanted.isdisjoint(terms(word, language)):
            yield match.span()


def _pairs(run: str, at: int, wanted: set[str]) -> Iterator[tuple[int, int]]:
    """Where neighbouring characters are a pair of the question, put together."""
    hit = {place for i in range(len(run) - 1) if run[i : i + 2] in wanted for place in (i, i + 1)}
    for is_hit, places in groupby(range(len(run)), key=hit.__contains__):
        if is_hit:
            said = list(places)
            yield at + said[0], at + said[-1] + 1
