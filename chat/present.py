"""An answer as a page shows it: paragraphs of segments, each with the places that it rests on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from uuid import UUID

from django.db.models import prefetch_related_objects

from accounts.models import User
from chat.choice import EXTRACTIVE
from chat.cite import MARK
from chat.conflicts_view import ConflictView, conflict_views
from chat.failures import detail_of
from chat.models import Citation, Message, Source
from chat.named import readable_documents
from chat.passages import passage_of
from chat.reads import record_read
from chat.render import Marker, Piece, marker, plain, styled
from chat.replay import readable_chunks, readable_sources
from ingest.models import Chunk

_SHOWN = ("sources", "citations__source", "conflicts__source", "conflicts__other", "feedback")


@dataclass(frozen=True, slots=True)
class CitationView:
    """One chip: passage `n` and the words of it, `quote`, that the sentence rests on."""

    n: int
    chunk: UUID
    document: UUID
    document_name: str
    heading: str
    page_label: str
    quote_start: int
    quote_end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence of the answer without its marks. `support` is empty for text between sentences.

    `text` is what a reader reads; `pieces` say which of it is bold, italic or code.
    """

    text: str
    support: str = ""
    citations: tuple[CitationView, ...] = ()
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an answer; one with a `marker` is an item of a list."""

    segments: tuple[Segment, ...]
    marker: Marker | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that are set together. `kind`: text, bullets or numbers."""

    kind: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class SourceView:
    """A passage of the answer. `erased`: the reader may no longer see it, or it is gone."""

    n: int
    score: float = 0.0
    text: str = ""
    heading: str = ""
    page_label: str = ""
    chunk: UUID | None = None
    document: UUID | None = None
    document_name: str = ""
    collection_name: str = ""
    erased: bool = False


@dataclass(frozen=True, slots=True)
class PresentedAnswer:
    id: UUID
    conversation: UUID
    status: str
    question: str
    lines: tuple[Line, ...]
    sources: tuple[SourceView, ...]
    error_code: str = ""
    error_detail: str = ""
    model: str = ""
    ms: dict[str, int] = field(default_factory=dict)
    rating: int = 0
    #: Names of documents that came first, because the question names them.
    first_in: tuple[str, ...] = ()
    conflicts: tuple[ConflictView, ...] = ()

    @property
    def paragraphs(self) -> tuple[tuple[Segment, ...], ...]:
        """The lines as text alone: an item of a list begins with its dash or number."""
        return tuple(_with_marker(line) for line in self.lines)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The lines as a page sets them: items that follow each other are one list."""
        return tuple(Block(kind, tuple(lines)) for kind, lines in groupby(self.lines, key=_kind_of))


def present_answer(user: User, message: Message) -> PresentedAnswer:
    """Prepare one answer of `user`'s own conversation; access to each source is asked anew."""
    return present_answers(user, [message])[0]


def present_answers(user: User, messages: Sequence[Message]) -> list[PresentedAnswer]:
    """Prepare several answers by as many queries as one takes; that they are shown is recorded."""
    prefetch_related_objects(messages, "sources")
    chunks = readable_chunks(user, messages)
    record_read(user, messages, chunks)
    return presented(user, messages, chunks)


def presented(
    user: User, messages: Sequence[Message], chunks: Mapping[UUID, Chunk] | None = None
) -> list[PresentedAnswer]:
    """As present_answers, for a caller who records it. `chunks`: what readable_chunks found."""
    prefetch_related_objects(messages, *_SHOWN)
    chunks = readable_chunks(user, messages) if chunks is None else chunks
    questions = _questions(messages)
    named = readable_documents(user, {pk for message in messages for pk in message.named})
    return [
        replace(
            _presented(message, readable_sources(user, message, chunks), questions),
            first_in=tuple(each.name for each in named if str(each.pk) in message.named),
        )
        for message in messages
    ]


def _presented(
    message: Message, readable: dict[int, Source], questions: dict[tuple[UUID, int], str]
) -> PresentedAnswer:
    code = message.error_code
    feedback = getattr(message, "feedback", None)
    return PresentedAnswer(
        id=message.pk,
        conversation=message.conversation_id,
        status=message.status,
        question=questions.get((message.conversation_id, message.ordinal - 1), ""),
        lines=lines_of(message.text, message.model, list(message.citations.all()), readable),
        sources=_sources(message, readable),
        error_code=code,
        error_detail=detail_of(code) if code else "",
        model=message.model,
        ms=message.ms,
        rating=feedback.rating if feedback else 0,
        conflicts=conflict_views(message.conflicts.all(), readable),
    )


