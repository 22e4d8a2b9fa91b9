"""A source as it is looked at: its page with the quoted words marked, or its section as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import Http404
from django.urls import reverse

from accounts.models import User
from audit.problems import Problem
from chat.found import Part, parts
from chat.marks import Segment
from chat.models import Message, Share
from chat.passages import Passage, passage_of
from chat.reads import record_read
from chat.replay import readable_sources
from chat.share_reading import get_open_answer
from ingest import page_views
from ingest.access import chunks_for
from ingest.models import Chunk, Document
from ingest.parsers import view
from ingest.parsers.base import Block
from ingest.parsers.letters import Span
from ingest.parsers.view import Look
from ingest.parsers.viewing import Looked
from ingest.places import place
from ingest.reads import record_text
from ingest.sections import Section, section_of

#: Characters of one block that are shown; a table may have millions.
MOST_CHARS = 8_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A block of the section: its parts with marked words. `level`: of a heading, from 3."""

    kind: str
    level: int
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page that is shown as a picture, `width` by `height` pixels. `top`: where its first marked words
    are, as a share of its height."""

    page: int
    name: str
    width: int
    height: int
    marked: bool
    top: float


@dataclass(frozen=True, slots=True)
class Step:
    """Another citation of the same answer."""

    n: int
    address: str


@dataclass(frozen=True, slots=True)
class View:
    """What the viewer shows of one passage. `span`: the quoted characters, "a-b", or "".

    `n` and `answer` are of a source of an answer. `note` says why there is no picture of the page;
    `later`: it takes a while and is to be asked for. `spoken`: the words are notes, which no slide shows.
    """

    passage: Passage
    document: Document
    span: str
    quote: str
    leaves: tuple[Leaf, ...]
    pieces: tuple[Piece, ...]
    note: str = ""
    later: bool = False
    spoken: bool = False
    sure: int | None = None
    n: int = 0
    answer: UUID | None = None
    #: The address of the page with the answer.
    back: str = ""
    before: Step | None = None
    after: Step | None = None


def view_source(user: User, answer: UUID, n: int, span: Span, *, wait: bool = True) -> View:
    """Source `n` of an answer that `user` may look at, the characters `span` of its passage marked.

    `wait`: for the picture of its page, where that takes a while (slides).
    Raises Http404 where there is none that `user` may read now. What is shown is recorded.
    """
    message, share = get_open_answer(user, answer)
    sources = readable_sources(user, message)
    chunk = sources[n].chunk if n in sources else None
    if chunk is None:
        raise Http404
    record_read(user, [message], {chunk.pk: chunk})
    before, after = _steps(message, set(sources), n, span)
    about = {"n": n, "answer": answer, "back": _page_of(message, share), "wait": wait}
    return _view(user, chunk, span, before=before, after=after, **about)


def _page_of(answer: Message, share: Share | None) -> str:
    if share:
        return reverse("chat:shared", args=[share.pk])
    return reverse("chat:conversation", args=[answer.conversation_id])


def view_passage(user: User, pk: UUID, span: Span, *, wait: bool = True) -> View:
    """A passage by itself; `wait` as of view_source(). That it is shown is recorded.

    Raises Http404 where `user` may not read it.
    """
    return _view(user, _chunk(user, pk), span, wait=wait)


def marks(
    user: User, pk: UUID, page: int, span: Span
) -> tuple[tuple[float, float], Sequence[view.Share]]:
    """The size of a page and the boxes of the words on it; none where they are not there.

    Raises Http404 where `user` may not read the passage.
    """
    chunk = _chunk(user, pk)
    looked = placed(chunk, section_of(chunk, *span))
    if not isinstance(looked, Looked) or page not in looked.boxes:
        return (1.0, 1.0), ()
    return looked.sizes.get(page, (1.0, 1.0)), looked.boxes[page]


def _chunk(user: User, pk: UUID) -> Chunk:
    found = chunks_for(user).filter(pk=pk).select_related("document__collection").defer("vector")
    if (chunk := found.first()) is None:
        raise Http404
    return chunk


def _view(user: User, chunk: Chunk, span: Span, *, wait: object = True, **more: object) -> View:
    passage = passage_of(chunk, 0.0)
    record_text(user, chunk.document)
    section = section_of(chunk, *span)
    quote = chunk.text[slice(*span)]
    later = not wait and page_views.draws(chunk.document) and not page_views.at_once(chunk.document)
    looked = "" if later else placed(chunk, section)
    return View(
        passage=passage,
        document=chunk.document,
        span=f"{span[0]}-{span[1]}" if quote else "",
        quote=quote,
        leaves=tuple(_leaves(chunk.document, looked)) if isinstance(looked, Looked) else (),
        pieces=tuple(_pieces(section)),
        note="" if isinstance(looked, Looked) else looked,
        later=later,
        spoken=_spoken(section),
        sure=None if chunk.confidence is None else round(chunk.confidence * 100),
        **more,  # type: ignore[arg-type]
    )


def placed(chunk: Chunk, section: Section) -> Looked | str:
    """Where the words of a section stand on the pages of their document; else why that cannot be said:
    "" where its kind has no pages to be drawn."""
    if not page_views.draws(chunk.document):
        return ""
    words = section.words
    asked = Look(section.pages, (words.said, words.before, words.after), section.seen)
    try:
        return page_views.look(chunk.document, asked)
    except Problem as problem:
        return str(problem.detail)


def _spoken(section: Section) -> bool:
    held = [
        block
        for block in section.blocks
        if any(start < block.end and end > block.start for start, end in section.spans)
    ]
    return bool(held) and all(block.kind == "note" for block in held)


def _leaves(document: Document, looked: Looked) -> Iterator[Leaf]:
    for page in sorted(looked.boxes) or [looked.page]:
        width, height = looked.sizes.get(page, (1.0, 1.0))
        boxes = looked.boxes.get(page, ())
        yield Leaf(
            page=page,
            name=place(document, page),
            width=page_views.WIDTH,
            height=max(1, round(page_views.WIDTH * height / width)),
            marked=bool(boxes),
            top=round(min((box[1] for box in boxes), default=0.0), 4),
        )


# --- the text -----------------------------------------------------------------------------------
def _pieces(section: Section) -> Iterator[Piece]:
    for block in section.blocks:
        segments = _segments(block, section.spans)
        prose: list[Part] = [Part(segments, [])]
        shown = list(parts(segments)) if block.kind == "table" else prose
        yield Piece(block.kind, min(max(block.level, 1), 4) + 2, shown)


def _segments(block: Block, spans: Sequence[Span]) -> list[Segment]:
    """A block's text cut at the marked words; of a long one, the lines around them."""
    within = sorted(
        (max(0, start - block.start), min(len(block.text), end - block.start))
        for start, end in spans
        if start < block.end and end > block.start
    )
    first, last = _window(block.text, within[0][0] if within else 0)
    pieces, at = [Segment("…\n", False)] if first else [], first
    for start, end in within:
        start, end = max(start, at), min(end, last)
        if start < end:
            pieces += [Segment(block.text[at:start], False), *_by_cell(block.text[start:end])]
            at = end
    pieces += [Segment(block.text[at:last], False)]
    pieces += [Segment("\n…", False)] if last < len(block.text) else []
    return [piece for piece in pieces if piece.text]


