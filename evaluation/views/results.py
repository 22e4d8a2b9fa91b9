"""What each question came to: the table of a run, and one of them with the passages found."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.http import admin_required
from evaluation import words
from evaluation.access import get_result, get_run, shown_answer, shown_passages
from evaluation.forms import ResultsForm
from evaluation.measures import FAULTS
from evaluation.models import Question, Result, Run
from evaluation.reads import record_read
from evaluation.scores import holds
from ingest.models import Chunk
from ingest.pages import PageRequest, page_or_fragment

PAGE = 50
#: The scores that the table has a column for.
COLUMNS = {
    Run.Kind.RETRIEVAL: ("strict@5", "strict@10", "file@5"),
    Run.Kind.ANSWERS: ("correct", "right", "in context", "refused unanswerable"),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One score of a question. `good` None: it does not apply to the question."""

    words: str
    good: bool | None


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage that was found, with which of the evidence quotes it holds.

    `chunk` None: it is gone, or not the viewer's to read.
    """

    rank: int
    scores: list[tuple[str, Any]]
    chunk: Chunk | None
    holds: list[int]


@require_GET
@admin_required
def results(request: PageRequest, pk: UUID) -> HttpResponse:
    """A run's questions, filtered: the fragment, or for a browser without scripts the run's page."""
    found = get_run(request.user, pk)
    return render(request, "evaluation/_results.html", table(request, found) | {"run": found})


def table(request: PageRequest, found: Run) -> dict[str, Any]:
    form = ResultsForm(request.GET)
    form.is_valid()
    wanted = filtered(found, form).select_related("question")
    page = Paginator(wanted, PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    columns = COLUMNS[Run.Kind(found.kind)]
    there = found.results.order_by("language").values_list("language", flat=True).distinct()
    return {
        "form": form,
        "page": page,
        "rows": [(each, [mark(each, name, short=True) for name in columns]) for each in page],
        "columns": [words.short(name) for name in columns],
        "query": query.urlencode(),
        "languages": there,
        "types": Question.Type.choices,
    }


def filtered(found: Run, form: ResultsForm) -> QuerySet[Result]:
    """What the form asks for; a part of it that makes no sense asks for nothing."""
    asked = {name: form.cleaned_data.get(name) or "" for name in form.fields}
    results = found.results.order_by("ordinal")
    if asked["q"].strip():
        text = asked["q"].strip()
        results = results.filter(Q(key__icontains=text) | Q(question__question__icontains=text))
    for name in ("type", "language"):
        if asked[name]:
            results = results.filter(**{name: asked[name]})
    return results.filter(lost(Run.Kind(found.kind))) if asked["show"] == "lost" else results


def lost(kind: Run.Kind) -> Q:
    """What a run did not get right: no result, no document, or a main score that is missed."""
    missed = Q(status__in=[Result.Status.FAILED, Result.Status.NO_DOCUMENT])
    for name in (
        ("strict@5",) if kind == Run.Kind.RETRIEVAL else ("correct", "refused unanswerable")
    ):
        missed |= Q(**{f"scores__{name}": False})
    return missed


def mark(found: Result, name: str, *, short: bool = False) -> Mark:
    held = found.scores.get(name)
    good = None if held is None else bool(held) != (name in FAULTS)
    return Mark(words.short(name) if short else words.score(name), good)


@require_GET
@admin_required
def result(request: PageRequest, pk: UUID) -> HttpResponse:
    """One question of one run: what was wanted, what was found."""
    found = get_result(request.user, pk)
    quotes = [part["quote"] for part in found.question.evidence] if found.question else []
    shown = shown_passages(request.user, found)
    record_read(request.user, found.run, (chunk.document_id for _said, chunk in shown if chunk))
    context = {
        "result": found,
        "run": found.run,
        "set": found.run.set,
        "question": found.question,
        "changed": found.question is not None and found.question.digest != found.digest,
        "marks": [mark(found, name) for name in found.scores],
        "passages": [_passage(said, chunk, quotes) for said, chunk in shown],
        "answer": shown_answer(request.user, found),
        **_neighbours(found),
    }
    return page_or_fragment(request, "evaluation/result.html", "evaluation/result.html", context)


def _passage(said: dict[str, Any], chunk: Chunk | None, quotes: list[str]) -> Passage:
    scores = said.get("scores") or {"score": said.get("score")}
    rounded = [(name, value) for name, value in scores.items() if value is not None]
    held = [n for n, quote in enumerate(quotes, 1) if chunk and quote and holds(chunk.text, quote)]
    return Passage(said["rank"], rounded, chunk, held)


def _neighbours(found: Result) -> dict[str, Any]:
    around = found.run.results
    return {
        "previous": around.filter(ordinal__lt=found.ordinal).order_by("-ordinal").first(),
        "following": around.filter(ordinal__gt=found.ordinal).order_by("ordinal").first(),
    }
