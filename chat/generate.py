"""Messages -> tokens: the look that decides, and the answer itself; errors mapped to events."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from chat.pack import LOOK, Packed, messages, task
from inference.protocol import ModelsClient, Sampling, Usage

#: What a small model says when it finds nothing, in the languages that it is asked to use.
ABSTAINS = (
    "the documents do not say", "the passages do not", "not mentioned in the passages",
    "no information", "keine information", "aucune information", "ninguna información",
)  # fmt: skip


@dataclass(slots=True)
class Generation:
    """What was written so far, and how it ended."""

    usage: Usage = field(default_factory=Usage)
    finish: str = ""


def states_the_answer(
    client: ModelsClient, packed: Packed, model: str, stopped: Callable[[], bool]
) -> bool | None:
    """One word of the model: do these passages state the answer? None where it gives neither word.

    Costs a few tokens only: the answer's prompt begins with the same words.
    """
    sampling = Sampling(max_tokens=2, temperature=0.0)
    with closing(client.chat(messages(packed, LOOK), sampling, model=model)) as pieces:
        word = ""
        for piece in pieces:
            if stopped():
                return None
            word += piece.text
    word = word.strip().lower()
    if word.startswith("yes"):
        return True
    return False if word.startswith("no") else None


def write(
    client: ModelsClient,
    packed: Packed,
    *,
    language: str,
    model: str,
    sampling: Sampling,
    stopped: Callable[[], bool],
    into: Generation,
) -> Iterator[str]:
    """Yield the text of the answer as it is written; end early, and cancel, when `stopped()`."""
    prompt = messages(packed, task(language))
    with closing(client.chat(prompt, sampling, model=model)) as pieces:
        for piece in pieces:
            if piece.usage:
                into.usage = piece.usage
            into.finish = piece.finish or into.finish
            if stopped():
                into.finish = "cancelled"
                return
            if piece.text:
                yield piece.text


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
