"""The sentences of a passage, with what each says: what an answer's sentences are compared with. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from chat.facts import Fact, Held, counted
from chat.facts.spelled import stems
from chat.sentences import sentences
from ingest.terms import terms

#: A fact must stand where the passage speaks of the matter: in a sentence that holds, with its
#: neighbours, so much of what the best one holds of the words of question and answer.
NEAR = 0.5
#: Rows of a table that hold fewer words of question and answer do not tell which row is meant.
CLEAR = 2
#: Words from which on a sentence of a passage, and any piece of it, is no chance.
COPIED_WHOLE, COPIED = 3, 8
#: Words of this length may be compounds: `Urlaubstage` is held by `Jahresurlaubstage`.
COMPOUND = 7


def _flat(text: str) -> str:
    return " ".join(text.split()).casefold()


@dataclass(frozen=True, slots=True)
class Words:
    """What sentences are compared with: all terms of a passage, and its sentences' terms and facts."""

    text: str
    flat: str
    language: str
    all: frozenset[str]
    spans: tuple[tuple[int, int], ...]
    held: tuple[frozenset[str], ...]
    facts: tuple[Held, ...]
    #: Which are rows of a table: what they speak of stands in its header.
    rows: tuple[bool, ...]

    def has(self, word: str) -> bool:
        if word in self.all:
            return True
        return len(word) >= COMPOUND and any(
            word in other or (len(other) >= COMPOUND and other in word) for other in self.all
        )

    def copied(self, sentence: str) -> tuple[int, int] | None:
        """Where a sentence stands as it is: it is one of the passage, or a long piece of it."""
        plain = _flat(sentence)
        if plain not in self.flat or len(plain.split()) < COPIED_WHOLE:
            return None
        found = re.search(r"\s+".join(map(re.escape, sentence.split())), self.text, re.IGNORECASE)
        if not found:
            return None
        whole = found.span() in self.spans or plain.count(" ") >= COPIED
        return found.span() if whole else None

    def aligned(self, wanted: frozenset[str], *, rows: bool) -> list[bool]:
        """Which sentences speak of what is asked and answered, with their neighbours.

        `rows`: of a table, too, only what speaks of it; several facts may come from several rows.
        """
        held = [wanted & self.around(place) for place in range(len(self.spans))]
        most = max(map(len, held))
        own = [len(wanted & terms) for terms in self.held]
        best = max((own[place] for place in range(len(own)) if self._below(place)), default=0)
        return [
            not rows or best < CLEAR or own[place] >= NEAR * best
            if row
            else len(held[place]) >= NEAR * most
            for place, row in enumerate(self.rows)
        ]

    def _below(self, place: int) -> bool:
        """Whether a row stands below another one: the first is the header."""
        return self.rows[place] and place > 0 and self.rows[place - 1]

    def around(self, place: int) -> frozenset[str]:
        return frozenset().union(*self.held[max(0, place - 1) : place + 2])

    def near(self, run: Sequence[Fact], aligned: Sequence[bool]) -> bool:
        """Whether facts stand together in an `aligned` sentence, or one in none: in a heading."""
        for fact in run if len(run) > 1 else ():
            if not any(self._stands_in(fact, place) for place in range(len(aligned))):
                return True
        places = [
            place
            for place in range(len(aligned))
            if all(self._stands_in(fact, place) for fact in run)
        ]
        return (len(run) == 1 and not places) or any(aligned[place] for place in places)

    def of_other_rows(self, told: Sequence[Fact]) -> list[Fact]:
        """Dates of a table that stand in no row with another fact of the sentence: a date tells of when."""
        rows = {
            fact: {place for place in range(len(self.spans)) if self._stands_in(fact, place)}
            for fact in told
            if fact.kind != "name"
        }
        inside = {fact: at for fact, at in rows.items() if at and all(map(self._below, at))}
        return [
            fact
            for fact, at in inside.items()
            if fact.kind == "date"
            and (others := [each for other, each in inside.items() if other.kind != "date"])
            and all(at.isdisjoint(each) for each in others)
        ]

    def _stands_in(self, fact: Fact, place: int) -> bool:
        if fact.kind != "name":
            return self.facts[place].has(fact)
        around = self.around(place)
        return all(not around.isdisjoint(stems(str(word), self.language)) for word in fact.keys)


@lru_cache(maxsize=64)
def words_of(passage: str, context: str, language: str) -> Words:
    """Kept: every sentence of an answer is compared with every passage, which may have hundreds."""
    spans = tuple(sentences(passage)) or ((0, len(passage)),)
    return Words(
        passage,
        _flat(passage),
        language,
        frozenset(terms(f"{context}\n{passage}", language)),
        spans,
        tuple(frozenset(terms(passage[start:end], language)) for start, end in spans),
        tuple(counted(passage, spans, language)),
        tuple(" | " in passage[start:end] for start, end in spans),
    )
