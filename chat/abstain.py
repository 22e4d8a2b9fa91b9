"""Whether to answer at all. Decided before a word is written, apart from the writing.

A small model told to answer answers everything, and told that it may refuse refuses nearly
everything. So cheap signals decide: are there passages at all, do they hold any of the question's
words, and how sure is the model, asked for one word, that they state the answer. That certainty
separates answerable from unanswerable questions well, but not around zero: the setting
SOVEREIGN_ABSTAIN_BELOW is measured for the default model (docs/measuring.md).
"""

from collections.abc import Callable
from typing import Literal

from django.conf import settings

from chat.context import Context
from chat.generate import answer_odds, coverage
from inference.protocol import ModelInfo, ModelsClient
from ingest.terms import terms

ABSTAINED_STATUS: Literal["abstained"] = "abstained"

#: Under this share of the question's words in the passages, nothing there answers it.
HOPELESS = 0.25

SENTENCES = {
    "de": "Die Dokumente sagen dazu nichts.",
    "fr": "Les documents ne le disent pas.",
    "es": "Los documentos no lo dicen.",
    "it": "I documenti non lo dicono.",
}


def abstention(language: str) -> str:
    """The sentence that says so, in the language of the question where we have it."""
    return SENTENCES.get(language, "The documents do not say.")


def should_abstain(
    client: ModelsClient, model: ModelInfo | None, context: Context, stopped: Callable[[], bool]
) -> bool:
    """Decide from the passages, the question's words and the model's certainty."""
    if not context.passages:
        return True
    share = covered(context)
    if share is not None and share < HOPELESS:
        return True
    if model is None:
        return False
    odds = answer_odds(client, context.packed, model.name, stopped)
    return odds is not None and odds < settings.ABSTAIN_BELOW


def covered(context: Context) -> float | None:
    """Share of the question's terms in the passages; None where they are in another language."""
    if any(context.foreign):
        return None
    held = [
        frozenset(
            terms(f"{passage.title}\n{passage.heading}\n{passage.text}", passage.language or "en")
        )
        for passage in context.passages
    ]
    return coverage(context.question_terms, held)
