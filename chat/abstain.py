"""Whether to answer at all. Decided before a word is written, apart from the writing.

A small model told to answer answers everything, and told that it may refuse refuses nearly
everything. So three cheap signals decide together: are there passages at all, do they hold the
question's words, and does the model, asked for one word, say that they state the answer.
"""

from collections.abc import Callable
from typing import Literal

from chat.context import Context
from chat.generate import coverage, states_the_answer
from inference.protocol import ModelInfo, ModelsClient
from ingest.terms import terms

ABSTAINED_STATUS: Literal["abstained"] = "abstained"

#: Under this share of the question's words in the passages, nothing there answers it.
HOPELESS = 0.25
#: With this share, a model's "no" is not believed: it says no to a sixth of what it could answer.
CERTAIN = 0.85

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
    """Decide from the passages, the question's words and one word of the model."""
    if not context.passages:
        return True
    share = covered(context)
    if share is not None and share < HOPELESS:
        return True
    if model is None or (share is not None and share >= CERTAIN):
        return False
    return states_the_answer(client, context.packed, model.name, stopped) is False


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
