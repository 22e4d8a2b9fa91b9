"""Two embedders as one: what one misses the other often finds.

A multilingual embedder reads every language and is middling in each; a small English one is better at
English and knows nothing else. Of a passage both vectors are kept, one after the other; how much each
counts is decided by the question alone, so the shares can change without a new index.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.language import detect_language
from inference.protocol import PASSAGE_BATCH, Encoder, Vectors

_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Shares:
    """What the second embedder counts for, of 1: by the language of the question.

    Chosen on the odd questions of the handbook (docs/measuring.md). Cosines of E5 lie within a few
    hundredths of each other, those of MiniLM do not: a fifth is about half of the order.
    """

    own: float = 0.2
    #: Another language in the same letters: names and loanwords are understood.
    akin: float = 0.05
    foreign: float = 0.0

    def of(self, question: str) -> float:
        if detect_language(question) in ("en", ""):
            return self.own if _is_latin(question) else self.foreign
        return self.akin if _is_latin(question) else self.foreign


def _is_latin(text: str) -> bool:
    """Whether most letters are those of Western Europe."""
    letters = _LETTER.findall(text)
    return 2 * len([letter for letter in letters if letter <= "\u024f"]) >= len(letters)


class PairEncoder:
    """`first` for all languages and `second` for English, as one Encoder.

    Vectors are float32, (texts, sum of both dimensions), of length 1. Of two passages the product is
    the mean of both cosines; of a question and a passage it is in proportion to their mean weighted by
    `shares`.
    """

    def __init__(
        self, name: str, first: Encoder, second: Encoder, shares: Shares | None = None
    ) -> None:
        self.name = name
        self._first, self._second = first, second
        self._shares = shares or Shares()
        self.dimension = first.dimension + second.dimension
        self.max_tokens = first.max_tokens
        self.at_once = min(getattr(each, "at_once", PASSAGE_BATCH) for each in (first, second))

    def interrupt(self) -> None:
        for each in (self._first, self._second):
            if interrupt := getattr(each, "interrupt", None):
                interrupt()

    def count(self, text: str) -> int:
        return self._first.count(text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        share = np.array([self._shares.of(text) for text in texts], np.float32).reshape(-1, 1)
        first, second = self._first.embed_queries(texts), self._second.embed_queries(texts)
        return _joined((1 - share) * first, share * second)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return _joined(self._first.embed_passages(texts), self._second.embed_passages(texts))


def _joined(first: Vectors, second: Vectors) -> Vectors:
    both = np.hstack((first, second))
    length = np.linalg.norm(both, axis=1, keepdims=True)
    return np.ascontiguousarray(both / np.maximum(length, 1e-12), dtype=np.float32)
