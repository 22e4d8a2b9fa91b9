"""Private questions on the Ask page: answered, shown, kept nowhere. The record says that they were.

The browser keeps what was said as long as the page is open, and sends it along with a follow-up.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from chat.abstain import abstention
from chat.answered import taken
from chat.ask import Ask
from chat.collected import collected
from chat.conflicts_view import conflict_views
from chat.events import Done, Event, Failed
from chat.exchanges import Exchange
from chat.models import Citation, Conflict, Message, Source
from chat.present import PresentedAnswer, lines_of, source_view
from chat.run import run_unstored
from inference.language import detect_language
from ingest.access import chunks_for

#: Makes a page's part of a finished answer.
Render = Callable[[Exchange], str]


@dataclass(frozen=True, slots=True)
class Rendered(Event):
    """The finished answer as the page shows it; right before the event that ends it.

    `text`: what a follow-up brings along of it.
    """

    name: ClassVar[str] = "rendered"
    html: str
    text: str


def private_events(
    ask: Ask, render: Render, gone: Callable[[], bool]
) -> Generator[Event, None, None]:
    """The events of an answer that is kept nowhere, with its page's part at the end."""
    heard: list[Event] = []
    # Closed explicitly: who leaves ends the writing and its entry now, not at some collection.
    with closing(run_unstored(ask, gone=gone)) as events:
        for event in events:
            heard.append(event)
            if isinstance(event, Done | Failed):
                message, shown = present_heard(ask, heard)
                yield Rendered(render(Exchange(message, shown, cost=taken(ask))), message.text)
            yield event


def present_heard(ask: Ask, events: Iterable[Event]) -> tuple[Message, PresentedAnswer]:
    """An answer as a page shows it, from its events alone. The message is never saved."""
    heard = collected(events)
    error = heard["error"] or {"code": "", "detail": ""}
    message = Message(
        pk=ask.answer,
        role=Message.Role.ASSISTANT,
        status=heard["status"],
        text=heard["text"],
        condensed=heard["condensed"],
        model=heard["model"],
        assistant_name=ask.assistant.name if ask.assistant else "",
        ms=heard["ms"],
        finished_at=timezone.now(),
    )
    sources = _sources(ask.user, heard["passages"])
    citations = [_citation(cited, sources) for cited in heard["citations"]]
    if message.status == Message.Status.ABSTAINED:
        message.text, citations = abstention(detect_language(ask.question)), []
    both = (_conflict(told, sources) for told in heard["conflicts"])
    conflicts = [conflict for conflict in both if conflict]
    return message, PresentedAnswer(
        id=ask.answer,
        conversation=ask.answer,
        status=message.status,
        question=ask.question,
        lines=lines_of(message.text, message.model, citations, sources),
        sources=tuple(source_view(source) for source in sources.values()),
        error_code=error["code"],
        error_detail=error["detail"],
        model=message.model,
        ms=message.ms,
        first_in=tuple(document["name"] for document in heard["named"]),
        conflicts=conflict_views(conflicts, sources),
    )


def _sources(user: User, passages: Iterable[dict[str, Any]]) -> dict[int, Source]:
    """By number, those that the person may still read."""
    wanted = {UUID(passage["chunk"]): passage for passage in passages}
    rows = chunks_for(user).filter(pk__in=wanted).select_related("document__collection")
    chunks = {chunk.pk: chunk for chunk in rows.defer("vector")}
    return {
        passage["n"]: Source(n=passage["n"], chunk=chunks[pk], score=passage["score"])
        for pk, passage in wanted.items()
        if pk in chunks
    }


def _conflict(told: dict[str, Any], sources: dict[int, Source]) -> Conflict | None:
    """None where one of both may no longer be read."""
    one, other = sources.get(told["n"]), sources.get(told["other"]["n"])
    if one is None or other is None:
        return None
    return Conflict(
        source=one,
        quote_start=told["quote"][0],
        quote_end=told["quote"][1],
        other=other,
        other_start=told["other"]["quote"][0],
        other_end=told["other"]["quote"][1],
        newer=told["newer"],
        by=told["by"] or "",
    )


def _citation(cited: dict[str, Any], sources: dict[int, Source]) -> Citation:
    return Citation(
        source=sources.get(cited["n"]),
        sentence_start=cited["sentence"][0],
        sentence_end=cited["sentence"][1],
        quote_start=cited["quote"][0],
        quote_end=cited["quote"][1],
        support=cited["support"],
    )
