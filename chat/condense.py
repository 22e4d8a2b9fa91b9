"""A follow-up and its history -> a question that stands alone. Pure.

Rewriting with the chat model would cost a second generation on a small machine, and a small model
rewrites badly; putting the earlier questions before a question that leans on them finds as much.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TURNS = 2
TURN_CHARS = 300

#: Words that point back to what was said, in the languages of the interface and Spanish.
POINTERS = re.compile(
    r"\b(it|its|they|them|their|theirs|this|that|these|those|he|she|him|her|there|then|same|one|ones"
    r"|else|also|instead|otherwise|former|latter|such"
    r"|er|sie|es|ihn|ihm|ihr|ihre|ihren|deren|dessen|das|dies|diese|dieser|dieses|jene|dort|dann|dafür"
    r"|davon|dazu|dabei|damit|auch|sonst"
    r"|il|elle|ils|elles|le|la|les|lui|leur|ce|cela|ça|cet|cette|ces|celui|celle|y|en|aussi|sinon"
    r"|él|ella|ellos|ellas|lo|los|las|esto|eso|ese|esa|esos|esas|este|esta|allí|también|su|sus)\b",
    re.IGNORECASE,
)
OPENERS = re.compile(
    r"^\W*(and|but|or|so|what about|how about|what if|why|und|aber|oder|was ist mit|wie ist es|warum"
    r"|et|mais|ou|qu'en est-il|pourquoi|y|pero|o|qué pasa|por qué)\b",
    re.IGNORECASE,
)
SHORT_WORDS = 6


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"]
    text: str


def leans_on_history(question: str) -> bool:
    """Whether a question reads as if something went before it."""
    return (
        len(question.split()) <= SHORT_WORDS
        or bool(OPENERS.search(question))
        or bool(POINTERS.search(question))
    )


def condense(question: str, history: Sequence[Turn]) -> str:
    """Return the text to search for: the question, after its last turns where it leans on them."""
    if not history or not leans_on_history(question):
        return question
    earlier = [clip(turn.text) for turn in history if turn.text.strip()][-TURNS:]
    return "\n".join([*earlier, question])


def clip(text: str) -> str:
    """An earlier message as it stands before a question: one line, without marks."""
    line = " ".join(re.sub(r"\[\d+\]", "", text).split())
    return line if len(line) <= TURN_CHARS else line[:TURN_CHARS].rsplit(" ", 1)[0]
