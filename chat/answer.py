"""The question flow: find -> pack -> generate -> cite, as events.

It stores nothing: chat/run.py keeps what it yields. From the sources on, no database connection is
held: a model talks for many seconds.
"""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field

from django.conf import settings

from chat.abstain import ABSTAINED_STATUS, abstention, is_withheld, look
from chat.ask import Ask
from chat.choice import EXTRACTIVE, model_for
from chat.cite import AnswerWriter, Asked, Basis
from chat.conflicts_told import told_otherwise
from chat.context import Context, build, label_of
from chat.events import Condensed, Done, Ended, Event, Failed, Sources, Started, Token, Withdrawn
from chat.failures import failed
from chat.find import Query, find
from chat.generate import Generation, Voice, abstains, write
from chat.named import looked_first
from chat.pack import RECITED, shown_label
from chat.passages import Passage
from chat.tally import counted
from chat.weigh import Signals, confidence, held
from inference.client import get_client
from inference.protocol import ModelInfo, ModelsClient, ModelsUnavailable, Sampling
from ingest.claims import free_connection
from ingest.store import StoreUnavailable

#: Passages that are ranked for one answer; the budget decides how many of them the model reads.
PASSAGES = 20


@dataclass(slots=True)
class Clock:
    """Milliseconds from the start to each mark."""

    start: float = field(default_factory=time.perf_counter)
    ms: dict[str, int] = field(default_factory=dict)

    def mark(self, name: str) -> None:
        self.ms.setdefault(name, round((time.perf_counter() - self.start) * 1000))


def answer(ask: Ask, *, stopped: Callable[[], bool]) -> Generator[Event, None, None]:
    """Yield the events of one answer; the last is Done or Failed.

    `stopped` is asked between pieces; closing the generator stops the model as well.
    """
    clock = Clock()
    try:
        client = counted(get_client(), ask.tally)
        model = model_for(client, ask)
        yield _started(ask, model, client.waiting())
        ask.tally.asked(model)
        found = find(ask.user, _query(ask), PASSAGES)
        if found.searched != ask.question:
            yield Condensed(found.searched)
        if first := looked_first(ask.user, [each.document for each in found.named]):
            yield first
        context = build(client, model, ask, found)
        clock.mark("retrieve")
        yield Sources(context.data())
        if model and context.quotes:
            yield context.instant()
        free_connection()
        yield from _written(client, model, ask, context, clock, stopped)
    except ModelsUnavailable as error:
        yield Failed(error.code, error.detail)
    except StoreUnavailable as error:
        yield failed(error.code)


def _started(ask: Ask, model: ModelInfo | None, ahead: int) -> Started:
    guise = ask.assistant
    return Started(
        str(ask.answer),
        str(ask.conversation or ""),
        model.name if model else EXTRACTIVE,
        ahead,
        model.sha256 if model else "",
        assistant=str(guise.id or "") if guise else "",
        assistant_version=guise.version if guise else "",
    )


def _query(ask: Ask) -> Query:
    return Query(
        ask.question, ask.collections, ask.history, filters=ask.filters, by_name=ask.by_name
    )


def _written(
    client: ModelsClient,
    model: ModelInfo | None,
    ask: Ask,
    context: Context,
    clock: Clock,
    stopped: Callable[[], bool],
) -> Generator[Event, None, None]:
    signals = look(client, model, context, stopped, asker=ask.asker)
    sure = _sure(model, signals)
    if sure is not None and is_withheld(sure):
        yield from _abstained(context, clock, sure, signals)
        return
    writer, generation = _writer(context), Generation()
    yield from _fed(writer, _pieces(client, model, ask, context, stopped, generation), clock)
    if model and _stands_nowhere(writer, generation, context):
        yield Withdrawn()
        writer = _writer(context)
        yield from _fed(writer, _quotes(context), clock)
    clock.mark("total")
    status = _status(generation, writer)
    sure = 0.0 if status == ABSTAINED_STATUS else sure
    if status == "complete":
        yield from told_otherwise(ask.user, writer, context, stopped)
    yield Done(status, _tokens(generation), clock.ms, sure, signals=signals)


def _writer(context: Context) -> AnswerWriter:
    return AnswerWriter(
        [_basis(*pair) for pair in zip(context.passages, context.foreign, strict=True)],
        Asked(context.packed.question, context.language),
    )


def _fed(
    writer: AnswerWriter, said: Generator[str, None, None], clock: Clock
) -> Generator[Event, None, None]:
    # Closed explicitly: what goes round in circles stops now, not at some garbage collection.
    with closing(said) as pieces:
        for piece in pieces:
            for event in writer.feed(piece):
                if isinstance(event, Token):
                    clock.mark("first_token")
                yield event
            if writer.repeated:
                break
    yield from writer.close()


def _stands_nowhere(writer: AnswerWriter, generation: Generation, context: Context) -> bool:
    """The model holds that the passages answer, but nothing that it wrote is in them: they say it
    better themselves."""
    written = generation.finish != "cancelled" and not abstains(writer.text)
    return written and not held(writer.supports()) and bool(context.quotes)


def _pieces(
    client: ModelsClient,
    model: ModelInfo | None,
    ask: Ask,
    context: Context,
    stopped: Callable[[], bool],
    generation: Generation,
) -> Generator[str, None, None]:
    if model is None:
        yield from _quotes(context)
        return
    sampling = Sampling(
        max_tokens=min(ask.max_tokens or settings.MAX_ANSWER_TOKENS, settings.MAX_ANSWER_TOKENS),
        temperature=ask.temperature or 0.0,
        stop=RECITED,
        seed=ask.seed,
    )
    yield from write(
        Voice(client, model.name, ask.asker),
        context.packed,
        language=context.language,
        sampling=sampling,
        stopped=stopped,
        into=generation,
    )


def _quotes(context: Context) -> Generator[str, None, None]:
    """Sentences of the passages, as they stand there, one a line."""
    for quote in context.quotes:
        yield f"{' '.join(context.said(quote).split())} [{quote.n}]\n"


def _sure(model: ModelInfo | None, signals: Signals | None) -> float | None:
    """None where no model was asked."""
    if signals is None:
        return 0.0
    return confidence(signals) if model else None


def _abstained(
    context: Context, clock: Clock, sure: float, signals: Signals | None
) -> Generator[Event, None, None]:
    clock.mark("first_token")
    clock.mark("total")
    yield Token(abstention(context.language))
    yield Done(ABSTAINED_STATUS, {}, clock.ms, sure, signals=signals)


def _status(generation: Generation, writer: AnswerWriter) -> Ended:
    if generation.finish == "cancelled":
        return "stopped"
    stands = held(writer.supports()) and not abstains(writer.text)
    return "complete" if stands else ABSTAINED_STATUS


def _tokens(generation: Generation) -> dict[str, int]:
    usage = generation.usage
    return {"prompt": usage.prompt, "cached": usage.cached, "completion": usage.completion}


def _basis(passage: Passage, foreign: bool) -> Basis:
    context = " ".join([passage.title, passage.document_name, passage.heading])
    label = shown_label(label_of(passage))
    return Basis(passage.text, context, passage.page, passage.language, foreign, label)
