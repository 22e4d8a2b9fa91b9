"""How well a sentence rests on a passage: its words, and every fact that it tells. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chat.facts import Fact, Held, facts, holding, rest, runs
from chat.polarity import contradicts
from chat.sentences import MARK
from chat.spans import Words, words_of
from chat.weigh import Support
from ingest.stopwords import STOP_WORDS
from ingest.terms import query_terms

VERIFIED, LIKELY = 0.6, 0.3
#: A sentence whose words are held to this share speaks of the same: if its quote denies it, it is wrong.
DENIED = 0.5
#: A fact in a sentence of a passage says more than a word there.
FACT_WEIGHT = 2
#: "And when?" does not say what an answer without words is about.
TELLS = 3


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
    words = words_of(passage, context, language)
    if copied := words.copied(plain):
        return Match(n, *copied, share=1.0, facts=True, loose=1.0)
    wanted = _telling(rest(plain, told), language)
    brought = _telling(asked.question, language)
    holder = holding(passage, context, language, foreign)
    about = frozenset() if foreign else wanted | brought
    missing = _missing(runs(plain, told), holder, words, about)
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


def _telling(text: str, language: str) -> frozenset[str]:
    """The words of a text that say what it is about; none of "No."."""
    return frozenset(query_terms(text, language)) - STOP_WORDS.get(language or "en", frozenset())


def _missing(
    together: Sequence[tuple[Fact, ...]], holder: Held, words: Words, about: frozenset[str]
) -> list[Fact]:
    """The facts that a passage does not tell, or tells of another matter than this one."""
    aligned = words.aligned(about, rows=len(together) == 1)
    held: list[Fact] = []
    missing: list[Fact] = []
    for run in together:
        stands = all(map(holder.has, run)) and words.near(run, aligned)
        (held if stands else missing).extend(run)
    return missing + words.of_other_rows(held)


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
    wanted: frozenset[str], held: int, told: int, words: Words, brought: frozenset[str]
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
        tells = len(brought) >= TELLS
        return (min(share, asked) if tells or not told else share), asked
    return share, (len(found) + held) / (len(own) + told)


def _best_span(wanted: frozenset[str], told: Sequence[Fact], words: Words) -> tuple[int, int]:
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
