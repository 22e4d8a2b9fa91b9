"""Messages -> text: the look that decides, and the answer itself. Errors are the caller's."""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from chat.pack import LOOK, Packed, messages, task
from inference.protocol import (
    ChatMessage,
    ModelsClient,
    ModelsUnavailable,
    Piece,
    Sampling,
    Usage,
)
from ingest.parsers.clean import seen

#: What a small model says when it finds nothing, in the languages that it is asked to use.
ABSTAINS = (
    "the documents do not say", "the passages do not", "not mentioned in the passages",
    "no information", "keine information", "aucune information", "ninguna información",
)  # fmt: skip


#: Tokens with the natural logarithm of their probabilities, the likeliest first.
Likely = tuple[tuple[str, float], ...]
#: Of the likeliest first words, how many are looked at for yes and no.
TOP_TOKENS = 20
#: The models process ended in the middle.
LOST = "models-lost"
ATTEMPTS, PAUSE_SECONDS = 3, 0.5


@dataclass(frozen=True, slots=True)
class Voice:
    """A model that is asked for somebody. `asker`: an opaque id; turns are shared out between them."""

    client: ModelsClient
    model: str = ""
    asker: str = ""

    def say(
        self, prompt: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        """Asked again where the models process was lost before the first word of it."""
        told = False
        for attempt in range(ATTEMPTS):
            try:
                with closing(self._ask(prompt, sampling)) as pieces:
                    for piece in pieces:
                        told = told or bool(piece.text or piece.top)
                        yield piece
                return
            except ModelsUnavailable as error:
                if told or error.code != LOST or attempt + 1 == ATTEMPTS:
                    raise
            # A process that is just dying still takes connections.
            time.sleep(PAUSE_SECONDS)

    def _ask(
        self, prompt: Sequence[ChatMessage], sampling: Sampling
    ) -> Generator[Piece, None, None]:
        return self.client.chat(prompt, sampling, model=self.model, asker=self.asker)


@dataclass(slots=True)
class Generation:
    """What was written so far, and how it ended."""

    usage: Usage = field(default_factory=Usage)
    finish: str = ""


def answer_odds(voice: Voice, packed: Packed, stopped: Callable[[], bool]) -> float | None:
    """How sure the model is that these passages state the answer: log-odds of yes against no.

    None where it gives neither word, or was stopped. An engine that tells no probabilities gives
    +1 or -1 by its word. Costs a few tokens only: the answer's prompt begins with the same words.
    """
    sampling = Sampling(max_tokens=1, temperature=0.0, top_logprobs=TOP_TOKENS)
    with closing(voice.say(messages(packed, LOOK), sampling)) as pieces:
        word = ""
        top: Likely = ()
        for piece in pieces:
            if stopped():
                return None
            word, top = word + piece.text, piece.top or top
    return odds_of(top or ((word, 0.0),))


def odds_of(top: Sequence[tuple[str, float]]) -> float | None:
    """Log-odds of the tokens that say yes against those that say no; one side alone is +1 or -1."""
    yes, no = _weight(top, "yes"), _weight(top, "no")
    if not yes and not no:
        return None
    return math.log(yes / no) if yes and no else (1.0 if yes else -1.0)


def _weight(top: Sequence[tuple[str, float]], word: str) -> float:
    return sum(math.exp(value) for token, value in top if token.strip().lower() == word)


def write(
    voice: Voice,
    packed: Packed,
    *,
    language: str,
    sampling: Sampling,
    stopped: Callable[[], bool],
    into: Generation,
) -> Iterator[str]:
    """Yield the text of the answer as it is written; end early, and cancel, when `stopped()`."""
    prompt = messages(packed, task(language, packed.instructions))
    with closing(voice.say(prompt, sampling)) as pieces:
        for piece in pieces:
            if piece.usage:
                into.usage = piece.usage
            into.finish = piece.finish or into.finish
            if stopped():
                into.finish = "cancelled"
                return
            if text := seen(piece.text, part=True):
                yield text


def abstains(text: str) -> bool:
    """Whether the model's own words say that it found nothing."""
    plain = text.strip().lower()
    return not plain or any(plain.startswith(words) or words in plain[:80] for words in ABSTAINS)


def coverage(terms: Sequence[str], passages: Sequence[frozenset[str]]) -> float:
    """Share of the question's terms that the best passages hold together. 1.0 without terms."""
    wanted = set(terms)
    if not wanted:
        return 1.0
    held = set().union(*passages) if passages else set()
    return len(wanted & held) / len(wanted)