def _by_cell(text: str) -> Iterator[Segment]:
    """Marked words end with their cell and their line, which are cut where nothing is marked."""
    for i, line in enumerate(text.split("\n")):
        if i:
            yield Segment("\n", False)
        for j, cell in enumerate(line.split(" | ")):
            if j:
                yield Segment(" | ", False)
            yield Segment(cell, True)


def _window(text: str, at: int) -> Span:
    if len(text) <= MOST_CHARS:
        return 0, len(text)
    first = max(0, at - MOST_CHARS // 4)
    first = text.rfind("\n", 0, first) + 1 if first else 0
    return max(first, at - MOST_CHARS // 2), min(len(text), at + 3 * MOST_CHARS // 4)


# --- the next one -------------------------------------------------------------------------------
def address(answer: UUID, n: int, span: Span = (0, 0)) -> str:
    """Where source `n` of an answer is looked at, with the words that are marked."""
    path = reverse("chat:source", args=[answer, n])
    return f"{path}?quote={span[0]}-{span[1]}" if span[1] > span[0] else path


def _steps(
    message: Message, readable: set[int], n: int, span: Span
) -> tuple[Step | None, Step | None]:
    """What comes before and after this one: the citations, then the sources that are not cited (yet)."""
    cited = _cited(message, readable)
    rest = sorted(readable - {each for each, _ in cited})
    order = [*cited, *((each, (0, 0)) for each in rest)]
    here = next((i for i, one in enumerate(order) if one == (n, span)), None)
    if here is None:
        here = next((i for i, one in enumerate(order) if one[0] == n), None)
    if here is None:
        return None, None
    steps = [Step(each, address(message.pk, each, words)) for each, words in order]
    return (steps[here - 1] if here else None), (steps[here + 1] if here + 1 < len(steps) else None)


def _cited(message: Message, readable: set[int]) -> list[tuple[int, Span]]:
    """Each citation of the answer once, in the order of its sentences."""
    rows = message.citations.filter(source__isnull=False).select_related("source")
    found = [
        (row.source.n, (row.quote_start, row.quote_end))
        for row in rows
        if row.source and row.source.n in readable
    ]
    return list(dict.fromkeys(found))
