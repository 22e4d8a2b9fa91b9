"""What the officer's page says: sentences, each with its state, its evidence and its time.

A sentence never claims more than what was read just now or what an entry of the record says; what
is not known is said to be not known, and asks for attention.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.functional import Promise

GOOD, ATTENTION, BAD = "good", "attention", "bad"
WORST = (BAD, ATTENTION, GOOD)

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Sentence:
    """`text` is the plain sentence, `more` what it does not cover or what to do about it.

    `link` is (address, words) of the evidence; `at` is the time for which the sentence is true.
    """

    key: str
    state: str
    text: Words
    more: Sequence[Words] = ()
    link: tuple[str, Words] | None = None
    at: datetime | None = None


Source = Callable[[], Sentence]


def sentences() -> list[Sentence]:
    """All sentences in the order of the page: from what forbids to what remains."""
    from compliance import state_data, state_record, state_wall

    sources: tuple[Source, ...] = (
        state_wall.wall,
        state_wall.proof,
        state_wall.refused,
        state_wall.gates,
        state_wall.let_out,
        state_wall.browsers,
        state_record.intact,
        state_record.key,
        state_data.models,
        state_data.advisories,
        state_data.encryption,
        state_data.retention,
        state_data.holds,
        state_record.officers,
    )
    return [source() for source in sources]


def worst(found: list[Sentence]) -> str:
    """The state of the page as a whole."""
    states = {sentence.state for sentence in found}
    return next(state for state in WORST if state in states or state == GOOD)


def as_time(text: str) -> datetime | None:
    """A time as the wall and the reports write it (RFC 3339); None for anything else."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
