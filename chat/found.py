"""What a search found as its page shows it: marked words, tables, the place, and why it was found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from chat.marks import Segment, marked
from chat.passages import Passage
from chat.search import SearchResult
from inference.language import detect_language
from ingest.access import documents_for
from ingest.models import Document
from ingest.views.about import language as spoken

#: Between the cells of a table's row, as passages are cut (ingest/atoms.py).
CELLS = " | "
#: A line is a row of a table from so many cells on.
LEAST_CELLS = 2

Line = list[Segment]


@dataclass(frozen=True, slots=True)
class Bar:
    """One of the scores of a passage, 0 to 1, with what it measures."""

    name: str
    value: float

    @property
    def percent(self) -> int:
        return round(self.value * 100)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a passage: lines of prose, or the rows of a table."""

    prose: Line
    rows: list[list[Line]]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage of a search, in the words of its page."""

    rank: int
    passage: Passage
    collection_name: str
    folder: str
    day: date
    language: str
    parts: list[Part]
    bars: list[Bar]


def found_passages(user: User, query: str, result: SearchResult) -> list[Found]:
    """The passages of `result` that `user` may still read, ready to be shown."""
    wanted = {passage.document for passage in result.passages}
    readable = documents_for(user).filter(pk__in=wanted).select_related("collection")
    documents = {one.pk: one for one in readable.defer("page_labels", "metadata", "reading")}
    language = detect_language(query)
    return [
        _found(rank, passage, documents[passage.document], query, language)
        for rank, passage in enumerate(result.passages, 1)
        if passage.document in documents
    ]


def _found(rank: int, passage: Passage, document: Document, query: str, language: str) -> Found:
    text = _without_heading(passage)
    segments = marked(text, query, (language, passage.language))
    return Found(
        rank=rank,
        passage=passage,
        collection_name=document.collection.name,
        folder=document.path,
        day=document.dated or timezone.localdate(document.created_at),
        language=spoken(passage.language),
        parts=list(parts(segments)),
        bars=bars(passage),
    )


def _without_heading(passage: Passage) -> str:
    """The text; its heading, which stands above it, is not shown twice."""
    heading = passage.heading.rsplit(" › ", 1)[-1]
    rest = passage.text.removeprefix(heading)
    return rest.lstrip() if heading and rest.startswith("\n") and rest.strip() else passage.text


def parts(segments: Sequence[Segment]) -> Iterator[Part]:
    """A passage's lines; neighbouring ones that are rows become a table."""
    prose: Line = []
    rows: list[list[Line]] = []
    for line in _split(segments, "\n"):
        cells = _split(line, CELLS)
        if len(cells) >= LEAST_CELLS:
            if prose:
                yield Part(prose, [])
            prose = []
            rows.append(cells)
            continue
        if rows:
            yield Part([], rows)
        rows = []
        prose = [*prose, *([Segment("\n", False)] if prose else []), *line]
    yield Part(prose, rows)


def _split(segments: Sequence[Segment], mark: str) -> list[Line]:
    """Cut at `mark`; marked words hold none."""
    lines: list[Line] = [[]]
    for segment in segments:
        first, *others = [segment.text] if segment.marked else segment.text.split(mark)
        lines[-1].append(Segment(first, segment.marked))
        lines += [[Segment(text, False)] for text in others]
    return [[segment for segment in line if segment.text] for line in lines]


def bars(passage: Passage) -> list[Bar]:
    """The scores of a passage in plain words, each between 0 and 1."""
    names = {
        "dense": _("Near in meaning, as a whole"),
        "piece": _("Near in meaning, its best part"),
        "lexical": _("Words in common, rare ones count more"),
        "coverage": _("Share of the words that it has"),
        "named": _("Its document is named"),
        "rerank": _("Read against the words together"),
    }
    scores = passage.scores
    shown = [Bar(names[key], _unit(scores[key])) for key in names if key in scores]
    return [*shown, Bar(_("All together"), _unit(passage.score))]


def stages(ms: Mapping[str, int]) -> list[tuple[str, int]]:
    """Milliseconds by stage with what it does."""
    names = {
        "named": _("names"),
        "filter": _("filters"),
        "embed": _("reading the query"),
        "dense": _("meaning"),
        "lexical": _("words"),
        "access": _("rights"),
        "load": _("loading"),
        "rank": _("ranking"),
        "rerank": _("reading again"),
    }
    return [(names.get(stage, stage), took) for stage, took in ms.items()]


def _unit(score: float) -> float:
    return round(min(max(score, 0.0), 1.0), 3)
