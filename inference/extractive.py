"""Answers by quoting: the best sentences of the passages, joined by nothing. Needs no model."""

import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

SENTENCE = re.compile(r"\n+|(?<=[.!?])\s+(?=\S)|(?<=[。！？])")
LEAST_CHARS = 3
#: What a later passage loses against the one before it: the ranking knows more than the words.
DECAY = 0.85


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of passage number `passage` (from 0), as character offsets into its text."""

    passage: int
    start: int
    end: int
    score: float


def best_sentences(question: str, passages: Sequence[str], *, most: int = 2) -> list[Quote]:
    """Return up to `most` sentences that share the rarest words with the question, best first.

    A word counts the more, the fewer of the passages' sentences hold it. Without any shared word
    (a question in another language) the beginning of the first passage stands in.
    """
    spans = [(i, a, b) for i, text in enumerate(passages) for a, b in _sentences(text)]
    if not spans:
        return []
    held = [set(_words(passages[i][a:b])) for i, a, b in spans]
    seen = Counter(word for words in held for word in words)
    wanted = set(_words(question))
    quotes = [
        Quote(i, a, b, _score(wanted & words, seen, len(spans)) * DECAY**i)
        for (i, a, b), words in zip(spans, held, strict=True)
    ]
    quotes.sort(key=lambda quote: -quote.score)
    best = [quote for quote in quotes[:most] if quote.score > 0.5 * quotes[0].score]
    return best or [Quote(*spans[0], 0.0)]


def _score(shared: set[str], seen: Counter[str], total: int) -> float:
    return sum(math.log(1 + total / seen[word]) for word in shared)


def _sentences(text: str) -> list[tuple[int, int]]:
    bounds = [0, *[match.end() for match in SENTENCE.finditer(text)], len(text)]
    spans = [(a, b - _trailing(text[a:b])) for a, b in itertools.pairwise(bounds)]
    return [(a, b) for a, b in spans if b - a >= LEAST_CHARS]


def _trailing(text: str) -> int:
    return len(text) - len(text.rstrip())


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    found = re.findall(r"\w+", plain)
    return [_stem(word) for word in found if len(word) > LEAST_CHARS - 1 or word.isdigit()]


def _stem(word: str) -> str:
    return word if len(word) < 5 else re.sub(r"(?:ing|ed|es|s|en|er|e)$", "", word)