def _questions(messages: Sequence[Message]) -> dict[tuple[UUID, int], str]:
    """Questions by conversation and place: each stands right before its answer."""
    rows = Message.objects.filter(
        conversation__in={message.conversation_id for message in messages},
        ordinal__in=[message.ordinal - 1 for message in messages],
        role=Message.Role.USER,
    )
    return {(row.conversation_id, row.ordinal): row.text for row in rows}


def _sources(message: Message, readable: dict[int, Source]) -> tuple[SourceView, ...]:
    return tuple(
        source_view(readable[source.n])
        if source.n in readable
        else SourceView(source.n, erased=True)
        for source in message.sources.all()
    )


def source_view(source: Source) -> SourceView:
    """A source that may be read: its chunk and document are loaded."""
    assert source.chunk is not None  # noqa: S101 (readable_sources keeps only those with one)
    passage = passage_of(source.chunk, source.score)
    return SourceView(
        n=source.n,
        score=passage.score,
        text=passage.text,
        heading=passage.heading,
        page_label=passage.page_label,
        chunk=passage.chunk,
        document=passage.document,
        document_name=passage.document_name,
        collection_name=source.chunk.document.collection.name,
    )


def lines_of(
    text: str, model: str, citations: Sequence[Citation], readable: dict[int, Source]
) -> tuple[Line, ...]:
    """An answer's text in lines. `readable`: sources by number, chunk and document loaded."""
    lines = _broken(_segments(text, citations, readable))
    if model == EXTRACTIVE:
        # Words of documents, shown as they stand there.
        return tuple(
            Line(tuple(_set(each, (Piece(each.text),)) for each in line)) for line in lines
        )
    return tuple(_line(line) for line in lines)


def _broken(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Segments by the lines that they stand in."""
    lines: list[list[Segment]] = [[]]
    for segment in segments:
        first, *others = segment.text.split("\n")
        lines[-1].append(replace(segment, text=first))
        lines += [[replace(segment, text=other)] for other in others]
    kept = ([segment for segment in line if segment.text.strip()] for line in lines)
    return [line for line in kept if line]


def _line(segments: Sequence[Segment]) -> Line:
    texts = [segment.text for segment in segments]
    if begins := marker(texts[0]):
        texts[0] = texts[0].removeprefix(begins.text)
    pairs = zip(segments, styled(texts), strict=True)
    return Line(tuple(_set(segment, pieces) for segment, pieces in pairs), begins)


def _set(segment: Segment, pieces: tuple[Piece, ...]) -> Segment:
    return replace(segment, text=plain(pieces), pieces=pieces)


def _with_marker(line: Line) -> tuple[Segment, ...]:
    if not line.marker:
        return line.segments
    first, *others = line.segments
    begins = f"{line.marker.number}. " if line.marker.number else "- "
    return (replace(first, text=begins + first.text), *others)


def _kind_of(line: Line) -> str:
    if not line.marker:
        return "text"
    return "numbers" if line.marker.number else "bullets"


def _unmarked(text: str) -> str:
    return re.sub(rf"\s*{MARK.pattern}", "", text, flags=re.IGNORECASE)


def _segments(
    text: str, citations: Sequence[Citation], readable: dict[int, Source]
) -> list[Segment]:
    spans: dict[tuple[int, int], list[Citation]] = {}
    for citation in citations:
        spans.setdefault((citation.sentence_start, citation.sentence_end), []).append(citation)
    segments, at = [], 0
    for (start, end), found in sorted(spans.items()):
        segments.append(Segment(_unmarked(text[at:start])))
        segments.append(
            Segment(_unmarked(text[start:end]).rstrip(), found[0].support, _views(found, readable))
        )
        at = end
    segments.append(Segment(_unmarked(text[at:])))
    return [segment for segment in segments if segment.text]


def _views(citations: Sequence[Citation], readable: dict[int, Source]) -> tuple[CitationView, ...]:
    return tuple(
        _view(citation, readable[citation.source.n])
        for citation in citations
        if citation.source and citation.source.n in readable
    )


def _view(citation: Citation, source: Source) -> CitationView:
    assert source.chunk is not None  # noqa: S101 (readable_sources keeps only those with one)
    passage = passage_of(source.chunk, source.score)
    return CitationView(
        n=source.n,
        chunk=passage.chunk,
        document=passage.document,
        document_name=passage.document_name,
        heading=passage.heading,
        page_label=passage.page_label,
        quote_start=citation.quote_start,
        quote_end=citation.quote_end,
        quote=passage.text[citation.quote_start : citation.quote_end],
    )
