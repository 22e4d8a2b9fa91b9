"""The shapes of the API of golden questions and runs."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.db.models import Count, prefetch_related_objects
from ninja import Field, Schema

from accounts.models import User
from accounts.schemas import Line
from chat.retrieve import Mode
from evaluation.access import shown_answers
from evaluation.compare import Comparison
from evaluation.draft import Draft, draft_of
from evaluation.models import Question, QuestionSet, Result, Run
from evaluation.runs import summary_of

Text = Annotated[str, Field(max_length=20_000)]
Collections = Annotated[list[UUID], Field(min_length=1, max_length=1_000)]
Kind = Literal["retrieval", "answers"]


class FeedbackOut(Schema):
    """`reasons`: by code, of the answers that were not helpful."""

    helpful: int
    unhelpful: int
    reasons: dict[str, int]


class SetIn(Schema):
    name: Line
    collections: Collections


class SetPatch(Schema):
    name: Line | None = None
    collections: Collections | None = None


class SetOut(Schema):
    id: UUID
    name: str
    collections: list[UUID]
    questions: int = Field(description="Accepted ones: those that runs ask")
    suggested: int
    created_at: datetime


class Turn(Schema):
    role: Literal["user", "assistant"]
    content: Text


class Evidence(Schema):
    file: str = Field(max_length=1_300, description="Path and name; the end of the path is enough")
    page_or_section: Text = ""
    quote: Text = Field("", description="Empty: the document alone is meant")


class QuestionIn(Schema):
    key: Line = Field("", description="Empty: made from the words")
    type: Literal["fact", "table", "multi-hop", "follow-up", "unanswerable"] = "fact"
    language: str = Field("en", max_length=8)
    question: Text
    history: list[Turn] = Field(default_factory=list, max_length=20)
    answer: Text = ""
    answerable: bool | None = Field(None, description="By default: unless `type` is unanswerable")
    evidence: list[Evidence] = Field(default_factory=list, max_length=20)
    also_in: list[Text] = Field(default_factory=list, max_length=20)
    must_contain: list[Text] = Field(default_factory=list, max_length=20)

    def draft(self) -> Draft:
        values = self.dict()
        if values["answerable"] is None:
            values["answerable"] = self.type != "unanswerable"
        return Draft(**values)


class QuestionOut(Schema):
    id: UUID
    key: str
    type: str
    language: str
    question: str
    history: list[dict[str, str]]
    answer: str
    answerable: bool
    evidence: list[dict[str, str]]
    also_in: list[str]
    must_contain: list[str]
    state: Literal["suggested", "accepted"]
    created_at: datetime
    changed_at: datetime


class ImportedOut(Schema):
    created: int
    updated: int
    unchanged: int
    ignored: list[str] = Field(description="Fields that nobody knows")


class RunIn(Schema):
    kind: Kind = "retrieval"
    label: Line = ""
    index: UUID | None = Field(None, description="One that is built beside the one in use")
    model: str = Field("", max_length=150)
    mode: Mode = Field("hybrid", description="Of finding: a part of the search, as a control")
    assistant: UUID | None = Field(None, description="Of answering: what the questions are put to")


class RunOut(Schema):
    id: UUID
    set: UUID
    kind: Kind
    label: str
    status: Literal["queued", "running", "done", "failed", "stopped"]
    done: int
    total: int
    index: UUID | None
    config: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: dict[str, str] | None


class RunDetail(RunOut):
    scores: dict[str, Any] = Field(description="By group; of a run at work as far as it is")


class ResultOut(Schema):
    id: UUID
    key: str
    type: str
    language: str
    question: UUID | None
    status: Literal["scored", "unscored", "no-document", "failed"]
    scores: dict[str, bool]
    ms: int | None
    confidence: float | None = Field(
        description="Of an answer, 0 to 1: below the threshold it is refused"
    )
    passages: list[dict[str, Any]]
    answer: str
    error: str


class DifferenceOut(Schema):
    name: str
    a: float
    b: float
    difference: float
    n: int
    won: int
    lost: int
    p: float = Field(description="McNemar's exact test: how likely by chance alone")


class PairOut(Schema):
    key: str
    type: str
    language: str
    question: str
    a: dict[str, bool]
    b: dict[str, bool]
    won: list[str]
    lost: list[str]
    result_a: UUID
    result_b: UUID


class ChangedOut(Schema):
    name: str
    a: Any
    b: Any


class ComparisonOut(Schema):
    a: UUID
    b: UUID
    scores: list[DifferenceOut]
    questions: list[PairOut]
    config: list[ChangedOut]
    only_a: int
    only_b: int
    changed: int


def set_out(found: QuestionSet) -> dict[str, Any]:
    [out] = sets_out([found])
    return out


def sets_out(found: Sequence[QuestionSet]) -> list[dict[str, Any]]:
    """As SetOut has them, in three queries."""
    prefetch_related_objects(found, "collections")
    states = Question.objects.filter(set__in=found).order_by().values_list("set", "state")
    counted = {(pk, state): count for pk, state, count in states.annotate(Count("pk"))}
    return [
        {
            "id": each.pk,
            "name": each.name,
            "collections": [collection.pk for collection in each.collections.all()],
            "questions": counted.get((each.pk, Question.State.ACCEPTED), 0),
            "suggested": counted.get((each.pk, Question.State.SUGGESTED), 0),
            "created_at": each.created_at,
        }
        for each in found
    ]


def question_out(question: Question) -> dict[str, Any]:
    about = ("id", "state", "created_at", "changed_at")
    return asdict(draft_of(question)) | {name: getattr(question, name) for name in about}


def run_out(run: Run) -> dict[str, Any]:
    names = (
        "id", "kind", "label", "status", "done", "total", "config", "created_at", "started_at",
        "finished_at",
    )  # fmt: skip
    error = {"code": run.error_code, "detail": run.reason} if run.error_code else None
    ids = {"set": run.set_id, "index": run.index_id}
    return {name: getattr(run, name) for name in names} | ids | {"error": error}


def run_detail(run: Run) -> dict[str, Any]:
    return {**run_out(run), "scores": summary_of(run)}


def results_out(user: User, results: Sequence[Result]) -> list[dict[str, Any]]:
    """As ResultOut has them, with the answers that `user` may read."""
    names = ("id", "key", "type", "language", "status", "scores", "ms", "confidence", "passages")
    answers = shown_answers(user, results)
    return [
        {name: getattr(each, name) for name in names}
        | {"question": each.question_id, "answer": answers[each.pk], "error": each.error_code}
        for each in results
    ]


def comparison_out(found: Comparison) -> dict[str, Any]:
    return {
        "a": found.a.pk,
        "b": found.b.pk,
        "scores": [{**asdict(each), "difference": each.difference} for each in found.scores],
        "questions": [asdict(each) for each in found.questions],
        "config": [asdict(each) for each in found.config],
        "only_a": found.only_a,
        "only_b": found.only_b,
        "changed": found.changed,
    }
