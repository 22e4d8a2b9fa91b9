"""How well a sentence rests on a passage: its words, and every fact that it tells. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from chat.events import Support
from chat.facts import Fact, Held, counted, facts, holding, rest, runs
from chat.facts.spelled import stems
from chat.polarity import contradicts
from chat.sentences import MARK, sentences
from ingest.terms import query_terms, terms

VERIFIED, LIKELY = 0.6, 0.3
#: A sentence whose words are held to this share speaks of the same: if its quote denies it, it is wrong.
DENIED = 0.5
#: A fact in a sentence of a passage says more than a word there.
FACT_WEIGHT = 2
#: A fact must stand where the passage speaks of the matter: in a sentence that holds, with its
#: neighbours, so much of what the best one holds of the words of question and answer.
NEAR = 0.5
#: Rows of a table that hold fewer words of question and answer do not tell which row is meant.
CLEAR = 2
#: Words from which on a sentence of a passage, and any piece of it, is no chance.
COPIED_WHOLE, COPIED = 3, 8
#: Words of this length may be compounds: `Urlaubstage` is held by `Jahresurlaubstage`.
COMPOUND = 7


@dataclass(frozen=True, slots=True)
class Match:
    """How well a sentence rests on passage `n`; `start` to `end` is its quote.

    `share`: of its words and facts, those that are held. `loose`: the same without the words that the
    question brought. `facts`: whether all are held. `sure`: False where something comes from the
    question alone. `denied`: the quote denies what the sentence says, or the other way.
    """

    n: int
    start: int
    end: int
    share: float
    facts: bool
    loose: float = 0.0
    sure: bool = True
    denied: bool = False
    foreign: bool = False
    #: Where in the sentence the facts begin that are not held.
    missing: frozenset[int] = frozenset()

    @property
    def support(self) -> Support:
        if not self.facts or (self.denied and self.share >= DENIED):
            return "none"
        if self.foreign:
            return "likely"
        if self.sure and self.share >= VERIFIED:
            return "verified"
        return "likely" if max(self.share, self.loose) >= LIKELY else "none"


@dataclass(frozen=True, slots=True)
class Asked:
    """The question that an answer answers, and the answer's language ("" unknown)."""

    question: str = ""
    language: str = ""


NOTHING_ASKED = Asked()


def match(
    sentence: str,
    passage: str,
    n: int,
    *,
    context: str = "",
    language: str = "",
    foreign: bool = False,
    asked: Asked = NOTHING_ASKED,
) -> Match:
    """Find the words of `passage` that `sentence` rests on.

    Words and facts may also stand in the passage's `context`: its title and headings. The quote is
    the one or two neighbouring sentences that hold most of them. `language` is the passage's;
    `foreign`: the sentence is in another one, where facts alone decide.
    """
    plain = MARK.sub("", sentence)
    told = _told(plain, asked.language if foreign else language)
    words = _words_of(passage, context, language)
    if copied := words.copied(plain):
        return Match(n, *copied, share=1.0, facts=True, loose=1.0)
    wanted = frozenset(query_terms(rest(plain, told), language))
    brought = frozenset(query_terms(asked.question, language)) if asked.question else frozenset()
    holder = holding(passage, context, language, foreign)
    together = runs(plain, told)
    asked_of = frozenset() if foreign else wanted | brought
    aligned = words.aligned(asked_of, rows=len(together) == 1)
    missing = [
        fact
        for run in together
        if not (all(map(holder.has, run)) and words.near(run, aligned))
        for fact in run
    ]
    missing += words.of_other_rows([fact for fact in told if fact not in missing])
    start, end = _best_span(wanted, told, words)
    share, loose = _shares(wanted, len(told) - len(missing), len(told), words, brought)
    held = not missing or _given(missing, told, asked)
    return Match(
        n,
        start,
        end,
        share,
        facts=held,
        loose=loose,
        sure=not missing,
        denied=not foreign and contradicts(plain, passage[start:end], language),
        foreign=foreign,
        missing=frozenset(fact.start for fact in missing),
    )


def _told(sentence: str, language: str) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts(sentence, language) if not fact.soft)


def _given(missing: Sequence[Fact], told: Sequence[Fact], asked: Asked) -> bool:
    """Whether all that is missing stands in the question.

    An answer may repeat it ("with 7 years of service you get ..."), but a number that only the
    question tells is no answer: another fact must be held.
    """
    if not asked.question:
        return False
    question = holding(asked.question, "", asked.language, False)
    if not all(question.has(fact) for fact in missing):
        return False
    return len(told) > len(missing) or all(fact.kind == "name" for fact in missing)


def _shares(
    wanted: frozenset[str], held: int, told: int, words: "_Words", brought: frozenset[str]
) -> tuple[float, float]:
    """The share of words and facts that are held: of all, and of those that the question did not bring.

    A sentence without any of its own ("No.") is compared by the question's words, loosely.
    """
    found = frozenset(word for word in wanted if words.has(word))
    all_of = len(wanted) + told
    share = (len(found) + held) / all_of if all_of else 0.0
    own = wanted - (brought - found)
    asked = sum(map(words.has, brought)) / len(brought) if brought else 0.0
    if not own:
        # "240 hours.": what it is about, the question says
        return (min(share, asked) if told and brought else share), asked
    return share, (len(found) + held) / (len(own) + told)


def _flat(text: str) -> str:
    return " ".join(text.split()).casefold()


@dataclass(frozen=True, slots=True)
class _Words:
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
def _words_of(passage: str, context: str, language: str) -> _Words:
    """Kept: every sentence of an answer is compared with every passage, which may have hundreds."""
    spans = tuple(sentences(passage)) or ((0, len(passage)),)
    return _Words(
        passage,
        _flat(passage),
        language,
        frozenset(terms(f"{context}\n{passage}", language)),
        spans,
        tuple(frozenset(terms(passage[start:end], language)) for start, end in spans),
        tuple(counted(passage, spans, language)),
        tuple(" | " in passage[start:end] for start, end in spans),
    )


def _best_span(wanted: frozenset[str], told: Sequence[Fact], words: _Words) -> tuple[int, int]:
    """The sentence that holds most, with a neighbour that adds something."""
    spans = words.spans
    held = [
        {*(wanted & terms_of_span), *_facts_in(told, holder)}
        for terms_of_span, holder in zip(words.held, words.facts, strict=True)
    ]
    best = max(range(len(spans)), key=lambda i: (len(held[i]), -i))
    low = high = best
    for other in (best - 1, best + 1):
        if 0 <= other < len(spans) and len(held[other] - held[best]) >= 2:
            low, high = min(low, other), max(high, other)
            break
    return spans[low][0], spans[high][1]


def _facts_in(told: Iterable[Fact], holder: Held) -> Iterator[tuple[int, int]]:
    """Each fact that a sentence of the passage holds, as often as it weighs."""
    for fact in told:
        if fact.kind != "name" and holder.has(fact):
            yield from ((fact.start, weight) for weight in range(FACT_WEIGHT))
