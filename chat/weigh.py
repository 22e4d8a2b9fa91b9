"""How sure an answer is: the model's own word, and the question's words in what was found. Pure.

A small model is too willing, and asked for more than one word it agrees with itself. Its one word, as odds,
tells most; the question's words in the passages add a little. The check of what was written adds nothing
once answers that stand nowhere are withdrawn (chat/answer.py): wrong ones are built from words that stand
there. The weights are those of a logistic regression (`bench.refusing --fit`, docs/measuring.md).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Support = Literal["verified", "likely", "none"]

#: Where the model's word is unknown: in the middle between both kinds of questions.
NEUTRAL_ODDS = 1.0
#: Words of a question in another language than the passages cannot be looked for.
NEUTRAL_COVERED = 0.8

BIAS, ODDS, COVERED = -2.4, 1.9, 1.0


@dataclass(frozen=True, slots=True)
class Signals:
    """`odds`: the model's yes against no that the passages state the answer, as a logarithm; None unknown.

    `covered`: share of the question's words in the passages; None where languages differ.
    """

    odds: float | None
    covered: float | None


def confidence(signals: Signals) -> float:
    """The probability that the passages answer the question, 0 to 1."""
    odds = NEUTRAL_ODDS if signals.odds is None else signals.odds
    covered = NEUTRAL_COVERED if signals.covered is None else signals.covered
    sure = BIAS + ODDS * odds + COVERED * covered
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, sure))))


def held(supports: Sequence[Support]) -> bool:
    """Whether any sentence of an answer stands in the documents, by the results of their checks."""
    return any(support != "none" for support in supports)
