"""How sure an answer is: what was found, the model's own word, and the check of what it wrote. Pure.

No sign alone tells answerable questions from others: passages are always near something, a small
model is too willing, and a wrong answer can be built from words that stand there. Together they do; the
weights are those of a logistic regression (`bench.refusing`, docs/measuring.md).
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
#: What one sentence of an answer counts by the result of its check.
HELD = {"verified": 1.0, "likely": 0.6, "none": 0.0}

BIAS, ODDS, COVERED, CHECKED = -3.0, 1.5, 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Signals:
    """`odds`: the model's yes against no that the passages state the answer, as a logarithm; None unknown.

    `covered`: share of the question's words in the passages; None where languages differ. `checked`:
    how well the sentences of the answer are held, 0 to 1; None before it is written.
    """

    odds: float | None
    covered: float | None
    checked: float | None = None


def confidence(signals: Signals) -> float:
    """The probability that the documents answer the question, 0 to 1.

    Of an answer that is not written yet: the highest that it may reach.
    """
    odds = NEUTRAL_ODDS if signals.odds is None else signals.odds
    covered = NEUTRAL_COVERED if signals.covered is None else signals.covered
    checked = 1.0 if signals.checked is None else signals.checked
    sure = BIAS + ODDS * odds + COVERED * covered + CHECKED * checked
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, sure))))


def held(supports: Sequence[Support]) -> float:
    """How well an answer is held by the results of its sentences, 0 to 1; 0 of nothing."""
    return sum(HELD[support] for support in supports) / len(supports) if supports else 0.0
