"""What the API of asking takes and gives."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import BeforeValidator, model_validator

from chat.models import Conversation
from chat.passages import Passage
from ingest.filters import Filters, Kind

Collections = Annotated[list[UUID] | None, Field(max_length=1_000)]


class HistoryTurn(Schema):
    role: Literal["user", "assistant"]
    content: str = Field(max_length=20_000)


class FiltersIn(Schema):
    """What of the documents to look at; what is left out narrows nothing. Days are both included."""

    documents: list[UUID] = Field(default_factory=list, max_length=1_000)
    kinds: list[Kind] = Field(default_factory=list, max_length=20)
    languages: list[Annotated[str, Field(pattern="^[a-z]{2,3}$")]] = Field(
        default_factory=list, max_length=50
    )
    since: date | None = None
    until: date | None = None

    @model_validator(mode="after")
    def in_order(self) -> "FiltersIn":
        if self.since and self.until and self.since > self.until:
            raise ValueError("since is after until")
        return self

    def chosen(self) -> Filters:
        return Filters(
            documents=frozenset(self.documents),
            kinds=frozenset(self.kinds),
            languages=frozenset(self.languages),
            since=self.since,
            until=self.until,
        )


def _known_filters(value: object) -> object:
    """A part that is not known would narrow nothing, and nobody would notice."""
    if isinstance(value, FiltersIn):
        return value
    if not isinstance(value, dict) or set(value) - set(FiltersIn.model_fields):
        raise ValueError(f"an object with {', '.join(FiltersIn.model_fields)} and nothing else")
    return value


Narrowed = Annotated[FiltersIn, BeforeValidator(_known_filters)]


class AnswerIn(Schema):
    """`conversation` goes on with a stored one; `history` brings the turns along instead.

    `instead_of`: an answer in whose place the question is asked anew, or in other words. `assistant`
    left out: that of the conversation; null: none. `temperature` null or left out: the assistant's, or 0.
    """

    question: str
    collections: Collections = None
    conversation: UUID | None = None
    history: list[HistoryTurn] = Field(default_factory=list, max_length=50)
    assistant: UUID | None = None
    model: str = ""
    store: bool = True
    stream: bool = True
    max_tokens: int = Field(0, ge=0, le=4_096)
    temperature: float | None = Field(None, ge=0.0, le=2.0)
    filters: Narrowed = Field(default_factory=FiltersIn)
    instead_of: UUID | None = None

    @model_validator(mode="after")
    def in_one_place(self) -> "AnswerIn":
        if self.instead_of and (self.conversation or self.history or not self.store):
            raise ValueError("instead_of goes without conversation, history and store: false")
        return self


class DocumentRef(Schema):
    id: UUID
    name: str
    collection: UUID


class SourceOut(Schema):
    n: int
    text: str
    heading: str
    page: int | None
    page_label: str
    score: float
    chunk: UUID
    document: DocumentRef


class CitationOut(Schema):
    sentence: tuple[int, int]
    n: int
    quote: tuple[int, int]
    page: int | None
    support: Literal["verified", "likely", "none"]


class StatementOut(Schema):
    n: int
    quote: tuple[int, int]


class ConflictOut(StatementOut):
    sentence: tuple[int, int]
    other: StatementOut
    newer: int | None
    by: Literal["dated", "version", "added"] | None


class ErrorOut(Schema):
    code: str
    detail: str


class ListedOut(Schema):
    name: str
    amount: float


class CostOut(Schema):
    """Of one answer. `api`: what each list price comes to for the same tokens."""

    currency: str
    electricity: float | None
    api: list[ListedOut]


class AnswerOut(Schema):
    answer: str
    conversation: str
    model: str
    assistant: str
    condensed: str
    named: list[DocumentRef]
    passages: list[SourceOut]
    text: str
    citations: list[CitationOut]
    conflicts: list[ConflictOut]
    status: Literal["complete", "stopped", "abstained", "failed"]
    tokens: dict[str, int]
    ms: dict[str, int]
    confidence: float | None = None
    energy_wh: float | None = None
    energy_by: Literal["rapl", "nvml", "rapl+nvml", "setting"] | None = None
    cost: CostOut | None = None
    error: ErrorOut | None


class SearchIn(Schema):
    query: str
    collections: Collections = None
    k: int = Field(10, ge=1, le=100)
    mode: Literal["hybrid", "fused", "dense", "lexical"] = "hybrid"
    filters: Narrowed = Field(default_factory=FiltersIn)


class PassageOut(Schema):
    rank: int
    score: float
    scores: dict[str, float]
    text: str
    heading: str
    page: int | None
    page_label: str
    chunk: UUID
    document: DocumentRef


class SearchOut(Schema):
    passages: list[PassageOut]
    ms: dict[str, int]


class SpeedOut(Schema):
    """Tokens a second, measured on this machine; 0: not measured yet."""

    prompt: float
    completion: float


class ModelOut(Schema):
    name: str
    engine: str
    family: str
    sha256: str
    licence: str
    bytes: int
    context: int
    speed: SpeedOut


class FeedbackIn(Schema):
    rating: Literal[1, -1]
    reason: Literal[
        "", "wrong", "incomplete", "not-in-source", "wrong-document", "too-long", "other"
    ] = ""
    comment: str = Field("", max_length=500)


class ConversationIn(Schema):
    title: str = Field(min_length=1, max_length=200)


class ConversationOut(Schema):
    id: UUID
    title: str
    #: What the next question is put to.
    assistant: UUID | None
    created_at: datetime
    updated_at: datetime


class MessageOut(Schema):
    id: UUID
    role: Literal["user", "assistant"]
    status: str
    text: str
    model: str
    #: What that was called to which it was put.
    assistant: str
    created_at: datetime
    #: The message that it goes on from; several after one are variants. `shown`: on the page.
    after: UUID | None
    shown: bool
    error: ErrorOut | None
    passages: list[SourceOut]
    citations: list[CitationOut]
    conflicts: list[ConflictOut]


class ConversationDetail(ConversationOut):
    messages: list[MessageOut]


def passage_out(rank: int, passage: Passage) -> dict[str, Any]:
    return {
        "rank": rank,
        "score": passage.score,
        "scores": dict(passage.scores),
        "text": passage.text,
        "heading": passage.heading,
        "page": passage.page,
        "page_label": passage.page_label,
        "chunk": passage.chunk,
        "document": {
            "id": passage.document,
            "name": passage.document_name,
            "collection": passage.collection,
        },
    }


def conversation_out(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.pk,
        "title": conversation.title,
        "assistant": conversation.assistant_id,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
    }
