"""A stored answer as events again: for a reader who comes back, or who asks without streaming."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import cast
from uuid import UUID

from django.utils import timezone

from accounts.models import User
from chat import answered
from chat.bounds import MOST_FOLLOWERS, place
from chat.context import passage_data
from chat.events import (
    CitationEvent,
    Condensed,
    ConflictEvent,
    Done,
    Ended,
    Event,
    PassageData,
    Sources,
    Started,
    Statement,
    Token,
)
from chat.failures import failed
from chat.models import Citation, Conflict, Message, Source
from chat.named import looked_first
from chat.passages import passage_of
from chat.reads import record_read
from chat.run import end_cut_off
from chat.versions import By
from ingest.access import chunks_for
from ingest.claims import free_connection
from ingest.models import Chunk

POLL_SECONDS = 0.5
UNFINISHED = (Message.Status.QUEUED, Message.Status.RUNNING)


def follow(message: Message, *, gone: Callable[[], bool]) -> Generator[Event, None, None]:
    """Wait for whoever writes this answer, then replay it. Ends early when nobody listens.

    An answer whose writer was killed is ended here as well: without a worker there is no sweep.
    """
    with place(message.conversation.user_id, "follow", MOST_FOLLOWERS) as free:
        if free:
            yield from _followed(message, gone)
        else:
            yield failed("too-many-answers")


def _followed(message: Message, gone: Callable[[], bool]) -> Generator[Event, None, None]:
    while message.status in UNFINISHED:
        if gone():
            return
        if message.lease_until and message.lease_until < timezone.now():
            end_cut_off(Message.objects.filter(pk=message.pk))
        free_connection()
        time.sleep(POLL_SECONDS)
        message.refresh_from_db()
    yield from replay(message)


def replay(message: Message) -> Generator[Event, None, None]:
    """The events of a finished answer. Passages that the asker may no longer read are left out."""
    yield Started(str(message.pk), str(message.conversation_id), message.model)
    if message.condensed:
        yield Condensed(message.condensed)
    user = message.conversation.user
    if first := looked_first(user, message.named):
        yield first
    chunks = readable_chunks(user, [message])
    record_read(user, [message], chunks)
    readable = readable_sources(user, message, chunks)
    yield Sources(
        tuple(passage_data(n, passage_of(s.chunk, s.score)) for n, s in readable.items() if s.chunk)
    )
    if message.text:
        yield Token(message.text)
    for citation in message.citations.select_related("source"):
        yield citation_event(citation, readable)
    for conflict in message.conflicts.select_related("source", "other"):
        yield from conflict_events(conflict, readable)
    if message.status == Message.Status.FAILED:
        yield failed(message.error_code)
    else:
        done = Done(cast(Ended, message.status), message.tokens, message.ms)
        cost = answered.costs([message.pk]).get(message.pk)
        yield answered.with_cost(done, cost) if cost else done


def readable_chunks(user: User, messages: Iterable[Message]) -> dict[UUID, Chunk]:
    """The chunks behind the sources of some answers that `user` may read now, documents loaded."""
    sources = (source for message in messages for source in message.sources.all())
    wanted = {source.chunk_id for source in sources if source.chunk_id}
    chunks = chunks_for(user).filter(pk__in=wanted).select_related("document__collection")
    return {chunk.pk: chunk for chunk in chunks.defer("vector")}


def readable_sources(
    user: User, message: Message, chunks: Mapping[UUID, Chunk] | None = None
) -> dict[int, Source]:
    """The sources of an answer that `user` may read now, by number, chunk and document loaded.

    `chunks`: what readable_chunks found for several answers at once.
    """
    found = readable_chunks(user, [message]) if chunks is None else chunks
    readable = {}
    for source in message.sources.all():
        if source.chunk_id and source.chunk_id in found:
            source.chunk = found[source.chunk_id]
            readable[source.n] = source
    return readable


def data_of(n: int, source: Source) -> PassageData:
    """A source as events carry it. Its chunk must be there (readable_sources)."""
    assert source.chunk is not None  # noqa: S101
    return passage_data(n, passage_of(source.chunk, source.score))


def conflict_events(
    conflict: Conflict, readable: Mapping[int, Source]
) -> Generator[ConflictEvent, None, None]:
    """None where one of both may no longer be read: half of it would say what the other one was."""
    if conflict.source.n not in readable or conflict.other.n not in readable:
        return
    yield ConflictEvent(
        sentence=(conflict.sentence_start, conflict.sentence_end),
        n=conflict.source.n,
        quote=(conflict.quote_start, conflict.quote_end),
        other=Statement(conflict.other.n, (conflict.other_start, conflict.other_end)),
        newer=conflict.newer,
        by=cast(By, conflict.by) or None,
    )


def citation_event(citation: Citation, readable: dict[int, Source]) -> CitationEvent:
    # Of what may be read, which is loaded without its vectors.
    source = readable.get(citation.source.n) if citation.source else None
    return CitationEvent(
        sentence=(citation.sentence_start, citation.sentence_end),
        n=source.n if source else 0,
        quote=(citation.quote_start, citation.quote_end) if source else (0, 0),
        page=source.chunk.page if source and source.chunk else None,
        support=citation.support,  # type: ignore[arg-type]
    )
