"""What an answer's passages say otherwise, as events: after its last sentence, before its end."""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

from accounts.models import User
from chat.cite import AnswerWriter, Asked
from chat.conflicts import Claim, Conflict, Spoken, conflicts
from chat.context import Context, passage_data
from chat.events import ConflictEvent, PassageData, Statement
from chat.passages import Passage
from chat.sentences import MARK
from ingest.access import chunks_for
from ingest.claims import free_connection


def told_otherwise(
    user: User, writer: AnswerWriter, context: Context, stopped: Callable[[], bool]
) -> Iterator[ConflictEvent]:
    """Where passages that were given, or found but not given, disagree with what an answer rests on.

    One that was not given becomes a source of its own, after the others. `stopped` is asked before each
    sentence: among many long passages one takes a part of a second.
    """
    claims = list(_claims(writer))
    if not claims:
        return
    given = len(context.passages)
    every = [*context.passages, *_still_open(user, context.others)]
    asked = Asked(context.packed.question, context.language)
    numbers: dict[int, int] = {at: at + 1 for at in range(given)}
    going = takewhile(lambda _: not stopped(), claims)
    for found in conflicts(going, [spoken(passage) for passage in every], asked):
        new = found.other not in numbers
        numbers.setdefault(found.other, len(numbers) + 1)
        added = passage_data(numbers[found.other], every[found.other]) if new else None
        yield _event(found, numbers, added)


def _still_open(user: User, passages: Sequence[Passage]) -> list[Passage]:
    """Those that may be shown now: they were found before a model wrote for minutes."""
    chunks = chunks_for(user).filter(pk__in=[passage.chunk for passage in passages])
    known = set(chunks.order_by().values_list("pk", flat=True))
    free_connection()
    return [passage for passage in passages if passage.chunk in known]


def _claims(writer: AnswerWriter) -> Iterator[Claim]:
    for cited in writer.citations:
        if cited.n and cited.support != "none":
            said = MARK.sub("", writer.text[slice(*cited.sentence)])
            yield Claim(cited.sentence, said, cited.n - 1, cited.quote)


def spoken(passage: Passage) -> Spoken:
    """A passage as it is compared with others."""
    return Spoken(passage.text, passage.edition, passage.heading, passage.language)


def _event(found: Conflict, numbers: dict[int, int], added: PassageData | None) -> ConflictEvent:
    return ConflictEvent(
        sentence=found.sentence,
        n=numbers[found.at],
        quote=found.quote,
        other=Statement(numbers[found.other], found.other_quote),
        newer=None if found.newer is None else numbers[found.newer],
        by=found.by,
        passage=added,
    )
