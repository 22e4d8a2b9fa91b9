"""What is done with a whole conversation, or with one of its questions: taken along, asked otherwise."""

from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from audit.problems import Problem
from chat.conversations import (
    QuestionRefused,
    ask_again,
    get_answer,
    get_conversation,
    question_of,
    show_branch,
)
from chat.export import FORMS, as_file
from chat.feedback import judged, rate
from chat.models import Feedback, Message
from ingest.pages import PageRequest, page_or_fragment


@require_GET
def export(request: PageRequest, pk: UUID) -> HttpResponse:
    """A conversation as a file; `?format=` one of FORMS."""
    form = request.GET.get("format", "md")
    if form not in FORMS:
        raise Http404
    return as_file(request.user, get_conversation(request.user, pk), form)


@require_http_methods(["GET", "POST"])
def edit(request: PageRequest, pk: UUID) -> HttpResponse:
    """Ask something else in the place of a question; the old one stays beside it."""
    answer = get_answer(request.user, pk)
    if request.method == "GET":
        return _editing(request, answer, question_of(answer).text)
    typed = request.POST.get("question", "")
    try:
        return redirect(_place(ask_again(request.user, answer, question=typed)))
    except (QuestionRefused, Problem) as refused:
        return _editing(request, answer, typed, str(refused.detail))


@require_POST
def show(request: PageRequest, pk: UUID) -> HttpResponse:
    """Look at another answer to what was asked, with all that came after it."""
    answer = get_answer(request.user, pk)
    show_branch(request.user, answer)
    return redirect(_place(answer))


@require_POST
def rate_answer(request: PageRequest, pk: UUID) -> HttpResponse:
    """Keep an opinion; a thumb that is pressed once more leaves the reason that was given."""
    answer = get_answer(request.user, pk)
    said, sent = "", request.POST
    why = "reason" in sent or "comment" in sent
    if not why and sent.get("rating") not in ("1", "-1"):
        return HttpResponse(_("rating: choose 1 or -1."), status=422, content_type="text/plain")
    helped = sent.get("rating") == "1"
    try:
        if why:
            rate(request.user, answer, -1, sent.get("reason", ""), sent.get("comment", ""))
            said = _("Thank you.")
        elif not Feedback.objects.filter(message=answer, rating=1 if helped else -1).exists():
            rate(request.user, answer, 1 if helped else -1)
    except Problem as problem:
        said = str(problem.detail)
    if not request.htmx:
        return redirect(_place(answer))
    context = {**judged(Feedback.objects.get(message=answer)), "answer_id": pk, "said": said}
    context["asking"] = not helped and not said
    return render(request, "chat/_rating.html", context)


def _editing(request: PageRequest, answer: Message, typed: str, refused: str = "") -> HttpResponse:
    context = {
        "answer": answer,
        "typed": typed[: settings.MAX_QUESTION_CHARS],
        "limit": settings.MAX_QUESTION_CHARS,
        "refused": refused,
        "later": answer.conversation.messages.filter(after=answer.ordinal).exists(),
    }
    status = 422 if refused else 200
    return page_or_fragment(request, "chat/edit.html", "chat/_edit.html", context, status=status)


def _place(answer: Message) -> str:
    return reverse("chat:conversation", args=[answer.conversation_id]) + f"#answer-{answer.pk}"
