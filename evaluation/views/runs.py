"""Runs: started, watched, stopped, read question by question."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRefresh

from accounts.http import admin_required
from audit.problems import Problem
from chat.assistant_access import usable
from evaluation import charts, words
from evaluation.access import get_run, get_set
from evaluation.curve import Told
from evaluation.forms import RunForm
from evaluation.markdown import run_as_markdown
from evaluation.models import Question, QuestionSet, Result, Run
from evaluation.reads import record_export, rested_on
from evaluation.runs import delete_run, start_run, stop_run, summary_of
from evaluation.schemas import results_out, run_detail
from evaluation.views.results import table
from inference.client import get_client
from inference.protocol import ModelsUnavailable
from ingest.pages import PageRequest, confirm, page_or_fragment

#: Of the settings, what says nothing to people.
UNTOLD = ("index", "collections", "assistant_id")
#: The page of a run at work counts all its results each time: for so many it waits a second longer.
PACE = 500


@require_http_methods(["GET", "POST"])
@admin_required
def start(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_set(request.user, pk)
    posted = request.POST if request.method == "POST" else None
    form = RunForm(
        _models(), _assistants(request), posted, initial={"index": request.GET.get("index")}
    )
    if form.is_valid():
        try:
            run = start_run(request.user, found, **form.wanted)
        except Problem as problem:
            form.add_error(None, str(problem.detail))
        else:
            return redirect("evaluation:run", pk=run.pk)
    context = {"form": form, "set": found, "size": _size(found)}
    status = 422 if form.errors else 200
    page, fragment = "evaluation/start.html", "evaluation/_start.html"
    return page_or_fragment(request, page, fragment, context, status=status)


def _size(found: QuestionSet) -> int:
    return found.questions.filter(state=Question.State.ACCEPTED).count()


def _models() -> list[str]:
    try:
        return [model.name for model in get_client().models()]
    except ModelsUnavailable:
        return []


def _assistants(request: PageRequest) -> list[tuple[str, str]]:
    return [(str(pk), name) for pk, name in usable(request.user).values_list("pk", "name")]


@require_GET
@admin_required
def run(request: PageRequest, pk: UUID) -> HttpResponse:
    """How far it is, its scores and its questions; htmx gets what changes while it works.

    When it is over the page is loaded anew: its drawings cannot come as a part of a page.
    """
    found = get_run(request.user, pk)
    if request.htmx and found.over:
        return HttpResponseClientRefresh()
    context = shown(found, request.GET.get("score", ""))
    if not request.htmx:
        context |= table(request, found) | {"others": others(found), "curve": refusing(found)}
    return page_or_fragment(request, "evaluation/run.html", "evaluation/_run.html", context)


def shown(found: Run, wanted: str = "") -> dict[str, Any]:
    """A run's scores for its page; `wanted` is the one shown by type and language."""
    summary = summary_of(found)
    everything = summary.get("all") or {}
    names = list(everything.get("scores", {}))
    name = wanted if wanted in names else words.main(found.kind, names)
    return {
        "run": found,
        "set": found.set,
        "all": everything,
        "missing": everything.get("no-document", 0),
        "scores": charts.scores(summary),
        "score": name,
        "score_words": words.score(name) if name else "",
        "choices": [(each, words.score(each)) for each in names],
        "groups": charts.groups(summary, name) if name else [],
        "config": config(found),
        "pause": 1 + found.done // PACE,
        "share": found.done / found.total if found.total else 0,
    }


def refusing(found: Run) -> charts.Curve | None:
    """What other thresholds would have done; None of a run that is at work or tells nothing of it."""
    threshold = found.config.get("abstain_below")
    if not found.over or threshold is None:
        return None
    rows = found.results.filter(status=Result.Status.SCORED)
    told = [
        Told("refused answerable" in scores, confidence)
        for scores, confidence in rows.values_list("scores", "confidence")
        if confidence is not None
    ]
    return charts.refusing(told, threshold)


def config(found: Run) -> list[tuple[str, Any]]:
    """What made the scores, in words."""
    told = {key: value for key, value in found.config.items() if key not in UNTOLD}
    return [(words.setting(key), words.value(key, value)) for key, value in told.items()]


def others(found: Run) -> list[Run]:
    """Runs that it may be compared with, the newest first."""
    alike = Run.objects.filter(set=found.set_id, kind=found.kind, status=Run.Status.DONE)
    return list(alike.exclude(pk=found.pk)[:50])


@require_POST
@admin_required
def stop(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_run(request.user, pk)
    stop_run(request.user, found)
    found = get_run(request.user, pk)
    if not request.htmx:
        return redirect("evaluation:run", pk=pk)
    if found.over:
        return HttpResponseClientRefresh()
    return render(request, "evaluation/_run.html", shown(found))


@require_http_methods(["GET", "POST"])
@admin_required
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_run(request.user, pk)
    if request.method == "POST":
        try:
            delete_run(request.user, found)
        except Problem as problem:
            messages.error(request, str(problem.detail))
            return redirect("evaluation:run", pk=pk)
        messages.success(request, _("The run is deleted."))
        return redirect("evaluation:set", pk=found.set_id)
    return confirm(
        request,
        title=_("Delete this run?"),
        text=_("Its scores and results will be gone; the questions stay."),
        action=reverse("evaluation:run-delete", args=[pk]),
        button=_("Delete the run"),
        back=reverse("evaluation:run", args=[pk]),
    )


@require_GET
@admin_required
def file(request: PageRequest, pk: UUID) -> HttpResponse:
    """The scores as a file: `?form=md` to read, else JSON with each question's result."""
    found = get_run(request.user, pk)
    form, kind = "json", "application/json"
    if request.GET.get("form") == "md":
        form, kind = "md", "text/markdown"
        text = run_as_markdown(found, summary_of(found))
        record_export(request.user, found, form, ())
    else:
        text = json.dumps(_content(request, found), cls=DjangoJSONEncoder, ensure_ascii=False)
    name = slugify(f"{found.set.name}-{found.label}-{found.created_at:%Y-%m-%d}") or "run"
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return HttpResponse(text, content_type=f"{kind}; charset=utf-8", headers=headers)


def _content(request: PageRequest, found: Run) -> dict[str, Any]:
    results = list(found.results.all())
    told = results_out(request.user, results)
    shown = rested_on(results, (each["id"] for each in told if each["answer"]))
    record_export(request.user, found, "json", shown)
    return {"run": run_detail(found), "results": told}
