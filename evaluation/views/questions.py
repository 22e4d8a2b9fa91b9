"""One golden question: written, changed, accepted, deleted; and one made from an answer."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.http import admin_required
from audit.problems import Problem
from chat.access import get_answer
from chat.models import Message
from evaluation.access import get_question, get_set
from evaluation.draft import Faulty, draft_of
from evaluation.forms import DraftForms
from evaluation.models import Question, QuestionSet
from evaluation.questions import accept, change_question, create_question, delete_question
from evaluation.suggestions import golden_from_answer, no_set, sets_covering, suggest
from ingest.pages import PageRequest, confirm, page_or_fragment


@require_http_methods(["GET", "POST"])
@admin_required
def new(request: PageRequest, pk: UUID) -> HttpResponse:
    found = get_set(request.user, pk)
    forms = DraftForms(request.POST if request.method == "POST" else None)
    if request.method == "POST" and _kept(request, forms, found, None):
        if "another" in request.POST:
            return redirect("evaluation:question-new", pk=pk)
        return redirect("evaluation:set", pk=pk)
    return _page(request, forms, found, None)


@require_http_methods(["GET", "POST"])
@admin_required
def question(request: PageRequest, pk: UUID) -> HttpResponse:
    """All fields; a suggestion is accepted with the same form."""
    found = get_question(request.user, pk)
    posted = request.POST if request.method == "POST" else None
    forms = DraftForms(posted, draft_of(found))
    if request.method == "POST" and _kept(request, forms, found.set, found):
        return redirect("evaluation:set", pk=found.set_id)
    return _page(request, forms, found.set, found)


def _kept(
    request: PageRequest, forms: DraftForms, question_set: QuestionSet, found: Question | None
) -> bool:
    """Whether it was saved; where not, the forms say why."""
    if not forms.is_valid():
        return False
    try:
        if found is None:
            create_question(request.user, question_set, forms.draft())
        else:
            changed = change_question(request.user, found, forms.draft())
            if "accept" in request.POST:
                accept(request.user, changed)
    except Faulty as faulty:
        forms.form.refuse(faulty.faults)
        return False
    except Problem as problem:
        forms.form.add_error(None, str(problem.detail))
        return False
    messages.success(request, _("The question is saved."))
    return True


def _page(
    request: PageRequest, forms: DraftForms, question_set: QuestionSet, found: Question | None
) -> HttpResponse:
    context = {
        "set": question_set,
        "question": found,
        "form": forms.form,
        "evidence": forms.evidence,
        "turns": forms.turns,
        "waits": found is not None and found.state == Question.State.SUGGESTED,
    }
    wrong = forms.form.errors or not all(rows.is_valid() for rows in forms.rows if rows.is_bound)
    return render(request, "evaluation/question.html", context, status=422 if wrong else 200)


@require_POST
@admin_required
def accept_question(request: PageRequest, pk: UUID) -> HttpResponse:
    """Take a suggestion as it is; one that lacks something is opened, to write it."""
    found = get_question(request.user, pk)
    try:
        accept(request.user, found)
    except Problem as problem:
        messages.error(request, str(problem.detail))
        return redirect("evaluation:question", pk=pk)
    messages.success(request, _("The suggestion is a question of the set now."))
    return redirect("evaluation:set", pk=found.set_id)


@require_http_methods(["GET", "POST"])
@admin_required
def delete(request: PageRequest, pk: UUID) -> HttpResponse:
    """Delete a question, or refuse a suggestion."""
    found = get_question(request.user, pk)
    if request.method == "POST":
        try:
            delete_question(request.user, found)
        except Problem as problem:
            messages.error(request, str(problem.detail))
        else:
            messages.success(request, _("The question is deleted."))
        return redirect("evaluation:set", pk=found.set_id)
    waits = found.state == Question.State.SUGGESTED
    return confirm(
        request,
        title=_("Refuse this suggestion?") if waits else _("Delete this question?"),
        text=_("“%(question)s” will be gone; results of runs stay, without its words.")
        % {"question": found.question[:300]},
        action=reverse("evaluation:question-delete", args=[pk]),
        button=_("Refuse") if waits else _("Delete"),
        back=reverse("evaluation:set", args=[found.set_id]),
    )


@require_http_methods(["GET", "POST"])
def from_answer(request: PageRequest, pk: UUID) -> HttpResponse:
    """One's own answer: an administrator makes a golden question of it, anybody else suggests it."""
    answer = get_answer(request.user, pk)
    context: dict[str, Any] = {"answer": answer}
    status = 200
    if request.user.is_admin:
        context["sets"] = sets_covering(request.user, answer)
    if request.method == "POST":
        try:
            context["made"] = _made(request, answer)
        except Problem as problem:
            context["refused"], status = str(problem.detail), 422
    page, fragment = "evaluation/suggest.html", "evaluation/_suggest.html"
    return page_or_fragment(request, page, fragment, context, status=status)


def _made(request: PageRequest, answer: Message) -> Question:
    if not request.user.is_admin:
        return suggest(request.user, answer)
    chosen = request.POST.get("set", "")
    sets = {str(each.pk): each for each in sets_covering(request.user, answer)}
    if chosen and chosen not in sets:
        raise no_set()
    return golden_from_answer(request.user, answer, sets.get(chosen))
