"""Whether to answer at all, apart from the writing.

A small model told to answer answers everything, and told that it may refuse refuses nearly everything.
So other signs decide: are there passages at all, do they hold any of the question's words, how sure is
the model, asked for one word, that they state the answer. An answer less sure than
SOVEREIGN_ABSTAIN_BELOW is not written (chat/weigh.py); one that stands nowhere is not given.
"""

from collections.abc import Callable
from typing import Literal

from django.conf import settings

from chat.context import Context
from chat.generate import Voice, answer_odds, coverage
from chat.weigh import Signals
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


def look(
    client: ModelsClient,
    model: ModelInfo | None,
    context: Context,
    stopped: Callable[[], bool],
    *,
    asker: str = "",
) -> Signals | None:
    """What tells beforehand whether the passages answer. None: they cannot."""
    if not context.passages:
        return None
    share = covered(context)
    if share is not None and share < HOPELESS:
        return None
    if model is None:
        return Signals(None, share)
    return Signals(answer_odds(Voice(client, model.name, asker), context.packed, stopped), share)


def is_withheld(sure: float) -> bool:
    """Whether an answer of such a confidence is not given. One that nothing holds never is."""
    return not sure or sure < settings.ABSTAIN_BELOW


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
