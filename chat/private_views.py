"""The doors of private questions: one shows the question, one answers it. Neither keeps a word."""

from collections.abc import Iterable
from functools import partial
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from pydantic import TypeAdapter, ValidationError

from audit.problems import Problem
from chat.ask import Ask
from chat.assistant_use import chosen, put_to, require_somewhere
from chat.condense import Turn
from chat.conversations import QuestionRefused, checked_question
from chat.exchanges import Exchange
from chat.filter_form import filters_of
from chat.forms import AskForm
from chat.models import Message
from chat.present import PresentedAnswer
from chat.private import private_events
from chat.refusals import refused
from chat.schemas import HistoryTurn
from chat.streaming import event_stream
from ingest.access import collections_for, readable_ids
from ingest.filters import check_documents
from ingest.pages import PageRequest

#: Turns that come along with a follow-up.
MOST_TURNS = 50
_TURNS = TypeAdapter(list[HistoryTurn])
#: Fields of the composer that the page sends again when it asks for the answer.
_FIELDS = (
    "question",
    "assistant",
    "collections",
    "filters",
    "document",
    "kinds",
    "languages",
    "since",
    "until",
)


@require_POST
def begin(request: PageRequest) -> HttpResponse:
    """The question as the thread shows it. The page then asks `answer` with the same fields."""
    if not request.htmx:
        messages.error(
            request, _("Private questions need JavaScript, since nothing of them is kept.")
        )
        return redirect(reverse("chat:ask") + "?private")
    try:
        asked = _asked(request)
    except (QuestionRefused, Problem) as error:
        return refused(request, str(error.detail))
    return begun(request, asked, _FIELDS, reverse("chat:private-answer"))


@require_POST
def answer(request: PageRequest) -> HttpResponseBase:
    """Answer as server-sent events."""
    try:
        asked = _asked(request)
    except (QuestionRefused, Problem) as error:
        return HttpResponse(str(error.detail), status=422, content_type="text/plain; charset=utf-8")
    return event_stream(partial(private_events, asked, partial(rendered, request)))


def begun(request: PageRequest, asked: Ask, names: Iterable[str], address: str) -> HttpResponse:
    """A question that is kept nowhere. The page asks `address` for its answer with the fields `names`."""
    waiting = Message(pk=asked.answer, status=Message.Status.QUEUED, role=Message.Role.ASSISTANT)
    shown = PresentedAnswer(asked.answer, asked.answer, waiting.status, asked.question, (), ())
    context = {
        "question": asked.question,
        "fields": [(name, value) for name in names for value in request.POST.getlist(name)],
        "exchange": Exchange(waiting, shown),
        "private": True,
        "private_address": address,
        "last": True,
    }
    return render(request, "chat/_private_exchange.html", context)


def rendered(request: PageRequest, exchange: Exchange) -> str:
    context = {"exchange": exchange, "private": True, "last": True}
    return render_to_string("chat/_answer.html", context, request=request)


def _asked(request: PageRequest) -> Ask:
    readable = list(collections_for(request.user).values_list("id", flat=True))
    form = AskForm(request.POST, readable)
    if not form.is_valid():
        raise QuestionRefused("question-invalid", str(next(iter(form.errors.values()))[0]))
    filters = filters_of(request.user, request.POST)
    check_documents(request.user, filters.documents)
    collections = tuple(readable_ids(request.user, form.chosen(narrowed=False)))
    assistant = chosen(request.user, form.cleaned_data["assistant"])
    require_somewhere(request.user, assistant, collections)
    asked = Ask(
        user=request.user,
        question=checked_question(form.cleaned_data["question"]),
        collections=collections,
        answer=uuid4(),
        history=_history(request.POST.get("history", "")),
        filters=filters,
    )
    return put_to(asked, assistant) if assistant else asked


def _history(sent: str) -> tuple[Turn, ...]:
    try:
        turns = _TURNS.validate_json(sent or "[]")[-MOST_TURNS:]
    except ValidationError as error:
        raise QuestionRefused("question-invalid", _("Reload the page and ask anew.")) from error
    return tuple(Turn(turn.role, turn.content) for turn in turns)
