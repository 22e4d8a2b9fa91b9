"""Sets of golden questions: their list, one with its questions, import and export."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from accounts.http import admin_required
from audit.problems import Problem
from chat.feedback import counts
from chat.models import Feedback
from evaluation import charts
from evaluation.access import get_set, sets_for
from evaluation.exports import FORMS
from evaluation.forms import FilterForm, ImportForm, SetForm
from evaluation.imports import MOST_BYTES, Imported, ImportRefused, import_questions
from evaluation.models import Question, QuestionSet, Run
from evaluation.questions import record_export
from evaluation.sets import change_set, create_set, delete_set
from ingest.pages import PageRequest, confirm, page_or_fragment

PAGE = 50
#: Runs that a set's page lists.
LISTED = 20
FINISHED = "finished_runs"
ACCEPTED = Q(questions__state=Question.State.ACCEPTED)


@require_GET
@admin_required
def sets(request: PageRequest) -> HttpResponse:
    """Every set that the person may see, with what its last run came to."""
    finished = Run.objects.filter(status=Run.Status.DONE)[: 2 * charts.POINTS]
    found = (
        sets_for(request.user)
        .annotate(size=Count("questions", filter=ACCEPTED))
        .prefetch_related("collections", Prefetch("runs", finished, FINISHED))
    )
    page = Paginator(found.order_by("name", "id"), PAGE).get_page(request.GET.get("page"))
    rows = [(each, *_last(getattr(each, FINISHED))) for each in page]
    context = {"page": page, "rows": rows, "feedback": _feedback()}
    return render(request, "evaluation/sets.html", context)


def _feedback() -> dict[str, Any]:
    found = counts()
    labels = dict(Feedback.Reason.choices)
    reasons = [(labels[reason], count) for reason, count in found.reasons.items() if count]
    return {"helpful": found.helpful, "unhelpful": found.unhelpful, "reasons": reasons}


def _last(runs: list[Run]) -> tuple[Run | None, charts.Bar | None, charts.Line | None]:
    """The last run, its main score, and that of those like it before."""
    if not runs:
        return None, None, None
    alike = [run for run in runs if run.kind == runs[0].kind]
    return runs[0], charts.main_bar(runs[0]), charts.line(alike)


@require_http_methods(["GET", "POST"])
@admin_required
def new(request: PageRequest) -> HttpResponse:
    form = SetForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = create_set(request.user, **form.wanted)
        except Problem as problem:
            form.refuse(problem)
        else:
            messages.success(request, _("The set is there. Write or import its questions."))
            return redirect("evaluation:set", pk=made.pk)
    return _form(request, form, None)


@require_http_methods(["GET", "POST"])
@admin_required
def change(request: PageRequest, pk: UUID) -> HttpResponse:
    """Its name and what it is about."""
    found = get_set(request.user, pk)
    now = {"name": found.name, "collections": list(found.collections.values_list("pk", flat=True))}
    posted = request.POST if request.method == "POST" else None
    form = SetForm(request.user, posted, initial=now)
    if form.is_valid():
        try:
            change_set(request.user, found, **form.wanted)
        except Problem as problem:
            form.refuse(problem)
        else:
            messages.success(request, _("The changes are saved."))
            return redirect("evaluation:set", pk=pk)
    return _form(request, form, found)


def _form(request: PageRequest, form: SetForm, found: QuestionSet | None) -> HttpResponse:
    context = {"form": form, "set": found}
    status = 422 if form.errors else 200
    page, fragment = "evaluation/set_form.html", "evaluation/_set_form.html"
    return page_or_fragment(request, page, fragment, context, status=status)


@require_http_methods(["GET", "POST"])
@admin_required
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_set(request.user, pk)
    if request.method == "POST":
        try:
            delete_set(request.user, found)
        except Problem as problem:
            messages.error(request, str(problem.detail))
            return redirect("evaluation:set", pk=pk)
        messages.success(request, _("The set is deleted, with its questions and runs."))
        return redirect("evaluation:sets")
    said = {"name": found.name, "count": found.questions.count(), "runs": found.runs.count()}
    return confirm(
        request,
        title=_("Delete this set?"),
        text=_("“%(name)s”, its %(count)d questions and %(runs)d runs will be gone for good.")
        % said,
        action=reverse("evaluation:set-delete", args=[pk]),
        button=_("Delete the set"),
        back=reverse("evaluation:set", args=[pk]),
    )


@require_GET
@admin_required
def question_set(request: PageRequest, pk: UUID) -> HttpResponse:
    """Its questions; htmx gets the table alone, to filter."""
    found = get_set(request.user, pk)
    context = _table(request, found) | {"set": found}
    if not request.htmx:
        context |= _whole(found)
    return page_or_fragment(request, "evaluation/set.html", "evaluation/_questions.html", context)


def _table(request: PageRequest, found: QuestionSet) -> dict[str, Any]:
    form = FilterForm(request.GET)
    form.is_valid()
    page = Paginator(filtered(found.questions.all(), form), PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    counts = found.questions.aggregate(total=Count("pk"), waiting=Count("pk", filter=_WAITS))
    return {"form": form, "page": page, "query": query.urlencode(), **counts}


_WAITS = Q(state=Question.State.SUGGESTED)


def filtered(questions: QuerySet[Question], form: FilterForm) -> QuerySet[Question]:
    """Suggestions first; a part of the form that makes no sense asks for nothing."""
    asked = {name: form.cleaned_data.get(name) or "" for name in form.fields}
    if words := asked.pop("q").strip():
        questions = questions.filter(Q(question__icontains=words) | Q(key__icontains=words))
    wanted = {name: value for name, value in asked.items() if value}
    return questions.filter(**wanted).order_by("-state", "key", "id")


def _whole(found: QuestionSet) -> dict[str, Any]:
    """What stands around the table."""
    runs = list(found.runs.select_related("started_by", "index")[:LISTED])
    languages = found.questions.order_by("language").values_list("language", flat=True)
    return {
        "collections": found.collections.order_by("name"),
        "runs": [(run, charts.main_bar(run)) for run in runs],
        "working": any(not run.over for run in runs),
        "comparable": sum(run.status == Run.Status.DONE for run in runs) > 1,
        "languages": languages.distinct(),
        "types": Question.Type.choices,
        "states": Question.State.choices,
    }


@require_http_methods(["GET", "POST"])
@admin_required
def import_page(request: PageRequest, pk: UUID) -> HttpResponse:
    """Questions from a file: all of them, or none and what is wrong with each line."""
    found = get_set(request.user, pk)
    posted = request.method == "POST"
    form = ImportForm(request.POST, request.FILES) if posted else ImportForm()
    context: dict[str, Any] = {"form": form, "set": found}
    if form.is_valid():
        try:
            data = form.cleaned_data["file"].read(MOST_BYTES + 1)
            imported = import_questions(request.user, found, data, form.kind)
        except ImportRefused as refused:
            context["refused"] = refused
        except Problem as problem:
            form.add_error("file", str(problem.detail))
        else:
            messages.success(request, _said(imported))
            return redirect("evaluation:set", pk=pk)
    wrong = "refused" in context or form.errors
    return render(request, "evaluation/import.html", context, status=422 if wrong else 200)


def _said(imported: Imported) -> str:
    made = ngettext("%(n)d question is new", "%(n)d questions are new", imported.created)
    said = made % {"n": imported.created}
    rest = _("%(changed)d changed, %(same)d as they were.")
    told = f"{said}, {rest % {'changed': imported.updated, 'same': imported.unchanged}}"
    if imported.ignored:
        told += " " + _("Fields that are not known were left out: %(names)s.") % {
            "names": ", ".join(imported.ignored)
        }
    return told


@require_GET
@admin_required
def export(request: PageRequest, pk: UUID) -> HttpResponse:
    """All accepted questions as a file, `?form=jsonl|csv`, which the import takes again."""
    found = get_set(request.user, pk)
    form = request.GET.get("form", "")
    form = form if form in FORMS else "jsonl"
    write, kind = FORMS[form]
    text = write(record_export(request.user, found, form))
    name = f"{slugify(found.name) or 'questions'}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=kind, headers=headers)
